// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * A scenario: a story that can be run. The catalogue's are the files below catalogue/; a user's own file exports
 * one by default, made with {@link scenario}, or a driver's traits, made with {@link driver}.
 */
import {
  type ConsumerTraits,
  type ExporterTraits,
  FOLLOWS_CORRECTLY,
  KEEPS_CONTRACT,
} from '../contract/traits.ts';
import type { System } from '../explore/machine.ts';
import type { LinuxVersion } from '../kernel/versions.ts';

export type Expected = 'safe' | 'violated';

export interface Scenario {
  /** `group/name`, lower case with dashes. */
  readonly id: string;
  readonly title: string;
  /** The story in a few sentences: who does what, and what comes of it. */
  readonly story: string;
  /** Where it comes from: a mail of the thread (`Vetter 23/14:28`) or file and line. */
  readonly source: string;
  /** Real code (driver or consumer, version, file:line), or only discussed. */
  readonly status: string;
  /** Rules that it is about. */
  readonly rules: readonly string[];
  /** What is known to come out; null for a user's own, which is hoped to be safe. */
  readonly expected: Expected | Readonly<Record<LinuxVersion, Expected>> | null;
  /** What a safe verdict covers, in words. */
  readonly bound: string;
  /**
   * Events whose schedules are worth counting, and their names for a person: a severity, a rule, or
   * what a step tells by `mem.happened`. See docs/engine.md.
   */
  readonly counts?: Readonly<Record<string, string>>;
  /** Whose buffer it is, and who looks translations up, where the story has them. */
  readonly exporter?: ExporterTraits;
  readonly consumer?: ConsumerTraits;
  /** Prepares the scenario; each call of the result makes the same fresh system. */
  readonly prepare: (linux: LinuxVersion) => () => System;
}

/** What is known to come out on that version. */
export function expectedOn({ expected }: Scenario, linux: LinuxVersion): Expected | null {
  return typeof expected === 'object' && expected ? expected[linux] : expected;
}

/** A user's own scenario: give at least an id, a title and `prepare`. */
export function scenario(
  s: Pick<Scenario, 'id' | 'title' | 'prepare'> & Partial<Scenario>,
): Scenario {
  return { story: '', source: '', status: 'own', rules: [], expected: null, bound: '', ...s };
}

/** A driver by its traits: to be met by every consumer, or every exporter. */
export interface Driver {
  readonly kind: 'driver';
  readonly exporter: ExporterTraits | null;
  readonly consumer: ConsumerTraits | null;
}

type Own<T> = Partial<T> & { readonly id: string };

/**
 * Describes a driver by how it differs from one that keeps the contract.
 *
 *     export default driver({ exporter: { id: 'my-driver', inserts: 'fault-vmf-page', setsFlags: [] } });
 */
export function driver(own: {
  readonly exporter?: Own<ExporterTraits>;
  readonly consumer?: Own<ConsumerTraits>;
}): Driver {
  const common = { status: 'hypothetical', source: 'own' } as const;
  return {
    kind: 'driver',
    exporter: own.exporter
      ? { ...KEEPS_CONTRACT, ...common, title: own.exporter.id, ...own.exporter }
      : null,
    consumer: own.consumer
      ? { ...FOLLOWS_CORRECTLY, ...common, title: own.consumer.id, ...own.consumer }
      : null,
  };
}
