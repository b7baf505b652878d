// SPDX-License-Identifier: GPL-2.0-or-later
/** What is known of the files of a tree, as it is kept for the next run: names and numbers, as bytes. */
import { createHash } from 'node:crypto';
import type { Unreadable } from '../scan.ts';

export interface TreeState {
  /** Another one for every state of the tree; '' when a later state may look the same. */
  readonly id: string;
  readonly dirs: readonly string[];
  /** mtime and ctime of each directory, in ms; NaN: not to be relied on. */
  readonly dirTimes: Float64Array;
  /** All *.c and *.h files, relative to the root. */
  readonly paths: readonly string[];
  /** Size, mtime and ctime of each file. */
  readonly stats: Float64Array;
  /** 1 for files that have to be looked into. */
  readonly matters: Uint8Array;
  readonly unreadable: readonly Unreadable[];
}

export const NONE: TreeState = {
  id: '',
  dirs: [],
  dirTimes: new Float64Array(),
  paths: [],
  stats: new Float64Array(),
  matters: new Uint8Array(),
  unreadable: [],
};

/** The files that have to be looked into, in order. */
export function relevantOf({ paths, matters }: TreeState): string[] {
  return paths.filter((_p, i) => matters[i] === 1).sort();
}

const HEAD = 1024;
const bytesOf = (a: Float64Array | Uint8Array) => Buffer.from(a.buffer, a.byteOffset, a.byteLength);

/** The state with its id, and its bytes: a head that says how long each part is, and the parts. */
export function packTree(tree: Omit<TreeState, 'id'>): { state: TreeState; data: Buffer } {
  const names = Buffer.from([...tree.dirs, ...tree.paths].join('\n'));
  const unreadable = Buffer.from(JSON.stringify(tree.unreadable));
  const body = Buffer.concat([
    bytesOf(tree.dirTimes),
    bytesOf(tree.stats),
    bytesOf(tree.matters),
    unreadable,
    names,
  ]);
  const young = tree.dirTimes.some(Number.isNaN) || tree.stats.some(Number.isNaN);
  const id = young ? '' : createHash('sha1').update(body).digest('hex');
  const head = JSON.stringify({
    id,
    dirs: tree.dirs.length,
    paths: tree.paths.length,
    unreadable: unreadable.length,
    length: body.length,
  });
  return { state: { ...tree, id }, data: Buffer.concat([Buffer.from(head.padEnd(HEAD)), body]) };
}

/** The state that bytes stand for; null when they are not whole. */
export function unpackTree(data: Buffer): TreeState | null {
  let head: { id: string; dirs: number; paths: number; unreadable: number; length: number };
  try {
    head = JSON.parse(data.toString('latin1', 0, HEAD));
    if (data.length !== HEAD + head.length) return null;
    let at = HEAD;
    const take = (length: number) => {
      at += length;
      return data.subarray(at - length, at);
    };
    const numbers = (n: number) => new Float64Array(Uint8Array.from(take(8 * n)).buffer);
    const dirTimes = numbers(2 * head.dirs);
    const stats = numbers(3 * head.paths);
    const matters = Uint8Array.from(take(head.paths));
    const unreadable = JSON.parse(take(head.unreadable).toString()) as Unreadable[];
    const names = data.toString('utf8', at).split('\n');
    if (names.length !== head.dirs + head.paths) return null;
    const dirs = names.slice(0, head.dirs);
    return {
      id: head.id,
      dirs,
      dirTimes,
      paths: names.slice(head.dirs),
      stats,
      matters,
      unreadable,
    };
  } catch {
    return null;
  }
}
