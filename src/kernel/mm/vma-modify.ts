// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Giving a part of a VMA other flags: merge with a neighbour if that makes them alike, else split.
 * mm/vma.c vma_modify (6.1: vma_merge and split_vma in each caller).
 */
import { type Run, routine, step } from '../../explore/program.ts';
import { fput } from '../fs/file.ts';
import type { Kernel } from '../kernel.ts';
import { split_vma } from './mmap.ts';
import { vm_end, vm_file, vm_start } from './vma.ts';
import { vma_merge_existing_range } from './vma-merge.ts';

/** mm/vma.c vm_flags_reset */
export const vm_flags_reset = step('vm_flags_reset', (k: Kernel, v: number, flags: number) =>
  k.vm_flags.set(v, flags),
);

/**
 * Makes [start, end), which lies in `vma`, a VMA that may get `flags`; the caller sets them.
 * @returns the VMA of the range, which may be longer after a merge; or a negative errno
 */
export const vma_modify_flags = routine(
  'vma_modify_flags',
  function* (vma: number, start: number, end: number, flags: number): Run<number> {
    const file = yield* vm_file(vma);
    const merged = yield* vma_merge_existing_range(vma, start, end, flags);
    if (merged >= 0) {
      for (let gone = merged >> 16; file && gone > 0; gone--) yield* fput(file - 1);
      return merged & 0xffff;
    }
    let target = vma;
    if ((yield* vm_start(vma)) < start) {
      target = yield* split_vma(vma, start);
      if (target < 0) return target;
    }
    if ((yield* vm_end(target)) > end) {
      const rest = yield* split_vma(target, end);
      if (rest < 0) return rest;
    }
    return target;
  },
  'mm/vma.c',
);
