// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Which file has which names, and what it includes, of all files that matter and all headers that they
 * reach. Two threads share the reading; what is asked for later is read again then.
 */
import { dirOf, type Sources } from '../c/tree.ts';
import type { Helper } from '../scan/helper.ts';
import { Asked } from './asked.ts';
import { type FileNames, type Mark, type Names, numberOf, type Part } from './names.ts';
import { ended, namesIn } from './skim.ts';

/** Files of which another thread is asked for the names. */
export interface NamesRequest {
  readonly job: 'names';
  readonly root: string;
  readonly paths: readonly string[];
  readonly marks: readonly Mark[] | null;
  /** How many are taken, by either thread. */
  readonly taken: SharedArrayBuffer;
}
/** Those that it took: as how manieth, and their names. */
export type NamesReply = readonly (readonly [number, FileNames])[];

/** Ids below this; numbers of names are above. */
const IDS = 2 ** 20;
/** Files below which they are not shared, and those that a thread takes at a time. */
const FEW = 40;
const CHUNK = 8;
/** Headers that a file is taken to include, directly or not. */
const REACH = 1500;

/** What is known of a file beyond its names. */
type Known = Pick<FileNames, 'uses' | 'lost' | 'marks'>;

export class Index {
  /** By id. */
  readonly paths: string[] = [];
  private readonly ids = new Map<string, number>();
  private readonly known: Known[] = [];
  private readonly included: number[][] = [];
  /** Ids of files that matter. */
  private readonly mattering = new Set<number>();
  private readonly reached = new Map<number, Uint16Array>();
  /** number * IDS + id, in order. */
  private postings = new Float64Array();
  /** What came later, and files for which only that counts. */
  private readonly added = new Map<number, number[]>();
  private readonly replaced = new Set<number>();
  /** Who is listening to what is asked. */
  asked = new Asked(false);
  /** Whether what macros make is among the names. */
  complete = false;

  private constructor(
    private readonly sources: Sources,
    /** Patterns, of which it is known in which files' texts they are. */
    readonly marks: readonly Mark[],
  ) {}

  /**
   * @param relevant files that matter
   * @param marks patterns, of which each file's names say whether they are in the text
   * @param root of the tree, for the other thread
   */
  static async of(
    sources: Sources,
    relevant: readonly string[],
    marks: readonly Mark[],
    root: string,
    helper: Helper | null,
  ): Promise<Index> {
    const index = new Index(sources, marks);
    for (const path of relevant) index.mattering.add(index.idOf(path));
    const numbers: Uint32Array[] = [];
    for (let from = 0; from < index.paths.length; ) {
      const level = index.paths.slice(from);
      const names = await index.read(level, from === 0, root, helper);
      for (const [k, n] of names.entries()) {
        numbers.push(n.numbers);
        index.keep(from + k, n);
      }
      from += level.length;
    }
    index.postings = inOrder(numbers);
    return index;
  }

  private idOf(path: string): number {
    let id = this.ids.get(path);
    if (id === undefined) {
      id = this.paths.push(path) - 1;
      this.ids.set(path, id);
    }
    return id;
  }

  /** What a file includes gets ids as well. */
  private keep(id: number, { uses, lost, marks, includes }: FileNames): void {
    this.known[id] = { uses, lost, marks };
    const here = dirOf(this.paths[id]!);
    const list: number[] = [];
    for (const include of includes) {
      const path = this.sources.include(here, include);
      if (path !== null) list.push(this.idOf(path));
    }
    this.included[id] = list;
  }

  /** The names of files, some read by the other thread. */
  private async read(
    paths: readonly string[],
    matter: boolean,
    root: string,
    helper: Helper | null,
  ): Promise<FileNames[]> {
    const other = paths.length >= FEW ? helper : null;
    const marks = matter ? this.marks : null;
    const taken = new SharedArrayBuffer(4);
    const request: NamesRequest = { job: 'names', root, paths, marks, taken };
    const reply = other?.ask<NamesReply>(request);
    const out: FileNames[] = [];
    for (const i of takenOf(paths, taken)) out[i] = this.namesIn(paths[i]!, matter);
    for (const [i, n] of (await reply) ?? []) out[i] = n;
    return out;
  }

  private namesIn(path: string, matter: boolean): FileNames {
    const { tree } = this.sources;
    const bytes = tree.bytes?.(path) ?? ended(tree.read(path) ?? '');
    return namesIn(bytes, matter ? this.marks : null);
  }

  /**
   * Takes changes of files into account. Headers may change, but not come or go: that may change what
   * any #include means.
   * @param known names that have been read already
   */
  change(paths: Iterable<string>, known?: ReadonlyMap<string, Names>): void {
    for (const path of paths) {
      let next = this.paths.length;
      const id = this.idOf(path);
      if (id < next) this.replaced.add(id);
      else next++;
      for (const list of this.added.values()) {
        const at = list.indexOf(id);
        if (at >= 0) list.splice(at, 1);
      }
      if (!this.sources.tree.paths.has(path)) {
        this.mattering.delete(id);
        this.known[id] = { uses: [], lost: [], marks: 0 };
        this.included[id] = [];
        continue;
      }
      this.mattering.add(id);
      this.put(id, true, known?.get(path));
      // Headers that nobody included so far.
      for (; next < this.paths.length; next++) this.put(next, false);
    }
  }

  private put(id: number, matter: boolean, known?: Names): void {
    const path = this.paths[id]!;
    if (known) this.sources.get(path)?.keep(known.skeleton);
    const names = known ?? this.namesIn(path, matter);
    this.keep(id, names);
    for (const n of names.numbers) this.post(n, id);
  }

  private post(n: number, id: number): void {
    const list = this.added.get(n);
    if (!list) this.added.set(n, [id]);
    else if (!list.includes(id)) list.push(id);
  }

  /** The files that matter. */
  get files(): readonly string[] {
    return [...this.mattering].map((id) => this.paths[id]!).sort();
  }

  matters(path: string): boolean {
    return this.mattering.has(this.ids.get(path) ?? -1);
  }

  /** Whether one of the patterns is in a file's text. */
  isMarked(path: string, mark: Mark): boolean {
    return ((this.knownOf(path)?.marks ?? 0) & (1 << this.marks.indexOf(mark))) !== 0;
  }

  /** Files that matter in whose text one of the patterns is, in order. */
  get markedFiles(): readonly string[] {
    return [...this.mattering]
      .filter((id) => this.known[id]?.marks)
      .map((id) => this.paths[id]!)
      .sort();
  }

  /** The file that an #include in a directory means; null: none. */
  resolve(here: string, include: string): string | null {
    return this.sources.include(here, include);
  }

  /** Ids of files that include one of these, directly or not, and of these. */
  includingAny(paths: readonly string[]): Set<number> {
    const found = new Set(paths.flatMap((p) => this.ids.get(p) ?? []));
    for (let before = 0; before !== found.size; ) {
      before = found.size;
      for (const [id, list] of this.included.entries())
        if (!found.has(id) && list.some((i) => found.has(i))) found.add(id);
    }
    return found;
  }

  has(path: string): boolean {
    return this.ids.has(path);
  }

  knownOf(path: string): Known | undefined {
    const id = this.ids.get(path);
    return id === undefined ? undefined : this.known[id];
  }

  /** Files in which a name may play a part, in order, those that matter first. */
  filesWith(part: Part, name: string): string[] {
    const n = numberOf(part, name);
    this.asked.note(n);
    const { postings } = this;
    let [lo, hi] = [0, postings.length];
    while (lo < hi) {
      const mid = (lo + hi) >> 1;
      if (postings[mid]! < n * IDS) lo = mid + 1;
      else hi = mid;
    }
    const found: number[] = [];
    for (; lo < postings.length && postings[lo]! < (n + 1) * IDS; lo++) {
      const id = postings[lo]! - n * IDS;
      if (!this.replaced.has(id)) found.push(id);
    }
    for (const id of this.added.get(n) ?? []) if (!found.includes(id)) found.push(id);
    if (found.length > 1) found.sort(this.order);
    return found.map((id) => this.paths[id]!);
  }

  private readonly order = (a: number, b: number): number => {
    const matters = +this.mattering.has(b) - +this.mattering.has(a);
    return matters || (this.paths[a]! < this.paths[b]! ? -1 : 1);
  };

  /** A name that a file turns out to have, by way of a macro. */
  add(part: Part, name: string, path: string): void {
    this.post(numberOf(part, name), this.ids.get(path)!);
  }

  /**
   * How far away the headers are that a file includes, directly or not: 1 for the first that is met;
   * 0 for files that it does not include.
   */
  private ranks(id: number): Uint16Array {
    let ranks = this.reached.get(id);
    if (ranks) return ranks;
    ranks = new Uint16Array(this.paths.length);
    const queue = [id];
    let rank = 0;
    for (let i = 0; i < queue.length && i < REACH; i++) {
      for (const next of this.included[queue[i]!]!) {
        if (next === id || ranks[next] !== 0) continue;
        ranks[next] = ++rank;
        queue.push(next);
      }
    }
    this.reached.set(id, ranks);
    return ranks;
  }

  /** Those of some files that a file includes, nearest first. */
  reachedOf<T>(from: string, list: readonly T[], path: (one: T) => string): T[] {
    const id = this.ids.get(from);
    if (id === undefined || list.length === 0) return [];
    this.asked.note(-1 - id);
    const ranks = this.ranks(id);
    const rank = (one: T) => ranks[this.ids.get(path(one)) ?? -1] ?? 0;
    return list.filter((one) => rank(one) > 0).sort((a, b) => rank(a) - rank(b));
  }

  /** The index as bytes: a head that says how long each part is, and the parts. */
  pack(): Buffer {
    const added = [...this.added].flatMap(([n, list]) => list.map((id) => n * IDS + id));
    const postings = Float64Array.from(added);
    const lists = Int32Array.from(this.included.flatMap((list) => [list.length, ...list]));
    const known: [number, Known][] = [];
    for (const [id, k] of this.known.entries())
      if (k.uses.length || k.lost.length || k.marks) known.push([id, k]);
    const text = Buffer.from(
      JSON.stringify({ paths: this.paths, mattering: [...this.mattering], known }),
    );
    const first = this.replaced.size
      ? this.postings.filter((p) => !this.replaced.has(p % IDS))
      : this.postings;
    const parts = [first, postings, lists].map((a) =>
      Buffer.from(a.buffer, a.byteOffset, a.byteLength),
    );
    const all = [...parts, text];
    const head = JSON.stringify(all.map((p) => p.length));
    return Buffer.concat([Buffer.from(head.padEnd(HEAD)), ...all]);
  }

  /** The index that bytes stand for; null when they are not whole. */
  static unpack(data: Buffer, sources: Sources, marks: readonly Mark[]): Index | null {
    try {
      const lengths = JSON.parse(data.toString('latin1', 0, HEAD)) as number[];
      let at = HEAD;
      const parts = lengths.map((n) => {
        at += n;
        return data.subarray(at - n, at);
      });
      if (at !== data.length || parts.length !== 4) return null;
      const own = (k: number) => Uint8Array.from(parts[k]!).buffer;
      const { paths, mattering, known } = JSON.parse(parts[3]!.toString()) as {
        paths: string[];
        mattering: number[];
        known: [number, Known][];
      };
      const index = new Index(sources, marks);
      for (const path of paths) index.idOf(path);
      for (const id of mattering) index.mattering.add(id);
      for (let id = 0; id < paths.length; id++) index.known[id] = NOTHING;
      for (const [id, k] of known) index.known[id] = k;
      index.postings = new Float64Array(own(0));
      for (const p of new Float64Array(own(1))) index.post(Math.floor(p / IDS), p % IDS);
      const lists = new Int32Array(own(2));
      for (let i = 0; i < lists.length; i += lists[i]! + 1)
        index.included.push([...lists.subarray(i + 1, i + 1 + lists[i]!)]);
      index.complete = true;
      return index;
    } catch {
      return null;
    }
  }
}

/**
 * number * IDS + id, in order, of the numbers of each id. Numbers are hashes, so few of them agree in their upper
 * half: put with those that do, each is near its place.
 */
function inOrder(numbers: readonly Uint32Array[]) {
  const ends = new Int32Array(1 << 16);
  for (const list of numbers) for (const n of list) ends[n >>> 16]!++;
  let all = 0;
  for (let k = 0; k < ends.length; k++) {
    all += ends[k]!;
    ends[k] = all - ends[k]!;
  }
  const out = new Float64Array(all);
  for (const [id, list] of numbers.entries()) {
    for (const n of list) out[ends[n >>> 16]!++] = n * IDS + id;
  }
  for (let k = 1; k < all; k++) {
    const one = out[k]!;
    let to = k;
    for (; to > 0 && out[to - 1]! > one; to--) out[to] = out[to - 1]!;
    out[to] = one;
  }
  return out;
}

const HEAD = 256;
const NOTHING: Known = { uses: [], lost: [], marks: 0 };

/** Does what another thread asks for. */
export function serveNames(
  { root, paths, marks, taken }: NamesRequest,
  read: (path: string) => Buffer,
): NamesReply {
  const out: [number, FileNames][] = [];
  for (const i of takenOf(paths, taken))
    out.push([i, namesIn(bytesOf(`${root}/${paths[i]}`, read), marks)]);
  return out;
}

/** The files of a list that this thread takes, until all are taken. */
function* takenOf(paths: readonly string[], taken: SharedArrayBuffer): Generator<number> {
  const next = new Int32Array(taken);
  for (let k = Atomics.add(next, 0, CHUNK); k < paths.length; k = Atomics.add(next, 0, CHUNK))
    for (let i = k; i < Math.min(k + CHUNK, paths.length); i++) yield i;
}

function bytesOf(path: string, read: (path: string) => Buffer): Buffer {
  try {
    return read(path);
  } catch {
    return ended('');
  }
}
