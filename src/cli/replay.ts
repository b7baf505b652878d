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
import { type Named, resolveOne } from './names.ts';

/** What a replay shows. */
export interface Replayed {
  /** Where it parted, or null. */
  readonly diverged: string | null;
  readonly ladder: string;
  readonly json: object;
}

/** Reads a schedule that may have been given in several words. Throws Failure saying what is wrong. */
export function addressOf(words: readonly string[]): Address {
  const address = parseAddress(words.join('').replace(/\s/g, ''));
  if (typeof address === 'string') throw new Failure(address);
  return address;
}

/** What a schedule of the catalogue or of the matrix is of. Throws Failure. */
export function systemsOf(named: Named, { name, face, linux }: Address): () => System {
  if (named.kind === 'scenario') return named.scenario.prepare(linux);
  if (!face) {
    throw new Failure(
      `${name} is a cell: its schedule has a way to take memory back, as in @6.12,move`,
    );
  }
  return cellSystems(named.cell.exporter, named.cell.consumer, face, linux);
}

export async function replayCommand(
  words: readonly string[],
  { json }: { json?: boolean },
  context: Context,
): Promise<ExitCode> {
  // A long schedule is printed in several words, and mail breaks it too.
  const text = words.join('').replace(/\s/g, '');
  const address = addressOf([text]);
  const [file] = address.name.split('#');
  let replayed: Replayed;
  if (isFile(file)) {
    const { replayFile } = await import('./own.ts');
    replayed = await replayFile(file, address, text, context);
  } else {
    const named = resolveOne(address.name);
    const make = systemsOf(named, address);
    const mail = named.kind === 'cell' ? named.cell.consumer.source : named.scenario.source;
    replayed = replayOn(make(), address, text, mail);
  }
  if (json) outJson(replayed.json);
  else out(replayed.ladder);
  if (replayed.diverged === null) return EXIT.ok;
  note(`pfnmap: ${replayed.diverged}`);
  return EXIT.notSo;
}

/** Replays on a fresh system. Throws Failure when the steps cannot be read. */
export function replaySteps(system: System, schedule: string): Replay | Divergence {
  try {
    return replay(system, schedule);
  } catch (error) {
    if (error instanceof ScheduleError) throw new Failure(error.message);
    throw error;
  }
}

/** Replays on a fresh system. */
export function replayOn(system: System, address: Address, text: string, mail: string): Replayed {
  const result = replaySteps(system, address.schedule);
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
