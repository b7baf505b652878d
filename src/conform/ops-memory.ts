// SPDX-License-Identifier: GPL-2.0-or-later
/** Ops on buffers, mappings, processes and consumers. */
import { patchCount } from '../kernel/dma-buf/dma-buf.ts';
import { EINVAL, errnoName } from '../kernel/errno.ts';
import { copy_files, exit_files, sys_close, sys_dup } from '../kernel/fs/file.ts';
import { free_pipe_info } from '../kernel/fs/pipe.ts';
import { file_operations } from '../kernel/kernel.ts';
import { user_access } from '../kernel/mm/access.ts';
import {
  is_cow_mapping,
  PTE_DIRTY,
  PTE_SPECIAL,
  PTE_WRITE,
  PTE_YOUNG,
  pte_pfn,
  VM_DONTDUMP,
  VM_DONTEXPAND,
  VM_EXEC,
  VM_IO,
  VM_MAYSHARE,
  VM_PFNMAP,
  VM_READ,
  VM_WRITE,
} from '../kernel/mm/flags.ts';
import { dup_mmap, exit_mmap } from '../kernel/mm/fork.ts';
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
import { alloc_page, OWNER_PIPE } from '../kernel/mm/page.ts';
import { lru_add_drain } from '../kernel/mm/swap.ts';
import { vmasOf } from '../kernel/mm/vma.ts';
import { MAPPING_ANON } from '../kernel/mm/zap.ts';
import {
  consult,
  entryAt,
  hold,
  holderOf,
  holderPut,
  holderRead,
  holderWrite,
  ownerName,
} from './consumer.ts';
import { type Guest, HOLDERS, type OpHandler, status } from './guest.ts';
import { type Descriptor, describe, drm_driver_fops, makeBuffer } from './kinds.ts';
import { parseNumber as num } from './program.ts';

const SIGNALS: readonly string[] = ['', 'SEGV1', 'SEGV2', 'BUS2'];

/** The ghost checks of explored scenarios have nothing to say here. */
const NOBODY = null;

/** The result of an access: a signal's name, or null. */
const signal = (got: number): string | null => (got < 0 ? (SIGNALS[-got] ?? 'SEGV1') : null);

function touch(g: Guest, proc: number, page: string, off: string, write: number, token: number) {
  const { addr, word } = g.at(page, off);
  if (addr < 0 || addr >= g.k.config.vpages) return -1;
  return g.run(proc, user_access(proc, addr, write, word, token, NOBODY));
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

function map(g: Guest, proc: number, args: readonly string[]): string {
  const [page, n, slot, prot, how, off, letters = ''] = args;
  let flags = SHARING[how] ?? 0;
  if (letters.includes('F')) flags |= MAP_FIXED;
  if (letters.includes('P')) flags |= MAP_POPULATE;
  if (letters.includes('L')) flags |= MAP_LOCKED;
  let target = mmapTarget(NO_FD, 0);
  if (slot === '-') flags |= MAP_ANONYMOUS;
  else {
    // The agent knows where in the DRM device the object of a slot of its own lies.
    const fake = g.mmapOffset.get(num(slot)) ?? 0;
    target = mmapTarget(num(slot), num(off) + fake);
  }
  return status(g.run(proc, sys_mmap(proc, num(page), num(n), protection(prot), flags, target)));
}

function remap(g: Guest, proc: number, args: readonly string[]): string {
  const [page, oldLen, newLen, dest, more = ''] = args;
  let flags = 0;
  let target = 0;
  if (dest !== '-') {
    flags = MREMAP_MAYMOVE | MREMAP_FIXED;
    target = num(dest);
  }
  if (more.includes('d')) flags |= MREMAP_MAYMOVE | MREMAP_DONTUNMAP;
  return status(g.run(proc, sys_mremap(proc, num(page), num(oldLen), num(newLen), target, flags)));
}

function buf(g: Guest, proc: number, args: readonly string[]): string {
  const [slot, kind, n, flags = '0'] = args;
  const fd = num(slot);
  if (describe(g.k, proc, fd)) g.run(proc, sys_close(proc, fd));
  g.mmapOffset.delete(fd);
  const ret = makeBuffer(g, proc, fd, kind, num(n), num(flags));
  if (ret === 0) noteOffset(g, proc, fd);
  return status(ret);
}

/** MAP_DUMB: asks where the object of a DRM descriptor is mapped. */
function noteOffset(g: Guest, proc: number, fd: number): void {
  const { k } = g;
  const made = describe(k, proc, fd);
  if (!made || file_operations.at(k.file_ops.get(made.file)) !== drm_driver_fops) return;
  const dmabuf = k.file_private.get(made.file) - 1;
  g.mmapOffset.set(fd, k.buf_pgoff.get(k.file_private.get(dmabuf)));
}

function bclose(g: Guest, proc: number, [slot]: readonly string[]): string {
  g.mmapOffset.delete(num(slot));
  return status(g.run(proc, sys_close(proc, num(slot))));
}

function bdup(g: Guest, proc: number, [from, to]: readonly string[]): string {
  const source = describe(g.k, proc, num(from));
  if (!source) return 'EBADF';
  if (num(from) !== num(to) && describe(g.k, proc, num(to))) {
    g.run(proc, sys_close(proc, num(to)));
  }
  g.mmapOffset.delete(num(to));
  const ret = g.run(proc, sys_dup(proc, num(from), num(to), 0));
  return status(Math.min(0, ret));
}

/** The dma-buf of a slot whose exporter is the test module, or the errno that its ioctl gives. */
function moduleBuffer(g: Guest, proc: number, slot: string): Descriptor | string {
  const found = describe(g.k, proc, num(slot));
  if (!found) return 'EBADF';
  if (found.buffer < 0) return 'EINVAL';
  return found.module ? found : 'ENOTTY';
}

function mv(g: Guest, proc: number, args: readonly string[]): string {
  const [slot, first, n, letters = ''] = args;
  const found = moduleBuffer(g, proc, slot);
  if (typeof found === 'string' || !found.module) return String(found);
  const how = {
    zap: letters.includes('z'),
    poison: letters.includes('p'),
    free: letters.includes('f'),
    fresh: letters.includes('n'),
    evictOnly: letters.includes('e'),
    revoke: letters.includes('r'),
  };
  return status(g.run(proc, found.module.mv(found.buffer, num(first), num(n), how)));
}

/** The page that a device sees at place `page` of a dma-buf, or a negative errno. */
function devicePage(g: Guest, proc: number, slot: string, page: string): number | string {
  const found = describe(g.k, proc, num(slot));
  if (!found) return 'EBADF';
  const { k } = g;
  const i = num(page);
  if (found.buffer < 0 || i < 0 || i >= k.buf_npages.get(found.buffer)) return errnoName(EINVAL);
  return k.buf_page.get(found.buffer * k.config.bufferPages + i);
}

function dr(g: Guest, proc: number, [slot, page, off]: readonly string[]): string {
  const pfn = devicePage(g, proc, slot, page);
  if (typeof pfn === 'string') return pfn;
  return g.show(g.k.page_word.get(pfn * g.k.config.words + g.word(num(off))));
}

function dw(g: Guest, proc: number, [slot, page, off, value]: readonly string[]): string {
  const pfn = devicePage(g, proc, slot, page);
  if (typeof pfn === 'string') return pfn;
  g.k.page_word.set(pfn * g.k.config.words + g.word(num(off)), g.token(value));
  return 'ok';
}

function dst(g: Guest, proc: number, [slot, page]: readonly string[]): string {
  const found = moduleBuffer(g, proc, slot);
  if (typeof found === 'string') return found;
  const { k } = g;
  const { buffer } = found;
  const i = num(page);
  if (i < 0 || i >= k.buf_npages.get(buffer)) return 'EINVAL';
  const pfn = k.buf_page.get(buffer * k.config.bufferPages + i);
  return [
    `ref${k.page_refcount.get(pfn)}`,
    `map${k.page_mapcount.get(pfn)}`,
    `g${k.page_gen.get(pfn)}`,
    `flt${k.buf_faults.get(buffer)}`,
    `mkw${k.buf_mkwrites.get(buffer)}`,
    `vma${k.buf_vmas.get(buffer)}`,
  ].join(' ');
}

function pte(g: Guest, proc: number, [page]: readonly string[]): string {
  const { k } = g;
  const { entry, huge } = entryAt(k, proc, num(page));
  if (!entry) return 'L0 none';
  const bits = [
    entry & PTE_WRITE ? 'W' : 'R',
    entry & PTE_SPECIAL ? 'S' : 'n',
    entry & PTE_DIRTY ? 'D' : 'c',
    entry & PTE_YOUNG ? 'Y' : 'o',
  ].join('');
  const pfn = pte_pfn(entry);
  const owner = ownerName(g, proc, pfn);
  const level = `L${huge ? 2 : 1} ${bits}`;
  if (owner) {
    return `${level} ${owner} ref${k.page_refcount.get(pfn)} map${k.page_mapcount.get(pfn)}`;
  }
  return `${level} ${pfn > 0 && k.page_mapping.get(pfn) === MAPPING_ANON ? 'anon' : '-'}`;
}

/** A private remap_pfn_range, whose vm_pgoff is a pfn and means nothing outside this boot. */
const PFN_IN_PGOFF = VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTDUMP;

function vmas(g: Guest, proc: number): string {
  const { k } = g;
  const list = vmasOf(k, proc).map((v) => {
    const start = k.vm_start.get(v);
    const flags = k.vm_flags.get(v);
    const perms = [
      flags & VM_READ ? 'r' : '-',
      flags & VM_WRITE ? 'w' : '-',
      flags & VM_EXEC ? 'x' : '-',
      flags & VM_MAYSHARE ? 's' : 'p',
    ].join('');
    const pfn = is_cow_mapping(flags) && (flags & PFN_IN_PGOFF) === PFN_IN_PGOFF;
    const file = k.vm_file.get(v) > 0;
    const off = pfn ? 'PFN' : file ? k.vm_pgoff.get(v).toString(16) : '0';
    return `${start}+${k.vm_end.get(v) - start}:${perms}:${off}`;
  });
  return list.length ? list.join(' ') : 'none';
}

function fork(g: Guest, proc: number): string {
  if (proc !== 0 || g.alive[1]) return errnoName(EINVAL);
  const ret = g.run(proc, dup_mmap(0, 1));
  if (ret < 0) return errnoName(ret);
  g.run(proc, copy_files(0, 1));
  // The agent's next write to its own stack breaks COW, which drains the batches (do_wp_page).
  g.run(proc, lru_add_drain());
  g.alive[1] = true;
  return 'ok';
}

/** The child is gone: its memory, its descriptors, what its consumers held. */
function end(g: Guest): void {
  g.run(1, exit_mmap(1));
  g.run(1, exit_files(1));
  g.run(1, free_pipe_info(1));
  for (let slot = 0; slot < HOLDERS; slot++) holderPut(g, 1, slot);
  g.alive[1] = false;
}

function exit(g: Guest, proc: number): string {
  if (proc === 1) end(g);
  return 'ok';
}

function kill(g: Guest): string {
  if (!g.alive[1]) return g.ended;
  end(g);
  return 'ok';
}

/** Allocates pages until it has the one that the holder's translation names, and writes to it. */
function reuse(g: Guest, proc: number, [slot, off, value]: readonly string[]): string {
  const { k } = g;
  const want = k.hold_pfn.get(holderOf(proc, num(slot)));
  for (let tries = 0; tries < k.config.pages; tries++) {
    const pfn = g.run(proc, alloc_page(OWNER_PIPE));
    if (pfn < 0) break;
    if (pfn !== want) continue;
    k.page_word.set(pfn * k.config.words + g.word(num(off)), g.token(value));
    return 'got-same-pfn';
  }
  return 'not-found';
}

function pwarn(g: Guest): string {
  const n = (i: number) => g.k.patch_returns.get(i);
  const { okPfn, okNoPfn, failPfn, failNoPfn } = patchCount;
  return `ok_pfn${n(okPfn)} ok_nopfn${n(okNoPfn)} fail_pfn${n(failPfn)} fail_nopfn${n(failNoPfn)}`;
}

export const MEMORY_OPS: Readonly<Record<string, OpHandler>> = {
  buf,
  map,
  remap,
  unmap: (g, proc, [page, n]) => status(g.run(proc, sys_munmap(proc, num(page), num(n)))),
  prot: (g, proc, [page, n, prot]) =>
    status(g.run(proc, sys_mprotect(proc, num(page), num(n), protection(prot)))),
  r: (g, proc, [page, off]) => {
    const got = touch(g, proc, page, off, 0, 0);
    return signal(got) ?? g.show(got);
  },
  w: (g, proc, [page, off, value]) => signal(touch(g, proc, page, off, 1, g.token(value))) ?? 'ok',
  con: (g, proc, [method, page, write]) => consult(g, proc, method, num(page), num(write)),
  hold: (g, proc, [slot, method, page, write]) =>
    hold(g, proc, num(slot), method, num(page), num(write)),
  hr: (g, proc, [slot, off]) => holderRead(g, proc, num(slot), g.word(num(off))),
  hw: (g, proc, [slot, off, value]) =>
    holderWrite(g, proc, num(slot), g.word(num(off)), g.token(value), false),
  hwf: (g, proc, [slot, off, value]) =>
    holderWrite(g, proc, num(slot), g.word(num(off)), g.token(value), true),
  hput: (g, proc, [slot]) => holderPut(g, proc, num(slot)),
  pte,
  vmas,
  mv,
  dr,
  dw,
  dst,
  pwarn,
  fork,
  exit,
  kill,
  reuse,
  bclose,
  bdup,
};
