// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The object behind a buffer, as an exporter sees it: where its pages are, where it begins in the
 * address_space, its generation, what went to swap, which old pages it still has. A step for each
 * word of it.
 */
import { type Run, routine, step } from '../../explore/program.ts';
import { EBUSY, EINVAL, ENOENT } from '../errno.ts';
import { CLAIMED, type Kernel, REVOKED } from '../kernel.ts';
import { RAM_START } from '../mm/insert.ts';
import { bufferPage, OWNER_BUFFER, OWNER_KEPT, OWNER_LATER, OWNER_POOL } from '../mm/page.ts';

const at = (k: Kernel, buf: number, i: number) => buf * k.config.bufferPages + i;

const placed = ([, i, pfn]: readonly unknown[]) =>
  `placement of page ${i} = ${pfn ? `page${pfn}` : 'none'}`;

export const backing = step(
  'placement',
  (k: Kernel, buf: number, i: number) => k.buf_page.get(at(k, buf, i)),
  { text: ([, i], v) => `placement of page ${i}: ${v ? `page${v}` : 'none'}` },
);
export const set_backing = step(
  'set_placement',
  (k: Kernel, buf: number, i: number, pfn: number) => k.buf_page.set(at(k, buf, i), pfn),
  { text: placed },
);
/** Ghost: a store that the copy has missed is lost the moment the placement changes. */
function checkContents(k: Kernel, buf: number, i: number, pfn: number): void {
  const want = k.buf_data.get(at(k, buf, i));
  const got = pfn
    ? k.page_word.get(pfn * k.config.words)
    : k.buf_swap.get(swapAt(k, buf, i, 0)) - 1;
  if (got === want) return;
  const where = pfn ? `page${pfn}` : 'swap';
  k.mem.report({
    severity: 'corrupts',
    rule: `R${k.buf_blame.get(at(k, buf, i))}`,
    text: `a store to page ${i} of the buffer came after the copy to ${where}: the write is lost`,
  });
}

/** Page `i`, which was copied, is elsewhere from now on: in `pfn`, or in swap (0). */
export const switch_backing = step(
  'set_placement',
  (k: Kernel, buf: number, i: number, pfn: number) => {
    if (k.config.checkContents) checkContents(k, buf, i, pfn);
    k.buf_page.set(at(k, buf, i), pfn);
  },
  { text: placed, atomic: 'one word; the rest is the ghost check that no CPU makes' },
);
export const table_of = step('sg_table', (k: Kernel, buf: number) => at(k, buf, 0));
export const npages = step('dmabuf->size', (k: Kernel, buf: number) => k.buf_npages.get(buf));
export const file_of = step('dmabuf->file', (k: Kernel, buf: number) => k.buf_file.get(buf));
/** The file whose pages the buffer is made of, plus one. */
export const source = step('source', (k: Kernel, buf: number) => k.buf_source.get(buf));
export const set_source = step('set_source', (k: Kernel, buf: number, file: number) =>
  k.buf_source.set(buf, file),
);

export const offset_node = step('drm_vma_node_start', (k: Kernel, buf: number) =>
  k.buf_pgoff.get(buf),
);
export const remove_offset = step('drm_vma_offset_remove', (k: Kernel, buf: number) =>
  k.buf_pgoff.set(buf, 0),
);
/** DRM_FILE_PAGE_OFFSET_START, as the recordings show it. include/drm/drm_vma_manager.h */
const FAKE_OFFSET_START = 0x100000;
/** drivers/gpu/drm/drm_vma_manager.c: the smallest hole between live objects that is large enough. */
export const add_offset = step(
  'drm_vma_offset_add',
  (k: Kernel, buf: number, n: number) => {
    const taken: [number, number][] = [];
    for (let b = 0; b < k.config.buffers; b++) {
      const from = k.buf_pgoff.get(b);
      if (from) taken.push([from, from + k.buf_npages.get(b)]);
    }
    taken.sort((x, y) => x[0] - y[0]);
    let best = FAKE_OFFSET_START;
    let size = Number.MAX_SAFE_INTEGER;
    let end = FAKE_OFFSET_START;
    for (const [from, to] of taken) {
      if (from - end >= n && from - end < size) {
        best = end;
        size = from - end;
      }
      end = to;
    }
    k.buf_pgoff.set(buf, size === Number.MAX_SAFE_INTEGER ? end : best);
  },
  { atomic: 'under mgr->vm_lock (drivers/gpu/drm/drm_vma_manager.c drm_vma_offset_add)' },
);
/** The object begins at its first page frame: what /dev/mem and PCI's mmap keep in vm_pgoff. */
export const begin_at_pfn = step('pci_resource_start', (k: Kernel, buf: number, pfn: number) =>
  k.buf_pgoff.set(buf, RAM_START + pfn),
);

const set_begun = step('ubuf->sg', (k: Kernel, buf: number) => k.buf_begun.set(buf, 1));
const begun = step('ubuf->sg', (k: Kernel, buf: number) => k.buf_begun.get(buf));
/** drivers/dma-buf/udmabuf.c begin_cpu_udmabuf */
export const begin_cpu_access = routine('begin_cpu_udmabuf', function* (buf: number): Run<number> {
  yield* set_begun(buf);
  return 0;
});
/** drivers/dma-buf/udmabuf.c end_cpu_udmabuf */
export const end_cpu_access = routine('end_cpu_udmabuf', function* (buf: number): Run<number> {
  return (yield* begun(buf)) ? 0 : -EINVAL;
});
export const revoked = step('revoked', (k: Kernel, buf: number) =>
  k.buf_revoked.get(buf) === REVOKED ? 1 : 0,
);
/** kernel/resource.c iomem_is_exclusive: has a driver claimed the memory for itself? */
export const claimed = step('iomem_is_exclusive', (k: Kernel, buf: number) => {
  const state = k.buf_revoked.get(buf);
  return state === CLAIMED || state === REVOKED ? 1 : 0;
});
export const set_revoked = step(
  'revoke',
  (k: Kernel, buf: number, v: number) => k.buf_revoked.set(buf, v),
  {
    text: ([, v]) => {
      if (v === CLAIMED) return 'a driver claims the memory';
      return v === REVOKED ? 'access ends' : 'access begins again';
    },
  },
);
export const bump_generation = step('generation++', (k: Kernel, buf: number) =>
  k.buf_gen.add(buf, 1),
);
export const pin = step('pin', (k: Kernel, buf: number, n: number) => k.buf_pins.add(buf, n), {
  text: ([, n]) => `pin_count ${Number(n) > 0 ? '+' : '-'} 1`,
});
/** The generation of an object that was released: nobody moves it any more. */
const DELETED = -1;
export const set_deleted = step('bo->deleted', (k: Kernel, buf: number) =>
  k.buf_gen.set(buf, DELETED),
);
/**
 * A pinned buffer stays where it is, a released one is left alone (-EBUSY, -ENOENT); another gets a
 * new generation. Under the buffer's lock.
 */
export const begin_move = step(
  'pin_count',
  (k: Kernel, buf: number) => {
    if (k.buf_gen.get(buf) === DELETED) return -ENOENT;
    return k.config.attachments && k.buf_pins.get(buf) ? -EBUSY : k.buf_gen.add(buf, 1);
  },
  { atomic: 'both are under the lock of the buffer' },
);
export const tag_page = step('tag', (k: Kernel, pfn: number, gen: number) => {
  if (k.config.statistics) k.page_gen.set(pfn, gen);
});

export const count_fault = step('count_fault', (k: Kernel, buf: number) => {
  if (k.config.statistics) k.buf_faults.add(buf, 1);
});
export const count_mkwrite = step('count_mkwrite', (k: Kernel, buf: number) => {
  if (k.config.statistics) k.buf_mkwrites.add(buf, 1);
});
export const count_vma = step('count_vma', (k: Kernel, vma: number, n: number) => {
  const buf = k.vm_private.get(vma) - 1;
  if (buf >= 0 && k.config.statistics) k.buf_vmas.add(buf, n);
});

/** The next page, from `pfn` on, whose owner `is` says yes to; 0 at the end. */
function nextOwned(k: Kernel, pfn: number, is: (owner: number) => boolean): number {
  const top = k.pages_fresh.get(0);
  for (let p = pfn; p < top; p++) if (is(k.page_owner.get(p))) return p;
  return 0;
}
const bufferOf = (owner: number, mark: number) => ((owner & ~mark) - OWNER_BUFFER) >> 16;

/** The next page, from `pfn` on, that a buffer keeps aside; 0 at the end. */
export const next_kept = step('old_pages', (k: Kernel, buf: number, pfn: number) =>
  nextOwned(k, pfn, (o) => (o & OWNER_KEPT) !== 0 && bufferOf(o, OWNER_KEPT) === buf),
);
/** The next page that waits for the driver's worker; 0: none does. */
export const next_for_worker = step(
  'list_first_entry',
  (k: Kernel) => nextOwned(k, 1, (o) => (o & OWNER_LATER) !== 0),
  {
    text: (_, pfn) => (pfn ? `the worker takes page${pfn}` : 'nothing to free'),
    atomic: 'a list under a lock of its own',
  },
);
/**
 * A page out of the driver's pool for page `i` of a buffer, or 0. A pool hands out what was given
 * last; here it is the lowest PFN. drivers/gpu/drm/ttm/ttm_pool.c:243 ttm_pool_type_take
 */
export const pool_take = step(
  'ttm_pool_type_take',
  (k: Kernel, buf: number, i: number) => {
    const pfn = nextOwned(k, 1, (o) => o === OWNER_POOL);
    if (pfn) k.page_owner.set(pfn, bufferPage(buf, i));
    return pfn;
  },
  {
    text: (_, pfn) => (pfn ? `page${pfn} comes out of the pool` : 'the pool is empty'),
    atomic: 'under pt->lock (drivers/gpu/drm/ttm/ttm_pool.c:247)',
  },
);

export const contiguous = step('contiguous', (k: Kernel, buf: number, first: number, n: number) => {
  const base = at(k, buf, first);
  const pfn = k.buf_page.get(base);
  for (let i = 1; i < n; i++) if (k.buf_page.get(base + i) !== pfn + i) return 0;
  return pfn > 0 ? 1 : 0;
});
export const pattern = step('pattern', (k: Kernel, gen: number, page: number, word: number) =>
  k.freshWord(gen, page, word),
);
/** The pattern value that a poisoned page is filled with. */
export const poison_word = step('POISON', (k: Kernel) => k.poison);
export const words_of_page = step('PAGE_SIZE', (k: Kernel) => k.config.words);
export const write_word = step('memset', (k: Kernel, pfn: number, word: number, value: number) =>
  k.page_word.set(pfn * k.config.words + word, value),
);

const swapAt = (k: Kernel, buf: number, i: number, word: number) =>
  at(k, buf, i) * k.config.words + word;
/** Writes one word of page `i` to swap. drivers/gpu/drm/ttm/ttm_tt.c:266 ttm_tt_swapout */
export const swap_out_word = step(
  'copy_highpage',
  (k: Kernel, buf: number, i: number, word: number, pfn: number) =>
    k.buf_swap.set(swapAt(k, buf, i, word), k.page_word.get(pfn * k.config.words + word) + 1),
  {
    text: ([, , , pfn]) => `copy page${pfn} to swap`,
    atomic: 'reading the page and writing the private target: nobody else reaches the target yet',
  },
);
/** Reads one word of page `i` back and forgets it. ttm_tt.c:213 ttm_tt_swapin */
export const swap_in_word = step(
  'copy_highpage',
  (k: Kernel, buf: number, i: number, word: number, pfn: number) => {
    const s = swapAt(k, buf, i, word);
    k.page_word.set(pfn * k.config.words + word, k.buf_swap.get(s) - 1);
    k.buf_swap.set(s, 0);
  },
  {
    text: ([, , , pfn]) => `copy from swap to page${pfn}`,
    atomic: 'reading the swap and writing a private page: nobody else reaches the page yet',
  },
);
/** What a released buffer had in swap. drivers/gpu/drm/ttm/ttm_tt.c:177 ttm_tt_fini */
export const forget_swap = step(
  'ttm_tt_fini',
  (k: Kernel, buf: number, i: number) => {
    if (!k.config.swap) return;
    const { words } = k.config;
    for (let w = 0; w < words; w++) k.buf_swap.set(swapAt(k, buf, i, w), 0);
  },
  { atomic: 'the buffer is released: nobody else reaches its swap' },
);
export const is_swapped = step('TTM_TT_FLAG_SWAPPED', (k: Kernel, buf: number, i: number) =>
  k.config.swap && k.buf_swap.get(swapAt(k, buf, i, 0)) ? 1 : 0,
);
