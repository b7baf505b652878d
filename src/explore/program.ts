// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * How a thread's program is written: generator functions made of steps.
 *
 * A *step* is one atomic action on shared memory, a plain function of the world and its arguments.
 * A *routine* is a generator that yields steps and calls other routines; what it knows is only what
 * its steps returned. So a routine at a yield is a function of the values sent into it, and the
 * engine can build its graph of local states once and never run it again (control.ts).
 *
 *     const load = step('load', (w: World) => w.x.get());
 *     const store = step('store', (w: World, v: number) => w.x.set(0, v));
 *     const increment = routine('increment', function* () {
 *       const v = yield* load();
 *       yield* store(v + 1);
 *     });
 *
 * Arguments and results are numbers, or constant objects that are the same in every run. A routine
 * keeps nothing outside its own locals.
 */

/** A step returns this when it cannot run yet: the thread waits, nothing has changed. */
export const BLOCKED = -0x80000000;

/** Constant objects may be passed to steps and routines; they are compared by identity. */
// biome-ignore lint/complexity/noBannedTypes: any constant object will do
export type Arg = number | string | boolean | undefined | null | Object;

/** A `downgrade` turns a lock that the thread holds for writing into one held for reading. */
export type StepKind = 'plain' | 'acquire' | 'try' | 'release' | 'downgrade' | 'choice';

export interface StepOptions {
  readonly kind?: StepKind;
  /** For acquire and release: which lock (see locks.ts), and whether shared. */
  readonly lock?: (world: never, ...args: never[]) => number;
  readonly shared?: boolean;
  /** Text of the step in a trace, from its arguments, its result and the world after it. Default: the name. */
  readonly text?: (args: readonly Arg[], value: number, world: never) => string;
  /** Where Linux does this: file and function. */
  readonly cite?: string;
  /** Why this step may touch more than one slot raced for (hardware, or the source of Linux). */
  readonly atomic?: string;
  /**
   * The step protects something and could be left out: what a person calls it, as in "the sequence
   * test". A mutant does without it: its result is 0 then (a trylock's 1), or {@link without}.
   */
  readonly guard?: string;
  /** What a mutant does in its place, where leaving it out is not what is meant. */
  readonly without?: (world: never, ...args: never[]) => number | boolean | void;
}

/** What a way of a choice does, in the same step; its result is the step's. */
export type Take = (world: never, way: number, ...args: never[]) => number | boolean | void;

export interface StepDef extends StepOptions {
  readonly name: string;
  readonly kind: StepKind;
  readonly run: (
    world: unknown,
    a: unknown,
    b: unknown,
    c: unknown,
    d: unknown,
    e: unknown,
    f: unknown,
  ) => number | boolean | void;
  /** Of a choice whose ways do something: {@link Take}. Without it the result is the way's number. */
  readonly take: Take | undefined;
}

export interface RoutineDef {
  readonly name: string;
  /** File of the kernel that this models, or empty. */
  readonly cite: string;
  /** The whole routine protects something and could be left out; or empty. */
  readonly guard: string;
  readonly body: (...args: never[]) => Run<unknown>;
}

/** What a routine yields: a step to execute, a routine to call, a promise to forget, a test. */
export type Request =
  | { readonly type: 'step'; readonly def: StepDef; readonly args: readonly Arg[] }
  | { readonly type: 'call'; readonly def: RoutineDef; readonly args: readonly Arg[] }
  | { readonly type: 'again'; readonly label: string; readonly args: readonly Arg[] }
  | { readonly type: 'guard'; readonly what: string; readonly value: number };

/** A running routine with result T. */
export type Run<T> = Generator<Request, T, number>;

/**
 * For the engine's own messages: `probe.ask`, when set, is called as a routine asks for a step or
 * makes a promise, while its line is still on the call stack.
 */
export const probe: { ask: (() => void) | null } = { ask: null };

/**
 * The `next` of all generators. To the compiler each generator function makes objects of a type of
 * their own, and looking `next` up in hundreds of types is slow.
 */
const { next } = Object.getPrototypeOf(function* () {}).prototype as Run<unknown>;

/** Goes on with a suspended routine. */
export const resume = (run: Run<unknown>, value: number) => next.call(run, value);

/** Arguments of a step: the engine calls steps with that many always, which is faster. */
export const STEP_ARGS = 6;

function makeStep(
  name: string,
  kind: StepKind,
  run: StepDef['run'],
  options: StepOptions,
  take?: Take,
) {
  if (run.length > STEP_ARGS + 1) {
    throw new ProgramError(`${name}: a step takes at most six arguments`);
  }
  // Written out so that all definitions have one shape: the search reads them at every transition.
  const { lock, shared, text, cite, atomic, guard, without } = options;
  const def: StepDef = { name, kind, run, lock, shared, text, cite, atomic, guard, without, take };
  const ask = function* (args: readonly Arg[]): Run<number> {
    probe.ask?.();
    return yield { type: 'step', def, args };
  };
  return (a?: Arg, b?: Arg, c?: Arg, d?: Arg, e?: Arg, f?: Arg): Run<number> =>
    ask([a, b, c, d, e, f]);
}

/** What a way of a choice comes to, where its ways do something. */
export function taken(def: StepDef, world: unknown, way: number, args: readonly Arg[]): number {
  const take = def.take as unknown as (...a: unknown[]) => number | boolean | undefined;
  return Number(take(world, way, ...args) ?? 0);
}

/**
 * Declares a step. `run` executes atomically; it reads and writes slots of the world and returns an
 * integer (or a boolean, or nothing: 0), or {@link BLOCKED}.
 */
export function step<W, A extends Arg[]>(
  name: string,
  run: (world: W, ...args: A) => number | boolean | void,
  options: StepOptions = {},
): (...args: A) => Run<number> {
  const made = makeStep(name, options.kind ?? 'plain', run as unknown as StepDef['run'], options);
  return made as unknown as (...args: A) => Run<number>;
}

/**
 * Declares a choice that the program does not control: hardware, an allocator. `count` says how many
 * ways there are in this state (or BLOCKED); the engine explores every one, a straight run takes the one its
 * policy names (default: the first).
 * @param take what a way does, in the same step; the result is what it returns, else the way's number
 */
export function choice<W, A extends Arg[]>(
  name: string,
  count: (world: W, ...args: A) => number,
  options?: StepOptions,
): (...args: A) => Run<number>;
export function choice<W, C extends Arg[], A extends [...C, ...Arg[]]>(
  name: string,
  count: (world: W, ...args: C) => number,
  options: StepOptions,
  take: (world: W, way: number, ...args: A) => number | boolean | void,
): (...args: A) => Run<number>;
export function choice<W, A extends Arg[]>(
  name: string,
  count: (world: W, ...args: A) => number,
  options: StepOptions = {},
  take?: (world: W, way: number, ...args: A) => number | boolean | void,
): (...args: A) => Run<number> {
  const run = count as unknown as StepDef['run'];
  const made = makeStep(name, 'choice', run, options, take as unknown as Take);
  return made as unknown as (...args: A) => Run<number>;
}

/**
 * Declares a routine. When it returns, all it knew but its result is forgotten: two calls that
 * return the same value leave the caller in the same local state.
 *
 * @param name the function's name as Linux has it
 * @param cite the file of Linux it models, e.g. `mm/gup.c`
 * @param guard what a person calls it when callers could leave the whole call out, as in "TLB flush":
 *   a mutant does, and takes 0 for its result (see {@link guard})
 */
export function routine<A extends Arg[], R extends number | boolean | void>(
  name: string,
  body: (...args: A) => Run<R>,
  cite = '',
  guard = '',
): (...args: A) => Run<R> {
  const def: RoutineDef = { name, cite, guard, body: body as unknown as RoutineDef['body'] };
  return function* (...args: A): Run<R> {
    return (yield { type: 'call', def, args }) as R;
  };
}

/**
 * The head of a retry loop, or a place from which on less matters: promises that only the named locals
 * (and where we are) still do. The engine checks the promise on every history that arrives here.
 */
export function* again(label: string, ...args: Arg[]): Run<void> {
  probe.ask?.();
  yield { type: 'again', label, args };
}

/**
 * A test that protects something, on what the routine knows already: is it one that stops us?
 *
 *     if (yield* guard('the VM_PFNMAP test', flags & VM_PFNMAP)) return -EFAULT;
 *
 * It is no step, costs nothing, and gives 1 or 0. In the mutant without it (mutants.ts) it gives 0,
 * so write it such that 0 means to go on.
 * @param what a person's name for it
 */
export function* guard(what: string, holds: number | boolean): Run<number> {
  return yield { type: 'guard', what, value: holds ? 1 : 0 };
}

/** An error in the explored program itself, not in what it models. */
export class ProgramError extends Error {
  override readonly name = 'ProgramError';
}
