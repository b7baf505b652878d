// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Finds the C files of a tree and those among them that the checker has to look into. What was found
 * is kept with the times of all files and directories, so that the next scan reads only what is new.
 * Two threads share each step.
 */
import {
  closeSync,
  type Dirent,
  fstatSync,
  openSync,
  readdirSync,
  readSync,
  type Stats,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { collectLess } from '../tuning.ts';
import type { Helper } from './scan/helper.ts';
import { Search, type Word } from './scan/search.ts';
import { NONE, packTree, type TreeState, unpackTree } from './scan/state.ts';

/** Words without which a file has nothing to do with mappings of device memory. */
const RELEVANT: readonly Word[] = [
  ['vm_area_struct', 0],
  ['vm_fault', 0],
  // The type and what is called, and not some driver's buffer for DMA.
  ['struct dma_buf', 9],
  ...[
    'at',
    'be',
    'de',
    'dy',
    'en',
    'ex',
    'fd',
    'ge',
    'ma',
    'mm',
    'mo',
    'op',
    'pi',
    'pu',
    'un',
    'v',
  ].map((c): Word => [`dma_buf_${c}`, 2]),
  ['dma_map_ops', 6],
  ['drm_gem_ob', 1],
  ['drm_driver', 1],
  ['DRM_GEM_', 2],
  ['follow_p', 5],
  ['hmm_range', 0],
  ['mmu_notif', 1],
  ['mmu_inter', 1],
  ['mmu_inval', 1],
  // The type, and not pfn_to_page().
  ...[' ', '\t', '\n', '\r', ')', '*', ',', ';', '_', '('].map((c): Word => [`pfn_t${c}`, 1]),
  ['unmap_mapping_', 4],
  ['vma_node_unmap', 2],
];
const PATTERN = new RegExp(RELEVANT.map(([word]) => word.replace(/[()*]/g, '\\$&')).join('|'));

/** Whether a file with this text has to be looked into. */
export const isRelevant = (text: string) => PATTERN.test(text);

/** Files beyond this are data: no function of the kernel is near that long. */
const MAX_BYTES = 32 << 20;
/** Most files are no longer. */
const MOST_BYTES = 1 << 16;
/** A file that changed so shortly before it was looked at may change again without a new time. */
const YOUNG_MS = 2000;
/** Files, and directories at the third level, below which a second thread is not worth its start. */
const FEW = 3000;
const MANY_DIRS = 100;
/** Files that a thread takes at a time. */
const CHUNK = 32;

export interface Unreadable {
  readonly path: string;
  readonly why: string;
}

/** What one thread is asked to do for a scan. */
export type ScanRequest =
  | {
      readonly job: 'scan';
      readonly step: 'walk';
      readonly root: string;
      readonly dirs: readonly string[];
      /** How many are taken, by either thread. */
      readonly taken: SharedArrayBuffer;
    }
  | {
      readonly job: 'scan';
      readonly step: 'stat';
      readonly root: string;
      readonly file: string;
    }
  | {
      readonly job: 'scan';
      readonly step: 'read';
      readonly root: string;
      /** One path a line. */
      readonly paths: string;
      readonly shared: Shared;
    };

/** What both threads see of files that are being read. */
interface Shared {
  /** How many are taken, by either thread. */
  readonly taken: SharedArrayBuffer;
  /** Size, mtime and ctime of each file. */
  readonly stats: SharedArrayBuffer;
}

export type ScanReply = Walks | Changes | Sifted;

const SKIP = new Set(['.git', 'node_modules', '.svn', '.hg']);
/** Why a path cannot be read. Node has names as UTF-8 only: bytes that are none are lost. */
const reason = (error: unknown, path: string) =>
  path.includes('\ufffd')
    ? 'a name that is not UTF-8'
    : ((error as NodeJS.ErrnoException).code ?? String(error));

// --- walking -------------------------------------------------------------------------------------

/** Directories and *.c and *.h files, relative to the root, with their times. */
export interface Walked {
  readonly dirs: readonly string[];
  /** mtime and ctime of each directory, in ms; NaN: not to be relied on. */
  readonly dirTimes: Float64Array;
  readonly paths: readonly string[];
  readonly unreadable: readonly Unreadable[];
}

/** What was found below directories of a list: as how manieth. */
type Walks = readonly (readonly [number, Walked])[];

/** The latest change after which times can be relied on, in ms. */
const settled = () => Date.now() - YOUNG_MS;

/** Size and times of a file or directory; undefined where they cannot be had. */
function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** Lists directories with all below them, or alone. Links are not followed, so there are no loops. */
function walk(root: string, from: readonly string[], deep: boolean, below?: string[]): Walked {
  const latest = settled();
  const dirs: string[] = [];
  const dirTimes: number[] = [];
  const paths: string[] = [];
  const unreadable: Unreadable[] = [];
  const stack = [...from].reverse();
  for (let dir = stack.pop(); dir !== undefined; dir = stack.pop()) {
    // Times before entries: what is added in between shows next time.
    const at = statOf(join(root, dir));
    let entries: Dirent[];
    try {
      entries = readdirSync(join(root, dir), { withFileTypes: true });
    } catch (error) {
      unreadable.push({ path: dir || '.', why: reason(error, dir) });
      entries = [];
    }
    dirs.push(dir);
    if (at && at.ctimeMs < latest) dirTimes.push(at.mtimeMs, at.ctimeMs);
    else dirTimes.push(NaN, NaN);
    for (const entry of entries) {
      const path = dir ? `${dir}/${entry.name}` : entry.name;
      if (entry.isDirectory()) {
        if (SKIP.has(entry.name)) continue;
        if (deep) stack.push(path);
        else below?.push(path);
      } else if (/\.[ch]$/.test(entry.name) && entry.isFile()) {
        if (path.includes('\n')) {
          unreadable.push({ path: JSON.stringify(path), why: 'a line break in its name' });
          continue;
        }
        paths.push(path);
      }
    }
  }
  return {
    dirs,
    dirTimes: Float64Array.from(dirTimes),
    paths,
    unreadable,
  };
}

function concat(parts: readonly Float64Array[]): Float64Array {
  const out = new Float64Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function merged(parts: readonly Walked[]): Walked {
  return {
    dirs: parts.flatMap((p) => p.dirs),
    dirTimes: concat(parts.map((p) => p.dirTimes)),
    paths: parts.flatMap((p) => p.paths),
    unreadable: parts.flatMap((p) => p.unreadable),
  };
}

/** What is below directories of a list: which one, until all are taken. */
function walkSome(root: string, dirs: readonly string[], taken: SharedArrayBuffer): Walks {
  const next = new Int32Array(taken);
  const out: [number, Walked][] = [];
  for (let i = Atomics.add(next, 0, 1); i < dirs.length; i = Atomics.add(next, 0, 1))
    out.push([i, walk(root, [dirs[i]!], true)]);
  return out;
}

async function walkTree(root: string, helper: Helper | null): Promise<Walked> {
  const second: string[] = [];
  const third: string[] = [];
  const top = walk(root, [''], false, second);
  const next = walk(root, second, false, third);
  const taken = new SharedArrayBuffer(4);
  const reply =
    third.length < MANY_DIRS
      ? null
      : helper?.ask<Walks>({ job: 'scan', step: 'walk', root, dirs: third, taken });
  const mine = walkSome(root, third, taken);
  const below = [...mine, ...((await reply) ?? [])].sort(([a], [b]) => a - b);
  return merged([top, next, ...below.map(([, walked]) => walked)]);
}

// --- what has changed ----------------------------------------------------------------------------

/** What of a known tree is not as it was. */
export interface Changes {
  /** Whether a directory has changed: what is in it is not known. */
  readonly moved: boolean;
  /** Indices of files. */
  readonly files: readonly number[];
}

/** Compares the times of the even or the odd entries, or all. */
function changesOf(root: string, tree: TreeState, first: number, step: number): Changes {
  let moved = false;
  for (let i = first; i < tree.dirs.length && !moved; i += step) {
    const s = statOf(`${root}/${tree.dirs[i]}`);
    moved = s?.mtimeMs !== tree.dirTimes[2 * i] || s?.ctimeMs !== tree.dirTimes[2 * i + 1];
  }
  const files: number[] = [];
  for (let i = first; i < tree.paths.length; i += step) {
    const s = statOf(`${root}/${tree.paths[i]}`);
    if (
      s?.size !== tree.stats[3 * i] ||
      s?.mtimeMs !== tree.stats[3 * i + 1] ||
      s?.ctimeMs !== tree.stats[3 * i + 2]
    )
      files.push(i);
  }
  return { moved, files };
}

// --- reading -------------------------------------------------------------------------------------

let search: Search | undefined;

/**
 * Bytes of a file in the search's room: how many.
 * @param before called with the open file
 */
function readFile(room: Search, path: string, before?: (fd: number) => void): number {
  const fd = openSync(path, 'r');
  try {
    before?.(fd);
    let length = 0;
    // One byte more than there should be: a short read is the end.
    for (let size = MOST_BYTES + 1; ; size = Math.min(2 * size, MAX_BYTES)) {
      const buffer = room.room(size);
      length += readSync(fd, buffer, length, size - length, null);
      if (length < size || size >= MAX_BYTES) return length;
    }
  } finally {
    closeSync(fd);
  }
}

/** Bytes of a file as Latin-1, so that offsets are bytes and no input is invalid. */
export function readLatin1(path: string): string {
  const room = (search ??= new Search(RELEVANT));
  const length = readFile(room, path);
  return room.room(length).toString('latin1');
}

/** Bytes of a file with two zeros behind, good until the next file is read. */
export function readBytes(path: string): Buffer {
  const room = (search ??= new Search(RELEVANT));
  const length = readFile(room, path);
  return room.room(length + 2).fill(0, length);
}

/** Which files matter: indices into the list. */
export interface Sifted {
  readonly relevant: readonly number[];
  readonly unreadable: readonly Unreadable[];
}

/** Looks through files until all are taken. */
function sift(root: string, paths: readonly string[], shared: Shared): Sifted {
  const room = (search ??= new Search(RELEVANT));
  const next = new Int32Array(shared.taken);
  const stats = new Float64Array(shared.stats);
  const latest = settled();
  const relevant: number[] = [];
  const unreadable: Unreadable[] = [];
  const note = (i: number, s: Stats | undefined) => {
    const relied = s !== undefined && s.ctimeMs < latest;
    stats[3 * i] = s?.size ?? 0;
    stats[3 * i + 1] = relied ? s.mtimeMs : NaN;
    stats[3 * i + 2] = relied ? s.ctimeMs : NaN;
  };
  for (;;) {
    const from = Atomics.add(next, 0, CHUNK);
    if (from >= paths.length) break;
    for (let i = from; i < Math.min(from + CHUNK, paths.length); i++) {
      const path = `${root}/${paths[i]}`;
      try {
        // Times before bytes: what is written in between shows next time.
        const length = readFile(room, path, (fd) => note(i, fstatSync(fd)));
        if (room.found(length)) relevant.push(i);
      } catch (error) {
        note(i, statOf(path));
        unreadable.push({ path: paths[i]!, why: reason(error, path) });
      }
    }
  }
  return { relevant, unreadable };
}

/** Also says size, mtime and ctime of each file. */
async function siftTree(root: string, paths: readonly string[], helper: Helper | null) {
  const shared: Shared = {
    taken: new SharedArrayBuffer(4),
    stats: new SharedArrayBuffer(3 * 8 * paths.length),
  };
  const reply =
    helper && paths.length >= FEW
      ? helper.ask<Sifted>({ job: 'scan', step: 'read', root, paths: paths.join('\n'), shared })
      : null;
  const mine = sift(root, paths, shared);
  const theirs = await reply;
  return {
    relevant: [...mine.relevant, ...(theirs?.relevant ?? [])],
    unreadable: [...mine.unreadable, ...(theirs?.unreadable ?? [])],
    stats: new Float64Array(shared.stats),
  };
}

// --- all of it -----------------------------------------------------------------------------------

/** Where something is kept for later runs. */
export interface Keeper {
  readonly file: string;
  load(): Buffer | null;
  save(data: Buffer): void;
}

/**
 * The C files of a tree, and which of them matter.
 * @param helper a second thread; null to do without
 * @param keeper where the last scan is, and this one will be
 */
export async function scan(
  root: string,
  helper: Helper | null,
  keeper: Keeper | null = null,
): Promise<TreeState> {
  const data = keeper?.load();
  const known = (data && unpackTree(data)) || NONE;
  let changes: Changes = { moved: true, files: [] };
  if (known.paths.length > 0) {
    const other = known.paths.length < FEW ? null : helper;
    const reply = other?.ask<Changes>({ job: 'scan', step: 'stat', root, file: keeper!.file });
    const mine = changesOf(root, known, 0, other ? 2 : 1);
    const theirs = await reply;
    changes = {
      moved: mine.moved || (theirs?.moved ?? false),
      files: [...mine.files, ...(theirs?.files ?? [])],
    };
    if (!changes.moved && changes.files.length === 0) return known;
  } else collectLess();
  const walked = changes.moved ? await walkTree(root, helper) : walkedBefore(known);
  const { matters, stats, fresh } = carriedOver(known, walked.paths, changes.files);
  const sifted = await siftTree(
    root,
    fresh.map((i) => walked.paths[i]!),
    helper,
  );
  for (const i of sifted.relevant) matters[fresh[i]!] = 1;
  for (const [k, i] of fresh.entries()) copyStats(sifted.stats, k, stats, i);
  const unreadable = [...walked.unreadable, ...sifted.unreadable];
  const { state, data: bytes } = packTree({ ...walked, stats, matters, unreadable });
  keeper?.save(bytes);
  return state;
}

/** A known tree as a walk would find it. */
function walkedBefore({ dirs, dirTimes, paths, unreadable }: TreeState): Walked {
  const files = new Set(paths);
  return { dirs, dirTimes, paths, unreadable: unreadable.filter((u) => !files.has(u.path)) };
}

function copyStats(from: Float64Array, k: number, to: Float64Array, i: number): void {
  for (let j = 0; j < 3; j++) to[3 * i + j] = from[3 * k + j]!;
}

/** What is known of files that are as they were, and which are not. */
function carriedOver(known: TreeState, paths: readonly string[], changed: readonly number[]) {
  const matters = new Uint8Array(paths.length);
  const stats = new Float64Array(3 * paths.length);
  const fresh: number[] = [];
  const before = new Map(known.paths.map((p, i) => [p, i]));
  for (const i of changed) before.delete(known.paths[i]!);
  for (const { path } of known.unreadable) before.delete(path);
  for (let i = 0; i < paths.length; i++) {
    const k = before.get(paths[i]!);
    if (k === undefined) {
      fresh.push(i);
      continue;
    }
    matters[i] = known.matters[k]!;
    copyStats(known.stats, k, stats, i);
  }
  return { matters, stats, fresh };
}

/** Does what another thread asks for. */
export function serveScan(request: ScanRequest, load: (file: string) => Buffer): ScanReply {
  const { root } = request;
  if (request.step === 'walk') return walkSome(root, request.dirs, request.taken);
  if (request.step === 'read') return sift(root, request.paths.split('\n'), request.shared);
  const known = unpackTree(load(request.file));
  return known ? changesOf(root, known, 1, 2) : { moved: true, files: [] };
}
