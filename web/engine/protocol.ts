// SPDX-License-Identifier: GPL-2.0-or-later
/** What the page asks its workers, and what they answer: plain data, so that it can be posted. */
import type { ConsumerTraits, ExporterTraits } from '../../src/contract/traits.ts';
import type { Verdict } from '../../src/contract/words.ts';
import type { LinuxVersion } from '../../src/kernel/versions.ts';
import type { CellJson, CounterexampleJson } from '../../src/report/json.ts';
import type { Lines } from '../../src/report/lines.ts';
import type { StateTable } from '../../src/report/state.ts';
import type { Face } from '../../src/scenarios/cell.ts';

/** Changes to traits, by trait. */
export interface Edits {
  readonly exporter: Partial<ExporterTraits>;
  readonly consumer: Partial<ConsumerTraits>;
}

/** What is to be shown: a scenario or a cell of the matrix, perhaps with traits changed. */
export interface Subject {
  /** `kvm/follow-and-keep`, `ttm/gup`; in a worker with code of one's own, what that exports. */
  readonly name: string;
  readonly linux: LinuxVersion;
  /** Of a cell: how memory is taken back; null for the one with the clearest counterexample. */
  readonly face: Face | null;
  readonly edits: Edits;
  /** A guard that is left out, as its text has it: `TLB flush in unmap_mapping_range`. */
  readonly without: string | null;
}

export type Job =
  | { readonly job: 'cells'; readonly linux: LinuxVersion; readonly names: readonly string[] }
  | { readonly job: 'show'; readonly subject: Subject; readonly schedule: string | null }
  | ({ readonly job: 'drive'; readonly subject: Subject } & Drive)
  /** Leaves each guard of a safe subject out in turn. */
  | { readonly job: 'mutants'; readonly subject: Subject }
  /** Code of one's own, in JavaScript; only ever sent to a sandboxed worker. */
  | { readonly job: 'load'; readonly code: string; readonly linux: LinuxVersion };

/** A thread takes a step; of a choice, which way. */
export interface Step {
  readonly thread: number;
  readonly way: number;
}

/** Go along a schedule as far as `keep` steps, then let a thread go. */
export interface Drive {
  readonly schedule: string;
  /** Null: all of it. */
  readonly keep: number | null;
  /** With `run`, the thread goes on to its next lock or choice. */
  readonly next: (Step & { readonly run: boolean }) | null;
}

export type Request = Job & { readonly id: number };

export interface Progress {
  readonly states: number;
  /** Of what, where it is not the subject itself. */
  readonly of?: string;
}

/** What a job answers with: parts while it runs, then the whole. */
export type Reply =
  | { readonly id: number; readonly progress: Progress }
  | { readonly id: number; readonly cell: CellJson }
  | { readonly id: number; readonly done: unknown }
  | { readonly id: number; readonly failed: Failed };

/** Why there is no answer. */
export interface Failed {
  readonly message: string;
  /** A name that was perhaps meant. */
  readonly nearest: string | null;
}

export interface StepView {
  readonly thread: number;
  /** The step's own text. */
  readonly text: string;
  readonly name: string;
  /** The routines that it is in, outermost first, with the file of the kernel each models. */
  readonly routines: readonly { readonly name: string; readonly cite: string }[];
  /** The way that a choice went. */
  readonly way: number;
  readonly changes: readonly {
    readonly name: string;
    readonly before: string;
    readonly after: string;
  }[];
  readonly violations: readonly ViolationView[];
}

export interface ViolationView {
  readonly severity: 'breaks' | 'corrupts';
  readonly rule: string;
  readonly text: string;
}

/** An interleaving, with the state after each of its steps. */
export interface Trace {
  readonly threads: readonly string[];
  readonly steps: readonly StepView[];
  /** The lines that explain it, and all there are. */
  readonly lines: Lines;
  readonly every: Lines;
  /** The state before the first step, then after each. */
  readonly states: readonly (readonly StateTable[])[];
  readonly violation: ViolationView | null;
  readonly roundFrom: number | null;
  /** The engine's schedule. */
  readonly schedule: string;
  /** As text for a mail, and as pictures. */
  readonly ladder: string;
  readonly light: string;
  readonly dark: string;
}

/** What is known of a subject without exploring it. */
export interface About {
  readonly kind: 'scenario' | 'cell';
  readonly name: string;
  readonly title: string;
  readonly story: string;
  readonly source: string;
  readonly status: string;
  readonly exporter: ExporterTraits | null;
  readonly consumer: ConsumerTraits | null;
  /** Of a cell: the explorations that it is made of. */
  readonly faces: readonly Face[];
}

export interface Shown {
  readonly about: About;
  readonly linux: LinuxVersion;
  /** Null when only a schedule was replayed. */
  readonly result: {
    readonly verdict: Verdict | 'violated';
    readonly rules: readonly string[];
    readonly states: number;
    readonly transitions: number;
    readonly ms: number;
    readonly bound: string | null;
    readonly counterexample: CounterexampleJson | null;
  } | null;
  readonly face: Face | null;
  readonly trace: Trace | null;
  /** Where a replay parted, or null. */
  readonly parted: string | null;
  /** Complete, for `pfnmap replay`; empty when traits were changed or nothing fell. */
  readonly address: string;
}

/** Where a thread stands, and what it may do next. */
export interface Choice extends Step {
  readonly name: string;
  /** The step that it would be. */
  readonly text: string;
  readonly changes: StepView['changes'];
  readonly violations: readonly ViolationView[];
  readonly prospect: 'now' | 'falls' | 'clean' | 'unknown';
  /** The rule that falls, and what is said of it. */
  readonly rule: string;
}

export interface Driven {
  readonly about: About;
  readonly linux: LinuxVersion;
  readonly face: Face | null;
  readonly trace: Trace;
  readonly choices: readonly Choice[];
  /** A rule that ends the path has fallen, or nobody can move. */
  readonly ended: boolean;
  /** Where the schedule parted, or null. */
  readonly parted: string | null;
}

/** What code of one's own exports, as subjects. */
export interface Loaded {
  readonly subjects: readonly { readonly name: string; readonly title: string }[];
}

export const NO_EDITS: Edits = { exporter: {}, consumer: {} };
