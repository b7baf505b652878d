// SPDX-License-Identifier: GPL-2.0-or-later
/** Ops on buffers, mappings, processes and consumers. */
import { patchCount } from '../kernel/dma-buf/dma-buf.ts';
import { exit_files, sys_close, sys_dup } from '../kernel/fs/file.ts';
import { free_pipe_info } from '../kernel/fs/pipe.ts';
import { file_operations } from '../kernel/kernel.ts';
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
import { exit_mmap } from '../kernel/mm/fork.ts';
import { alloc_page, OWNER_PIPE } from '../kernel/mm/page.ts';
import { vmasOf } from '../kernel/mm/vma.ts';
import { MAPPING_ANON } from '../kernel/mm/zap.ts';
import { entryAt, holderOf, holderPut, ownerName } from './consumer.ts';
import { type Guest, HOLDERS, type OpHandler, status } from './guest.ts';
import { describe, drm_driver_fops, makeBuffer } from './kinds.ts';
import { mirrorEnd } from './mirror.ts';
import { moduleBuffer } from './ops-racing.ts';
import { parseNumber as num } from './program.ts';

function buf(g: Guest, proc: number, args: readonly string[]): string {
  const [slot, kind, n, flags = '0'] = args;
  const fd = num(slot);
  if (describe(g.k, proc, fd)) g.run(proc, () => sys_close(proc, fd));
  g.mmapOffset[proc].delete(fd);
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
  g.mmapOffset[proc].set(fd, k.buf_pgoff.get(k.file_private.get(dmabuf)));
}

function bdup(g: Guest, proc: number, [from, to]: readonly string[]): string {
  const source = describe(g.k, proc, num(from));
  if (!source) return 'EBADF';
  if (num(from) !== num(to) && describe(g.k, proc, num(to))) {
    g.run(proc, () => sys_close(proc, num(to)));
  }
  g.mmapOffset[proc].delete(num(to));
  const ret = g.run(proc, () => sys_dup(proc, num(from), num(to), 0));
  for (const [buffer, made] of g.slotOf[proc]) {
    if (ret >= 0 && made === num(to)) g.slotOf[proc].delete(buffer);
  }
  return status(Math.min(0, ret));
}

function dst(g: Guest, proc: number, [slot, page]: readonly string[]): string {
  const found = moduleBuffer(describe(g.k, proc, num(slot)));
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
  const owner = g.run(proc, () => ownerName(g, proc, pfn));
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

/** The child is gone: its memory, its descriptors, what its consumers held. */
function end(g: Guest): void {
  g.run(1, () => exit_mmap(1));
  g.run(1, () => exit_files(1));
  g.run(1, () => free_pipe_info(1));
  for (let slot = 0; slot < HOLDERS; slot++) g.run(1, () => holderPut(1, slot));
  g.run(1, () => mirrorEnd(1));
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
    const pfn = g.run(proc, () => alloc_page(OWNER_PIPE));
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
  pte,
  vmas,
  dst,
  pwarn,
  exit,
  kill,
  reuse,
  bdup,
};
