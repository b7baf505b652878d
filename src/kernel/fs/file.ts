// SPDX-License-Identifier: GPL-2.0-or-later
/** Open files: references, descriptors, release on the last reference. fs/file.c, fs/file_table.c */
import { guard, type Run, routine, step } from '../../explore/program.ts';
import { EBADF } from '../errno.ts';
import { type FileOperations, file_operations, type Kernel } from '../kernel.ts';

export const get_file = step('get_file', (k: Kernel, file: number) => {
  k.file_refs.add(file, 1);
});

const drop_file = step('fput', (k: Kernel, file: number) => {
  const left = k.file_refs.add(file, -1);
  if (left < 0) {
    k.mem.report({
      severity: 'breaks',
      rule: 'R11',
      text: `file${file} is released more than once`,
    });
  }
  return left === 0 ? k.file_ops.get(file) : 0;
});

/** Drops a reference; the last one releases the object behind the file. */
export const fput = routine(
  'fput',
  function* (file: number): Run<void> {
    const ops = yield* drop_file(file);
    const table = ops ? file_operations.at(ops) : undefined;
    if (table?.release) yield* table.release(file);
  },
  'fs/file_table.c',
);

/** A new file with one reference and an address_space of its own. Returns its number. */
export const alloc_file = step(
  'alloc_file',
  (k: Kernel, ops: FileOperations, priv: number, pages: number) => {
    for (let f = 0; f < k.config.files; f++) {
      if (k.file_ops.get(f)) continue;
      k.file_ops.set(f, file_operations.number(ops));
      k.file_refs.set(f, 1);
      k.file_mapping.set(f, f);
      k.file_private.set(f, priv);
      k.file_size.set(f, pages);
      return f;
    }
    return -EBADF;
  },
);

export const set_file_mapping = step('f_mapping', (k: Kernel, file: number, mapping: number) =>
  k.file_mapping.set(file, mapping),
);
export const file_mapping = step('f_mapping', (k: Kernel, file: number) =>
  k.file_mapping.get(file),
);
export const file_ops = step('f_op', (k: Kernel, file: number) => k.file_ops.get(file));
export const file_private = step('private_data', (k: Kernel, file: number) =>
  k.file_private.get(file),
);
export const set_file_size = step('i_size_write', (k: Kernel, file: number, pages: number) =>
  k.file_size.set(file, pages),
);
export const file_size = step('i_size', (k: Kernel, file: number) => k.file_size.get(file));

/** The file in a process's descriptor slot, or -EBADF. */
export const fd_lookup = step('fget', (k: Kernel, mm: number, fd: number) => {
  const f = fd >= 0 && fd < k.config.fds ? k.fd_file.get(mm * k.config.fds + fd) : 0;
  return f ? f - 1 : -EBADF;
});

/** The same with a reference, or -EBADF. fs/file.c __fget_files_rcu */
export const fget = step(
  'fget',
  (k: Kernel, mm: number, fd: number) => {
    const f = fd >= 0 && fd < k.config.fds ? k.fd_file.get(mm * k.config.fds + fd) : 0;
    if (!f) return -EBADF;
    k.file_refs.add(f - 1, 1);
    return f - 1;
  },
  { atomic: 'the reference is taken unless it is zero, and the slot read again (fs/file.c)' },
);

export const fd_install = step('fd_install', (k: Kernel, mm: number, fd: number, file: number) =>
  k.fd_file.set(mm * k.config.fds + fd, file + 1),
);

const fd_clear = step('close', (k: Kernel, mm: number, fd: number) => {
  const i = mm * k.config.fds + fd;
  const f = k.fd_file.get(i);
  k.fd_file.set(i, 0);
  return f ? f - 1 : -EBADF;
});

/** close(2) */
export const sys_close = routine(
  'close',
  function* (mm: number, fd: number): Run<number> {
    const file = yield* fd_clear(mm, fd);
    if (file < 0) return file;
    yield* fput(file);
    return 0;
  },
  'fs/open.c',
);

/** dup2(2) onto a free descriptor, or with O_CLOEXEC (dup3) if `cloexec`. fs/file.c do_dup2 */
export const sys_dup = routine(
  'dup',
  function* (mm: number, fd: number, to: number, cloexec: number): Run<number> {
    const file = yield* fget(mm, fd);
    if (file < 0) return file;
    yield* fd_install(mm, to, file);
    if (cloexec) yield* set_close_on_exec(mm, to, 1);
    return to;
  },
  'fs/file.c',
);

/** fs/file.c __set_close_on_exec: fcntl(F_SETFD), or a flag at open. */
export const set_close_on_exec = step(
  'FD_CLOEXEC',
  (k: Kernel, mm: number, fd: number, on: number) => k.fd_cloexec.set(mm * k.config.fds + fd, on),
);
const close_on_exec = step('FD_CLOEXEC', (k: Kernel, mm: number, fd: number) =>
  k.fd_cloexec.get(mm * k.config.fds + fd),
);
const fdtable_size = step('max_fds', (k: Kernel) => k.config.fds);

/** kernel/fork.c copy_files: the child has the same files open, with a reference of its own each. */
export const copy_files = routine(
  'dup_fd',
  function* (mm: number, child: number): Run<void> {
    const fds = yield* fdtable_size();
    for (let fd = 0; fd < fds; fd++) {
      const file = yield* fget(mm, fd);
      if (file < 0) continue;
      yield* fd_install(child, fd, file);
      if (yield* close_on_exec(mm, fd)) yield* set_close_on_exec(child, fd, 1);
    }
  },
  'fs/file.c',
);

/** fs/file.c exit_files: every descriptor goes. */
export const exit_files = routine(
  'exit_files',
  function* (mm: number): Run<void> {
    const fds = yield* fdtable_size();
    for (let fd = 0; fd < fds; fd++) yield* sys_close(mm, fd);
  },
  'fs/file.c',
);

/** fs/file.c do_close_on_exec */
export const do_close_on_exec = routine(
  'do_close_on_exec',
  function* (mm: number): Run<void> {
    const fds = yield* fdtable_size();
    for (let fd = 0; fd < fds; fd++) {
      if (yield* guard('the close_on_exec test', !(yield* close_on_exec(mm, fd)))) continue;
      yield* sys_close(mm, fd);
    }
  },
  'fs/file.c',
);
