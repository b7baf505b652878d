// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * KSM: anonymous pages with equal contents become one, write-protected. Only in VMAs that madvise made
 * mergeable, which shared and special memory never becomes (mm/madvise.ts), and only pages that nobody
 * holds: the entry is cleared and flushed before the count is looked at. mm/ksm.c
 */
import { guard, type Run, routine, step } from '../../explore/program.ts';
import { EFAULT } from '../errno.ts';
import { type Kernel, MARK_TRANSLATED } from '../kernel.ts';
import { PTE_DIRTY, PTE_PRESENT, PTE_SPECIAL, PTE_WRITE, pte_pfn, VM_MERGEABLE } from './flags.ts';
import { mk_pte, pte_lock, pte_unlock } from './insert.ts';
import {
  mmu_notifier_invalidate_range_end,
  mmu_notifier_invalidate_range_start,
} from './mmu_notifier.ts';
import {
  alloc_page,
  copy_page,
  get_page,
  OWNER_ANON,
  page_add_rmap,
  page_is_exclusive,
  page_mapcount,
  page_mapping,
  page_ref_count,
  page_remove_rmap,
  put_page,
  set_page_exclusive,
  try_get_page,
} from './page.ts';
import { flush_tlb_range, ptep_get, ptep_get_and_clear, set_pte_at } from './pgtable.ts';
import {
  has_anon_vma,
  mmap_read_lock,
  mmap_read_unlock,
  NO_VMA,
  vm_flags,
  vm_page_prot,
  vma_lookup,
} from './vma.ts';
import { MAPPING_ANON, MAPPING_KSM, set_page_mapping } from './zap.ts';

const page_words = step('PAGE_SIZE', (k: Kernel) => k.config.words);
const page_word = step(
  'memcmp',
  (k: Kernel, pfn: number, word: number) => k.page_word.get(pfn * k.config.words + word),
  { text: ([pfn], v) => `page${pfn} holds ${v}` },
);

/** Two pages are compared word by word; nobody stops who writes meanwhile. mm/ksm.c pages_identical */
const pages_identical = routine(
  'pages_identical',
  function* (a: number, b: number): Run<number> {
    const words = yield* page_words();
    for (let w = 0; w < words; w++) {
      if ((yield* page_word(a, w)) !== (yield* page_word(b, w))) return 0;
    }
    return 1;
  },
  'mm/ksm.c',
);

/** 6.12 mm/ksm.c:1246, 6.1 line 1024: no O_DIRECT may be under way. The entry, or -EFAULT. */
const write_protect_page = routine(
  'write_protect_page',
  function* (mm: number, addr: number, pfn: number): Run<number> {
    yield* mmu_notifier_invalidate_range_start(mm, addr, addr + 1);
    yield* pte_lock(mm);
    let entry = yield* ptep_get(mm, addr);
    if (!(entry & PTE_PRESENT) || pte_pfn(entry) !== pfn) entry = -EFAULT;
    else if (entry & (PTE_WRITE | PTE_DIRTY) || (yield* page_is_exclusive(pfn))) {
      const was = yield* ptep_get_and_clear(mm, addr);
      yield* flush_tlb_range(mm, addr, addr + 1);
      // One reference is KSM's own.
      const held = (yield* page_mapcount(pfn)) + 1 !== (yield* page_ref_count(pfn));
      if (yield* guard('the reference count test', held)) {
        yield* set_pte_at(mm, addr, was);
        entry = -EFAULT;
      } else {
        yield* set_page_exclusive(pfn, 0);
        entry = was & ~(PTE_WRITE | PTE_DIRTY);
        yield* set_pte_at(mm, addr, entry);
      }
    }
    yield* pte_unlock(mm);
    yield* mmu_notifier_invalidate_range_end(mm, addr, addr + 1);
    return entry;
  },
  'mm/ksm.c',
);

/** 6.12 mm/ksm.c:1339, 6.1 line 1117: the merged page instead of the process's own. 1 if done. */
const replace_page = routine(
  'replace_page',
  function* (
    mm: number,
    vma: number,
    addr: number,
    pfn: number,
    kpage: number,
    orig: number,
  ): Run<number> {
    const prot = yield* vm_page_prot(vma);
    yield* mmu_notifier_invalidate_range_start(mm, addr, addr + 1);
    yield* pte_lock(mm);
    const other = (yield* ptep_get(mm, addr)) !== orig;
    const same = !(yield* guard('the second look at the entry', other));
    if (same) {
      yield* get_page(kpage, 1);
      yield* page_add_rmap(kpage);
      yield* ptep_get_and_clear(mm, addr);
      yield* flush_tlb_range(mm, addr, addr + 1);
      yield* set_pte_at(mm, addr, mk_pte(kpage, prot) & ~PTE_WRITE);
      yield* page_remove_rmap(pfn);
    }
    yield* pte_unlock(mm);
    yield* mmu_notifier_invalidate_range_end(mm, addr, addr + 1);
    if (same) yield* put_page(pfn, 1);
    return same ? 1 : 0;
  },
  'mm/ksm.c',
);

const merged = step('ksm_pages_sharing', (k: Kernel) => {
  k.mem.marks |= MARK_TRANSLATED;
});

/** The page behind an address with a reference, if it is anonymous; else 0. */
const next_page = routine('follow_page', function* (mm: number, addr: number): Run<number> {
  yield* pte_lock(mm);
  const entry = yield* ptep_get(mm, addr);
  let pfn = 0;
  if ((entry & (PTE_PRESENT | PTE_SPECIAL)) === PTE_PRESENT) {
    if ((yield* page_mapping(pte_pfn(entry))) === MAPPING_ANON) pfn = pte_pfn(entry);
  }
  if (pfn) yield* try_get_page(pfn, 1);
  yield* pte_unlock(mm);
  return pfn;
});

/**
 * ksmd comes to a page, and another process has one with the same contents. 6.12 mm/ksm.c:2539
 * scan_get_next_rmap_item and 2215 cmp_and_merge_page, 6.1 lines 2315 and 2037.
 * @returns 1 if the two are one page now
 */
export const ksm_scan_page = routine(
  'ksm_do_scan',
  function* (mm: number, addr: number): Run<number> {
    yield* mmap_read_lock(mm);
    const vma = yield* vma_lookup(mm, addr);
    let done = 0;
    if (vma !== NO_VMA && (yield* vm_flags(vma)) & VM_MERGEABLE && (yield* has_anon_vma(vma))) {
      const pfn = yield* next_page(mm, addr);
      if (pfn) {
        done = yield* cmp_and_merge_page(mm, vma, addr, pfn);
        yield* put_page(pfn, 1);
      }
    }
    yield* mmap_read_unlock(mm);
    if (done) yield* merged();
    return done;
  },
  'mm/ksm.c',
);

const cmp_and_merge_page = routine(
  'cmp_and_merge_page',
  function* (mm: number, vma: number, addr: number, pfn: number): Run<number> {
    // The page of the other process, in the stable tree: what this one holds just now.
    const kpage = yield* alloc_page(OWNER_ANON);
    if (kpage < 0) return 0;
    yield* copy_page(kpage, pfn);
    yield* set_page_mapping(kpage, MAPPING_KSM);
    const entry = yield* write_protect_page(mm, addr, pfn);
    let done = 0;
    const differs = entry < 0 || !(yield* pages_identical(pfn, kpage));
    if (entry >= 0 && !(yield* guard('the comparison', differs))) {
      done = yield* replace_page(mm, vma, addr, pfn, kpage, entry);
    }
    // The other process is gone; the merged page stays with who has it mapped.
    yield* put_page(kpage, 1);
    return done;
  },
  'mm/ksm.c',
);
