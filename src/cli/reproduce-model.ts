// SPDX-License-Identifier: GPL-2.0-or-later
/** A counterexample of the model, or a schedule, as a program for a real kernel. */
import { type Line, linesOf } from '../conform/staged.ts';
import { NoStandIn } from '../conform/stand-ins.ts';
import { type Translation, translate } from '../conform/translate.ts';
import { explore } from '../explore/explore.ts';
import type { Violation } from '../explore/memory.ts';
import type { LinuxVersion } from '../kernel/versions.ts';
import { type Address, formatAddress } from '../report/address.ts';
import { breathe, Failure, SLICE } from './io.ts';
import { type Named, resolveOne } from './names.ts';
import { addressOf, replaySteps, systemsOf } from './replay.ts';
import { runCell } from './run.ts';

/** A program that stands for an interleaving, or why there is none. */
export interface Staged {
  /** The interleaving that it is made from. */
  readonly schedule: string | null;
  readonly rule: string;
  /** What goes wrong in the model. */
  readonly violation: string;
  readonly lines: readonly Line[];
  /** In what the program is not that interleaving, or null. */
  readonly note: string | null;
  /** Why it cannot be run on a kernel, or null. */
  readonly cannot: string | null;
}

const NOTHING = { schedule: null, rule: '', violation: '', lines: [], note: null } as const;

const MAX_STATES = 4_000_000;

interface Found {
  readonly address: Address;
  readonly violation: Violation;
}

/** The clearest counterexample to a scenario or a cell; null if there is none. */
async function counterexample(
  named: Named,
  linux: LinuxVersion,
  signal: AbortSignal,
): Promise<Found | null> {
  if (named.kind === 'cell') {
    const outcome = await runCell(named.cell, { linux, maxStates: MAX_STATES, signal });
    const found = outcome?.json.counterexample;
    const violation = outcome?.findings.find(
      (v) => v.rule === found?.rule && v.text === found.violation,
    );
    return found && violation ? { address: addressOf([found.schedule]), violation } : null;
  }
  const { scenario } = named;
  const explorer = explore(scenario.prepare(linux), { maxStates: MAX_STATES });
  let result = explorer.run(SLICE);
  while (!result) {
    await breathe();
    result = signal.aborted ? explorer.stop() : explorer.run(SLICE);
  }
  const found = result.counterexample;
  if (!found) return null;
  const { schedule, violation } = found;
  return { address: { name: scenario.id, linux, face: null, schedule }, violation };
}

/** The program for what a name stands for: any interleaving that breaks its rule will do. */
export async function stageNamed(
  name: string,
  linux: LinuxVersion,
  signal: AbortSignal,
): Promise<Staged> {
  const named = resolveOne(name);
  const found = await counterexample(named, linux, signal);
  if (found) return stage(named, found.address, found.violation);
  const cannot = `the model finds nothing wrong with it on Linux ${linux}`;
  return { ...NOTHING, cannot };
}

/** The program for a schedule: this interleaving and no other. */
export const stageSchedule = (address: Address): Staged =>
  stage(resolveOne(address.name), address, null);

/** @param found what the interleaving is an example of; null: what goes wrong in it, and in no other */
function stage(named: Named, address: Address, found: Violation | null): Staged {
  const make = systemsOf(named, address);
  const replayed = replaySteps(make(), address.schedule);
  if (replayed.diverged) throw new Failure(replayed.text);
  const { trace, violations } = replayed;
  const all = violations.length ? violations : (make().found ?? []);
  const violation = found ?? all.find((v) => v.severity === 'corrupts') ?? all.at(-1);
  const schedule = formatAddress(address);
  if (!violation) {
    const cannot = 'nothing goes wrong in this interleaving';
    return { ...NOTHING, schedule, cannot };
  }
  const told = { ...NOTHING, schedule, rule: violation.rule, violation: violation.text };
  const who = named.kind === 'cell' ? named.cell : named.scenario;
  const { exporter, consumer } = who;
  try {
    const done = translate({ make, trace, violation, exporter, consumer }, found === null);
    if ('inside' in done) {
      // A program's own access is what a CPU does in one instruction.
      const where = done.inside === 'user' ? 'an instruction of the program' : `${done.inside}()`;
      const cannot = `the switch after '${done.after}' lies inside ${where}, which cannot be stopped`;
      return { ...told, cannot };
    }
    const lines = linesOf(done, address.linux);
    const within = (end: string) =>
      trace.some(({ routines }) => routines.some((r) => r.name.endsWith(end)));
    const note = noteOn(done, violation.rule, within);
    return { ...told, violation: done.violation.text, lines, note, cannot: null };
  } catch (error) {
    if (!(error instanceof NoStandIn)) throw error;
    return { ...told, cannot: error.message };
  }
}

/** @param within whether the interleaving comes to a routine whose name ends so */
function noteOn(
  { moved, ops }: Translation,
  rule: string,
  within: (end: string) => boolean,
): string | null {
  const notes: string[] = [];
  if (moved === null) {
    notes.push(`another interleaving that lets ${rule} fall: these switches lie inside the kernel`);
  } else if (moved > 0) {
    const switches = moved === 1 ? '1 switch' : `${moved} switches`;
    notes.push(`${switches} moved to where a thread can be stopped`);
  }
  if (rule === 'livelock') notes.push('one round: every other is the same again');
  if (ops.flat().some((op) => op.startsWith('mir '))) {
    notes.push('the module keeps what it mirrors, though it would be freed here');
  }
  const moves = ops.flat().some((op) => /\bmv /.test(op));
  if (within('_swapout')) notes.push('the module moves what is evicted here');
  if (moves && within('_release')) notes.push('the module poisons and keeps what is freed here');
  return notes.join('; ') || null;
}
