// SPDX-License-Identifier: GPL-2.0-or-later
/** Ops on ranges of memory and by other ways into it: madvise, mlock, smaps, pipes, O_DIRECT. */
import type { Run } from '../explore/program.ts';
import {
  free_pipe_info,
  pipe_read,
  pipe_write,
  read_fresh_pipe,
  sys_pipe,
  sys_vmsplice,
  through_fresh_pipe,
} from '../kernel/fs/pipe.ts';
import {
  clear_refs_write,
  type MapsLine,
  PM_FILE,
  PM_MMAP_EXCLUSIVE,
  PM_PRESENT,
  pagemap_entry,
  permissions,
  show_smap,
  vmFlagWords,
} from '../kernel/fs/proc.ts';
import { futex_wait, futex_wake } from '../kernel/futex.ts';
import { blkdev_direct_IO, disk_word } from '../kernel/io/direct-io.ts';
import { io_register_buffer } from '../kernel/io/io-uring.ts';
import { VM_UFFD_MINOR, VM_UFFD_MISSING, VM_UFFD_WP } from '../kernel/mm/flags.ts';
import { do_pages_move, do_pages_stat } from '../kernel/mm/migrate.ts';
import { sys_mincore } from '../kernel/mm/mincore.ts';
import { sys_mseal } from '../kernel/mm/mseal.ts';
import { MS_ASYNC, MS_INVALIDATE, MS_SYNC, sys_msync } from '../kernel/mm/msync.ts';
import { sys_remap_file_pages } from '../kernel/mm/remap-file-pages.ts';
import { access_remote_vm } from '../kernel/mm/remote.ts';
import type { Word } from '../kernel/mm/uaccess.ts';
import { userfaultfd_register, userfaultfd_release } from '../kernel/mm/userfaultfd.ts';
import { count, type Guest, type OpHandler, status } from './guest.ts';
import { parseNumber } from './program.ts';

const PAGE = 4096;
const CHILD = 1;
/** Nobody attaches to himself: kernel/ptrace.c ptrace_attach (6.12 line 449, 6.1 line 429). */
const MYSELF = 'EPERM';

/** Result of a call that moves pages: bytes, or the errno. */
const bytes = (pages: number): string => count(pages < 0 ? pages : pages * PAGE);

/** Result of a call that reads one word. */
const readWord = (g: Guest, n: string, { err, value }: Word): string =>
  err ? count(err) : `${n}${g.show(value)}`;

const range =
  (call: (mm: number, addr: number, n: number) => Run<number>): OpHandler =>
  (g, proc, [page, n]) =>
    status(g.run(proc, () => call(proc, parseNumber(page), parseNumber(n))));

const node = (ret: number): string => `st:${count(ret)}`;

const futex =
  (shared: number): OpHandler =>
  (g, proc, [page, off]) => {
    const { addr, word } = g.at(page, off);
    const at = parseNumber(off) & 4095;
    const wake = g.run(proc, () => futex_wake(proc, addr, at, shared));
    const wait = g.run(proc, () => futex_wait(proc, addr, at, shared, word));
    return `wake:${count(wake)},wait:${count(wait)}`;
  };

const MSYNC: Readonly<Record<string, number>> = {
  s: MS_SYNC,
  a: MS_ASYNC,
  i: MS_INVALIDATE | MS_SYNC,
};

const UFFD: Readonly<Record<string, number>> = {
  m: VM_UFFD_MISSING,
  w: VM_UFFD_WP,
  c: VM_UFFD_MINOR,
};

/** The offset of a line, in the unit that the caller wants. */
export const mapsOffset = (line: MapsLine, unit: number): string =>
  line.pgoffIsPfn ? 'PFN' : (line.pgoff * unit).toString(16);

export const CALL_OPS: Readonly<Record<string, OpHandler>> = {
  mseal: range(sys_mseal),
  msync: (g, proc, [page, n, how]) =>
    status(g.run(proc, () => sys_msync(proc, parseNumber(page), parseNumber(n), MSYNC[how] ?? 0))),
  uffd: (g, proc, [page, n, mode]) => {
    const addr = parseNumber(page);
    const len = parseNumber(n);
    const ret = g.run(proc, () => userfaultfd_register(proc, addr, len, UFFD[mode] ?? 0));
    if (ret === 0) g.run(proc, () => userfaultfd_release(proc, addr, len));
    return status(ret);
  },
  rfp: (g, proc, [page, n, pgoff]) =>
    status(
      g.run(proc, () =>
        sys_remap_file_pages(proc, parseNumber(page), parseNumber(n), parseNumber(pgoff)),
      ),
    ),
  minc: (g, proc, [page, n]) => {
    let text = '';
    for (let i = 0; i < parseNumber(n); i++) {
      const ret = g.run(proc, () => sys_mincore(proc, parseNumber(page) + i));
      if (ret < 0) return count(ret);
      text += ret;
    }
    return text;
  },
  pmap: (g, proc, [page, n]) => {
    const entries: string[] = [];
    for (let i = 0; i < parseNumber(n); i++) {
      const e = g.run(proc, () => pagemap_entry(proc, parseNumber(page) + i));
      const present = e & PM_PRESENT ? 'P' : '-';
      const file = e & PM_FILE ? 'F' : '-';
      entries.push(`${present}-${file}${e & PM_MMAP_EXCLUSIVE ? 'X' : '-'}`);
    }
    return entries.join(',');
  },
  mvpg: (g, proc, [page]) => node(g.run(proc, () => do_pages_stat(proc, parseNumber(page)))),
  mvpg0: (g, proc, [page]) => node(g.run(proc, () => do_pages_move(proc, parseNumber(page)))),
  clref: (g, proc, [type]) =>
    status(g.run(proc, () => clear_refs_write(proc, parseNumber(type), g.k.config.vpages))),
  smaps: (g, proc, [page, full]) => {
    const line = g.run(proc, () => show_smap(proc, parseNumber(page)));
    if (!line) return 'none';
    const more = full
      ? ` sd=${line.sharedDirty} pd=${line.privateDirty} swap=0 lck=${line.locked} ref=${line.referenced}`
      : '';
    return (
      `${line.start}+${line.end - line.start} ${permissions(line.flags)} ${mapsOffset(line, PAGE)} ` +
      `rss=${line.rss} pss=${line.pss} anon=${line.anonymous}${more} ` +
      `fl=${vmFlagWords(line.flags, g.k.linux.smaps_names_lockonfault)}`
    );
  },
  pmk: (g, proc) => {
    g.run(proc, () => free_pipe_info(proc));
    g.run(proc, () => sys_pipe(proc));
    return 'ok';
  },
  pwr: (g, proc, [n, val]) => {
    let done = 0;
    const first = g.values.value(g.token(val));
    for (; done < parseNumber(n); done++) {
      const ret = g.run(proc, () => pipe_write(proc, g.values.token(first + BigInt(done))));
      if (ret < 0) return done ? bytes(done) : count(ret);
    }
    return bytes(done);
  },
  prd: (g, proc, [off]) =>
    readWord(
      g,
      '4096',
      g.run(proc, () => pipe_read(proc, g.at('0', off).word)),
    ),
  vmsp: (g, proc, [page, n]) => {
    g.run(proc, () => sys_pipe(proc));
    return bytes(g.run(proc, () => sys_vmsplice(proc, proc, parseNumber(page), parseNumber(n))));
  },
  cfu: (g, proc, [page, off]) => {
    const { addr, word } = g.at(page, off);
    return readWord(
      g,
      '8',
      g.run(proc, () => through_fresh_pipe(proc, addr, word)),
    );
  },
  ctu: (g, proc, [page, off, val]) => {
    const { addr, word } = g.at(page, off);
    const ret = g.run(proc, () => read_fresh_pipe(proc, addr, word, g.token(val)));
    return ret < 0 ? count(ret) : '8';
  },
  odw: (g, proc, [page, n, off]) => {
    const ret = g.run(proc, () =>
      blkdev_direct_IO(proc, parseNumber(page), parseNumber(n), 0, null, ''),
    );
    if (ret < 0) return count(ret);
    const { addr, word } = g.at('0', off);
    return `${bytes(ret)}${g.show(g.run(proc, () => disk_word(addr, word)))}`;
  },
  odr: (g, proc, [page, n]) =>
    bytes(
      g.run(proc, () => blkdev_direct_IO(proc, parseNumber(page), parseNumber(n), 1, null, '')),
    ),
  iour: range(io_register_buffer),
  futs: futex(1),
  futp: futex(0),
  ptr: (g, proc, [page, off]) => {
    if (!g.alive[CHILD]) return g.ended;
    if (proc === CHILD) return MYSELF;
    const { addr, word } = g.at(page, off);
    return readWord(
      g,
      '',
      g.run(proc, () => access_remote_vm(CHILD, addr, 0, word, 0)),
    );
  },
  ptw: (g, proc, [page, off, val]) => {
    if (!g.alive[CHILD]) return g.ended;
    if (proc === CHILD) return MYSELF;
    const { addr, word } = g.at(page, off);
    return status(g.run(proc, () => access_remote_vm(CHILD, addr, 1, word, g.token(val))).err);
  },
};
