// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * fork, exit and exec: a child's copy of a mapping and of a descriptor are references of their own, and
 * a zap by address_space reaches the mappings of all processes.
 */
import { type Run, routine, step } from '../../../explore/program.ts';
import { exporter } from '../../../kernel/dma-buf/exporter.ts';
import { set_close_on_exec } from '../../../kernel/fs/file.ts';
import type { DmaBufOps, Kernel, VmOperations } from '../../../kernel/kernel.ts';
import { set_vm_ops } from '../../../kernel/mm/vma.ts';
import { do_exit, sys_execve, sys_fork } from '../../../kernel/process.ts';
import { exporterOf } from '../../cast.ts';
import {
  type Act,
  allReleased,
  BUFFER,
  FD,
  inProcess,
  install_ops,
  MM,
  story,
} from '../../stage.ts';

const CHILD = 1;
const ttm = exporterOf('ttm');
const forks = () => sys_fork(MM, CHILD);

const uses: Act = function* ({ write, read }) {
  yield* write(0);
  yield* read(0);
};

/** TTM with a count of its own: mmap adds a mapping, the VMA's close frees at zero, fork is not seen. */
const { ops, vm_ops } = exporter(ttm);
const add_mapping = step('n_mappings', (k: Kernel, n: number) => k.notes.add(0, n));
const counting_vm_ops: VmOperations = {
  name: 'counting_vm_ops',
  fault: vm_ops.fault,
  close: routine('counting_vm_close', function* (): Run<number> {
    if ((yield* add_mapping(-1)) === 0) yield* ops.release(BUFFER);
    return 0;
  }),
};
const countsOnlyMmap: DmaBufOps = {
  ...ops,
  name: 'counting_dmabuf_ops',
  mmap: routine('counting_mmap', function* (mm: number, vma: number, buf: number): Run<number> {
    const ret = ops.mmap ? yield* ops.mmap(mm, vma, buf) : 0;
    yield* set_vm_ops(vma, counting_vm_ops, buf + 1);
    yield* add_mapping(1);
    return ret;
  }),
};

export default [
  story({
    id: 'lifetime/fork',
    title: 'a child outlives its parent, and so does the buffer',
    story:
      'fork() copies the VMA and the descriptor, with a reference each. The parent goes; the child goes ' +
      'on using the mapping until it exits too, and that releases the buffer.',
    source: 'Vetter 22/18:08',
    status: 'real TTM (6.12 kernel/fork.c:748)',
    rules: ['R11'],
    expected: 'safe',
    exporter: ttm,
    touched: true,
    before: forks,
    threads: {
      parent: () => do_exit(MM),
      child: inProcess(CHILD, function* (at) {
        yield* uses(at);
        yield* do_exit(CHILD);
      }),
    },
    end: allReleased,
  }),
  story({
    id: 'lifetime/zap-reaches-child',
    title: 'a move under parent and child',
    story:
      'Both VMAs hang on the address_space of the buffer’s file. The zap of a move takes the entries of ' +
      'both away, and flushes the CPUs of both.',
    source: 'Vetter 22/19:29',
    status: 'real TTM',
    rules: ['R4', 'R11'],
    expected: 'safe',
    exporter: ttm,
    touched: true,
    before: forks,
    threads: {
      parent: uses,
      child: inProcess(CHILD, function* ({ write }) {
        yield* write(0, 2);
      }),
      ttm: function* ({ move }) {
        yield* move();
      },
    },
  }),
  story({
    id: 'lifetime/exec',
    title: 'execve() drops mapping and descriptor',
    story:
      'The old mm goes, and with it the VMA; the descriptor goes too, as it was opened with O_CLOEXEC. ' +
      'Nothing of the buffer is left in the new program.',
    source: 'Vetter 22/18:08',
    status: 'real system heap (6.12 fs/exec.c:1301 and 1321)',
    rules: ['R11'],
    expected: 'safe',
    exporter: exporterOf('system-heap'),
    touched: true,
    before: () => set_close_on_exec(MM, FD, 1),
    threads: { program: () => sys_execve(MM) },
    end: allReleased,
  }),
  story({
    id: 'lifetime/exec-keeps-descriptor',
    title: 'execve() with a descriptor that is not O_CLOEXEC',
    story:
      'The new program has no mapping, and may not know that it has the descriptor; that alone holds the ' +
      'buffer for as long as the program runs.',
    source: 'Vetter 22/18:08',
    status: 'real system heap',
    rules: ['R11'],
    expected: 'safe',
    exporter: exporterOf('system-heap'),
    touched: true,
    threads: { program: () => sys_execve(MM) },
    end: (k) => {
      if (k.buf_page.get(BUFFER)) return;
      k.mem.report({ severity: 'breaks', rule: 'R11', text: 'released under an open descriptor' });
    },
  }),
  story({
    id: 'lifetime/fork-not-counted',
    title: 'a driver that counts its mappings, and has no vm_ops->open',
    story:
      'It frees its memory when its last VMA is closed. fork() makes a VMA without telling it, so that ' +
      'the parent’s munmap() looks like the last one, and the child is left with freed pages.',
    source: 'Gunthorpe 22/18:03',
    status: 'hypothetical variant of TTM',
    rules: ['R11'],
    expected: 'violated',
    exporter: ttm,
    mapped: 'no',
    kernel: { notes: ['n_mappings'] },
    before: function* (at) {
      yield* install_ops(countsOnlyMmap);
      yield* at.mmap();
      yield* at.write(0);
      yield* forks();
    },
    threads: {
      parent: function* ({ munmap }) {
        yield* munmap();
      },
      child: inProcess(CHILD, uses),
    },
  }),
];
