// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Ops that may run beside others: written as routines, so that a program runs them straight through
 * and a search interleaves them (race.ts). What they know of memory and of descriptors they know by
 * steps; an open file's operations never change.
 */
import { type Run, routine } from '../explore/program.ts';
import {
  dma_buf_attach,
  dma_buf_detach,
  dma_buf_map_attachment_unlocked,
  dma_buf_unmap_attachment_unlocked,
  sg_page,
} from '../kernel/dma-buf/attach.ts';
import type { MoveOptions } from '../kernel/dma-buf/exporter.ts';
import { lockOf } from '../kernel/dma-buf/exporter-memory.ts';
import { backing } from '../kernel/dma-buf/object.ts';
import { EINVAL, ENOSYS, errnoName } from '../kernel/errno.ts';
import { copy_files, fget, fput, sys_close } from '../kernel/fs/file.ts';
import { access_page, user_access } from '../kernel/mm/access.ts';
import { VM_EXEC, VM_READ, VM_WRITE } from '../kernel/mm/flags.ts';
import { dup_mmap } from '../kernel/mm/fork.ts';
import { isAdvice, sys_madvise } from '../kernel/mm/madvise.ts';
import { sys_mlock, sys_munlock } from '../kernel/mm/mlock.ts';
import {
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_LOCKED,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  MAP_SHARED_VALIDATE,
  mmapTarget,
  NO_FD,
  sys_mmap,
  sys_munmap,
} from '../kernel/mm/mmap.ts';
import { sys_mprotect } from '../kernel/mm/mprotect.ts';
import { MREMAP_DONTUNMAP, MREMAP_FIXED, MREMAP_MAYMOVE, sys_mremap } from '../kernel/mm/mremap.ts';
import { access_remote_vm, process_vm_rw } from '../kernel/mm/remote.ts';
import { lru_add_drain } from '../kernel/mm/swap.ts';
import { consult, hold, holderPut, holderRead, holderWrite } from './consumer.ts';
import { count, type Guest, type OpRoutine, status } from './guest.ts';
import { type Descriptor, describeFile } from './kinds.ts';
import { mirrorBegin, mirrorEnd, mirrorFill, mirrorWord } from './mirror.ts';
import { parseNumber as num } from './program.ts';

const SIGNALS: readonly string[] = ['', 'SEGV1', 'SEGV2', 'BUS2'];

/** The ghost checks of explored scenarios have nothing to say here. */
const NOBODY = null;

/** A load or a store: what it got, or a signal's name. */
function* touch(
  g: Guest,
  proc: number,
  page: string,
  off: string,
  write: number,
  token: number,
): Run<string> {
  const { addr, word } = g.at(page, off);
  if (addr < 0 || addr >= g.k.config.vpages) return SIGNALS[1];
  const got = yield* user_access(proc, addr, write, word, token, NOBODY);
  if (got < 0) return SIGNALS[-got] ?? 'SEGV1';
  return write ? 'ok' : g.show(got);
}

/** Letters r w x, or 0 for none. */
function protection(text: string): number {
  let prot = 0;
  for (const c of text) {
    if (c === 'r') prot |= VM_READ;
    else if (c === 'w') prot |= VM_WRITE;
    else if (c === 'x') prot |= VM_EXEC;
  }
  return prot;
}

const SHARING: Readonly<Record<string, number>> = {
  s: MAP_SHARED,
  p: MAP_PRIVATE,
  v: MAP_SHARED_VALIDATE,
};

function* map(g: Guest, proc: number, args: readonly string[]): Run<string> {
  const [page, n, slot, prot, how, off, letters = ''] = args;
  let flags = SHARING[how] ?? 0;
  if (letters.includes('F')) flags |= MAP_FIXED;
  if (letters.includes('P')) flags |= MAP_POPULATE;
  if (letters.includes('L')) flags |= MAP_LOCKED;
  let target = mmapTarget(NO_FD, 0);
  if (slot === '-') flags |= MAP_ANONYMOUS;
  else {
    // The agent knows where in the DRM device the object of a slot of its own lies.
    const fake = g.mmapOffset[proc].get(num(slot)) ?? 0;
    target = mmapTarget(num(slot), num(off) + fake);
  }
  return status(yield* sys_mmap(proc, num(page), num(n), protection(prot), flags, target));
}

/** The child's end of it, and whether there is one, is the guest's affair. */
function* fork(g: Guest, proc: number): Run<string> {
  // The child's agent has no such op (guest/agent/program.c program_op).
  if (proc !== 0) return errnoName(ENOSYS);
  if (g.alive[1]) return errnoName(EINVAL);
  const ret = yield* dup_mmap(0, 1);
  if (ret < 0) return errnoName(ret);
  yield* copy_files(0, 1);
  g.mmapOffset[1] = new Map(g.mmapOffset[0]);
  g.slotOf[1] = new Map(g.slotOf[0]);
  // The agent's next write to its own stack breaks COW, which drains the batches (do_wp_page).
  yield* lru_add_drain();
  return 'ok';
}

function* remap(_g: Guest, proc: number, args: readonly string[]): Run<string> {
  const [page, oldLen, newLen, dest, more = ''] = args;
  let flags = 0;
  let target = 0;
  if (dest !== '-') {
    flags = MREMAP_MAYMOVE | MREMAP_FIXED;
    target = num(dest);
  }
  if (more.includes('d')) flags |= MREMAP_MAYMOVE | MREMAP_DONTUNMAP;
  return status(yield* sys_mremap(proc, num(page), num(oldLen), num(newLen), target, flags));
}

/** The dma-buf of an open file whose exporter is the test module, or the errno that its ioctl gives. */
export function moduleBuffer(found: Descriptor | null): Descriptor | string {
  if (!found) return 'EBADF';
  if (found.buffer < 0) return 'EINVAL';
  return found.module ? found : 'ENOTTY';
}

/** What an ioctl of the module's does with the dma-buf of a slot, which it holds meanwhile. dma_buf_get */
function* onBuffer(
  g: Guest,
  proc: number,
  slot: string,
  what: (found: Descriptor | null) => Run<string>,
): Run<string> {
  const file = yield* fget(proc, num(slot));
  if (file < 0) return yield* what(null);
  const said = yield* what(describeFile(g.k, file));
  yield* fput(file);
  return said;
}

/** What the letters of a move mean; the same object every time. */
const moves = new Map<string, MoveOptions>();
function moveOf(letters: string): MoveOptions {
  let how = moves.get(letters);
  if (!how) {
    how = {
      zap: letters.includes('z'),
      zapFirst: letters.includes('Z'),
      poison: letters.includes('p'),
      free: letters.includes('f'),
      fresh: letters.includes('n'),
      evictOnly: letters.includes('e'),
      revoke: letters.includes('r'),
    };
    moves.set(letters, how);
  }
  return how;
}

const mv: OpRoutine = (g, proc, [slot, first, n, letters = '']) =>
  onBuffer(g, proc, slot, function* (file) {
    const found = moduleBuffer(file);
    if (typeof found === 'string' || !found.module) return String(found);
    return status(yield* found.module.mv(found.buffer, num(first), num(n), moveOf(letters)));
  });

/** The device's view of a word: the module looks under the buffer's lock, vmap was there before. */
function* deviceWord(
  g: Guest,
  found: Descriptor | null,
  page: string,
  off: string,
  write: number,
  token: number,
): Run<string> {
  if (!found) return 'EBADF';
  const { k } = g;
  const { buffer, module } = found;
  const i = num(page);
  if (buffer < 0 || i < 0 || i >= k.buf_npages.get(buffer)) return errnoName(EINVAL);
  const lock = module && lockOf(module.traits).move;
  if (lock) yield* lock.lock(buffer);
  const pfn = yield* backing(buffer, i);
  const got = yield* access_page(pfn, write, g.word(num(off)), token, NOBODY, '');
  if (lock) yield* lock.unlock(buffer);
  return write ? 'ok' : g.show(got);
}

/**
 * The importer of the test module: attaches a device, and touches the page that a link of the table leads
 * to. guest/module/importer.c
 */
const importer_word = routine(
  'importer_word',
  function* (buf: number, i: number, write: number, word: number, token: number): Run<number> {
    const att = yield* dma_buf_attach(buf);
    if (att < 0) return att;
    let got = yield* dma_buf_map_attachment_unlocked(att);
    if (!got) {
      got = yield* access_page(yield* sg_page(att, i), write, word, token, null, '');
      yield* dma_buf_unmap_attachment_unlocked(att);
    }
    yield* dma_buf_detach(att);
    return got;
  },
);

function* tableWord(
  g: Guest,
  found: Descriptor | null,
  page: string,
  off: string,
  write: number,
  token: number,
): Run<string> {
  if (!found) return 'EBADF';
  const i = num(page);
  if (found.buffer < 0 || i < 0 || i >= g.k.buf_npages.get(found.buffer)) return errnoName(EINVAL);
  const got = yield* importer_word(found.buffer, i, write, g.word(num(off)), token);
  if (got < 0) return errnoName(got);
  return write ? 'ok' : g.show(got);
}

const range = (call: (mm: number, addr: number, n: number) => Run<number>): OpRoutine =>
  function* (_g, proc, [page, n]) {
    return status(yield* call(proc, num(page), num(n)));
  };

const remote = (how: typeof access_remote_vm | typeof process_vm_rw, write: number): OpRoutine =>
  function* (g, _proc, [target, page, off, val]) {
    const mm = num(target);
    if (!g.alive[mm]) return g.ended;
    const { addr, word } = g.at(page, off);
    const got = yield* how(mm, addr, write, word, write ? g.token(val) : 0);
    if (got.err) return count(got.err);
    return write ? '8' : `8${g.show(got.value)}`;
  };

export const RACING_OPS: Readonly<Record<string, OpRoutine>> = {
  map,
  remap,
  unmap: range(sys_munmap),
  prot: function* (_g, proc, [page, n, prot]) {
    return status(yield* sys_mprotect(proc, num(page), num(n), protection(prot)));
  },
  adv: function* (_g, proc, [page, n, advice]) {
    if (!isAdvice(advice)) return errnoName(EINVAL);
    return status(yield* sys_madvise(proc, num(page), num(n), advice));
  },
  mlock: range((mm, addr, n) => sys_mlock(mm, addr, n, 0)),
  mlockf: range((mm, addr, n) => sys_mlock(mm, addr, n, 1)),
  munlock: range(sys_munlock),
  r: (g, proc, [page, off]) => touch(g, proc, page, off, 0, 0),
  w: (g, proc, [page, off, value]) => touch(g, proc, page, off, 1, g.token(value)),
  con: (g, proc, [method, page, write]) => consult(g, proc, method, num(page), num(write)),
  hold: (g, proc, [slot, method, page, write]) =>
    hold(g, proc, num(slot), method, num(page), num(write)),
  hr: (g, proc, [slot, off]) => holderRead(g, proc, num(slot), g.word(num(off))),
  hw: (g, proc, [slot, off, value]) =>
    holderWrite(proc, num(slot), g.word(num(off)), g.token(value), false),
  hwf: (g, proc, [slot, off, value]) =>
    holderWrite(proc, num(slot), g.word(num(off)), g.token(value), true),
  hput: (_g, proc, [slot]) => holderPut(proc, num(slot)),
  mreg: (_g, proc, [page, n, letters = '']) => mirrorBegin(proc, num(page), num(n), letters),
  mir: (_g, proc, [way]) => mirrorFill(proc, way),
  mr: (g, proc, [i, off]) => mirrorWord(g, proc, num(i), g.word(num(off)), 0, 0),
  mw: (g, proc, [i, off, value]) =>
    mirrorWord(g, proc, num(i), g.word(num(off)), 1, g.token(value)),
  mput: (_g, proc) => mirrorEnd(proc),
  mv,
  dr: (g, proc, [slot, page, off]) =>
    onBuffer(g, proc, slot, (found) => deviceWord(g, found, page, off, 0, 0)),
  dw: (g, proc, [slot, page, off, value]) =>
    onBuffer(g, proc, slot, (found) => deviceWord(g, found, page, off, 1, g.token(value))),
  sgr: (g, proc, [slot, page, off]) =>
    onBuffer(g, proc, slot, (found) => tableWord(g, found, page, off, 0, 0)),
  sgw: (g, proc, [slot, page, off, value]) =>
    onBuffer(g, proc, slot, (found) => tableWord(g, found, page, off, 1, g.token(value))),
  bclose: function* (g, proc, [slot]) {
    g.mmapOffset[proc].delete(num(slot));
    return status(yield* sys_close(proc, num(slot)));
  },
  fork,
  pvr: remote(process_vm_rw, 0),
  pvw: remote(process_vm_rw, 1),
  pmr: remote(access_remote_vm, 0),
  pmw: remote(access_remote_vm, 1),
};
