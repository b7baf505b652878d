// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * What a check of a kernel leaves for patches: what was judged, what was asked for each judgement, the
 * index of names, and what names matter. Kept as parts that are looked into only where a patch leads.
 */
import { statSync } from 'node:fs';
import type {
  AuditedExporter,
  AuditedFollower,
  Finding,
  NotAnalysed,
} from '../contract/finding.ts';
import type { Sources } from './c/tree.ts';
import { findingKey, lostKey } from './difference.ts';
import type { Fact, Recalled } from './flow/relevance.ts';
import type { Key } from './index/asked.ts';
import { Index } from './index/index.ts';
import type { Readers } from './readers.ts';
import type { JobRef, TableRef } from './refs.ts';
import type { TreeState } from './scan/state.ts';
import { type ExporterUnit, type Found, MARKS, type Question } from './share.ts';
import { concerns, type Touched } from './touched.ts';

/** Keys as they are kept: where in the lists of numbers they are. */
interface KeptKeys {
  readonly names: readonly [from: number, n: number];
  readonly reached: readonly [from: number, n: number];
  readonly texts: readonly string[];
}

interface KeptExporter {
  readonly ref: JobRef;
  readonly keys: KeptKeys;
  readonly exporter: AuditedExporter;
  readonly unused: boolean;
  /** Files that its findings are in. */
  readonly places: readonly string[];
  /** Where its findings and gaps are. */
  readonly told: readonly [from: number, length: number];
}

interface KeptReaders {
  readonly path: string;
  readonly keys: KeptKeys;
  /** The functions that were judged. */
  readonly who: readonly string[];
  readonly places: readonly string[];
}

interface Head {
  /** Of the state of the tree (scan/state.ts). */
  readonly id: string;
  /** The version that was assumed. */
  readonly linux: string;
  readonly version: string | null;
  readonly files: number;
  readonly list: KeptKeys;
  /** What the list rests on beside that. */
  readonly questions: readonly {
    readonly ref: TableRef;
    readonly keys: KeptKeys;
    readonly yes: boolean;
  }[];
  readonly exporters: readonly KeptExporter[];
  readonly readers: readonly KeptReaders[];
  readonly followers: readonly AuditedFollower[];
  /** Findings by key and certainty, and what was not analysed by path and reason. */
  readonly findings: readonly string[];
  readonly lost: readonly string[];
}

/** What a run hands over to be kept. */
export interface Judged {
  readonly linux: string;
  readonly version: string | null;
  readonly scanned: TreeState;
  readonly index: Index;
  readonly list: ReadonlySet<Key>;
  readonly questions: readonly Question[];
  readonly exporters: readonly ExporterUnit[];
  readonly readers: readonly Readers[];
  readonly found: readonly Found[];
  readonly followers: readonly AuditedFollower[];
  readonly findings: readonly Finding[];
  readonly lost: readonly NotAnalysed[];
}

export const functionKey = (path: string, name: string) => `${path} ${name}`;

const HEAD = 256;
const enum Flag {
  Fact = 1,
  Direct = 2,
  Decided = 4,
  Matters = 8,
  Asked = 16,
  Asks = 32,
  Defined = 64,
}

const bytes = (a: Uint32Array | Float64Array) => Buffer.from(a.buffer, a.byteOffset, a.byteLength);

export function packBase(j: Judged): Buffer {
  const names: number[] = [];
  const reached: number[] = [];
  const keep = (keys: ReadonlySet<Key>): KeptKeys => {
    const [n, r] = [names.length, reached.length];
    const texts: string[] = [];
    for (const key of keys) {
      if (typeof key === 'string') texts.push(key);
      else if (key >= 0) names.push(key);
      else reached.push(-1 - key);
    }
    return { names: [n, names.length - n], reached: [r, reached.length - r], texts };
  };
  const told: Buffer[] = [];
  let toldAt = 0;
  const exporters = j.exporters.map(({ ref, told: t, unused, keys }): KeptExporter => {
    const data = Buffer.from(JSON.stringify({ findings: t.findings, gaps: t.gaps }));
    told.push(data);
    toldAt += data.length;
    return {
      ref: ref!,
      keys: keep(keys),
      exporter: t.exporter,
      unused,
      places: [...new Set(t.findings.map((f) => f.path))],
      told: [toldAt - data.length, data.length],
    };
  });
  const readers = j.readers
    .filter((r) => !r.keys.isEmpty || r.followers.length || r.others.length)
    .map(({ path, keys, followers, others }): KeptReaders => {
      const defs = [...followers, ...others].map((f) => f.def);
      return {
        path,
        keys: keep(keys.all()),
        who: defs.map((d) => functionKey(d.file.path, d.name)),
        places: [...new Set(defs.map((d) => d.file.path))],
      };
    });
  const head: Head = {
    id: j.scanned.id,
    linux: j.linux,
    version: j.version,
    files: j.scanned.paths.length,
    list: keep(j.list),
    questions: j.questions.map((q) => ({ ...q, keys: keep(q.keys) })),
    exporters,
    readers,
    followers: j.followers,
    findings: j.findings.map(findingKey),
    lost: j.lost.map(lostKey),
  };
  const { words, numbers } = packFound(j.found);
  const at = new Map(j.scanned.paths.map((p, i) => [p, i]));
  const stats = Float64Array.from(
    j.index.paths.flatMap((p) => [...j.scanned.stats.subarray(3 * at.get(p)!, 3 * at.get(p)! + 3)]),
  );
  const parts = [
    Buffer.from(JSON.stringify(head)),
    bytes(Uint32Array.from(names)),
    bytes(Uint32Array.from(reached)),
    Buffer.concat(told),
    words,
    bytes(numbers),
    bytes(stats),
    bytes(j.scanned.dirTimes),
    Buffer.from(j.scanned.dirs.join('\n')),
    j.index.pack(),
  ];
  // Numbers can be read where they are.
  const padded = parts.flatMap((p) => [p, Buffer.alloc(-p.length & 7)]);
  const lengths = JSON.stringify(parts.map((p) => p.length)).padEnd(HEAD);
  return Buffer.concat([Buffer.from(lengths), ...padded]);
}

/** What was found of names: the names, and for each its flags, calls and what it passes on. */
function packFound(all: readonly Found[]): { words: Buffer; numbers: Uint32Array } {
  const ids = new Map<string, number>();
  const id = (name: string) => {
    let known = ids.get(name);
    if (known === undefined) ids.set(name, (known = ids.size));
    return known;
  };
  const facts = new Map<string, Fact>();
  const flags = new Map<string, number>();
  const flag = (name: string, bits: number) => {
    id(name);
    flags.set(name, (flags.get(name) ?? 0) | bits);
  };
  for (const f of all) {
    for (const [name, fact] of f.facts) {
      if (facts.has(name)) continue;
      facts.set(name, fact);
      flag(name, Flag.Fact | (fact.direct ? Flag.Direct : 0) | (fact.defined ? Flag.Defined : 0));
    }
    for (const [name, yes] of f.matters) flag(name, Flag.Decided | (yes ? Flag.Matters : 0));
    for (const [name, yes] of f.asks) flag(name, Flag.Asked | (yes ? Flag.Asks : 0));
  }
  const out: number[] = [];
  for (const [name, bits] of flags) {
    const { calls = [], passed = [] } = facts.get(name) ?? {};
    out.push(id(name), bits, calls.length, passed.length, ...calls.map(id), ...passed.map(id));
  }
  return { words: Buffer.from([...ids.keys()].join('\n')), numbers: Uint32Array.from(out) };
}

/** What is kept of a tree, looked into where it is needed. */
export class Base {
  readonly head: Head;
  private readonly names: Uint32Array;
  private readonly reached: Uint32Array;
  private constructor(private readonly parts: readonly Buffer[]) {
    this.head = JSON.parse(parts[0]!.toString()) as Head;
    this.names = numbersIn(parts[1]!);
    this.reached = numbersIn(parts[2]!);
  }

  /** The base that bytes stand for; null when they are not whole. */
  static open(data: Buffer): Base | null {
    try {
      const lengths = JSON.parse(data.toString('latin1', 0, HEAD)) as number[];
      let at = HEAD;
      const parts = lengths.map((n) => {
        const part = data.subarray(at, at + n);
        at += n + (-n & 7);
        return part;
      });
      return at === data.length && parts.length === 10 ? new Base(parts) : null;
    } catch {
      return null;
    }
  }

  index(sources: Sources): Index | null {
    return Index.unpack(this.parts[9]!, sources, MARKS);
  }

  /** Whether a tree's directories, and the files in the index, are as they were. */
  isFresh(root: string, index: Index): boolean {
    const dirTimes = floatsIn(this.parts[7]!);
    const dirs = this.parts[8]!.toString().split('\n');
    for (const [i, dir] of dirs.entries()) {
      const s = statSync(`${root}/${dir}`, { throwIfNoEntry: false });
      if (s?.mtimeMs !== dirTimes[2 * i] || s?.ctimeMs !== dirTimes[2 * i + 1]) return false;
    }
    const stats = floatsIn(this.parts[6]!);
    for (const [i, path] of index.paths.entries()) {
      const s = statSync(`${root}/${path}`, { throwIfNoEntry: false });
      if (
        s?.size !== stats[3 * i] ||
        s?.mtimeMs !== stats[3 * i + 1] ||
        s?.ctimeMs !== stats[3 * i + 2]
      )
        return false;
    }
    return true;
  }

  told({ told: [from, length] }: KeptExporter): { findings: Finding[]; gaps: NotAnalysed[] } {
    return JSON.parse(this.parts[3]!.toString('utf8', from, from + length));
  }

  /** Whether something that asked this has asked for what was touched. */
  isConcerned(
    { names, reached, texts }: KeptKeys,
    t: Touched,
    includes: (id: number) => boolean,
  ): boolean {
    const asked = (list: Uint32Array, [from, n]: readonly [number, number]) =>
      list.subarray(from, from + n);
    return (
      asked(this.names, names).some((n) => t.names.has(n)) ||
      (t.including.length > 0 && asked(this.reached, reached).some(includes)) ||
      texts.some((text) => concerns(text, t))
    );
  }

  /** What was found of names. */
  found(): Map<string, Known> {
    const words = this.parts[4]!.toString('latin1').split('\n');
    const numbers = numbersIn(this.parts[5]!);
    const out = new Map<string, Known>();
    for (let i = 0; i < numbers.length; ) {
      const [id, flags, calls, passed] = numbers.subarray(i, i + 4) as unknown as number[];
      out.set(words[id!]!, new Known(flags!, words, numbers, i + 4, calls!, passed!));
      i += 4 + calls! + passed!;
    }
    return out;
  }
}

const numbersIn = (b: Buffer) =>
  b.byteOffset % 4 === 0
    ? new Uint32Array(b.buffer, b.byteOffset, b.length >> 2)
    : new Uint32Array(Uint8Array.from(b).buffer);
const floatsIn = (b: Buffer) =>
  b.byteOffset % 8 === 0
    ? new Float64Array(b.buffer, b.byteOffset, b.length >> 3)
    : new Float64Array(Uint8Array.from(b).buffer);

/** What was found of one name. */
class Known {
  constructor(
    readonly flags: number,
    private readonly words: readonly string[],
    private readonly numbers: Uint32Array,
    private readonly at: number,
    private readonly nCalls: number,
    private readonly nPassed: number,
  ) {}

  private list(from: number, n: number): string[] {
    return Array.from(this.numbers.subarray(from, from + n), (id) => this.words[id]!);
  }

  get fact(): Fact | undefined {
    if (!(this.flags & Flag.Fact)) return undefined;
    return {
      direct: (this.flags & Flag.Direct) !== 0,
      defined: (this.flags & Flag.Defined) !== 0,
      calls: this.list(this.at, this.nCalls),
      passed: this.passed,
    };
  }

  get passed(): readonly string[] {
    return this.nPassed ? this.list(this.at + this.nCalls, this.nPassed) : [];
  }
}

const bit = (k: Known | undefined, known: Flag, yes: Flag) =>
  k && k.flags & known ? (k.flags & yes) !== 0 : undefined;

/** A name whose text has changed: what it said, and what came of that; undefined: nobody asked. */
export interface Change {
  readonly name: string;
  readonly fact: Fact;
  readonly matters: boolean | undefined;
  readonly asks: boolean | undefined;
}

/** Names of which something was asked, and what the answer was; what is touched is not remembered. */
export class Remembered implements Recalled {
  private readonly names: ReadonlyMap<string, Known>;
  /** Whether all answers still hold. */
  holds = true;

  constructor(
    base: Base,
    private readonly touched: ReadonlySet<string>,
  ) {
    this.names = base.found();
  }

  /** Names whose text was looked at, and has changed. */
  *changed(): Generator<Change> {
    for (const [name, known] of this.names) {
      const stale = this.touched.has(name) || known.passed.some((p) => this.touched.has(p));
      const fact = stale ? known.fact : undefined;
      const matters = bit(known, Flag.Decided, Flag.Matters);
      if (fact) yield { name, fact, matters, asks: bit(known, Flag.Asked, Flag.Asks) };
    }
  }

  /** Every name that was decided about. */
  *decided(): Generator<{ name: string; matters: boolean; asks: boolean | undefined }> {
    for (const [name, known] of this.names) {
      const matters = bit(known, Flag.Decided, Flag.Matters);
      if (matters !== undefined) yield { name, matters, asks: bit(known, Flag.Asked, Flag.Asks) };
    }
  }

  fact(name: string): Fact | undefined {
    const known = this.names.get(name);
    if (this.touched.has(name) || known?.passed.some((p) => this.touched.has(p))) return undefined;
    return known?.fact;
  }

  matters(name: string): boolean | undefined {
    return this.holds ? bit(this.names.get(name), Flag.Decided, Flag.Matters) : undefined;
  }

  asks(name: string): boolean | undefined {
    return this.touched.has(name) ? undefined : bit(this.names.get(name), Flag.Asked, Flag.Asks);
  }
}
