// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * How steps of the kernel model read in a ladder: which of them matter, when, and in what words. A
 * step that is not listed shows its own text, or the changes that it makes.
 */
import type { Step } from '../explore/player.ts';

/** When a step that changes nothing is worth a line. */
export type When =
  | 'always'
  | 'never'
  /** When another thread runs before the call that made it returns. */
  | 'interrupted'
  /** The same, or in one of {@link LOOKUPS}. */
  | 'lookup';

export interface Wording {
  readonly when: When;
  /** What stands in the line; default: the step's own text, or its changes. */
  readonly text?: (step: Step) => string;
  /** Changes are shown as well as or instead of the text. Default true. */
  readonly changes?: boolean;
}

/** Functions whose result is a translation that somebody keeps. */
export const LOOKUPS: ReadonlySet<string> = new Set([
  'follow_pte',
  'follow_pfnmap_start',
  'follow_page_pte',
  'gup_fast_pte_range',
  'hmm_range_fault',
  'raw_walk',
]);

/** Calls that say nothing by themselves: what is in them stands in the caller. */
export const PLUMBING: ReadonlySet<string> = new Set([
  'user_program',
  'user',
  'other_cpu',
  'walk',
  'replace_page',
  'exporter_alloc',
  'alloc_page',
  'copy_page',
  'fill_fresh',
  'fill_page',
  'put_page',
  'vmf->pgoff',
  'pmd_trans_huge',
  'follow_pfn',
  'follow_pte_caller',
  'do_fault',
  'do_shared_fault',
  'do_read_fault',
  'do_vmi_munmap',
  'remove_vma',
  'zap_page_range_single',
]);

/** Calls worth a line although nothing in them changed anything. */
export const LANDMARKS: ReadonlySet<string> = new Set([
  'unmap_mapping_range',
  'flush_tlb_mm_range',
  'mmu_notifier_invalidate_range_start_nonblock',
]);

/** Calls that keep their line although all they do is call one other. */
export const NAMED: ReadonlySet<string> = new Set([
  'fixup_user_fault',
  'get_user_pages_fast',
  'hmm_range_fault',
]);
/** The driver's own callbacks, and what they insert with. */
export const CALLBACK = /_(vm|huge)_fault$|^vmf?_insert_/;

/** Steps of the notifier: worth a line when a thread of the ladder relies on it. */
const NOTIFIER = new Set([
  'mmu_invalidate_in_progress',
  'kvm_unmap_gfn_range',
  'mmu_invalidate_seq++',
  'mmu_interval_set_seq',
  'unmap_mirror',
]);
const RELIES_ON_NOTIFIER = new Set([
  'mmu_invalidate_seq',
  'mmu_interval_read_begin',
  '__mmu_interval_notifier_insert',
  'kfree',
]);

/** Steps whose lines make no sense to this trace's reader. */
export function leftOut(trace: readonly Step[]): (step: Step) => boolean {
  const relies = trace.some((s) => RELIES_ON_NOTIFIER.has(s.def.name));
  return (s) => !relies && NOTIFIER.has(s.def.name);
}

/** `put_page(page1): refcount 1 -> 0` */
const refcount = (step: Step) => {
  const c = step.changes.find(({ beforeText }) => beforeText.startsWith('refcount '));
  return c ? `${step.text}: ${c.beforeText} -> ${c.afterText.replace('refcount ', '')}` : step.text;
};

/** Bits that the hardware sets as it goes are of no interest. */
export const tidy = (text: string) => text.replace(/ (dirty|young)\b/g, '');

const changed = (step: Step, name: RegExp) => step.changes.find((c) => name.test(c.name));

/** The MMU finds an entry and keeps it in its TLB, or faults. */
function walk(step: Step): string {
  const at = step.args[1];
  const filled = changed(step, /^tlb/);
  if (!step.value) return `page fault at page ${at}`;
  return filled ? `TLB is filled from pte[${at}]: ${tidy(filled.afterText)}` : '';
}

const seq = (step: Step) => `${step.def.name} is ${step.value}`;

export const WORDS: Readonly<Record<string, Wording>> = {
  ptep_get: { when: 'lookup' },
  pmdp_get: { when: 'lookup', text: (s) => (s.value ? s.text : '') },
  placement: {
    when: 'interrupted',
    text: (s) => `reads backing[${s.args[1]}]: ${s.value ? `page${s.value}` : 'nothing'}`,
  },
  vma_lookup: { when: 'never' },
  find_vma: { when: 'never' },
  flush_tlb_func: { when: 'never' },
  copy_page: { when: 'always', changes: false },
  memset: { when: 'never', changes: false },
  put_page_testzero: { when: 'always', text: refcount, changes: false },
  get_page: { when: 'always', text: refcount, changes: false },
  try_get_page: { when: 'always', text: refcount, changes: false },
  free_unref_page: { when: 'always', changes: false },
  fput: { when: 'never' },
  hw_walk: { when: 'always', text: walk, changes: false },
  access: {
    when: 'always',
    text: (s) => (s.value !== -4 ? s.text : s.way ? 'the TLB entry is dropped' : ''),
    changes: false,
  },
  access_page: { when: 'always', changes: false },
  device_access: { when: 'always', changes: false },
  rmqueue: { when: 'always', changes: false },
  rmqueue_movable: { when: 'always', changes: false },
  mmu_invalidate_seq: { when: 'interrupted', text: seq },
  mmu_invalidate_retry: { when: 'always' },
  mmu_interval_read_retry: { when: 'always' },
  __mmu_interval_notifier_insert: {
    when: 'always',
    text: (s) => (changed(s, /^deferred_list/) ? 'queued: an invalidation is under way' : ''),
    changes: false,
  },
  interval_tree_remove: {
    when: 'always',
    text: (s) => (s.value ? 'queued: an invalidation is under way' : ''),
    changes: false,
  },
  'interval_sub->invalidate_seq': { when: 'interrupted', text: seq },
  subscription: { when: 'interrupted', text: (s) => (s.value ? 'finds the notifier' : '') },
  kfree: { when: 'always', text: () => 'kfree()', changes: false },
  mmu_invalidate_in_progress: { when: 'always', changes: false },
  kvm_unmap_gfn_range: {
    when: 'always',
    text: (s) => (changed(s, /^held_pfn/) ? '' : 'nothing to unmap'),
  },
  'mmu_invalidate_seq++': { when: 'always', changes: false },
  contract: { when: 'never' },
  set_spte: { when: 'always', changes: false },
  dma_map: { when: 'always', changes: false },
  BUG: { when: 'always', changes: false },
  WARN: { when: 'always', changes: false },
  WARN_ON: { when: 'always', changes: false },
};
