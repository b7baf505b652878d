// SPDX-License-Identifier: GPL-2.0-or-later
/** `pfnmap replay`: an interleaving again, from its address. */
import type { System } from '../explore/machine.ts';
import type { Violation } from '../explore/memory.ts';
import { type Divergence, type Replay, replay, ScheduleError } from '../explore/schedule.ts';
import { type Address, parseAddress } from '../report/address.ts';
import { stepsJson } from '../report/json.ts';
import { ladder } from '../report/ladder.ts';
import { cellSystems } from '../scenarios/cell.ts';
import type { Context } from './commands.ts';
import { isFile } from './explore.ts';
import { EXIT, type ExitCode, Failure, note, out, outJson } from './io.ts';
import { resolveOne } from './names.ts';

/** What a replay shows. */
export interface Replayed {
  /** Where it parted, or null. */
  readonly diverged: string | null;
  readonly ladder: string;
  readonly json: object;
}

export async function replayCommand(
  words: readonly string[],
  { json }: { json?: boolean },
  context: Context,
): Promise<ExitCode> {
  // A long schedule is printed in several words, and mail breaks it too.
  const text = words.join('').replace(/\s/g, '');
  const address = parseAddress(text);
  if (typeof address === 'string') throw new Failure(address);
  const [file] = address.name.split('#');
  let replayed: Replayed;
  if (isFile(file)) {
    const { replayFile } = await import('./own.ts');
    replayed = await replayFile(file, address, text, context);
  } else {
    const named = resolveOne(address.name);
    const needs = named.kind === 'cell' ? 'a way to take memory back, as in @6.12,move' : null;
    if (needs && !address.face)
      throw new Failure(`${address.name} is a cell: its schedule has ${needs}`);
    const make =
      named.kind === 'cell' && address.face
        ? cellSystems(named.cell.exporter, named.cell.consumer, address.face, address.linux)
        : named.kind === 'scenario'
          ? named.scenario.prepare(address.linux)
          : null;
    if (!make) throw new Failure(`${address.name} cannot be replayed`);
    const mail = named.kind === 'cell' ? named.cell.consumer.source : named.scenario.source;
    replayed = replayOn(make(), address, text, mail);
  }
  if (json) outJson(replayed.json);
  else out(replayed.ladder);
  if (replayed.diverged === null) return EXIT.ok;
  note(`pfnmap: ${replayed.diverged}`);
  return EXIT.notSo;
}

/** Replays on a fresh system. */
export function replayOn(system: System, address: Address, text: string, mail: string): Replayed {
  let result: Replay | Divergence;
  try {
    result = replay(system, address.schedule);
  } catch (error) {
    if (error instanceof ScheduleError) throw new Failure(error.message);
    throw error;
  }
  const { trace } = result;
  const last = trace.at(-1)?.violations ?? [];
  const all = result.diverged ? trace.flatMap((s) => s.violations) : result.violations;
  const worst = (list: readonly Violation[]) =>
    list.find((v) => v.severity === 'corrupts') ?? list.at(-1);
  const violation = worst(last) ?? worst(all) ?? system.found?.[0] ?? null;
  const diverged = result.diverged ? result.text : null;
  const none = diverged ? 'the replay ends here' : 'nothing is wrong up to here';
  return {
    diverged,
    ladder: ladder(
      {
        trace,
        violation: violation ?? { severity: 'breaks', rule: '', text: none },
        roundFrom: null,
      },
      { schedule: text, mail },
    ),
    json: {
      schedule: text,
      name: address.name,
      linux: address.linux,
      diverged,
      threads: system.threads.map((t) => t.name),
      violations: all,
      steps: stepsJson(trace),
    },
  };
}
