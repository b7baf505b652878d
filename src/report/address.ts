// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The address of an interleaving: everything that is needed to show it again, as one word that a
 * shell and a link leave alone.
 *
 *     ttm/follow-and-keep@6.12,move,no-user:C40.Vy2ft5-B37.MLQpDQ.0-C1.H
 *
 * Name of the scenario or cell, version of Linux, for a cell its face (the way in which memory is
 * taken back, `read-only` for a read-only mapping, `no-user` or `no-consumer` for a thread that is
 * idle, `touched` when the pages were touched before, `private` for a private mapping), and the engine's
 * schedule.
 */
import type { LinuxVersion } from '../kernel/versions.ts';
import type { Face, Way } from '../scenarios/cell.ts';

export interface Address {
  readonly name: string;
  readonly linux: LinuxVersion;
  /** Of a cell; null for a scenario. */
  readonly face: Face | null;
  /** The engine's part. */
  readonly schedule: string;
}

/** Every way, so that a new one cannot be forgotten here. */
const WAY: Readonly<Record<Way, true>> = {
  move: true,
  evict: true,
  revoke: true,
  disable: true,
  close: true,
};
const WAYS = Object.keys(WAY) as readonly Way[];
const OTHERS: readonly string[] = ['read-only', 'no-user', 'no-consumer', 'touched', 'private'];

/** The words of a face, the way first: `move,read-only,no-user`. */
export function formatFace(face: Face): string {
  const words: string[] = [face.way];
  if (face.readOnly) words.push('read-only');
  if (face.idle) words.push(`no-${face.idle}`);
  if (face.touched) words.push('touched');
  if (face.private) words.push('private');
  return words.join();
}

/** Reads the words of a face; says which one is none when that cannot be done. */
export function parseFace(text: string): Face | string {
  const words = text.split(',').filter(Boolean);
  const way = words.find((w): w is Way => (WAYS as readonly string[]).includes(w));
  const unknown = words.find((w) => w !== way && !OTHERS.includes(w));
  if (!way || unknown) {
    return `'${unknown ?? words[0] ?? text}' is no way to take memory back: ${WAYS.join(', ')}`;
  }
  return {
    way,
    readOnly: words.includes('read-only'),
    idle: words.includes('no-user') ? 'user' : words.includes('no-consumer') ? 'consumer' : null,
    touched: words.includes('touched'),
    private: words.includes('private'),
  };
}

export function formatAddress({ name, linux, face, schedule }: Address): string {
  return `${name}@${linux}${face ? `,${formatFace(face)}` : ''}:${schedule}`;
}

const EXAMPLE = 'ttm/follow-and-keep@6.12,move:C40.Vy2f-B1.M';
const VERSIONS: readonly string[] = ['6.12', '6.1'] satisfies LinuxVersion[];

/** Reads an address; says what is wrong with it when that cannot be done. */
export function parseAddress(text: string): Address | string {
  const shown = text.length > 40 ? `${text.slice(0, 40)}...` : text;
  const bad = (why: string) =>
    `'${shown}' is no schedule: ${why}. One reads NAME@VERSION:STEPS, such as ${EXAMPLE}`;
  const whole = text.trim();
  const colon = whole.lastIndexOf(':');
  const end = colon < 0 ? whole.length : colon;
  const at = whole.lastIndexOf('@', end);
  if (at < 0) return bad('there is no @VERSION');
  const name = whole.slice(0, at);
  if (!name) return bad('there is no NAME before the @');
  const [linux, ...words] = whole.slice(at + 1, end).split(',');
  if (!VERSIONS.includes(linux)) return bad(`'${linux}' is no VERSION: ${VERSIONS.join(', ')}`);
  if (colon < 0) return bad('there is no colon with STEPS');
  const schedule = whole.slice(end + 1);
  const strange = /[^A-Za-z0-9.-]/.exec(schedule)?.[0];
  if (strange) return bad(`'${strange}' is in no STEPS`);
  const face = words.length ? parseFace(words.join()) : null;
  if (typeof face === 'string') return face;
  return { name, linux: linux as LinuxVersion, face, schedule };
}
