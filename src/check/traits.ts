// SPDX-License-Identifier: GPL-2.0-or-later
/** The traits that an exporter's paths show, for the model to run. */
import type { ConsumerTraits, ExporterTraits, Insertion, Lookup } from '../contract/traits.ts';
import type { Entry } from './exporters.ts';
import { diesOfPfnmap, primitiveOf, VM } from './flow/values.ts';
import type { Moves } from './moves/moves.ts';
import type { Judged } from './verdicts.ts';

type Flag = ExporterTraits['setsFlags'][number];
const FLAGS: readonly Flag[] = [
  'VM_PFNMAP',
  'VM_MIXEDMAP',
  'VM_IO',
  'VM_DONTEXPAND',
  'VM_DONTDUMP',
];

/** The traits that were found; those that are absent were not looked for or not found. */
export function traitsOf(j: Judged): Partial<ExporterTraits> & { readonly id: string } {
  const paths = j.exporter.paths.filter((p) => !p.forwards);
  const entries = paths.flatMap((p) =>
    p.entries.filter((e) => e.event.kind === 'entry' || diesOfPfnmap(e.event)),
  );
  // The worst of several ways in is the one that the model should meet.
  const worst =
    entries.find((e) => !e.event.special) ??
    entries.find((e) => (e.set & VM.VM_MIXEDMAP!) !== 0) ??
    entries[0];
  const path = (worst && paths.find((p) => p.entries.includes(worst))) ?? paths[0];
  const setsFlags = FLAGS.filter((f) => path && path.set & VM[f]!);
  return {
    id: j.exporter.table.name.replace(/_/g, '-').replace(/[^\w-]+/g, '-'),
    title: `${j.exporter.table.name} of ${j.exporter.table.file.path}`,
    source: `${j.exporter.table.file.path}:${j.exporter.table.line}`,
    status: 'real',
    ...(worst ? { inserts: insertionOf(worst) } : {}),
    setsFlags,
    refusesPrivate: j.refusesCow === true,
    ...(j.verdict === 'no-mmap' ? { mappable: false } : {}),
    ...movesOf(j.moves),
  };
}

/** How the memory is taken back; nothing where source does not show that it is. */
function movesOf(m: Moves): Partial<ExporterTraits> {
  if (m.moves !== true || m.kind === null) return {};
  return {
    takesBack: [m.kind],
    zap: m.zaps === false ? 'never' : m.late ? 'after-switch' : 'before-copy',
    sharesMapping: m.mapping,
    zapOffsetMatches: m.offset,
    lock: m.fault === 'unlocked' ? 'none' : (m.lock ?? 'mutex'),
    faultLocks: m.fault === 'early' ? 'looks-before-locking' : 'under-lock',
  };
}

function insertionOf(e: Entry): Insertion {
  const name = primitiveOf(e.event)?.callee ?? '';
  if (e.by === 'mmap') return e.event.special ? 'mmap-remap-pfn' : 'mmap-insert-page';
  if (e.event.what === 'vmf->page') return 'fault-vmf-page';
  if (!e.event.special) return 'fault-insert-page';
  if (e.event.level !== 'pte') return 'fault-huge-pfn';
  return /mixed/.test(name) ? 'fault-mixed' : 'fault-pfn';
}

/** How one gets at a page by what breaks a rule; everybody else follows. */
const LOOKUP: Readonly<Record<string, Lookup>> = { R12: 'sg-table', R15: 'vm-pgoff' };

/** The traits of a follower: all of its rules that fall, and the one that this is about. */
export function consumerTraits(
  name: string,
  source: string,
  rule: string,
  falls: readonly string[],
): Partial<ConsumerTraits> & { readonly id: string } {
  // Who lets a translation outlive its lock has R8 for it, here or in its callers.
  const vouched = !(rule in LOOKUP) && !falls.includes('R8');
  return {
    id: name.replace(/_/g, '-'),
    title: name,
    source,
    status: 'real',
    lookup: LOOKUP[rule] ?? 'follow',
    takesPageRef: falls.includes('R6'),
    honoursWrite: !falls.includes('R7'),
    refusesSpecial: falls.includes('R9'),
    notifier: vouched,
    retries: vouched,
  };
}
