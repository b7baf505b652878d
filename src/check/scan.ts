// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Finds the C files of a tree and those among them that the checker has to look into: one pass of
 * one regular expression over every file's bytes, spread over the processors.
 */
import { createHash } from 'node:crypto';
import { closeSync, type Dirent, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';

/** Words without which a file has nothing to do with mappings of device memory. */
const RELEVANT =
  /vm_area_struct|vm_fault|dma_buf|dma_map_ops|drm_gem_ob|drm_driver|DRM_GEM_|follow_p|hmm_range|mmu_[ni]|pfn_t/;

/** Whether a file with this text has to be looked into. */
export const isRelevant = (text: string) => RELEVANT.test(text);

/** Files beyond this are data: no function of the kernel is near that long. */
const MAX_BYTES = 32 << 20;

export interface Walked {
  /** Relative to the root, with `/`, in order. */
  readonly paths: string[];
  readonly unreadable: { readonly path: string; readonly why: string }[];
}

export interface Scanned extends Walked {
  readonly relevant: string[];
}

export interface ScanRequest {
  readonly job: 'scan';
  readonly root: string;
  readonly paths: readonly string[];
}
export interface ScanReply {
  readonly relevant: string[];
  readonly unreadable: { readonly path: string; readonly why: string }[];
}

const SKIP = new Set(['.git', 'node_modules', '.svn', '.hg']);

/** All *.c and *.h below a directory. Symbolic links are not followed, so there are no loops. */
export function walk(root: string, under = ''): Walked {
  const paths: string[] = [];
  const unreadable: { path: string; why: string }[] = [];
  const stack = [under];
  for (let dir = stack.pop(); dir !== undefined; dir = stack.pop()) {
    let entries: Dirent[];
    try {
      entries = readdirSync(join(root, dir), { withFileTypes: true });
    } catch (error) {
      unreadable.push({ path: dir || '.', why: reason(error) });
      continue;
    }
    for (const entry of entries) {
      const path = dir ? `${dir}/${entry.name}` : entry.name;
      if (entry.isDirectory()) {
        if (!SKIP.has(entry.name)) stack.push(path);
      } else if (/\.[ch]$/.test(entry.name) && entry.isFile()) paths.push(path);
    }
  }
  return { paths: paths.sort(), unreadable };
}

const reason = (error: unknown) => (error as NodeJS.ErrnoException).code ?? String(error);

/** Bytes of a file as Latin-1, so that offsets are bytes and no input is invalid. */
export function readLatin1(path: string): string {
  const fd = openSync(path, 'r');
  try {
    let length = 0;
    for (;;) {
      const n = readSync(fd, buffer, length, buffer.length - length, null);
      length += n;
      if (n === 0) break;
      if (length < buffer.length) continue;
      if (length >= MAX_BYTES) break;
      const larger = Buffer.allocUnsafeSlow(buffer.length * 2);
      buffer.copy(larger, 0, 0, length);
      buffer = larger;
    }
    return buffer.toString('latin1', 0, length);
  } finally {
    closeSync(fd);
  }
}
let buffer = Buffer.allocUnsafeSlow(1 << 20);

/** Which of these files matter. */
export function scanFiles({ root, paths }: Omit<ScanRequest, 'job'>): ScanReply {
  const relevant: string[] = [];
  const unreadable: { path: string; why: string }[] = [];
  for (const path of paths) {
    try {
      if (isRelevant(readLatin1(join(root, path)))) relevant.push(path);
    } catch (error) {
      unreadable.push({ path, why: reason(error) });
    }
  }
  return { relevant, unreadable };
}

/** Files per worker below which a worker is not worth its start. */
const FEW = 3000;

/** @param self URL of the program, for worker threads; null to do without */
export async function scan(root: string, self: string | null): Promise<Scanned> {
  const { paths, unreadable } = walk(root);
  const many = self === null || paths.length < FEW ? 1 : Math.min(availableParallelism(), 4);
  // Every n-th file each: neighbours are alike in size.
  const shares = Array.from({ length: many }, (_, i) => paths.filter((_p, k) => k % many === i));
  const others = shares.slice(1).map(
    (share) =>
      new Promise<ScanReply>((resolve, reject) => {
        const worker = new Worker(new URL(self!));
        worker.once('error', reject);
        worker.once('message', (reply: ScanReply) => {
          resolve(reply);
          void worker.terminate();
        });
        worker.postMessage({ job: 'scan', root, paths: share } satisfies ScanRequest);
      }),
  );
  const mine = scanFiles({ root, paths: shares[0]! });
  const all = [mine, ...(await Promise.all(others))];
  return {
    paths,
    relevant: all.flatMap((r) => r.relevant).sort(),
    unreadable: [...unreadable, ...all.flatMap((r) => r.unreadable)],
  };
}

/** Names, sizes and times of all files of a tree: equal when nothing was touched. */
export function fingerprint(root: string): string {
  const { paths } = walk(root);
  const hash = createHash('sha1').update(root);
  const part: string[] = [];
  for (const path of paths) {
    const s = statSync(join(root, path), { throwIfNoEntry: false });
    part.push(`${path}:${s?.size}:${s?.mtimeMs}:${s?.ctimeMs}`);
  }
  return hash.update(part.join('\n')).digest('hex');
}
