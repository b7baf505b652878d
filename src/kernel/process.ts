// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Processes as far as they hold memory and files: fork(2), execve(2) and exit, kernel/fork.c,
 * fs/exec.c and kernel/exit.c. A process is its mm and its table of descriptors, under one number.
 */
import { type Run, routine } from '../explore/program.ts';
import { copy_files, do_close_on_exec, exit_files } from './fs/file.ts';
import { dup_mmap, exit_mmap } from './mm/fork.ts';

/**
 * fork(2): `child`, which must not exist, becomes a copy. kernel/fork.c copy_process: files first
 * (6.1 line 2359, 6.12 line 2413), then the mm.
 * @returns 0 or a negative errno
 */
export const sys_fork = routine(
  'fork',
  function* (mm: number, child: number): Run<number> {
    yield* copy_files(mm, child);
    const err = yield* dup_mmap(mm, child);
    if (err) yield* exit_files(child);
    return err;
  },
  'kernel/fork.c',
);

/**
 * execve(2): descriptors marked so are closed, then a new mm replaces the old one. fs/exec.c
 * begin_new_exec, 6.12 lines 1301 and 1321
 */
export const sys_execve = routine(
  'execve',
  function* (mm: number): Run<void> {
    yield* do_close_on_exec(mm);
    yield* exit_mmap(mm);
  },
  'fs/exec.c',
);

/** The end of a process: kernel/exit.c do_exit, exit_mm before exit_files (6.12 line 941). */
export const do_exit = routine(
  'do_exit',
  function* (mm: number): Run<void> {
    yield* exit_mmap(mm);
    yield* exit_files(mm);
  },
  'kernel/exit.c',
);
