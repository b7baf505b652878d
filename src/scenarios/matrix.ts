// SPDX-License-Identifier: GPL-2.0-or-later
/** The matrix: every exporter against every consumer, and the verdict on each cell. */
import type { ConsumerTraits, ExporterTraits } from '../contract/traits.ts';
import type { Verdict } from '../contract/words.ts';
import type { Shape } from '../explore/clearest.ts';
import {
  type Counterexample,
  type Exploration,
  type Explorer,
  explore,
} from '../explore/explore.ts';
import type { Violation } from '../explore/memory.ts';
import type { Accesses } from '../explore/races.ts';
import { Knowledge } from '../explore/space.ts';
import { Graphs } from '../explore/stacks.ts';
import { CONSUMERS } from '../kernel/consumers/index.ts';
import { EXPORTERS } from '../kernel/exporters/index.ts';
import { type Kernel, MARK_REFUSED, MARK_TRANSLATED } from '../kernel/kernel.ts';
import { notifierKind } from '../kernel/programs/consumer.ts';
import type { LinuxVersion } from '../kernel/versions.ts';
import { boundOf, cellClass, cellKernel, cellSystems, type Face, facesOf } from './cell.ts';

export interface Cell {
  /** `exporter/consumer` */
  readonly id: string;
  readonly exporter: ExporterTraits;
  readonly consumer: ConsumerTraits;
}

export interface CellResult {
  readonly cell: Cell;
  readonly linux: LinuxVersion;
  readonly verdict: Verdict;
  /** Identifiers of the rules that fall in some interleaving, R1 first. */
  readonly rules: readonly string[];
  readonly findings: readonly Violation[];
  readonly states: number;
  readonly transitions: number;
  readonly ms: number;
  /** What a safe verdict covers, or which limit was reached. */
  readonly bound: string;
  readonly counterexample: Counterexample | null;
  /** The exploration of the cell that the counterexample is of. */
  readonly face: Face | null;
}

export interface MatrixFilter {
  readonly exporter?: string;
  readonly consumer?: string;
}

/** The cells of the matrix in reading order: the same for each version. */
export function matrixCells(filter: MatrixFilter = {}): Cell[] {
  const cells: Cell[] = [];
  for (const exporter of EXPORTERS) {
    if (filter.exporter && exporter.id !== filter.exporter) continue;
    for (const consumer of CONSUMERS) {
      if (filter.consumer && consumer.id !== filter.consumer) continue;
      cells.push(makeCell(exporter, consumer));
    }
  }
  return cells;
}

export function makeCell(exporter: ExporterTraits, consumer: ConsumerTraits): Cell {
  return { id: `${exporter.id}/${consumer.id}`, exporter, consumer };
}

const RANK: readonly string[] = ['corrupts', 'breaks'];

function ruleOrder(a: string, b: string): number {
  const n = (s: string) => (/^R\d+$/.test(s) ? Number(s.slice(1)) : 100);
  return n(a) - n(b) || (a < b ? -1 : 1);
}

/** What came of one face, and who touched what in it. */
interface Explored extends Exploration {
  readonly accesses: readonly Accesses[];
}

/** A face that was explored, and whose. */
interface Kept {
  readonly exporter: string;
  readonly done: Explored;
  /** Nothing in it names the exporter. */
  readonly nameless: boolean;
}

/** Exporter and user alone: the same for all consumers that register the same kind of notifier, or none. */
const alone = (face: Face): boolean => face.idle === 'consumer';

/**
 * What cells of one matrix have in common, and is explored once: what exporter and user do alone, and
 * what exporters of one class do with a consumer, unless it has to be told with the exporter's names.
 */
export class SharedFaces {
  /** The kernel's routines are the same in every cell. */
  readonly graphs = new Graphs();
  private readonly kept = new Map<string, Kept>();
  private readonly classes = new Map<ExporterTraits, string>();

  /** Faces with equal keys are the same exploration, but for the exporter's name. */
  key(cell: Cell, face: Face, linux: LinuxVersion): string {
    const { exporter, consumer } = cell;
    let known = this.classes.get(exporter);
    if (known === undefined) this.classes.set(exporter, (known = cellClass(exporter)));
    const who = alone(face) ? notifierKind(consumer) : consumer.id;
    const { idle, touched, way, readOnly } = face;
    return [known, who, idle, touched, way, readOnly, face.private, linux].join(' ');
  }

  get(cell: Cell, face: Face, linux: LinuxVersion): Explored | undefined {
    const kept = this.kept.get(this.key(cell, face, linux));
    return kept && (kept.nameless || kept.exporter === cell.exporter.id) ? kept.done : undefined;
  }

  put(cell: Cell, face: Face, linux: LinuxVersion, done: Explored): void {
    const exporter = cell.exporter.id;
    const named = done.findings.some(({ text }) => text.includes(exporter));
    const nameless = done.counterexample === null && !named;
    // No other cell has use for it.
    if (!nameless && !alone(face)) return;
    this.kept.set(this.key(cell, face, linux), { exporter, done, nameless });
  }
}

/**
 * Explores one cell in slices; call {@link CellRun.run} until it gives the result. The pairs exporter
 * and user, exporter and consumer come first and whole; if one of them corrupts, that is the verdict,
 * with the rules that the pairs broke. Else all three threads are explored together.
 */
export class CellRun {
  private readonly faces: Face[];
  private current: Explorer | null = null;
  private at = 0;
  private readonly findings = new Map<string, Violation>();
  private states = 0;
  private transitions = 0;
  private ms = 0;
  private marks = 0;
  private limit: string | null = null;
  private best: Counterexample | null = null;
  private face: Face | null = null;
  /** Of the faces with the consumer: one kernel for all of them, and what was found out about it. */
  private readonly knowledge: Knowledge;
  private kernel: Kernel | null = null;
  /** Who touched what in faces that were explored without this knowledge. */
  private accesses: Accesses[] = [];
  private corrupts = false;

  constructor(
    readonly cell: Cell,
    readonly linux: LinuxVersion,
    private readonly shared = new SharedFaces(),
    private readonly maxStates = 4_000_000,
    /** Whether the clearest counterexample is wanted too; it takes longer than the verdict. */
    private readonly witness = true,
  ) {
    this.faces = facesOf(cell.exporter, cell.consumer);
    this.knowledge = new Knowledge(shared.graphs);
  }

  get statesSoFar(): number {
    return this.states + (this.current?.progress.states ?? 0);
  }

  /** Goes on for about `budget` transitions; the result once there is one. */
  run(budget = Number.POSITIVE_INFINITY): CellResult | null {
    const began = Date.now();
    for (;;) {
      const face = this.faces[this.at];
      if (!face || (face.idle === null && this.corrupts)) {
        this.ms += Date.now() - began;
        this.knowledge.close();
        return this.result();
      }
      const done = this.explored(face, budget);
      if (done) this.take(face, done);
      if (budget !== Number.POSITIVE_INFINITY) break;
    }
    this.ms += Date.now() - began;
    return null;
  }

  private explored(face: Face, budget: number): Explored | null {
    const { cell, linux, shared } = this;
    const known = shared.get(cell, face, linux);
    if (known) {
      this.accesses.push(...known.accesses);
      return known;
    }
    this.current ??= this.begin(face);
    const result = this.current.run(budget);
    if (!result) return null;
    const { accesses } = this.current.knowledge;
    const done = { ...result, accesses };
    this.current = null;
    if (alone(face)) this.accesses.push(...accesses);
    shared.put(cell, face, linux, done);
    return done;
  }

  private begin(face: Face): Explorer {
    const { cell, linux, shared, maxStates, best } = this;
    const { exporter, consumer } = cell;
    const keep = !alone(face);
    const knowledge = keep ? this.knowledge : new Knowledge(shared.graphs);
    const kernel = () => (this.kernel ??= cellKernel(exporter, consumer, linux));
    if (keep) {
      // What two threads race for, they race for when a third is there, or the pages were touched.
      knowledge.accesses = this.accesses;
      this.accesses = [];
    }
    const make = cellSystems(exporter, consumer, face, linux, keep ? kernel : undefined);
    return explore(make, {
      stopAt: 'never',
      maxStates,
      knowledge,
      keep,
      counterexample: this.witness,
      // What other cells will use must not depend on what this one has found already.
      clearerThan: best && !alone(face) ? this.wanted(best, face) : undefined,
    });
  }

  private take(face: Face, done: Explored): void {
    this.at++;
    this.states += done.states;
    this.transitions += done.transitions;
    this.marks |= done.marks;
    this.limit ??= done.bound;
    for (const f of done.findings) {
      this.findings.set(`${f.rule}|${f.text}`, f);
      if (f.severity === 'corrupts') this.corrupts = true;
    }
    const ce = done.counterexample;
    if (ce && (!this.best || order(ce, this.best) < this.room(face))) {
      this.best = ce;
      this.face = face;
    }
  }

  /** What a counterexample of this face must be clearer than. */
  private wanted(best: Counterexample, face: Face): Shape & { severity: Violation['severity'] } {
    const { threads, switches, steps, violation } = best;
    return { threads, switches, steps: steps + this.room(face), severity: violation.severity };
  }

  /** Of two that are as clear, the one that asks for nothing beforehand. */
  private room(face: Face): number {
    return this.face?.touched && !face.touched ? 1 : 0;
  }

  private result(): CellResult {
    const findings = [...this.findings.values()].sort(
      (a, b) => RANK.indexOf(a.severity) - RANK.indexOf(b.severity) || ruleOrder(a.rule, b.rule),
    );
    const worst = findings[0]?.severity;
    const verdict: Verdict =
      worst ?? (this.limit ? 'unknown' : this.refused() ? 'refused' : 'safe');
    return {
      cell: this.cell,
      linux: this.linux,
      verdict,
      rules: [...new Set(findings.map((f) => f.rule))].sort(ruleOrder),
      findings,
      states: this.states,
      transitions: this.transitions,
      ms: this.ms,
      bound: this.limit ?? boundOf(this.cell.exporter),
      counterexample: this.best,
      face: this.face,
    };
  }

  private refused(): boolean {
    return !(this.marks & MARK_TRANSLATED) && (this.marks & MARK_REFUSED) !== 0;
  }
}

/** Below 0 where the first is clearer; a step less, and nothing else, is -1. */
function order(a: Counterexample, b: Counterexample): number {
  const rank = (c: Counterexample) => RANK.indexOf(c.violation.severity);
  return rank(a) - rank(b) || a.threads - b.threads || a.switches - b.switches || a.steps - b.steps;
}
