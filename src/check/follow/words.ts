// SPDX-License-Identifier: GPL-2.0-or-later
/** The kernel's words for taking a translation out of a page table, for giving it up, and for asking again. */
import { type Expr, eachIn, type Stmt } from '../c/ast.ts';

/** Lookups that leave a translation with the caller; with a lock that ends it, or without any. */
const LOOKUPS = [
  ...['follow_pte', 'follow_pte_pmd', 'follow_invalidate_pte', 'follow_pfn', 'unsafe_follow_pfn'],
  ...['follow_phys', 'follow_pfnmap_start', 'hmm_range_fault', 'hmm_vma_fault', 'hmm_vma_get_pfns'],
];
export const LOOKUP = new RegExp(`^(${LOOKUPS.join('|')})$`);
/** Those that a kernel does not have, by those that it has. */
export const lookupsBut = (has: readonly string[]): ReadonlySet<string> =>
  new Set(LOOKUPS.filter((name) => !has.includes(name)));
export const UNLOCKED = /^(follow_pfn|unsafe_follow_pfn|follow_phys)$/;
export const UNLOCK = /^(pte_unmap_unlock|follow_pfnmap_end|spin_unlock|pte_unmap)$/;
/** Tests a notifier's sequence, or says that the whole scheme does. */
export const RETRY =
  /\b(mmu_(?:invalidate|notifier|interval_read)_retry\w*|mmu_interval_check_retry|hmm_vma_range_done|hmm_range_valid|kvm_mmu_invalidate_retry\w*|mmu_interval_read_retry|is_page_fault_stale)\s*\(/;
export const REFERENCE =
  /\b(?:get_page|try_get_page|get_page_unless_zero|folio_get|folio_try_get|page_ref_inc|try_grab_page|kvm_get_pfn|\w*try_get_pfn|get_pfn_ref\w*)\s*\(/;
export const WRITE_TEST =
  /\b(?:pte_write|pmd_write|pte_access_permitted|huge_pte_write)\s*\(|(?:\.|->)writable\b|\bpgprot_val\s*\([^()]*\)\s*&|vm_flags\s*&\s*[^;]*VM_(?:MAY)?(?:WRITE|READ)|vm_flags\s*&\s*access|HMM_PFN_(?:REQ_)?WRITE|\bfollow_phys\s*\([^;]*&prot\b/;

export type Call = Expr & { readonly k: 'call' };

/** A call by name. */
export interface Named {
  readonly name: string;
  readonly e: Call;
}

/** The calls in a body, in program order. */
export function callsIn(body: Stmt): Named[] {
  const out: Named[] = [];
  eachIn(body, (e) => {
    if (e.k === 'call' && e.fn.k === 'id') out.push({ name: e.fn.name, e });
  });
  return out.sort((a, b) => a.e.at - b.e.at);
}
