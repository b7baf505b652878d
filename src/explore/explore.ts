// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The engine's front door: explores a system in every interleaving and says what came of it.
 *
 * Up to three searches make one exploration: the safety search, up to exchange of identical threads;
 * one without that exchange when the first was free of violations and a thread can go in circles,
 * because livelock cannot be read off states that stand for several; and the search for the clearest
 * counterexample. All of them run in slices.
 */
import { type Clearest, clearestInSlices, type Shape } from './clearest.ts';
import { withoutHiddenInput } from './forbid.ts';
import type { System } from './machine.ts';
import type { Violation } from './memory.ts';
import type { Step } from './player.ts';
import { encode, replayMoves } from './schedule.ts';
import { type Finding, Search, type SearchOptions, type SearchResult } from './search.ts';
import { Knowledge, type Move } from './space.ts';
import type { Graphs } from './stacks.ts';

export interface ExploreOptions {
  /** What explorations of systems with the same layout or the same routines found out. */
  readonly knowledge?: Knowledge;
  /**
   * The next system explored with this knowledge is over the same memory, and goes on with what is known of
   * transitions; whoever has the knowledge closes it. Default false.
   */
  readonly keep?: boolean;
  /** Threads that were given the same function are interchangeable. Default true. */
  readonly symmetry?: boolean;
  /** Sound reductions (transactions). Default true. */
  readonly reduce?: boolean;
  /** Look for livelock. Default true. */
  readonly livelock?: boolean;
  /** Look for the clearest counterexample. Default true. */
  readonly counterexample?: boolean;
  /** A counterexample is wanted only if it is of a worse severity than this one, or clearer. */
  readonly clearerThan?: Shape & { readonly severity: Violation['severity'] };
  /** Give up beyond this many states. Default 4 million. */
  readonly maxStates?: number;
  /** End at the first violation of at least this severity, or cover everything. Default `corrupts`. */
  readonly stopAt?: SearchOptions['stopAt'];
  /** Look for hidden nondeterminism and broken promises. Two to three times the work. Default false. */
  readonly strict?: boolean;
}

export interface Counterexample {
  readonly violation: Violation;
  readonly threads: number;
  readonly switches: number;
  readonly steps: number;
  /** The interleaving as a string; see schedule.ts. */
  readonly schedule: string;
  readonly trace: readonly Step[];
  /** For a livelock, the step of the trace from which on it goes round; else null. */
  readonly roundFrom: number | null;
  /** Whether it is known that there is no clearer one. */
  readonly minimal: boolean;
}

export interface Exploration {
  /** `safe` only if every interleaving was covered. */
  readonly outcome: 'safe' | 'violated' | 'unknown';
  /** Why not everything was covered, in words, or null. */
  readonly bound: string | null;
  readonly states: number;
  readonly transitions: number;
  /** One for each distinct (rule, text), worst first. */
  readonly findings: readonly Violation[];
  readonly marks: number;
  readonly counterexample: Counterexample | null;
}

export interface Progress {
  readonly phase: 'search' | 'livelock' | 'counterexample' | 'done';
  readonly states: number;
  readonly transitions: number;
  /** States found and not yet looked at; the search ends when there are none. */
  readonly frontier: number;
  readonly statesPerSecond: number;
}

/** States of the first, unreduced search of strict mode. */
const TRIAL = 10_000;

/**
 * Starts an exploration.
 * @param make builds the system from nothing, the same each time; it is called several times
 */
export function explore(make: () => System, options: ExploreOptions = {}): Explorer {
  return new Explorer(make, options);
}

export class Explorer {
  result: Exploration | null = null;
  private readonly guard: <T>(body: () => T) => T;
  private phase: Progress['phase'] = 'search';
  private search: Search;
  /** Every search that was begun. */
  private readonly searches: Search[] = [];
  private last: Progress | null = null;
  private readonly work: Generator<void, Exploration>;
  readonly knowledge: Knowledge;
  private budget = 0;
  private time = 0;
  private why: string | null = null;

  constructor(
    private readonly make: () => System,
    private readonly options: ExploreOptions = {},
  ) {
    this.knowledge = options.knowledge ?? new Knowledge();
    this.guard = options.strict ? withoutHiddenInput : (body) => body();
    this.search = this.guard(() => this.firstSearch());
    this.searches.push(this.search);
    this.work = this.phases();
  }

  /**
   * Goes on for about `budget` transitions.
   * @returns the result once there is one, else null
   * @throws ProgramError when the explored program itself is wrong
   */
  run(budget = Number.POSITIVE_INFINITY): Exploration | null {
    if (this.result) return this.result;
    this.budget = budget;
    const began = Date.now();
    try {
      const { done, value } = this.guard(() => this.work.next());
      if (done) this.end(value);
    } finally {
      this.time += Date.now() - began;
    }
    return this.result;
  }

  private end(result: Exploration): void {
    this.result = result;
    this.last = this.progress;
    if (this.options.keep) this.knowledge.space = this.search.space;
    for (const search of this.searches) search.close();
  }

  /** Ends the exploration now, with what was found so far. */
  stop(why = 'interrupted'): Exploration {
    this.why = why;
    return this.run() as Exploration;
  }

  get progress(): Progress {
    if (this.last) return this.last;
    const { search } = this;
    const states = search.store.count;
    return {
      phase: this.result ? 'done' : this.phase,
      states,
      transitions: search.transitions,
      frontier: search.frontier,
      statesPerSecond: this.time ? Math.round((states * 1000) / this.time) : 0,
    };
  }

  /**
   * In strict mode some unreduced searching comes first: it runs no step ahead of time, so that what
   * a step leaves behind outside the slots is not there yet the first time.
   */
  private firstSearch(): Search {
    const { make, options } = this;
    return options.strict
      ? new Search(make, {
          reduce: false,
          strict: true,
          livelock: false,
          stopAt: 'never',
          maxStates: TRIAL,
        })
      : new Search(make, { symmetry: true, ...options, knowledge: this.knowledge });
  }

  private begin(options: SearchOptions): void {
    this.search = new Search(this.make, { ...options, knowledge: this.knowledge });
    this.searches.push(this.search);
  }

  private *phases(): Generator<void, Exploration> {
    const { options } = this;
    if (options.strict) {
      yield* this.searched();
      this.begin({ symmetry: true, ...options });
    }
    const { search } = this;
    const first = yield* this.searched();
    const findings = [...first.findings];
    let { complete, bound, marks } = first;
    const { cyclic } = search.machine.control;
    const done = findings.length > 0 && options.stopAt !== 'never';
    if (complete && search.machine.symmetric && cyclic && !done && options.livelock !== false) {
      this.phase = 'livelock';
      this.begin({ ...options, symmetry: false, strict: false });
      const second = yield* this.searched();
      findings.push(...second.findings.filter(({ violation }) => violation.rule === 'livelock'));
      marks |= second.marks;
      if (!second.complete) {
        complete = false;
        bound = `nothing wrong in any state, but livelock is undecided: ${second.bound}`;
      }
    }
    findings.sort((a, b) => rank(b.violation) - rank(a.violation));
    let counterexample: Counterexample | null = null;
    if (findings.length && options.counterexample !== false) {
      this.phase = 'counterexample';
      counterexample = yield* this.witness(findings);
    }
    return {
      outcome: findings.length ? 'violated' : complete ? 'safe' : 'unknown',
      bound,
      states: first.states,
      transitions: first.transitions,
      findings: findings.map(({ violation }) => violation),
      marks,
      counterexample,
    };
  }

  private *searched(): Generator<void, SearchResult> {
    const { search } = this;
    for (;;) {
      const result = this.why === null ? search.run(this.budget) : search.stop(this.why);
      if (result) return result;
      yield;
    }
  }

  private *witness(findings: readonly Finding[]): Generator<void, Counterexample | null> {
    const [{ violation: worst }] = findings;
    const { clearerThan: known } = this.options;
    if (known?.severity === 'corrupts' && worst.severity === 'breaks') return null;
    const same = known?.severity === worst.severity;
    if (worst.rule === 'livelock') return this.livelock(worst);
    // What fell while the system was set up needs no step at all.
    const [before] = (this.search.machine.system.found ?? []).filter(
      (v) => rank(v) === rank(worst),
    );
    if (before) return this.told(before, [], null, true);
    const { search } = this;
    const [{ state, thread, way }] = findings;
    const { symmetric } = search.machine;
    const alike = !symmetric && this.options.reduce !== false && !this.options.strict;
    // Any counterexample is better than none, should the clearest be beyond the limit.
    const path = symmetric ? [] : search.pathTo(state);
    if (thread >= 0) path.push({ thread, way });
    const any = search.singleSteps(path);
    const slices = clearestInSlices(this.make, {
      atLeast: worst.severity,
      match: (v) => rank(v) === rank(worst),
      symmetry: this.options.symmetry,
      knowledge: this.knowledge,
      clearerThan: same ? known : undefined,
      suspect: thread,
      space: alike ? search.space : undefined,
    });
    let found: Clearest | null = null;
    for (let spent = 0; ; spent += 4_000) {
      const { done, value } = slices.next();
      if (done) {
        found = value;
        break;
      }
      if (this.why !== null) break;
      if (spent >= this.budget) {
        yield;
        spent = 0;
      }
    }
    if (found) return this.told(found.violation, found.moves, null, found.minimal);
    if (same) return null;
    return symmetric ? null : this.told(worst, any, null, false);
  }

  private livelock(violation: Violation): Counterexample | null {
    const { search } = this;
    const path = search.livelockPath();
    if (!path) return null;
    const into = search.singleSteps(path.into);
    const all = search.singleSteps([...path.into, ...path.round]);
    return this.told(violation, all, into.length, false);
  }

  private told(
    violation: Violation,
    moves: readonly Move[],
    roundFrom: number | null,
    minimal: boolean,
  ): Counterexample {
    const { graphs } = this.knowledge;
    const schedule = encode(this.search.retrace(moves));
    return new Told(this.make, graphs, moves, violation, roundFrom, minimal, schedule);
  }
}

/** A counterexample known by its moves; what its steps look like is found out when somebody asks. */
class Told implements Counterexample {
  private steppedThrough: readonly Step[] | null = null;

  constructor(
    private readonly make: () => System,
    private readonly graphs: Graphs,
    private readonly moves: readonly Move[],
    readonly violation: Violation,
    readonly roundFrom: number | null,
    readonly minimal: boolean,
    readonly schedule: string,
  ) {}

  get threads(): number {
    return new Set(this.moves.map((m) => m.thread)).size;
  }

  get switches(): number {
    return this.moves.filter((m, i) => i > 0 && m.thread !== this.moves[i - 1].thread).length;
  }

  get steps(): number {
    return this.moves.length;
  }

  get trace(): readonly Step[] {
    this.steppedThrough ??= replayMoves(this.make(), this.moves, this.graphs).trace;
    return this.steppedThrough;
  }
}

/** What to show first: what is wrong in the worst way, and shows itself most plainly. */
function rank({ severity, rule }: Violation): number {
  if (severity === 'corrupts') return 4;
  if (rule === 'livelock') return 1;
  return rule === 'lock-order' ? 2 : 3;
}
