// SPDX-License-Identifier: GPL-2.0-or-later
/** mm/util.c */
import { type Run, routine } from '../../explore/program.ts';
import { fput, get_file } from '../fs/file.ts';
import { set_vm_file, vm_file } from './vma.ts';

/** Gives a VMA another file than the one it was mapped through. Only in the mmap callback. */
export const vma_set_file = routine(
  'vma_set_file',
  function* (vma: number, file: number): Run<void> {
    const old = yield* vm_file(vma);
    yield* get_file(file);
    yield* set_vm_file(vma, file + 1);
    if (old) yield* fput(old - 1);
  },
  'mm/util.c',
);
