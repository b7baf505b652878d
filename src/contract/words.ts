// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Words with one meaning: the five verdicts on an exporter and a consumer that meet, and the
 * fourteen systems that the contract is about.
 */

export type Verdict = 'safe' | 'refused' | 'breaks' | 'corrupts' | 'unknown';

/** Worst first. */
export const VERDICTS: readonly Verdict[] = ['corrupts', 'breaks', 'refused', 'safe', 'unknown'];

export const MEANING: Readonly<Record<Verdict, string>> = {
  corrupts:
    'In some interleaving somebody reads or writes a page that has stopped being part of the ' +
    'buffer, or a write never reaches it, as when a pinned page and the buffer part ways.',
  breaks:
    'No data goes wrong, but some interleaving breaks a rule: a leak, a refcount underflow, a ' +
    'BUG or WARN, a deadlock, a livelock, or SIGBUS for ever on a buffer that still exists.',
  refused:
    'In no interleaving does the consumer get a translation, although in at least one it arrives ' +
    'while the entry is present.',
  safe:
    'Every interleaving within the stated bound was covered, and the pair neither corrupts nor ' +
    'breaks nor is refused.',
  unknown: 'The bound was reached before every interleaving was covered, so nothing is claimed.',
};

/** What to do about what is wrong under no rule of the thread, by the name it has in a verdict. */
export const REMEDY: Readonly<Record<string, string>> = {
  sigbus:
    'Give the VMA a fault handler that fills the mapping again after a move; what was inserted at mmap ' +
    'alone is gone with the first zap.',
  refcount: 'Let go of a page as often as it was taken, on error paths too, and not more often.',
  'double-free': 'Free the page in one place: where the last reference goes.',
  leak: 'Let go, at the last close, of every reference and page that the buffer took.',
  deadlock:
    'Take the locks in one order everywhere, and never wait with one held that others wait for.',
  livelock:
    'Tell a permanent error from one that another attempt can get over, and end at the first.',
};

export type SystemId = `S${number}`;

export interface System {
  id: SystemId;
  name: string;
  what: string;
}

export const SYSTEMS: readonly System[] = [
  {
    id: 'S1',
    name: 'dma-buf core',
    what:
      'Export, the refcounted file behind the fd, mmap through the fd or redirected by a driver, ' +
      'the check after the callback, release.',
  },
  {
    id: 'S2',
    name: 'VMAs and vm_flags',
    what:
      'VM_PFNMAP, VM_MIXEDMAP, VM_IO, VM_DONTEXPAND, VM_DONTDUMP, and what makes a mapping ' +
      'copy-on-write.',
  },
  {
    id: 'S3',
    name: 'PTE insertion',
    what:
      'remap_pfn_range, vmf_insert_pfn, vm_insert_page, mixed inserts, the dma_mmap family and ' +
      'vmf->page: which flag and which PTE bit each of them sets.',
  },
  {
    id: 'S4',
    name: 'page tables',
    what: 'Present, write, special bits; huge entries; TLBs; architectures without a special bit.',
  },
  {
    id: 'S5',
    name: 'struct page',
    what: 'Reference counts, PFNs with and without a page, reserved pages, underflow.',
  },
  {
    id: 'S6',
    name: 'GUP and GUP-fast',
    what:
      'The slow path, which refuses by VMA flag; the fast path, which refuses by PTE bit; ' +
      'long-term pins.',
  },
  {
    id: 'S7',
    name: 'address_space and invalidation',
    what:
      'How a driver that moves finds and zaps every PTE, and the race with a fault that refills ' +
      'one.',
  },
  {
    id: 'S8',
    name: "mm's own movers",
    what: 'Compaction, KSM and NUMA balancing, which act on struct pages and must not see these.',
  },
  {
    id: 'S9',
    name: 'PTE followers',
    what:
      'follow_pte, follow_pfn, follow_pfnmap_start and fixup_user_fault, and the race between ' +
      'two of their calls.',
  },
  {
    id: 'S10',
    name: 'MMU notifiers and HMM',
    what:
      'Invalidate callbacks, the sequence number and the restart of hmm_range_fault: how to hold ' +
      'a translation correctly.',
  },
  {
    id: 'S11',
    name: 'exporters',
    what: 'dma-heaps, udmabuf, GEM helpers, TTM, vgem, i915, VFIO and PCI BARs.',
  },
  {
    id: 'S12',
    name: 'consumers',
    what:
      'KVM, direct I/O, long-term pins, SVA, HMM mirrors, VFIO and other users of a mapping that ' +
      'is not theirs.',
  },
  {
    id: 'S13',
    name: 'debugging aids',
    what:
      'Refcount checks at free and right after the zap, mangled or zero refcounts, a page flag, ' +
      'CONFIG_DMABUF_DEBUG: what each catches and misses.',
  },
  {
    id: 'S14',
    name: 'continuous integration',
    what:
      'The warn-once check as a test suite sees it: which test turns from PASS to DMESG-WARN, ' +
      'and why only the first.',
  },
];
