// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The world that all kernel code works on: every word of shared state, in named arrays, sized for
 * one run; the locks; and the tables of constant operations. A scenario asks for two pages and one
 * VMA, a recorded program for hundreds; the code above is the same.
 */
import { LockClass, LockTable } from '../explore/locks.ts';
import { Memory, type Slots } from '../explore/memory.ts';
import type { Run } from '../explore/program.ts';
import { showPte, showVmFlags } from './show.ts';
import { type LinuxVersion, PROFILES, type Profile } from './versions.ts';

/** Sizes of one run. */
export interface KernelConfig {
  readonly linux: LinuxVersion;
  /**
   * The tree of the patch: its warning, and the reservation lock around the mmap callback. Neither
   * 6.1 nor 6.12 has either. Default `none`.
   */
  readonly patch?: 'none' | 'posted' | 'corrected';
  /** CPUs, which is to say threads that have a TLB. */
  readonly cpus: number;
  readonly mms: number;
  /** The mm that a CPU runs in, by CPU. */
  readonly cpuMm: readonly number[];
  /** Virtual pages of each mm. */
  readonly vpages: number;
  /** Pages that a PMD entry maps: 512 on x86, less in a scenario. */
  readonly ptrsPerPmd: number;
  readonly vmas: number;
  /** Physical pages; page 0 is the zero page. */
  readonly pages: number;
  /** Words of a page that the run looks at: 1 in a scenario, one per offset used in a program. */
  readonly words: number;
  readonly files: number;
  readonly buffers: number;
  readonly bufferPages: number;
  /** Consumers that hold a translation. */
  readonly holders: number;
  /** Pages that an interval notifier covers, and a mirror maps, at most; default 1. */
  readonly mirrorPages?: number;
  /** Ghost check of contents at every move; off where a program moves without copying. */
  readonly checkContents?: boolean;
  /** Counters that only a report shows; each value of one would be a state of its own. */
  readonly statistics?: boolean;
  /** Words of a story's own, by name: what has happened, who may go on. Default: none. */
  readonly notes?: readonly string[];
  /** Processes' file tables: slots each. */
  readonly fds: number;
  /** Buffers of the pipe of each process; default 0: there are no pipes. */
  readonly pipeBuffers?: number;
  /** Pages of the RAM disk; default 0: there is none. */
  readonly diskPages?: number;
  /** A free page keeps what was in it; default: it is empty, for nobody may look. */
  readonly keepFreedContents?: boolean;
  /** Keep what only reclaim and statistics look at (PG_dirty, PG_lru_batch); default: no. */
  readonly pageFlags?: boolean;
  /** Exporters of the run may swap out; default: there is no swap. */
  readonly swap?: boolean;
  /** In what this kernel differs from the version it is of. */
  readonly profile?: Partial<Profile>;
  /** List notifiers may leave before the process does: who asks them is a reader of SRCU. Default: none does. */
  readonly listNotifiersLeave?: boolean;
  /** Attachments of importers; default 0. */
  readonly attachments?: number;
  /** Pages may have the flag that refuses references (mm/page.ts); default: there is no such flag. */
  readonly refusesRefs?: boolean;
  /** CONFIG_DMABUF_DEBUG: page links of sg_tables are scrambled while importers have them. */
  readonly dmabufDebug?: boolean;
}

/** Methods of a mapping, as `struct vm_operations_struct` (include/linux/mm.h). */
export interface VmOperations {
  readonly name: string;
  /** Answers a fault by inserting (VM_FAULT_NOPAGE) or by naming a page (bits of fault.ts). */
  readonly fault?: (mm: number, vma: number, addr: number, flags: number) => Run<number>;
  readonly huge_fault?: (mm: number, vma: number, addr: number, flags: number) => Run<number>;
  readonly page_mkwrite?: (mm: number, vma: number, addr: number, pfn: number) => Run<number>;
  readonly pfn_mkwrite?: (mm: number, vma: number, addr: number) => Run<number>;
  /**
   * generic_access_phys or the like: ptrace and /proc/PID/mem work through it. Returns the pfn to
   * touch, or a negative errno.
   */
  readonly access?: (mm: number, vma: number, addr: number, write: number) => Run<number>;
  /** Tracking of VMAs; a VMA with `close` never merges (mm/vma.c is_mergeable_vma). */
  readonly open?: (vma: number) => Run<number>;
  readonly close?: (vma: number) => Run<number>;
  /** Fault-around (`filemap_map_pages`): shmem has it, drivers do not. */
  readonly map_pages?: (mm: number, vma: number, addr: number) => Run<number>;
}

/** Methods of an open file, as far as the model needs `struct file_operations`. */
export interface FileOperations {
  readonly name: string;
  readonly mmap?: (mm: number, vma: number, file: number) => Run<number>;
  readonly release?: (file: number) => Run<number>;
  /** Made by alloc_file_pseudo rather than open(2): no FMODE_PREAD (fs/file_table.c). */
  readonly pseudo?: boolean;
  /** A regular file (S_ISREG): can be truncated. */
  readonly regular?: boolean;
  readonly llseek?: (file: number, offset: number, whence: number) => Run<number>;
  /** Reads word `word` of page `index`. */
  readonly read?: (file: number, index: number, word: number) => Run<number>;
  readonly write?: (file: number, index: number, word: number, value: number) => Run<number>;
  /** FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE of pages. */
  readonly punch_hole?: (file: number, first: number, n: number) => Run<number>;
  readonly truncate?: (file: number, pages: number) => Run<number>;
  readonly splice_read?: boolean;
  readonly fsync?: boolean;
  /** DMA_BUF_IOCTL_SYNC with flags of the uAPI; absent: ENOTTY. */
  readonly sync?: (file: number, flags: number) => Run<number>;
}

/** Methods of an exporter, as `struct dma_buf_ops` (include/linux/dma-buf.h). */
export interface DmaBufOps {
  readonly name: string;
  readonly mmap?: (mm: number, vma: number, buf: number) => Run<number>;
  readonly release: (buf: number) => Run<number>;
  /** DMA_BUF_IOCTL_SYNC: 0 or a negative errno. */
  readonly begin_cpu_access?: (buf: number) => Run<number>;
  readonly end_cpu_access?: (buf: number) => Run<number>;
  /** An importer comes: 0 or a negative errno. Many exporters pin the buffer here. */
  readonly attach?: (buf: number) => Run<number>;
  readonly detach?: (buf: number) => Run<void>;
  /** Fills the attachment's sg_table; the reservation lock is held. */
  readonly map_dma_buf?: (buf: number, att: number) => Run<number>;
  readonly unmap_dma_buf?: (buf: number, att: number) => Run<void>;
}

/** Marks of a search: a consumer got hold of a page; one was turned away from a page that was there. */
export const MARK_TRANSLATED = 1;
export const MARK_REFUSED = 2;

/** Values of buf_revoked: whether access has ended, or ended once and begun again. */
export const REVOKED = 1;
export const ENABLED_AGAIN = 2;
/** Somebody has a claim to the memory: no new mapping is made, and the old ones are being taken away. */
export const CLAIMED = 3;

export const PAGE_FRESH = 0;
export const PAGE_USED = 1;
export const PAGE_FREED = 2;
/** A page of a device: no struct page, never allocated or freed. */
export const PAGE_DEVICE = 3;

export class Kernel {
  readonly mem = new Memory();
  readonly locks = new LockTable();
  readonly linux: Profile;
  /** Whether the kernel carries the patch's warning, and in which form. */
  readonly patch: 'none' | 'posted' | 'corrected';

  readonly mmap_lock: LockClass;
  readonly ptl: LockClass;
  readonly i_mmap_rwsem: LockClass;
  readonly dma_resv: LockClass;
  readonly driver_lock: LockClass;
  readonly mmu_lock: LockClass;

  /** include/linux/mm_types.h struct mm_struct */
  readonly mm_anon_vmas: Slots;
  /** Bits MMF_* of mm/oom_kill.ts. */
  readonly mm_flags: Slots;

  /** Page-table entries: bits of pgtable.ts and a pfn; one word, as the MMU sees it. */
  readonly pte: Slots;
  readonly pmd: Slots;
  readonly tlb: Slots;
  readonly irqs_off: LockClass;

  /** struct vm_area_struct */
  readonly vm_start: Slots;
  readonly vm_end: Slots;
  readonly vm_flags: Slots;
  readonly vm_pgoff: Slots;
  readonly vm_file: Slots;
  readonly vm_ops: Slots;
  readonly vm_page_prot: Slots;
  readonly anon_vma: Slots;
  /** In the file's interval tree (mapping->i_mmap), where unmap_mapping_range finds it. */
  readonly vm_linked: Slots;
  /** No longer in the mm's tree: munmap is at work on it, and only the file's tree may know it. */
  readonly vm_detached: Slots;
  /** The object behind the mapping (vm_private_data): a buffer or a file's own, plus one. */
  readonly vm_private: Slots;

  /** struct page */
  readonly page_state: Slots;
  readonly page_refcount: Slots;
  readonly page_mapcount: Slots;
  readonly page_mapping: Slots;
  readonly page_exclusive: Slots;
  /** What a page was allocated for: see mm/page.ts. For the eye, for `mv`'s generation, for mapping back to a buffer. */
  readonly page_owner: Slots;
  readonly page_gen: Slots;
  readonly page_word: Slots;
  /** PG_reserved, or no struct page at all: memory that nobody counts references of. */
  readonly page_reserved: Slots;
  /** The flag of the thread that refuses references, where the run has it. */
  readonly page_refuses: Slots;
  /** In a block that has to stay movable: MIGRATE_CMA, ZONE_MOVABLE. */
  readonly page_cma: Slots;
  /** PG_locked, as far as migration and the faults that meet it go. */
  readonly page_locked: Slots;
  /** Bits PG_* of mm/page.ts that reclaim and statistics look at. */
  readonly page_flags: Slots;
  /** How many pages wait in the CPU's LRU batch: others than ours (a process's own stack), and ours. */
  readonly lru_batch: Slots;
  readonly pages_fresh: Slots;
  readonly pages_freed: Slots;

  /** struct file, struct address_space */
  readonly file_refs: Slots;
  readonly file_ops: Slots;
  readonly file_mapping: Slots;
  readonly file_private: Slots;
  /** Opened without FMODE_WRITE. */
  readonly file_readonly: Slots;
  /** F_SEAL_SHRINK of a memfd. */
  readonly file_sealed: Slots;
  /** Pages of a file of shared memory. */
  readonly file_size: Slots;
  readonly file_page: Slots;
  readonly file_pos: Slots;
  readonly fd_file: Slots;
  /** fdtable->close_on_exec */
  readonly fd_cloexec: Slots;

  /** struct pipe_inode_info: one pipe a process. The pfn in each buffer, plus one. */
  readonly pipe_open: Slots;
  readonly pipe_head: Slots;
  readonly pipe_tail: Slots;
  readonly pipe_bufs: Slots;
  /** What is on the RAM disk. */
  readonly disk_word: Slots;

  /** struct dma_buf and its exporter's object */
  readonly buf_ops: Slots;
  readonly buf_file: Slots;
  readonly buf_npages: Slots;
  /** The page that backs a page of the buffer now; 0: none. */
  readonly buf_page: Slots;
  /** The file whose pages the buffer is made of, plus one; 0: its own pages. */
  readonly buf_source: Slots;
  /** Where the object begins in its address_space: a GEM object's fake offset, a BAR's first PFN. */
  readonly buf_pgoff: Slots;
  /** What a page of the buffer held when it went to swap, plus one; 0: it is not there. */
  readonly buf_swap: Slots;
  readonly buf_gen: Slots;
  readonly buf_revoked: Slots;
  /** begin_cpu_access has mapped the buffer for the device that syncs. */
  readonly buf_begun: Slots;
  readonly buf_faults: Slots;
  readonly buf_mkwrites: Slots;
  readonly buf_vmas: Slots;
  /** Ghost: the last value stored through a valid mapping; see mm/access.ts. */
  readonly buf_data: Slots;
  /** Ghost: the rule to blame if a move overtakes that store. */
  readonly buf_blame: Slots;
  /** How often dma_buf_mmap came back, by result and by VM_PFNMAP: what the patch would have seen. */
  readonly patch_returns: Slots;
  /** Whether the patch has warned since boot, and of which rule. */
  readonly patch_warned: Slots;

  /** struct dma_buf_attachment: the buffer, plus one; and the entries of its sg_table. */
  readonly att_buffer: Slots;
  readonly sg_link: Slots;
  readonly sg_dma: Slots;
  /** How many importers hold the buffer in its place. */
  readonly buf_pins: Slots;

  /** What a story keeps; no code of the kernel looks at it. */
  readonly notes: Slots;

  /** Odd while fork write-protects a mapping: GUP-fast pins nothing meanwhile. */
  readonly write_protect_seq: Slots;

  /** Notifier subscriptions: the KVM-like kind and the interval kind (mm/mmu_notifier.c). */
  readonly mn_registered: Slots;
  /** Of a subscription: what is queued for it (MN_ADDS and the like). */
  readonly mn_deferred: Slots;
  /** mm->notifier_subscriptions, by mm. */
  readonly mn_subscriptions: Slots;
  /** The SRCU of mm/mmu_notifier.c: where readers count now, and how many count there. */
  readonly srcu_idx: Slots;
  readonly srcu_lock_count: Slots;
  readonly mn_seq: Slots;
  readonly mn_in_progress: Slots;
  readonly itree_seq: Slots;
  readonly itree_active: Slots;
  readonly hold_pfn: Slots;
  readonly hold_flags: Slots;
  readonly hold_addr: Slots;
  /** Pages from there on, where a notifier may cover more than one. */
  readonly hold_pages: Slots;
  readonly hold_mm: Slots;
  /** What a mirror maps now; its notifier takes it away. */
  readonly hold_mirror: Slots;
  readonly hold_seq: Slots;
  /** A device's TLB entry for the page, where it walks the process's own page table. */
  readonly hold_iotlb: Slots;

  constructor(readonly config: KernelConfig) {
    this.linux = config.profile
      ? { ...PROFILES[config.linux], ...config.profile }
      : PROFILES[config.linux];
    this.patch = config.patch ?? 'none';
    const { mem, locks } = this;
    const { mms, vpages, vmas, pages, files, buffers, bufferPages, cpus, holders } = config;
    const one = (name: string) => (i: number) => `${name}${i}`;
    this.mmap_lock = new LockClass(mem, 'mmap_lock', mms, locks);
    this.dma_resv = new LockClass(mem, 'dma_resv', buffers, locks);
    this.driver_lock = new LockClass(mem, 'buffer_mutex', buffers, locks);
    this.i_mmap_rwsem = new LockClass(mem, 'i_mmap_rwsem', files, locks);
    this.ptl = new LockClass(mem, 'ptl', mms, locks);
    this.mmu_lock = new LockClass(mem, 'mmu_lock', Math.max(1, holders), locks);

    this.mm_anon_vmas = mem.array('anon_vmas', 1);
    this.mm_flags = mem.array('mm_flags', mms);

    const at = (n: number, name: string) => (i: number) =>
      mms === 1 ? `${name}[${i}]` : `mm${Math.floor(i / n)}.${name}[${i % n}]`;
    const blocks = Math.ceil(vpages / config.ptrsPerPmd);
    this.pte = mem.array('pte', mms * vpages, { show: showPte, label: at(vpages, 'pte') });
    this.pmd = mem.array('pmd', mms * blocks, { show: showPte, label: at(blocks, 'pmd') });
    this.tlb = mem.array('tlb', cpus * vpages, {
      perThread: vpages,
      show: showPte,
      label: (i) => `tlb${Math.floor(i / vpages)}[${i % vpages}]`,
    });
    this.irqs_off = new LockClass(mem, 'irqs_off', cpus, locks, { perThread: 1 });

    const v = mms * vmas;
    this.vm_start = mem.array('vm_start', v);
    this.vm_end = mem.array('vm_end', v);
    this.vm_flags = mem.array('vm_flags', v, { show: showVmFlags });
    this.vm_pgoff = mem.array('vm_pgoff', v, { show: (n) => `0x${n.toString(16)}` });
    this.vm_file = mem.array('vm_file', v);
    this.vm_ops = mem.array('vm_ops', v);
    this.vm_page_prot = mem.array('vm_page_prot', v);
    this.anon_vma = mem.array('anon_vma', v);
    this.vm_linked = mem.array('vm_linked', v);
    this.vm_detached = mem.array('vm_detached', v);
    this.vm_private = mem.array('vm_private', v);

    this.page_state = mem.array('page_state', pages, {
      show: (s) => ['free', 'allocated', 'freed', 'device'][s] ?? '?',
      label: one('page'),
    });
    this.page_refcount = mem.array('page_refcount', pages, {
      show: (n) => `refcount ${n}`,
      label: one('page'),
    });
    this.page_mapcount = mem.array('page_mapcount', pages);
    this.page_mapping = mem.array('page_mapping', pages);
    this.page_exclusive = mem.array('page_exclusive', pages);
    this.page_owner = mem.array('page_owner', pages);
    this.page_gen = mem.array('page_gen', pages);
    this.page_word = mem.array('page_word', pages * config.words, {
      show: (n) => `data ${n}`,
      label: (i) => `page${Math.floor(i / config.words)}`,
    });
    this.page_reserved = mem.array('PageReserved', pages);
    this.page_refuses = mem.array('page_refuses', config.refusesRefs ? pages : 0);
    this.page_cma = mem.array('MIGRATE_CMA', pages);
    this.page_locked = mem.array('PG_locked', pages, { label: one('page') });
    this.page_flags = mem.array('page_flags', pages);
    this.lru_batch = mem.array('lru_batch', config.pageFlags ? 2 : 0);
    this.pages_fresh = mem.array('pages_fresh', 1, { initial: 1 });
    this.pages_freed = mem.array('pages_freed', 1);

    this.file_refs = mem.array('file_refs', files, {
      label: one('file'),
      show: (n) => `f_count ${n}`,
    });
    this.file_ops = mem.array('file_ops', files);
    this.file_mapping = mem.array('file_mapping', files);
    this.file_private = mem.array('file_private', files);
    this.file_readonly = mem.array('file_readonly', files);
    this.file_sealed = mem.array('file_sealed', files);
    this.file_size = mem.array('file_size', files);
    this.file_page = mem.array('file_page', files * bufferPages);
    this.file_pos = mem.array('f_pos', files);
    this.fd_file = mem.array('fd_file', mms * config.fds);
    this.fd_cloexec = mem.array('fd_cloexec', mms * config.fds);

    const bufs = config.pipeBuffers ?? 0;
    const pipes = bufs ? mms : 0;
    this.pipe_open = mem.array('pipe_open', pipes);
    this.pipe_head = mem.array('pipe_head', pipes);
    this.pipe_tail = mem.array('pipe_tail', pipes);
    this.pipe_bufs = mem.array('pipe_bufs', pipes * bufs);
    this.disk_word = mem.array('disk_word', (config.diskPages ?? 0) * config.words);

    this.buf_ops = mem.array('buf_ops', buffers);
    this.buf_file = mem.array('buf_file', buffers);
    this.buf_npages = mem.array('buf_npages', buffers);
    this.buf_page = mem.array('buf_page', buffers * bufferPages, {
      show: (n) => (n ? `page${n}` : 'nothing'),
      label: (i) => `backing[${i % bufferPages}]`,
    });
    this.buf_source = mem.array('buf_source', buffers);
    this.buf_pgoff = mem.array('buf_pgoff', buffers);
    this.buf_swap = mem.array('swap', config.swap ? buffers * bufferPages * config.words : 0);
    this.buf_gen = mem.array('buf_gen', buffers);
    this.buf_begun = mem.array('buf_begun', buffers);
    this.buf_revoked = mem.array('buf_revoked', buffers, {
      show: (n) => (n === REVOKED ? 'revoked' : 'live'),
      label: one('buffer'),
    });
    this.buf_faults = mem.array('buf_faults', buffers, { ghost: true });
    this.buf_mkwrites = mem.array('buf_mkwrites', buffers, { ghost: true });
    this.buf_vmas = mem.array('buf_vmas', buffers, { ghost: true });
    this.buf_data = mem.array('buf_data', buffers * bufferPages, { ghost: true });

    this.buf_blame = mem.array('buf_blame', buffers * bufferPages, { ghost: true });
    this.patch_returns = mem.array('patch_returns', 4, { ghost: true });
    this.patch_warned = mem.array('__already_done', 1);

    const atts = config.attachments ?? 0;
    this.att_buffer = mem.array('attachment', atts);
    this.sg_link = mem.array('page_link', atts * bufferPages);
    this.sg_dma = mem.array('dma_address', atts * bufferPages);
    this.buf_pins = mem.array('pin_count', atts ? buffers : 0);

    this.notes = mem.array('notes', config.notes?.length ?? 0, {
      label: (i) => config.notes?.[i] ?? 'note',
      show: String,
    });

    const h = Math.max(1, holders);
    this.write_protect_seq = mem.array('write_protect_seq', mms);
    this.mn_registered = mem.array('mn_registered', h);
    this.mn_deferred = mem.array('deferred_list', h);
    this.mn_subscriptions = mem.array('notifier_subscriptions', mms);
    this.srcu_idx = mem.array('srcu_idx', config.listNotifiersLeave ? 1 : 0);
    this.srcu_lock_count = mem.array('srcu_lock_count', config.listNotifiersLeave ? 2 : 0);
    this.mn_seq = mem.array('mmu_invalidate_seq', h);
    this.mn_in_progress = mem.array('mmu_invalidate_in_progress', h);
    this.itree_seq = mem.array('invalidate_seq', mms);
    this.itree_active = mem.array('active_invalidate_ranges', mms);
    this.hold_pfn = mem.array('held_pfn', h, { show: (n) => (n ? `page${n}` : 'none') });
    this.hold_flags = mem.array('held_flags', h);
    this.hold_addr = mem.array('held_addr', h);
    this.hold_mm = mem.array('held_mm', h);
    const mirrorPages = config.mirrorPages ?? 1;
    this.hold_pages = mem.array('held_pages', mirrorPages > 1 ? h : 0);
    this.hold_mirror = mem.array('mirror_pfn', h * mirrorPages, {
      show: (n) => (n ? `page${n}` : 'none'),
    });
    this.hold_seq = mem.array('held_seq', h);
    this.hold_iotlb = mem.array('iotlb', h, { show: showPte });
    mem.seal();
    this.page_state.set(0, PAGE_USED);
    this.page_refcount.set(0, 1);
  }

  /**
   * The word that a fresh page of a buffer holds, and the word of a poisoned one. Words are tokens;
   * a run that looks at real contents gives them meaning (conform/values.ts).
   */
  freshWord: (generation: number, page: number, word: number) => number = () => 0;
  poison = 0;
  /** The word that a page at the start of the RAM disk holds; nothing else in a scenario does. */
  diskWord: (page: number, word: number) => number = () => 2;
}

/**
 * A family of constant operation tables. State holds a table's number, code its methods; the same
 * object always has the same number, and 0 is "none".
 */
class OpsTables<T> {
  private readonly tables: T[] = [];

  number(ops: T): number {
    const at = this.tables.indexOf(ops);
    return at >= 0 ? at + 1 : this.tables.push(ops);
  }

  at(n: number): T | undefined {
    return this.tables[n - 1];
  }
}

export const vm_operations = new OpsTables<VmOperations>();
export const file_operations = new OpsTables<FileOperations>();
export const dma_buf_operations = new OpsTables<DmaBufOps>();
