// SPDX-License-Identifier: GPL-2.0-or-later
/** Names that a user types: scenarios, groups and cells. */
import { CONSUMERS } from '../kernel/consumers/index.ts';
import { EXPORTERS } from '../kernel/exporters/index.ts';
import { CATALOGUE } from '../scenarios/catalogue/index.ts';
import { type Cell, makeCell } from '../scenarios/matrix.ts';
import { nearest } from '../scenarios/nearest.ts';
import type { Scenario } from '../scenarios/scenario.ts';
import { Failure } from './io.ts';

export type Named =
  | { readonly kind: 'scenario'; readonly scenario: Scenario }
  | { readonly kind: 'cell'; readonly cell: Cell };

const groups = () => [...new Set(CATALOGUE.map((s) => s.id.split('/')[0]))];

const offer = (name: string, names: readonly string[], rest: string) => {
  const near = nearest(name, names);
  return near ? `: did you mean '${near}'?` : `; ${rest}`;
};

const exporterIds = () => EXPORTERS.map((e) => e.id);
const consumerIds = () => CONSUMERS.map((c) => c.id);

/** @throws Failure that offers the nearest name */
export function checkExporter(id: string): void {
  if (exporterIds().includes(id)) return;
  throw new Failure(`no exporter '${id}'${offer(id, exporterIds(), '`pfnmap list` has them all')}`);
}

export function checkConsumer(id: string): void {
  if (consumerIds().includes(id)) return;
  throw new Failure(`no consumer '${id}'${offer(id, consumerIds(), '`pfnmap list` has them all')}`);
}

/** Everything that a name stands for: a scenario, a cell, or a whole group. */
export function resolve(name: string): Named[] {
  const scenario = CATALOGUE.find((s) => s.id === name);
  if (scenario) return [{ kind: 'scenario', scenario }];
  const group = CATALOGUE.filter((s) => s.id.split('/')[0] === name.replace(/\/$/, ''));
  if (group.length) return group.map((s) => ({ kind: 'scenario', scenario: s }));
  const [ex, co, ...more] = name.split('/');
  const exporter = EXPORTERS.find((e) => e.id === ex);
  const consumer = CONSUMERS.find((c) => c.id === co);
  if (exporter && consumer && !more.length) {
    checkExporter(ex);
    return [{ kind: 'cell', cell: makeCell(exporter, consumer) }];
  }
  // Half of a cell's name is right: the other half is the one to correct.
  if (exporter && co) checkConsumer(co);
  const cells = consumer
    ? exporterIds().map((id) => `${id}/${co}`)
    : exporterIds().flatMap((id) => consumerIds().map((c) => `${id}/${c}`));
  const names = [...CATALOGUE.map((s) => s.id), ...groups(), ...cells];
  throw new Failure(
    `no scenario or cell '${name}'${offer(name, names, '`pfnmap list` has them all')}`,
  );
}

/** A name that stands for one thing. */
export function resolveOne(name: string): Named {
  const found = resolve(name);
  if (found.length === 1) return found[0];
  const ids = found.map((n) => (n.kind === 'scenario' ? n.scenario.id : n.cell.id));
  throw new Failure(`'${name}' is a group: name one of ${ids.join(', ')}`);
}
