// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * VMAs that become one: a neighbour that is alike takes a range over. 6.1 has it in mm/mmap.c, 6.12 in
 * mm/vma.c.
 */
import { step } from '../../explore/program.ts';
import { type Kernel, vm_operations } from '../kernel.ts';
import { VM_SOFTDIRTY, VM_SPECIAL } from './flags.ts';
import { ANON_VMA_CLONED, clear, inUse } from './vma.ts';

/** mm/vma.c is_mergeable_anon_vma: `there` is the neighbour's, or 0 with `any` where none is asked. */
function anonMergeable(mine: number, there: number, any: boolean): boolean {
  if ((!mine || !there) && (any || (there && !(there & ANON_VMA_CLONED)))) return true;
  return mine === there;
}

const hasClose = (k: Kernel, v: number): boolean =>
  vm_operations.at(k.vm_ops.get(v))?.close !== undefined;

/** mm/vma.c is_mergeable_vma: may neighbour `n` take over memory of these properties? */
function mergeable(k: Kernel, n: number, flags: number, file: number, anon: number): boolean {
  if ((k.vm_flags.get(n) ^ flags) & ~VM_SOFTDIRTY) return false;
  if (k.vm_file.get(n) !== file) return false;
  if (k.linux.close_never_merges && hasClose(k, n)) return false;
  return anonMergeable(anon, k.anon_vma.get(n), false);
}

/** The VMAs that end at `start` and begin at `end`, or -1 each. */
function neighbours(k: Kernel, mm: number, start: number, end: number): [number, number] {
  let prev = -1;
  let next = -1;
  const first = mm * k.config.vmas;
  for (let v = first; v < first + k.config.vmas; v++) {
    if (!inUse(k, v)) continue;
    const to = k.vm_end.get(v);
    if (to === start) prev = v;
    if (k.vm_start.get(v) === end) next = v;
  }
  return [prev, next];
}

const pgoffAtEnd = (k: Kernel, v: number): number =>
  k.vm_pgoff.get(v) + (k.vm_end.get(v) - k.vm_start.get(v));

/**
 * mm/vma.c vma_merge_existing_range (6.1: mm/mmap.c vma_merge): [start, end) of `v` is to get `flags`;
 * if a neighbour is alike, it takes the range over.
 * @returns the VMA that holds the range, with the number of VMAs that are gone (whose references to
 *   the file are the caller's to drop) in bits 16 and up; or -1
 */
export const vma_merge_existing_range = step(
  'vma_merge_existing_range',
  (k: Kernel, v: number, start: number, end: number, flags: number) => {
    if (flags & VM_SPECIAL) return -1;
    const from = k.vm_start.get(v);
    const to = k.vm_end.get(v);
    const leftSide = start === from;
    const rightSide = end === to;
    if (!leftSide && !rightSide) return -1;
    const file = k.vm_file.get(v);
    const anon = k.anon_vma.get(v);
    const pgoff = k.vm_pgoff.get(v) + (start - from);
    const [prev, next] = neighbours(k, Math.floor(v / k.config.vmas), start, end);
    const left =
      leftSide &&
      prev >= 0 &&
      mergeable(k, prev, flags, file, anon) &&
      pgoffAtEnd(k, prev) === pgoff;
    let right =
      rightSide &&
      next >= 0 &&
      mergeable(k, next, flags, file, anon) &&
      k.vm_pgoff.get(next) === pgoff + (end - start) &&
      (!left || anonMergeable(k.anon_vma.get(prev), k.anon_vma.get(next), true));
    if (!left && !right) return -1;
    const whole = leftSide && rightSide;
    if (whole && hasClose(k, v)) return -1;
    if (left && right && hasClose(k, next)) right = false;
    if (left) {
      const last = right ? next : v;
      k.vm_end.set(prev, right ? k.vm_end.get(next) : end);
      if (!k.anon_vma.get(prev)) k.anon_vma.set(prev, k.anon_vma.get(last) || anon);
      if (whole) clear(k, v);
      else {
        k.vm_start.set(v, end);
        k.vm_pgoff.set(v, pgoff + (end - start));
      }
      if (right) clear(k, next);
      return prev | (((whole ? 1 : 0) + (right ? 1 : 0)) << 16);
    }
    k.vm_start.set(next, start);
    k.vm_pgoff.set(next, pgoff);
    if (!k.anon_vma.get(next)) k.anon_vma.set(next, anon);
    if (whole) clear(k, v);
    else k.vm_end.set(v, start);
    return next | ((whole ? 1 : 0) << 16);
  },
  { atomic: 'under mmap_lock and i_mmap_rwsem (mm/vma.c commit_merge)' },
);

/** mm/vma.c vma_merge_new_range (6.1: mm/mmap.c vma_merge), for memory that is in no VMA yet. */
function mergeNew(
  k: Kernel,
  mm: number,
  start: number,
  end: number,
  flags: number,
  file: number,
  pgoff: number,
  anon: number,
  except: number,
): number {
  if (flags & VM_SPECIAL) return -1;
  const [prev, next] = neighbours(k, mm, start, end);
  const left =
    prev >= 0 &&
    prev !== except &&
    mergeable(k, prev, flags, file, anon) &&
    pgoffAtEnd(k, prev) === pgoff;
  const right =
    next >= 0 &&
    next !== except &&
    mergeable(k, next, flags, file, anon) &&
    k.vm_pgoff.get(next) === pgoff + (end - start) &&
    (!left || anonMergeable(k.anon_vma.get(prev), k.anon_vma.get(next), true));
  if (left) {
    const both = right && !hasClose(k, next);
    k.vm_end.set(prev, both ? k.vm_end.get(next) : end);
    if (!both) return prev;
    if (!k.anon_vma.get(prev)) k.anon_vma.set(prev, k.anon_vma.get(next));
    clear(k, next);
    return prev | (1 << 16);
  }
  if (!right) return -1;
  k.vm_start.set(next, start);
  k.vm_pgoff.set(next, pgoff);
  return next;
}

const UNDER_RMAP_LOCKS = 'under mmap_lock and i_mmap_rwsem (mm/vma.c vma_expand)';

/**
 * A new mapping that continues a neighbour becomes part of it, and no callback is made.
 * @param file the new mapping's file, or -1
 * @returns as {@link vma_merge_existing_range}
 */
export const vma_merge_new_range = step(
  'vma_merge_new_range',
  (
    k: Kernel,
    mm: number,
    start: number,
    end: number,
    flags: number,
    file: number,
    pgoff: number,
  ) => {
    const v = mergeNew(k, mm, start, end, flags, file + 1, pgoff, 0, -1);
    if (v >= 0) k.vm_flags.set(v & 0xffff, k.vm_flags.get(v & 0xffff) | VM_SOFTDIRTY);
    return v;
  },
  { atomic: UNDER_RMAP_LOCKS },
);

/** mm/vma.c vma_merge_extend: `v` grows to `end`, and on into its neighbour if that is alike. */
export const vma_merge_extend = step(
  'vma_merge_extend',
  (k: Kernel, v: number, end: number) =>
    mergeNew(
      k,
      Math.floor(v / k.config.vmas),
      k.vm_end.get(v),
      end,
      k.vm_flags.get(v),
      k.vm_file.get(v),
      pgoffAtEnd(k, v),
      k.anon_vma.get(v),
      -1,
    ),
  { atomic: UNDER_RMAP_LOCKS },
);

/** mm/mmap.c vma_adjust of 6.1: `v` simply grows to `end`. */
export const vma_adjust_end = step('vma_adjust', (k: Kernel, v: number, end: number) =>
  k.vm_end.set(v, end),
);

/**
 * mm/vma.c copy_vma, its merging: [start, end) at `pgoff` is to hold what `v` holds.
 * @param keep the source stays (MREMAP_DONTUNMAP), so it must not swallow its own copy
 */
export const vma_merge_copy = step(
  'vma_merge_new_range',
  (k: Kernel, v: number, start: number, end: number, pgoff: number, keep: number) =>
    mergeNew(
      k,
      Math.floor(v / k.config.vmas),
      start,
      end,
      k.vm_flags.get(v),
      k.vm_file.get(v),
      pgoff,
      k.anon_vma.get(v),
      keep ? v : -1,
    ),
  { atomic: UNDER_RMAP_LOCKS },
);
