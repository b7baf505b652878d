// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * All transitions out of a stored state: as they are known already (reactions.ts), or by running the steps.
 */
import { DONE } from './control.ts';
import { Footprint } from './footprint.ts';
import { type Machine, Moved } from './machine.ts';
import type { Violation } from './memory.ts';
import { NOTHING, Reactions, UNKNOWN } from './reactions.ts';
import type { Space } from './space.ts';

export class Expander {
  /** The transition at hand. */
  thread = 0;
  way = 0;
  steps = 0;
  violations: readonly Violation[] = NOTHING;
  private readonly reactions: Reactions | null = null;
  private readonly machine: Machine;
  /** The transition at hand is one that the machine has made. */
  private executed = false;
  private first = 0;
  private end = 0;
  private state = 0;
  private loaded = false;
  private stopped = false;

  /**
   * @param learns keep what transitions do; without it each of them is executed
   */
  constructor(
    private readonly space: Space,
    learns: boolean,
  ) {
    const { machine } = space;
    const { mem } = machine;
    this.machine = machine;
    if (!learns) return;
    mem.footprint ??= new Footprint(mem.size);
    machine.reactions ??= new Reactions(machine, mem.footprint, space.store.arena);
    machine.reactions.serve(machine.reduce);
    machine.reactions.untold();
    this.reactions = machine.reactions;
    mem.watching = true;
    mem.racing = machine.reduce;
  }

  /** Puts that state into the batch of states to be looked up; says whether it is now full. */
  stage(): boolean {
    const { machine, space, reactions } = this;
    if (this.executed || !reactions) return space.store.stage(machine.row32);
    return space.store.stageChanged(this.state, reactions.changes, this.first, this.end);
  }

  /** Puts the machine into the state that is being expanded. */
  load(): void {
    if (!this.loaded) this.machine.load(this.space.store, this.state);
    this.loaded = true;
  }

  /**
   * Makes every transition of the given threads out of a state.
   * @param visit called for each, with the transition at hand in the fields above; true ends it
   * @returns whether one of the threads can move
   */
  expand(state: number, threads: readonly number[], visit: () => boolean): boolean {
    const { machine, space, reactions } = this;
    const { store } = space;
    this.state = state;
    this.loaded = false;
    let enabled = false;
    for (let i = 0; i < threads.length; i++) {
      const t = threads[i];
      const base = store.rowOf(state);
      if (machine.nodeAt(t, store.bytes, base) === DONE) continue;
      this.thread = t;
      const leaf = reactions ? reactions.find(t, store.bytes, base) : UNKNOWN;
      const known = leaf !== UNKNOWN && reactions !== null;
      if (known && !(reactions.finishes(leaf) && this.othersDone(t, base))) {
        const first = reactions.firstOf(leaf);
        const ways = reactions.countOf(leaf);
        const breaks = reactions.breaks(leaf);
        this.executed = false;
        for (let way = 0; way < ways; way++) {
          this.way = way;
          this.steps = reactions.stepsOf(first + way);
          this.violations = breaks ? reactions.violationsOf(first + way) : NOTHING;
          this.first = reactions.changesOf(first + way);
          this.end = reactions.changesOf(first + way + 1);
          enabled = true;
          if (visit()) return true;
        }
        if (breaks) reactions.told(leaf);
      } else {
        this.load();
        if (!this.execute(t, visit)) continue;
        enabled = true;
        if (this.stopped) return true;
      }
    }
    return enabled;
  }

  /** Runs a thread's steps from the machine's present state; says whether it can move. */
  private execute(t: number, visit: () => boolean): boolean {
    const { machine, reactions } = this;
    const node = machine.at[t];
    this.stopped = false;
    this.executed = true;
    let moved = false;
    reactions?.begin();
    const ways = machine.ways(t);
    for (let way = 0; way < ways; way++) {
      reactions?.beginWay();
      if (machine.transition(t, way) === Moved.No) break;
      moved = true;
      reactions?.made(t);
      this.way = way;
      this.steps = machine.steps;
      this.violations = machine.violations;
      this.stopped = visit();
      machine.undo();
      if (this.stopped) return true;
    }
    reactions?.end(t, node);
    return moved;
  }

  /** Every thread but this one has finished in the state whose row begins at `base`. */
  private othersDone(t: number, base: number): boolean {
    const { machine, space } = this;
    for (let u = 0; u < machine.nThreads; u++) {
      if (u !== t && machine.nodeAt(u, space.store.bytes, base) !== DONE) return false;
    }
    return true;
  }
}
