// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Which file has which names, and what it includes, of all files that matter and all headers that they
 * reach. Two threads share the reading; what is asked for later is read again then.
 */
import { dirOf, type Sources } from '../c/tree.ts';
import type { Helper } from '../scan/helper.ts';
import { type FileNames, namesOf, numberOf, type Part } from './names.ts';

/** Files of which another thread is asked for the names. */
export interface NamesRequest {
  readonly job: 'names';
  readonly root: string;
  readonly paths: readonly string[];
  readonly marks: readonly RegExp[] | null;
}
export type NamesReply = readonly FileNames[];

/** Ids below this; numbers of names are above. */
const IDS = 2 ** 20;
/** Files below which they are not shared. */
const FEW = 40;
/** Headers that a file is taken to include, directly or not. */
const REACH = 1500;

type Names = Omit<FileNames, 'numbers'>;

export class Index {
  /** By id; those that matter come first, in order. */
  readonly paths: string[] = [];
  private readonly ids = new Map<string, number>();
  private readonly names: Names[] = [];
  private readonly included: number[][] = [];
  private readonly reached = new Map<number, Uint16Array>();
  /** number * IDS + id, in order. */
  private postings = new Float64Array();
  private readonly added = new Map<number, number[]>();
  private relevant = 0;

  private constructor(private readonly marks: readonly RegExp[]) {}

  /**
   * @param relevant files that matter
   * @param marks patterns, of which each file's names say whether they are in the text
   */
  static async of(
    sources: Sources,
    relevant: readonly string[],
    marks: readonly RegExp[],
    root: string,
    helper: Helper | null,
  ): Promise<Index> {
    const index = new Index(marks);
    const numbers: Uint32Array[] = [];
    const idOf = (path: string) => {
      let id = index.ids.get(path);
      if (id === undefined) {
        id = index.paths.push(path) - 1;
        index.ids.set(path, id);
      }
      return id;
    };
    for (const path of relevant) idOf(path);
    index.relevant = relevant.length;
    for (let from = 0; from < index.paths.length; ) {
      const level = index.paths.slice(from);
      for (const n of await read(level, from === 0)) {
        numbers.push(n.numbers);
        index.names.push(n);
      }
      for (let id = from; id < from + level.length; id++) {
        const here = dirOf(index.paths[id]!);
        const list: number[] = [];
        for (const include of index.names[id]!.includes) {
          const path = sources.include(here, include);
          if (path !== null) list.push(idOf(path));
        }
        index.included.push(list);
      }
      from += level.length;
    }
    const postings = new Float64Array(numbers.reduce((n, list) => n + list.length, 0));
    let at = 0;
    for (const [id, list] of numbers.entries()) for (const n of list) postings[at++] = n * IDS + id;
    index.postings = postings.sort();
    return index;

    /** Every second file is read by the other thread. */
    async function read(paths: readonly string[], matter: boolean): Promise<FileNames[]> {
      const other = paths.length >= FEW ? helper : null;
      const wanted = matter ? marks : null;
      const theirs = paths.filter((_p, i) => i % 2 === 1);
      const reply = other?.ask<NamesReply>({
        job: 'names',
        root,
        paths: theirs,
        marks: wanted,
      } satisfies NamesRequest);
      const out: FileNames[] = [];
      for (let i = 0; i < paths.length; i += other ? 2 : 1) {
        const path = paths[i]!;
        // What matters will be asked for again.
        const file = matter ? sources.get(path)! : null;
        const text = file ? file.text : (sources.tree.read(path) ?? '');
        const { skeleton, ...names } = namesOf(text, wanted);
        file?.keep(skeleton);
        out[i] = names;
      }
      for (const [k, n] of ((await reply) ?? []).entries()) out[2 * k + 1] = n;
      return out;
    }
  }

  /** The files that matter. */
  get files(): readonly string[] {
    return this.paths.slice(0, this.relevant);
  }

  matters(path: string): boolean {
    return (this.ids.get(path) ?? IDS) < this.relevant;
  }

  /** Whether one of the patterns is in a file's text. */
  isMarked(path: string, pattern: RegExp): boolean {
    return ((this.namesOf(path)?.marks ?? 0) & (1 << this.marks.indexOf(pattern))) !== 0;
  }

  namesOf(path: string): Names | undefined {
    const id = this.ids.get(path);
    return id === undefined ? undefined : this.names[id];
  }

  /** Files in which a name may play a part, those that matter first. */
  filesWith(part: Part, name: string): string[] {
    const n = numberOf(part, name);
    const { postings } = this;
    let [lo, hi] = [0, postings.length];
    while (lo < hi) {
      const mid = (lo + hi) >> 1;
      if (postings[mid]! < n * IDS) lo = mid + 1;
      else hi = mid;
    }
    const out: string[] = [];
    for (; lo < postings.length && postings[lo]! < (n + 1) * IDS; lo++)
      out.push(this.paths[postings[lo]! - n * IDS]!);
    for (const id of this.added.get(n) ?? []) {
      const path = this.paths[id]!;
      if (!out.includes(path)) out.push(path);
    }
    return out;
  }

  /** A name that a file turns out to have, by way of a macro. */
  add(part: Part, name: string, path: string): void {
    const n = numberOf(part, name);
    const id = this.ids.get(path)!;
    const list = this.added.get(n);
    if (!list) this.added.set(n, [id]);
    else if (!list.includes(id)) list.push(id);
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
    const ranks = this.ranks(id);
    const rank = (one: T) => ranks[this.ids.get(path(one)) ?? -1] ?? 0;
    return list.filter((one) => rank(one) > 0).sort((a, b) => rank(a) - rank(b));
  }
}

/** Does what another thread asks for. */
export function serveNames(request: NamesRequest, read: (path: string) => string): NamesReply {
  return request.paths.map((path) => {
    const { skeleton, ...names } = namesOf(textOf(`${request.root}/${path}`, read), request.marks);
    return names;
  });
}

function textOf(path: string, read: (path: string) => string): string {
  try {
    return read(path);
  } catch {
    return '';
  }
}
