// SPDX-License-Identifier: GPL-2.0-or-later
/** From an interleaving to what the page shows of it: steps, lines, and the state after each step. */
import type { System } from '../../src/explore/machine.ts';
import type { Violation } from '../../src/explore/memory.ts';
import { Player, type Step } from '../../src/explore/player.ts';
import { encode } from '../../src/explore/schedule.ts';
import { ladder } from '../../src/report/ladder.ts';
import { type Line, type Lines, linesOf } from '../../src/report/lines.ts';
import { type StateTable, stateTables } from '../../src/report/state.ts';
import { ladderSvg } from '../../src/report/svg.ts';
import type { StepView, Trace, Step as Turn } from './protocol.ts';

export interface Ending {
  readonly violation: Violation | null;
  readonly roundFrom: number | null;
  /** The complete address, to be printed below the ladder. */
  readonly address: string;
  /** The mail to quote. */
  readonly mail: string;
  /** What stands above a picture. */
  readonly title: string;
}

/** The turns that a trace took. */
export const turnsOf = (trace: readonly Step[]): Turn[] =>
  trace.map(({ thread, way }) => ({ thread, way }));

/** Plays turns on a fresh system, and keeps what it looks like after each. */
export function play(
  system: System,
  turns: readonly Turn[],
): { player: Player; states: StateTable[][] } {
  const initial = system.mem.words.slice();
  const player = new Player(system);
  const look = () =>
    stateTables(
      system,
      system.threads.map((_, t) => player.stand(t)),
      initial,
    );
  const states = [look()];
  for (const { thread, way } of turns) {
    if (!player.step(thread, way)) break;
    states.push(look());
  }
  return { player, states };
}

export function traceOf(
  system: System,
  { player, states }: ReturnType<typeof play>,
  { violation, roundFrom, address, mail, title }: Ending,
): Trace {
  const { trace } = player;
  const told = {
    trace,
    roundFrom,
    violation: violation ?? { severity: 'breaks', rule: '', text: 'nothing has fallen so far' },
  };
  return {
    threads: system.threads.map((t) => t.name),
    steps: trace.map(stepView),
    lines: linesOf(told),
    every: everyLine(trace),
    states,
    violation,
    roundFrom,
    schedule: encode(trace),
    ladder: ladder(told, { schedule: address || undefined, mail }),
    light: ladderSvg(told, { title }),
    dark: ladderSvg(told, { title, dark: true }),
  };
}

export function stepView(step: Step): StepView {
  const { thread, text, def, routines, way, changes, violations } = step;
  return {
    thread,
    text,
    name: def.name,
    routines: routines.map(({ name, cite }) => ({ name, cite })),
    way,
    changes: changes.map((c) => ({ name: c.name, before: c.beforeText, after: c.afterText })),
    violations,
  };
}

/** Every step on a line of its own, in the calls that it is made in. */
function everyLine(trace: readonly Step[]): Lines {
  const columns = [...new Set(trace.map((s) => s.thread))];
  const names = columns.map((t) => trace.find((s) => s.thread === t)?.threadName ?? '');
  const open = new Map<number, readonly Step['routines'][number][]>();
  const lines: Line[] = [];
  let stretch = -1;
  for (const [i, step] of trace.entries()) {
    if (i === 0 || trace[i - 1].thread !== step.thread) stretch++;
    const column = columns.indexOf(step.thread);
    const before = open.get(step.thread) ?? [];
    let common = 0;
    while (common < step.routines.length && before[common] === step.routines[common]) common++;
    const at = { column, stretch, step: i };
    for (let depth = common; depth < step.routines.length; depth++) {
      lines.push({ ...at, depth, text: `${step.routines[depth].name}()`, kind: 'call' });
    }
    open.set(step.thread, step.routines);
    const what = step.changes.filter((c) => c.shown || step.changes.length === 1);
    const said = what.map((c) => `${c.name}: ${c.beforeText} -> ${c.afterText}`).join('; ');
    const named = step.def.text ? step.text : `${step.def.name}() = ${step.value}`;
    const fell = step.violations.map((v) => ` <- ${v.rule}`).join('');
    const text = `${step.def.text || !said ? named : step.def.name}${said ? `: ${said}` : ''}${fell}`;
    lines.push({ ...at, depth: step.routines.length, text, kind: 'step' });
  }
  return { names, lines };
}
