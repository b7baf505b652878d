// SPDX-License-Identifier: GPL-2.0-or-later
/** From a name to something that can be explored: a scenario, a cell, or code of one's own. */
import type { ConsumerTraits, ExporterTraits } from '../../src/contract/traits.ts';
import { withoutGuard } from '../../src/explore/guards.ts';
import type { System } from '../../src/explore/machine.ts';
import { CONSUMERS } from '../../src/kernel/consumers/index.ts';
import { EXPORTERS } from '../../src/kernel/exporters/index.ts';
import type { LinuxVersion } from '../../src/kernel/versions.ts';
import { CATALOGUE } from '../../src/scenarios/catalogue/index.ts';
import { cellSystems, type Face, facesOf } from '../../src/scenarios/cell.ts';
import { type Cell, makeCell } from '../../src/scenarios/matrix.ts';
import { nearest } from '../../src/scenarios/nearest.ts';
import type { Scenario } from '../../src/scenarios/scenario.ts';
import type { About, Subject } from './protocol.ts';

export class NotThere extends Error {
  constructor(
    message: string,
    readonly nearest: string | null,
  ) {
    super(message);
  }
}

export type Resolved = { readonly about: About } & (
  | { readonly kind: 'scenario'; readonly scenario: Scenario }
  | { readonly kind: 'cell'; readonly cell: Cell }
);

/** Scenarios and cells of one's own, in a worker that runs foreign code. */
export const own = new Map<string, Resolved>();

export function ofScenario(scenario: Scenario): Resolved {
  const { id, title, story, source, status } = scenario;
  const { exporter = null, consumer = null } = scenario;
  const about = { title, story, source, status, exporter, consumer, faces: [] };
  return { kind: 'scenario', scenario, about: { kind: 'scenario', name: id, ...about } };
}

export function ofCell(
  exporter: ExporterTraits,
  consumer: ConsumerTraits,
  name?: string,
): Resolved {
  const cell = makeCell(exporter, consumer);
  return {
    kind: 'cell',
    cell,
    about: {
      kind: 'cell',
      name: name ?? cell.id,
      title: `${exporter.title} met by ${consumer.title}`,
      story: '',
      source: `${exporter.source}; ${consumer.source}`,
      status: `${exporter.status} exporter, ${consumer.status} consumer`,
      exporter,
      consumer,
      faces: facesOf(exporter, consumer),
    },
  };
}

/** @throws NotThere, which offers the nearest name */
export function resolve({ name, linux, edits }: Subject): Resolved {
  const mine = own.get(name);
  if (mine?.kind === 'cell') {
    const { exporter, consumer } = mine.cell;
    return ofCell({ ...exporter, ...edits.exporter }, { ...consumer, ...edits.consumer }, name);
  }
  if (mine) return mine;
  const scenario = CATALOGUE.find((s) => s.id === name);
  if (scenario) return ofScenario(scenario);
  const [ex, co] = name.split('/');
  const exporter = EXPORTERS.find((e) => e.id === ex);
  const consumer = CONSUMERS.find((c) => c.id === co);
  if (exporter && consumer) {
    return ofCell({ ...exporter, ...edits.exporter }, { ...consumer, ...edits.consumer });
  }
  const cells = EXPORTERS.flatMap((e) => CONSUMERS.map((c) => `${e.id}/${c.id}`));
  const names = [...CATALOGUE.map((s) => s.id), ...own.keys(), ...cells];
  throw new NotThere(
    `there is no scenario or cell '${name}' for Linux ${linux} in this version of pfnmap`,
    nearest(name, names),
  );
}

/** Builds the system: of a cell, that of one of its faces. */
export function systemOf(
  found: Resolved,
  { linux, without }: Pick<Subject, 'linux' | 'without'>,
  face: Face | null,
): () => System {
  const make = wholeSystemOf(found, linux, face);
  if (!without) return make;
  // Where a guard stands is one word, so it is what follows the last `in`.
  const at = without.lastIndexOf(' in ');
  return withoutGuard(make, { what: without.slice(0, at), where: without.slice(at + 4) });
}

function wholeSystemOf(found: Resolved, linux: LinuxVersion, face: Face | null): () => System {
  if (found.kind === 'scenario') return found.scenario.prepare(linux);
  const { exporter, consumer } = found.cell;
  const [first] = found.about.faces.filter((f) => f.idle === null);
  return cellSystems(exporter, consumer, face ?? first, linux);
}
