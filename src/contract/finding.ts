// SPDX-License-Identifier: GPL-2.0-or-later
/** What the source checker says: findings, audits, and what it did not analyse. Data only. */

/** How surely a finding holds: on every path, on some, or as configuration or platform decide. */
export type Certainty = 'always' | 'some-paths' | 'depends';

export interface ChainLink {
  readonly path: string;
  readonly line: number;
  readonly function: string;
  /** The source line. */
  readonly text: string;
  readonly why: string;
}

export interface ModelAnswer {
  readonly verdict: string;
  /** `exporter/consumer`: the cell that is worst, one of which is the subject. */
  readonly scenario: string;
  /** What replays the worst interleaving; empty without one. */
  readonly schedule: string;
  /** What had to be taken for granted because source was not asked for it. */
  readonly assumes: string | null;
}

/** Rules that stand on their own: the model cannot take a finding of theirs back. */
export const STAND_ALONE: readonly string[] = ['R1', 'R2', 'R10', 'R11', 'R12', 'R14', 'R16'];

export interface Finding {
  /** `R2` */
  readonly rule: string;
  /** `exporter-struct-page` */
  readonly name: string;
  readonly certainty: Certainty;
  readonly depends_on: string | null;
  readonly path: string;
  readonly line: number;
  readonly function: string;
  readonly text: string;
  /** What is wrong here, in a sentence. */
  readonly message: string;
  readonly subject: {
    readonly kind: 'exporter' | 'follower';
    readonly name: string;
    readonly path: string;
    readonly line: number;
  };
  readonly chain: readonly ChainLink[];
  readonly traits: Readonly<Record<string, unknown>>;
  /** What the traits do in the model; null when it was not run, or has nothing to run. */
  readonly model: ModelAnswer | null;
  /** Rule, function and chain without lines: what a baseline remembers. */
  readonly key: string;
}

export interface NotAnalysed {
  readonly kind: string;
  readonly path: string;
  readonly line: number;
  readonly why: string;
}

export interface AuditedExporter {
  readonly name: string;
  readonly ops: { readonly path: string; readonly line: number; readonly struct: string };
  readonly mmap: { readonly function: string; readonly path: string; readonly line: number } | null;
  readonly primitives: readonly {
    readonly name: string;
    readonly path: string;
    readonly line: number;
  }[];
  readonly pfnmap_at_return: 'always' | 'never' | 'some-paths' | 'depends';
  readonly struct_page: 'yes' | 'no' | 'some-paths' | 'depends';
  readonly moves: boolean | null;
  readonly zaps: boolean | null;
  /** What `moves` and `zaps` rest on. */
  readonly moves_why: string;
  readonly refuses_cow: boolean | null;
  readonly verdict: 'keeps' | 'violates' | 'depends' | 'no-mmap' | 'unknown';
  readonly rules: readonly string[];
  readonly why: string;
}

export interface AuditedFollower {
  readonly function: string;
  readonly path: string;
  readonly line: number;
  readonly calls: readonly string[];
  readonly verdict: 'keeps' | 'violates' | 'unknown';
  readonly rules: readonly string[];
  readonly why: string;
}

export interface AuditedPrimitive {
  readonly name: string;
  readonly path: string;
  readonly line: number;
  /** vm_flags that it leaves behind. */
  readonly sets: readonly string[];
  readonly special: 'yes' | 'no' | 'depends';
  readonly takes_page_ref: boolean;
  readonly why: string;
}

export interface CheckReport {
  readonly tree: {
    readonly version: string | null;
    readonly kind: 'kernel' | 'module' | 'patch';
    /** The kernel that is assumed: the tree's own, or the one asked for. */
    readonly linux: string;
    readonly files: number;
  };
  readonly findings: readonly Finding[];
  readonly not_analysed: readonly NotAnalysed[];
  readonly exporters: readonly AuditedExporter[];
  readonly followers: readonly AuditedFollower[];
  readonly primitives: readonly AuditedPrimitive[];
  /** Files that were looked into: with others in their place nothing here would change. */
  readonly read: readonly string[];
}
