// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * From an interleaving of the model to a program for a real kernel: each thread's calls become ops of
 * the agent, each switch lies between two ops or at a sync point of the test module. Nobody can stop a
 * thread inside a routine of the kernel. A switch that lies there is moved to the next place where it
 * may lie, or the last before it, as long as the same rule still falls in the model; if none will do,
 * the function is named.
 */
import type { ConsumerTraits, ExporterTraits } from '../contract/traits.ts';
import type { System } from '../explore/machine.ts';
import type { Violation } from '../explore/memory.ts';
import { Player, type Step } from '../explore/player.ts';
import { CONSUMERS } from '../kernel/consumers/index.ts';
import type { Kernel } from '../kernel/kernel.ts';
import {
  type Cast,
  callOf,
  goesOn,
  isGhost,
  mapsPrivately,
  mirroredBefore,
  opsOf,
  type Place,
  setupOf,
  sizeOf,
} from './calls.ts';
import {
  ANONYMOUS,
  type ModuleExporter,
  moduleConsumerFor,
  moduleExporterFor,
  NoStandIn,
} from './stand-ins.ts';

/** A sync point of the test module, by the agent's name for it. */
export type Point =
  | 'fixed-up'
  | 'followed'
  | 'looked'
  | 'hmm-faulted'
  | 'move-switched'
  | 'move-zapped'
  | 'move-freeing'
  | 'fault-begun'
  | 'fault-chosen'
  | 'fault-answered'
  | 'mirror-next'
  | 'mirror-locked';

/** A stretch of one thread: until so many of its ops are done, and then on to a point in the next. */
export interface Stretch {
  readonly thread: number;
  readonly ops: number;
  readonly point: Point | null;
}

export interface Translation {
  /** Ops before the threads begin. */
  readonly setup: readonly string[];
  /** The ops of each thread, in order, without a process; one may be several, parted by `; `. */
  readonly ops: readonly (readonly string[])[];
  /** The process of each thread. */
  readonly procs: readonly number[];
  /** The memory is no buffer's: only threads of one process share it. */
  readonly anonymous: boolean;
  readonly stretches: readonly Stretch[];
  /** Switches that lie elsewhere than in the interleaving; null: it is another one altogether. */
  readonly moved: number | null;
  /** What goes wrong at the end, in the model. */
  readonly violation: Violation;
}

/** What the interleaving is of. */
export interface Played {
  /** Makes the system afresh. */
  readonly make: () => System;
  readonly trace: readonly Step[];
  readonly violation: Violation;
  readonly exporter: ExporterTraits | undefined;
  readonly consumer: ConsumerTraits | undefined;
}

const within = ({ routines }: Place, name: RegExp): boolean =>
  routines.some((routine) => name.test(routine.name));

/** The sync point that lies between the steps of a call so far and what its thread does next, if any. */
export function pointAfter(call: readonly Step[], next: Place): Point | null {
  const before = call[call.length - 1];
  const name = next.def?.name;
  const mirrored = (step: Step) => step.def.name === 'dma_map' && !ofCatalogue(step);
  if (name === 'mmu_lock' && call.some(mirrored)) return 'mirror-next';
  if (name === 'mmu_unlock' && mirrored(before)) return 'mirror-locked';
  return pointBetween(before, next);
}

/** Is this a step of a consumer that a lookup of the module stands for? */
const ofCatalogue = ({ routines }: Place): boolean =>
  routines.some(({ name }) => CONSUMERS.some(({ id }) => id === name));

function pointBetween(before: Step, next: Place): Point | null {
  const leaves = (inner: RegExp, outer: RegExp) =>
    within(before, inner) && !within(next, inner) && within(next, outer);
  const enters = (inner: RegExp, outer: RegExp) =>
    within(before, outer) && !within(before, inner) && within(next, inner);
  if (leaves(/^fixup_user_fault$/, /^hva_to_pfn_remapped$/)) return 'fixed-up';
  // A reference is taken, or the page mapped, when mmap_lock is dropped.
  if (
    before.def.name === 'mmap_read_unlock' &&
    leaves(/^hva_to_pfn_remapped$/, /^(hva_to_pfn|direct_page_fault|by_pfnmn|by_pfnref)$/)
  ) {
    return 'followed';
  }
  if (
    before.def.name === 'pfn_to_refcounted_page' &&
    before.value &&
    /^(hva_to_pfn|by_pfnref)$/.test(before.routines.at(-1)?.name ?? '')
  ) {
    return 'looked';
  }
  if (leaves(/^hva_to_pfn$/, /^(direct_page_fault|by_kvmmn)$/)) return 'followed';
  if (before.def.name === 'mmap_read_unlock' && within(next, /^mirror_fault$/)) {
    return before.routines.at(-1)?.name === 'mirror_fault' ? 'hmm-faulted' : null;
  }
  if (before.def.name === 'set_page_count' && within(next, /^exporter_free$/))
    return 'move-freeing';
  if (leaves(/_zap$/, /_(move|swapout|mv)$/)) return 'move-zapped';
  if (enters(/_zap$/, /_(move|swapout|mv)$/)) {
    // Else it zaps first.
    return before.def.name === 'owner' || within(before, /^replace_page$/) ? 'move-switched' : null;
  }
  if (before.def.name === 'vm_private_data' && within(next, /_vm_fault$/)) return 'fault-begun';
  // The handler has let go of its lock, and mm inserts what it has answered.
  if (leaves(/_vm_fault$/, /^(finish_fault|do_page_mkwrite)$/)) return 'fault-answered';
  if (enters(/^vmf?_insert_/, /_vm_fault$/)) return 'fault-chosen';
  // Who looks before he locks is between the two.
  if (/_vm_fault$/.test(before.routines.at(-1)?.name ?? '') && before.def.name === 'placement') {
    return 'fault-chosen';
  }
  return null;
}

/** Lets threads go stretch by stretch, and keeps what each did call by call. */
class Driver {
  readonly player: Player;
  /** The steps of each call, by thread. */
  readonly calls: Step[][][];
  private readonly ways: Map<string, number[]>;
  /** Somebody may have a reference to what is freed; else it is kept aside, and not freed at all. */
  private readonly counts: boolean;
  /** Steps after which it gives up: a call may go round for ever. */
  private readonly most: number;

  constructor(played: Played) {
    const system = played.make();
    this.most = 10 * played.trace.length + 1_000;
    this.player = new Player(system);
    this.counts = played.consumer?.takesPageRef ?? false;
    this.calls = system.threads.map(() => []);
    // Choices go as they went, in the order in which each thread made them.
    this.ways = new Map();
    for (const { thread, def, way } of played.trace) {
      if (def.kind !== 'choice') continue;
      const key = `${thread} ${def.name}`;
      this.ways.set(key, [...(this.ways.get(key) ?? []), way]);
    }
  }

  /** Is the thread in the middle of a call? */
  inside(thread: number): boolean {
    const call = this.calls[thread].at(-1);
    return call !== undefined && goesOn(call, this.player.stand(thread));
  }

  /** Calls of a thread that are over. */
  done(thread: number): number {
    return this.calls[thread].length - (this.inside(thread) ? 1 : 0);
  }

  point(thread: number): Point | null {
    const call = this.calls[thread].at(-1);
    if (!call || !this.inside(thread)) return null;
    const point = pointAfter(call, this.player.stand(thread));
    return point === 'move-freeing' && !this.counts ? null : point;
  }

  /** One step; false when the thread cannot go on. */
  step(thread: number): boolean {
    const { player } = this;
    if (player.trace.length >= this.most) return false;
    const next = player.stand(thread);
    if (next.state !== 'ready' || !next.def) return false;
    const inside = this.inside(thread);
    const key = `${thread} ${next.def.name}`;
    const way = next.def.kind === 'choice' ? (this.ways.get(key)?.shift() ?? 0) : 0;
    if (!player.step(thread, Math.min(way, next.ways - 1))) return false;
    const taken = player.trace[player.trace.length - 1];
    // A device that has nothing mapped does nothing.
    if (taken.def.name === 'device_access' && taken.value < 0) return true;
    if (inside) {
      if (!isGhost(taken)) this.calls[thread].at(-1)?.push(taken);
    } else if (callOf(taken) !== null) this.calls[thread].push([taken]);
    return true;
  }

  /** Tells the others of a gap that the thread has come to, which takes no CPU anything. */
  private tell(thread: number): void {
    while (this.player.stand(thread).def?.name === 'gap' && this.step(thread));
  }

  private fell(fallen: Fallen): boolean {
    return this.player.trace.at(-1)?.violations.some(fallen) ?? false;
  }

  /** Goes on until the stretch is over, and no rule has fallen; false when that cannot be. */
  run({ thread, ops, point }: Stretch, fallen: Fallen): boolean {
    for (;;) {
      const over = this.done(thread) >= ops && (point === null || this.point(thread) === point);
      if (over && (point !== null || !this.inside(thread))) {
        this.tell(thread);
        return true;
      }
      if (!this.step(thread) || this.fell(fallen)) return false;
    }
  }

  /** Goes on until the rule falls; false when it does not in the next call. */
  falls(thread: number, fallen: Fallen): boolean {
    const { length } = this.calls[thread];
    const most = this.inside(thread) ? length : length + 1;
    while (this.calls[thread].length <= most && this.step(thread)) {
      if (!this.fell(fallen)) continue;
      // A rule that falls before the deed: the deed is what comes next.
      const told = callOf(this.player.trace[this.player.trace.length - 1]) === null;
      if (told && !this.player.ended) {
        this.run({ thread, ops: this.calls[thread].length + 1, point: null }, () => false);
      }
      return true;
    }
    return false;
  }

  /** Goes on to the next place where the thread can be stopped, by `stops` in a call, too; or null. */
  unit(thread: number, stops: boolean, fallen: Fallen): Stretch | null {
    do {
      if (!this.step(thread) || this.fell(fallen)) return null;
    } while (this.inside(thread) && !(stops && this.point(thread)));
    this.tell(thread);
    return { thread, ops: this.done(thread), point: this.point(thread) };
  }
}

type Fallen = (violation: Violation) => boolean;

/** A switch that lies where nobody can stop. */
export interface Unstoppable {
  /** The function of the kernel that would have to be stopped. */
  readonly inside: string;
  /** The step after which. */
  readonly after: string;
}

/** The deepest routine that two places have in common. */
function common(a: Place, b: Place): string {
  let name = '';
  for (const [i, routine] of a.routines.entries()) {
    if (b.routines[i] !== routine) break;
    name = routine.name;
  }
  return name;
}

/** Places to which a switch may be moved, the nearest first. */
interface Cut {
  readonly thread: number;
  readonly choices: readonly Stretch[];
  readonly unstoppable: Unstoppable | null;
}

function cutsOf(played: Played): Cut[] {
  const driver = new Driver(played);
  const { trace } = played;
  const cuts: Cut[] = [];
  /** The points that each thread has passed in its call. */
  const passed: Point[][] = driver.calls.map(() => []);
  for (const [i, { thread }] of trace.entries()) {
    if (!driver.step(thread)) throw new NoStandIn('the interleaving cannot be replayed');
    if (driver.calls[thread].at(-1)?.length === 1) passed[thread] = [];
    const came = driver.point(thread);
    if (came) passed[thread].push(came);
    const next = trace[i + 1];
    if (next?.thread === thread) continue;
    const done = driver.done(thread);
    const here = (point: Point | null, ops = done): Stretch => ({ thread, ops, point });
    if (!next || !driver.inside(thread)) {
      cuts.push({ thread, choices: [here(null, driver.calls[thread].length)], unstoppable: null });
      continue;
    }
    const point = driver.point(thread);
    const stand = driver.player.stand(thread);
    const step = driver.player.trace[driver.player.trace.length - 1];
    cuts.push({
      thread,
      choices: [
        ...(point ? [here(point)] : []),
        ...later(played, i, thread).map((p) => here(p)),
        here(null, done + 1),
        here(null),
        ...passed[thread]
          .filter((p) => p !== point)
          .map((p) => here(p))
          .reverse(),
      ],
      unstoppable: point ? null : { inside: common(step, stand), after: step.text },
    });
  }
  return cuts;
}

/** The points that the thread comes to if it goes on with its call after step `i`. */
function later(played: Played, i: number, thread: number): Point[] {
  const driver = new Driver(played);
  for (const step of played.trace.slice(0, i + 1)) driver.step(step.thread);
  const found: Point[] = [];
  while (driver.step(thread) && driver.inside(thread)) {
    const point = driver.point(thread);
    if (point && !found.includes(point)) found.push(point);
  }
  return found;
}

/** Every way to choose one of each. */
function* combinations(cuts: readonly Cut[]): Generator<Stretch[]> {
  if (cuts.length === 0) return yield [];
  const [first, ...rest] = cuts;
  for (const choice of first.choices) {
    for (const others of combinations(rest)) yield [choice, ...others];
  }
}

/** The threads that are stopped inside a call. */
export const stopped = (stretches: readonly Stretch[]): number[] => [
  ...new Set(stretches.filter(({ point }) => point).map(({ thread }) => thread)),
];

/** Attempts to move the switches before giving up. */
const ATTEMPTS = 2_000;

/**
 * A driver that has gone the stretches and seen the rule fall in the last, or null. What goes round for
 * ever (`fallen` is null) has gone round once at the end.
 */
function gone(played: Played, stretches: readonly Stretch[], fallen: Fallen | null): Driver | null {
  const driver = new Driver(played);
  if (!fallen) return stretches.every((one) => driver.run(one, () => false)) ? driver : null;
  const last = stretches.length - 1;
  const went = stretches.every((stretch, i) => {
    if (i < last) return driver.run(stretch, fallen);
    const { thread, ops } = stretch;
    const before = ops - 1 > driver.done(thread);
    return (
      (!before || driver.run({ thread, ops: ops - 1, point: null }, fallen)) &&
      driver.falls(thread, fallen)
    );
  });
  return went ? driver : null;
}

/** The same switches, moved to where they may lie; with as few threads stopped in a call as will do. */
function moved(cuts: readonly Cut[], played: Played, fallen: Fallen | null): Stretch[] | null {
  for (const most of [1, 2]) {
    let left = ATTEMPTS;
    for (const stretches of combinations(cuts)) {
      if (left-- === 0) break;
      const { length } = stopped(tidy(stretches));
      if (most === 1 ? length > 1 : length !== 2) continue;
      if (gone(played, stretches, fallen)) return stretches;
    }
  }
  return null;
}

/** Stretches, and attempts, beyond which no other interleaving is looked for. */
const DEPTH = 8;
const OTHERS = 1_500;

/** Other switches, as few as possible, that let the same rule fall. */
function others(played: Played, fallen: Fallen): Stretch[] | null {
  const { threads } = played.make();
  let ways: Stretch[][] = [[]];
  let left = OTHERS;
  for (let depth = 0; depth < DEPTH; depth++) {
    const next: Stretch[][] = [];
    for (const way of ways) {
      for (const thread of threads.keys()) {
        if (left-- === 0) return null;
        const whole = [...way, { thread, ops: 0, point: null }];
        if (gone(played, whole, fallen)) return whole;
        const driver = new Driver(played);
        if (!way.every((stretch) => driver.run(stretch, fallen))) continue;
        const [waits = thread] = stopped(tidy(way));
        const unit = driver.unit(thread, waits === thread, fallen);
        if (unit) next.push([...way, unit]);
      }
    }
    ways = next;
  }
  return null;
}

/** Frees the memory of a process that is being killed: mm/oom_kill.c. */
const REAPER = 'oom_reap_task';

/**
 * Translates an interleaving.
 * @param exactly whether it must be this one; else any that lets the same rule fall will do
 * @returns the program's parts, or the function that cannot be stopped
 * @throws NoStandIn when nobody in the guest can do what a thread does
 */
export function translate(played: Played, exactly: boolean): Translation | Unstoppable {
  const { exporter, consumer, violation: wanted } = played;
  if (wanted.rule === 'R16') {
    throw new NoStandIn(
      'the WARN_ON_ONCE() of dma_buf_mmap_internal() is in the posted patch and in no kernel that boots: ' +
        'see pfnmap reproduce --patch',
    );
  }
  if (!exporter) throw new NoStandIn('who the exporter is, is not told');
  if (played.trace.some(({ routines }) => routines.some((r) => r.name === REAPER))) {
    throw new NoStandIn(
      `${REAPER}() is run by a thread of the kernel, which cannot be stopped in it`,
    );
  }
  const kernel = played.make().world as Kernel;
  const cast: Cast = {
    exporter: moduleExporterFor(exporter, wanted.rule, mapsPrivately(played.trace)),
    // Who takes no step needs nobody to play him.
    consumer: () => (consumer ? moduleConsumerFor(consumer) : null),
    mirrors: consumer ? 0 : mirroredBefore(kernel),
  };
  const anonymous = cast.exporter.kind === ANONYMOUS;
  const size = sizeOf(kernel, cast.exporter);
  const setup = setupOf(kernel, exporter, cast, size);
  const same: Fallen = (v) => v.rule === wanted.rule && v.severity === wanted.severity;
  const fallen = wanted.rule === 'livelock' ? null : same;
  // What is wrong when the buffer is mapped needs no thread.
  if (!played.trace.length)
    return { setup, ops: [], procs: [], anonymous, stretches: [], moved: 0, violation: wanted };
  if (fallen && !played.trace.at(-1)?.violations.some(fallen)) {
    throw new NoStandIn(`no step of a thread is what goes wrong: ${wanted.text}`);
  }
  const cuts = cutsOf(played);
  const kept = moved(cuts, played, fallen);
  const stretches = kept ?? (exactly || !fallen ? null : others(played, fallen));
  const driver = stretches && gone(played, stretches, fallen);
  const stuck = cuts.find((cut) => cut.unstoppable)?.unstoppable;
  if (!driver) {
    // The first is the thread itself, and the next may be the consumer.
    const inner = played.trace.at(-1)?.routines.slice(1);
    const loops = inner?.find(({ name }) => !CONSUMERS.some(({ id }) => id === name))?.name;
    if (!stuck && !fallen && loops) {
      throw new NoStandIn(`${loops}() would go round for ever, and nobody can stop it there`);
    }
    if (!stuck) throw new NoStandIn('the switches lie well, but the rule falls otherwise only');
    return stuck;
  }
  const seen = driver.player.trace.flatMap((s) => s.violations);
  const violation = (fallen && seen.find(fallen)) ?? wanted;
  const frees = stretches.some(({ point }) => point === 'move-freeing');
  const ops = opsOf(
    driver.calls,
    frees ? { ...cast, exporter: freeing(cast.exporter) } : cast,
    size,
  );
  if (ops instanceof NoStandIn) {
    // Nobody plays a part. Where the kernel would have to be stopped tells more, if it would.
    if (stuck?.inside.endsWith('_release')) {
      throw new NoStandIn(
        'it goes on with a buffer that is being freed, and whoever uses one in the guest holds it',
      );
    }
    if (stuck && stuck.inside !== 'replace_page') return stuck;
    throw ops;
  }
  const last = stretches[stretches.length - 1].thread;
  const whole = stretches.map((stretch, i) =>
    i < stretches.length - 1 ? stretch : { thread: last, ops: ops[last].length, point: null },
  );
  const elsewhere = kept ? cuts.filter((cut) => cut.unstoppable).length : null;
  const procs = ops.map((_, thread) => kernel.config.cpuMm[thread]);
  return { setup, ops, procs, anonymous, stretches: tidy(whole), moved: elsewhere, violation };
}

/** Who is stopped when he frees must not keep the page. */
const freeing = (made: ModuleExporter): ModuleExporter => ({
  ...made,
  move: made.move.replace('p', 'f'),
});

/** Stretches in which nothing happens are left out; so is a switch to a thread that goes on anyway. */
function tidy(stretches: readonly Stretch[]): Stretch[] {
  const out: Stretch[] = [];
  const ops = new Map<number, number>();
  for (const stretch of stretches) {
    const before = ops.get(stretch.thread) ?? 0;
    if (stretch.ops === before && stretch.point === null && out.length) continue;
    ops.set(stretch.thread, stretch.ops);
    if (out.at(-1)?.thread === stretch.thread) out.pop();
    out.push(stretch);
  }
  return out;
}
