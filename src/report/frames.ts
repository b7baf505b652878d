// SPDX-License-Identifier: GPL-2.0-or-later
/** The calls of a trace as trees, one for each thread, so that they can be shown nested. */

import type { Step } from '../explore/player.ts';
import type { RoutineDef } from '../explore/program.ts';

/** A call: what it called and the steps it made itself, in order. */
export interface Frame {
  readonly def: RoutineDef | null;
  readonly parent: Frame | null;
  readonly items: (Frame | number)[];
  /** The last stretch (see {@link Calls.stretch}) in which the call was still running. */
  lastStretch: number;
}

export interface Calls {
  /** The call that each step was made in. */
  readonly frameOf: readonly Frame[];
  /** The stretch without a switch that each step belongs to, counted from 0. */
  readonly stretch: readonly number[];
  /** The root of each thread's tree, by thread number. */
  readonly roots: ReadonlyMap<number, Frame>;
}

/** Puts the steps of a trace into the calls that they were made in. */
export function callsOf(trace: readonly Step[]): Calls {
  const frameOf: Frame[] = [];
  const stretch: number[] = [];
  const roots = new Map<number, Frame>();
  const open = new Map<number, Frame[]>();
  let now = -1;
  for (const [i, { thread, routines }] of trace.entries()) {
    if (i === 0 || trace[i - 1].thread !== thread) now++;
    let stack = open.get(thread);
    if (!stack) {
      stack = [{ def: null, parent: null, items: [], lastStretch: now }];
      roots.set(thread, stack[0]);
      open.set(thread, stack);
    }
    let common = 0;
    while (common < routines.length && stack[common + 1]?.def === routines[common]) common++;
    stack.length = common + 1;
    for (const def of routines.slice(common)) {
      const parent: Frame = stack[stack.length - 1];
      const frame: Frame = { def, parent, items: [], lastStretch: now };
      parent.items.push(frame);
      stack.push(frame);
    }
    for (const frame of stack) frame.lastStretch = now;
    const inner = stack[stack.length - 1];
    inner.items.push(i);
    frameOf.push(inner);
    stretch.push(now);
  }
  return { frameOf, stretch, roots };
}

/** Whether a call is one of the given functions, or inside one. */
export function inside(frame: Frame | null, names: ReadonlySet<string>): boolean {
  for (let f = frame; f; f = f.parent) if (f.def && names.has(f.def.name)) return true;
  return false;
}
