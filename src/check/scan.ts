// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Finds the C files of a tree and those among them that the checker has to look into. What was found
 * is kept with the times of all files and directories, so that the next scan reads only what is new.
 * Two threads share each step.
 */
import { closeSync, type Dirent, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
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
  | { readonly job: 'scan'; readonly step: 'walk'; readonly root: string; readonly dirs: string[] }
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
      /** How many are taken, by either thread. */
      readonly taken: SharedArrayBuffer;
    };

export type ScanReply = Walked | Changes | Sifted;

const SKIP = new Set(['.git', 'node_modules', '.svn', '.hg']);
const reason = (error: unknown) => (error as NodeJS.ErrnoException).code ?? String(error);

// --- walking -------------------------------------------------------------------------------------

/** Directories and *.c and *.h files, relative to the root, with their times. */
export interface Walked {
  readonly dirs: string[];
  /** mtime and ctime of each directory, in ms; NaN: not to be relied on. */
  readonly dirTimes: Float64Array;
  readonly paths: string[];
  /** Size, mtime and ctime of each file. */
  readonly stats: Float64Array;
  readonly unreadable: Unreadable[];
}

/** Lists directories with all below them, or alone. Links are not followed, so there are no loops. */
function walk(root: string, from: readonly string[], deep: boolean, below?: string[]): Walked {
  const oldest = Date.now() - YOUNG_MS;
  const dirs: string[] = [];
  const dirTimes: number[] = [];
  const paths: string[] = [];
  const stats: number[] = [];
  const unreadable: Unreadable[] = [];
  const stack = [...from].reverse();
  for (let dir = stack.pop(); dir !== undefined; dir = stack.pop()) {
    // Times before entries: what is added in between shows next time.
    const at = statSync(join(root, dir), { throwIfNoEntry: false });
    let entries: Dirent[];
    try {
      entries = readdirSync(join(root, dir), { withFileTypes: true });
    } catch (error) {
      unreadable.push({ path: dir || '.', why: reason(error) });
      entries = [];
    }
    dirs.push(dir);
    if (at && at.ctimeMs < oldest) dirTimes.push(at.mtimeMs, at.ctimeMs);
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
        const s = statSync(`${root}/${path}`, { throwIfNoEntry: false });
        if (s && s.ctimeMs < oldest) stats.push(s.size, s.mtimeMs, s.ctimeMs);
        else stats.push(s?.size ?? 0, NaN, NaN);
      }
    }
  }
  return {
    dirs,
    dirTimes: Float64Array.from(dirTimes),
    paths,
    stats: Float64Array.from(stats),
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
    stats: concat(parts.map((p) => p.stats)),
    unreadable: parts.flatMap((p) => p.unreadable),
  };
}

async function walkTree(root: string, helper: Helper | null): Promise<Walked> {
  const second: string[] = [];
  const third: string[] = [];
  const top = walk(root, [''], false, second);
  const next = walk(root, second, false, third);
  if (!helper || third.length < MANY_DIRS) return merged([top, next, walk(root, third, true)]);
  const reply = helper.ask<Walked>({
    job: 'scan',
    step: 'walk',
    root,
    dirs: third.filter((_d, i) => i % 2 === 1),
  });
  const mine = walk(
    root,
    third.filter((_d, i) => i % 2 === 0),
    true,
  );
  return merged([top, next, mine, await reply]);
}

// --- what has changed ----------------------------------------------------------------------------

/** What of a known tree is not as it was. */
export interface Changes {
  /** Whether a directory has changed: what is in it is not known. */
  readonly moved: boolean;
  /** Indices of files. */
  readonly files: number[];
}

/** Compares the times of the even or the odd entries, or all. */
function changesOf(root: string, tree: TreeState, first: number, step: number): Changes {
  for (let i = first; i < tree.dirs.length; i += step) {
    const s = statSync(`${root}/${tree.dirs[i]}`, { throwIfNoEntry: false });
    if (s?.mtimeMs !== tree.dirTimes[2 * i] || s?.ctimeMs !== tree.dirTimes[2 * i + 1])
      return { moved: true, files: [] };
  }
  const files: number[] = [];
  for (let i = first; i < tree.paths.length; i += step) {
    const s = statSync(`${root}/${tree.paths[i]}`, { throwIfNoEntry: false });
    if (
      s?.size !== tree.stats[3 * i] ||
      s?.mtimeMs !== tree.stats[3 * i + 1] ||
      s?.ctimeMs !== tree.stats[3 * i + 2]
    )
      files.push(i);
  }
  return { moved: false, files };
}

// --- reading -------------------------------------------------------------------------------------

let search: Search | undefined;

/** Bytes of a file in the search's room: how many. */
function readFile(room: Search, path: string, guess: number): number {
  const fd = openSync(path, 'r');
  try {
    let length = 0;
    // One byte more than there should be: a short read is the end.
    for (let size = Math.min(guess, MAX_BYTES) + 1; ; size = Math.min(2 * size, MAX_BYTES)) {
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
  const length = readFile(room, path, 1 << 16);
  return room.room(length).toString('latin1');
}

/** Bytes of a file with two zeros behind, good until the next file is read. */
export function readBytes(path: string): Buffer {
  const room = (search ??= new Search(RELEVANT));
  const length = readFile(room, path, 1 << 16);
  return room.room(length + 2).fill(0, length);
}

/** Which files matter: indices into the list. */
export interface Sifted {
  readonly relevant: number[];
  readonly unreadable: Unreadable[];
}

/** Looks through files until all are taken. */
function sift(root: string, paths: readonly string[], taken: Int32Array): Sifted {
  const room = (search ??= new Search(RELEVANT));
  const relevant: number[] = [];
  const unreadable: Unreadable[] = [];
  for (;;) {
    const from = Atomics.add(taken, 0, CHUNK);
    if (from >= paths.length) break;
    for (let i = from; i < Math.min(from + CHUNK, paths.length); i++) {
      try {
        if (room.found(readFile(room, `${root}/${paths[i]}`, 1 << 16))) relevant.push(i);
      } catch (error) {
        unreadable.push({ path: paths[i]!, why: reason(error) });
      }
    }
  }
  return { relevant, unreadable };
}

async function siftTree(
  root: string,
  paths: readonly string[],
  helper: Helper | null,
): Promise<Sifted> {
  const taken = new SharedArrayBuffer(4);
  const reply =
    helper && paths.length >= FEW
      ? helper.ask<Sifted>({ job: 'scan', step: 'read', root, paths: paths.join('\n'), taken })
      : null;
  const mine = sift(root, paths, new Int32Array(taken));
  const theirs = await reply;
  return {
    relevant: [...mine.relevant, ...(theirs?.relevant ?? [])],
    unreadable: [...mine.unreadable, ...(theirs?.unreadable ?? [])],
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
  if (known.paths.length > 0) {
    const other = known.paths.length < FEW ? null : helper;
    const reply = other?.ask<Changes>({ job: 'scan', step: 'stat', root, file: keeper!.file });
    const parts = [changesOf(root, known, 0, other ? 2 : 1), await reply];
    if (parts.every((p) => !p || (!p.moved && p.files.length === 0))) return known;
  }
  const walked = await walkTree(root, helper);
  const { matters, fresh } = carriedOver(known, walked);
  const sifted = await siftTree(
    root,
    fresh.map((i) => walked.paths[i]!),
    helper,
  );
  for (const i of sifted.relevant) matters[fresh[i]!] = 1;
  const unreadable = [...walked.unreadable, ...sifted.unreadable];
  const { state, data: bytes } = packTree({ ...walked, matters, unreadable });
  keeper?.save(bytes);
  return state;
}

/** What is known of files that are as they were, and which are not. */
function carriedOver(known: TreeState, { paths, stats }: Walked) {
  const matters = new Uint8Array(paths.length);
  const fresh: number[] = [];
  const before = new Map(known.paths.map((p, i) => [p, i]));
  for (const { path } of known.unreadable) before.delete(path);
  for (let i = 0; i < paths.length; i++) {
    const k = before.get(paths[i]!);
    const same =
      k !== undefined && [0, 1, 2].every((j) => known.stats[3 * k + j] === stats[3 * i + j]);
    if (same) matters[i] = known.matters[k]!;
    else fresh.push(i);
  }
  return { matters, fresh };
}

/** Does what another thread asks for. */
export function serveScan(request: ScanRequest, load: (file: string) => Buffer): ScanReply {
  const { root } = request;
  if (request.step === 'walk') return walk(root, request.dirs, true);
  if (request.step === 'read')
    return sift(root, request.paths.split('\n'), new Int32Array(request.taken));
  const known = unpackTree(load(request.file));
  return known ? changesOf(root, known, 1, 2) : { moved: true, files: [] };
}
