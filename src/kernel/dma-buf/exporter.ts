// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * An exporter from its traits: the mmap callback, the fault handler, and the ways in which it takes
 * memory back. Named drivers are trait sets over this, plus whatever code is truly their own.
 */
import type { ExporterTraits } from '../../contract/traits.ts';
import { lockSteps } from '../../explore/locks.ts';
import { guard, type Run, routine, step } from '../../explore/program.ts';
import { EACCES, EBUSY, EINVAL, ENOMEM, ENXIO } from '../errno.ts';
import {
  alloc_file,
  fd_install,
  file_mapping,
  fput,
  get_file,
  set_file_mapping,
} from '../fs/file.ts';
import type { DmaBufOps, Kernel, VmOperations } from '../kernel.ts';
import { may_retry } from '../mm/fault.ts';
import {
  FAULT_FLAG_WRITE,
  VM_DONTDUMP,
  VM_DONTEXPAND,
  VM_FAULT_FALLBACK,
  VM_FAULT_NOPAGE,
  VM_FAULT_OOM,
  VM_FAULT_PAGE_SHIFT,
  VM_FAULT_RETRY,
  VM_FAULT_SIGBUS,
  VM_IO,
  VM_MAYSHARE,
  VM_MIXEDMAP,
  VM_PFNMAP,
  VM_SHARED,
  VM_WRITE,
} from '../mm/flags.ts';
import {
  remap_pfn_range,
  vm_insert_page,
  vmf_insert_mixed,
  vmf_insert_pfn,
  vmf_insert_pfn_pmd,
  vmf_insert_pfn_prot,
} from '../mm/insert.ts';
import {
  alloc_page,
  alloc_pages_exact,
  bufferPage,
  copy_page,
  fill_page,
  folio_mark_dirty,
  get_page,
  OWNER_BUFFER,
  OWNER_KEPT,
  OWNER_NONE,
  put_page,
  set_page_owner,
} from '../mm/page.ts';
import { ptrs_per_pmd } from '../mm/pgtable.ts';
import { shmem_file_operations, shmem_get_folio } from '../mm/shmem.ts';
import {
  mmap_read_unlock,
  PROT_R,
  set_vm_ops,
  set_vm_pgoff,
  vm_end,
  vm_flags,
  vm_flags_mod,
  vm_page_prot,
  vm_pgoff,
  vm_private_data,
  vm_start,
} from '../mm/vma.ts';
import { unmap_mapping_range } from '../mm/zap.ts';
import { sg_set_page } from './attach.ts';
import { dma_buf_alloc, dma_buf_export } from './dma-buf.ts';
import { resv, resv_try } from './dma-resv.ts';
import { zap_without_flush } from './zap-by-hand.ts';

const mutex_try = lockSteps(['mutex_trylock', 'mutex_unlock'], (k: Kernel) => k.driver_lock, {
  trylock: true,
  guard: 'mutex_lock',
});
const mutex = lockSteps(['mutex_lock', 'mutex_unlock'], (k: Kernel) => k.driver_lock);

const FLAGS = { VM_PFNMAP, VM_MIXEDMAP, VM_IO, VM_DONTEXPAND, VM_DONTDUMP } as const;

const backing = step(
  'placement',
  (k: Kernel, buf: number, i: number) => k.buf_page.get(buf * k.config.bufferPages + i),
  { text: ([, i], v) => `placement of page ${i}: ${v ? `page${v}` : 'none'}` },
);
const set_backing = step(
  'set_placement',
  (k: Kernel, buf: number, i: number, pfn: number) =>
    k.buf_page.set(buf * k.config.bufferPages + i, pfn),
  { text: ([, i, pfn]) => `placement of page ${i} = ${pfn ? `page${pfn}` : 'none'}` },
);
const table_of = step('sg_table', (k: Kernel, buf: number) => buf * k.config.bufferPages);
const source = step('source', (k: Kernel, buf: number) => k.buf_source.get(buf));
const set_source = step('set_source', (k: Kernel, buf: number, file: number) =>
  k.buf_source.set(buf, file),
);
const offset_node = step('drm_vma_node_start', (k: Kernel, buf: number) => k.buf_pgoff.get(buf));
const remove_offset = step('drm_vma_offset_remove', (k: Kernel, buf: number) =>
  k.buf_pgoff.set(buf, 0),
);
/** drivers/gpu/drm/drm_vma_manager.c: the smallest hole between live objects that is large enough. */
const add_offset = step(
  'drm_vma_offset_add',
  (k: Kernel, buf: number, base: number, n: number) => {
    const taken: [number, number][] = [];
    for (let b = 0; b < k.config.buffers; b++) {
      const at = k.buf_pgoff.get(b);
      if (at) taken.push([at, at + k.buf_npages.get(b)]);
    }
    taken.sort((x, y) => x[0] - y[0]);
    let best = base;
    let size = Number.MAX_SAFE_INTEGER;
    let at = base;
    for (const [from, to] of taken) {
      if (from - at >= n && from - at < size) {
        best = at;
        size = from - at;
      }
      at = to;
    }
    k.buf_pgoff.set(buf, size === Number.MAX_SAFE_INTEGER ? at : best);
  },
  { atomic: 'under mgr->vm_lock (drivers/gpu/drm/drm_vma_manager.c drm_vma_offset_add)' },
);
const npages = step('dmabuf->size', (k: Kernel, buf: number) => k.buf_npages.get(buf));
const revoked = step('revoked', (k: Kernel, buf: number) => k.buf_revoked.get(buf));
const set_revoked = step('revoke', (k: Kernel, buf: number) => k.buf_revoked.set(buf, 1));
const pin = step('pin', (k: Kernel, buf: number, n: number) => k.buf_pins.add(buf, n), {
  text: ([, n]) => `pin_count ${Number(n) > 0 ? '+' : '-'} 1`,
});
const bump_generation = step('generation++', (k: Kernel, buf: number) => k.buf_gen.add(buf, 1));
/** A pinned buffer stays where it is; another gets a new generation. Under the buffer's lock. */
const begin_move = step(
  'pin_count',
  (k: Kernel, buf: number) =>
    k.config.attachments && k.buf_pins.get(buf) ? -EBUSY : k.buf_gen.add(buf, 1),
  { atomic: 'both are under the lock of the buffer' },
);
const tag_page = step('tag', (k: Kernel, pfn: number, gen: number) => k.page_gen.set(pfn, gen));
const count_fault = step('count_fault', (k: Kernel, buf: number) => {
  if (k.config.statistics) k.buf_faults.add(buf, 1);
});
const count_mkwrite = step('count_mkwrite', (k: Kernel, buf: number) => {
  if (k.config.statistics) k.buf_mkwrites.add(buf, 1);
});
const count_vma = step('count_vma', (k: Kernel, vma: number, n: number) => {
  const buf = k.vm_private.get(vma) - 1;
  if (buf >= 0 && k.config.statistics) k.buf_vmas.add(buf, n);
});
/** The next page, from `pfn` on, that a buffer keeps aside; 0 at the end. */
const next_kept = step('old_pages', (k: Kernel, buf: number, pfn: number) => {
  const top = k.pages_fresh.get(0);
  for (let p = pfn; p < top; p++) {
    const owner = k.page_owner.get(p);
    if (owner & OWNER_KEPT && ((owner & ~OWNER_KEPT) - OWNER_BUFFER) >> 16 === buf) return p;
  }
  return 0;
});
const contiguous = step('contiguous', (k: Kernel, buf: number, first: number, n: number) => {
  const base = buf * k.config.bufferPages + first;
  const pfn = k.buf_page.get(base);
  for (let i = 1; i < n; i++) if (k.buf_page.get(base + i) !== pfn + i) return 0;
  return pfn > 0 ? 1 : 0;
});
const pattern = step('pattern', (k: Kernel, gen: number, page: number, word: number) =>
  k.freshWord(gen, page, word),
);
const words_of_page = step('PAGE_SIZE', (k: Kernel) => k.config.words);
const write_word = step('memset', (k: Kernel, pfn: number, word: number, value: number) =>
  k.page_word.set(pfn * k.config.words + word, value),
);

/** Ghost: a store that the copy has missed is lost the moment the placement changes. */
const check_contents = step(
  'contents',
  (k: Kernel, buf: number, i: number, pfn: number) => {
    if (!k.config.checkContents) return;
    const want = k.buf_data.get(buf * k.config.bufferPages + i);
    if (k.page_word.get(pfn * k.config.words) !== want) {
      k.mem.report({
        severity: 'corrupts',
        rule: `R${k.buf_blame.get(buf * k.config.bufferPages + i)}`,
        text: `a store to page ${i} of the buffer came after the copy to page${pfn}: the write is lost`,
      });
    }
  },
  { atomic: 'ghost check' },
);

/** What a move does, besides what the traits say; the flags of the test module's `mv`. */
export interface MoveOptions {
  readonly zap: boolean;
  readonly poison: boolean;
  /** Fresh contents instead of a copy. */
  readonly fresh: boolean;
  /** Only take the entries away; memory stays where it is. */
  readonly evictOnly: boolean;
  readonly revoke: boolean;
  readonly free: boolean;
}

export interface Exporter {
  readonly traits: ExporterTraits;
  readonly ops: DmaBufOps;
  readonly vm_ops: VmOperations;
  /** Makes a buffer of n pages and puts its descriptor into slot fd. Returns 0 or an errno. */
  readonly create: (mm: number, fd: number, n: number) => Run<number>;
  /** The same, of the first n pages of a file of shared memory. */
  readonly create_from: (mm: number, fd: number, n: number, file: number) => Run<number>;
  /** Moves pages [first, first + n) as the traits say. */
  readonly move: (buf: number, first: number, n: number) => Run<number>;
  /** Takes the entries away and leaves the memory where it is. */
  readonly evict: (buf: number, first: number, n: number) => Run<number>;
  /** The test module's `mv`: the steps one by one, as asked for. */
  readonly mv: (buf: number, first: number, n: number, how: MoveOptions) => Run<number>;
  /** Makes the memory inaccessible for good, entries first. */
  readonly revoke: (buf: number) => Run<number>;
}

/** The pattern value that a poisoned page is filled with. */
const poison_word = step('POISON', (k: Kernel) => k.poison);

const built = new WeakMap<ExporterTraits, Exporter>();

/** The exporter that the traits describe; the same traits give the same one. */
export function exporter(traits: ExporterTraits): Exporter {
  let made = built.get(traits);
  if (!made) built.set(traits, (made = build(traits)));
  return made;
}

function build(traits: ExporterTraits): Exporter {
  const lock = traits.lock === 'dma_resv' ? resv : mutex;
  const trylock = traits.lock === 'dma_resv' ? resv_try : mutex_try;
  const { inserts } = traits;
  const atMmap = inserts === 'mmap-remap-pfn' || inserts === 'mmap-insert-page';
  const set = traits.setsFlags.reduce((acc, f) => acc | FLAGS[f], 0);

  /** By how much vm_pgoff is moved: the object's fake offset. */
  function* pgoff_base(buf: number): Run<number> {
    return traits.pgoffBase ? yield* offset_node(buf) : 0;
  }

  const page_index = routine('vmf->pgoff', function* (vma: number, addr: number): Run<number> {
    if (traits.ignoresPgoff) return addr - (yield* vm_start(vma));
    const base = traits.pgoffBase ? yield* offset_node((yield* vm_private_data(vma)) - 1) : 0;
    return (yield* vm_pgoff(vma)) - base + addr - (yield* vm_start(vma));
  });

  const insert_one = routine(
    `${traits.id}_insert`,
    function* (mm: number, vma: number, addr: number, pfn: number, flags: number): Run<number> {
      switch (inserts) {
        case 'fault-pfn':
        case 'fault-huge-pfn':
          return yield* vmf_insert_pfn(mm, vma, addr, pfn);
        case 'fault-pfn-readonly-first': {
          if (flags & FAULT_FLAG_WRITE) return yield* vmf_insert_pfn(mm, vma, addr, pfn);
          const prot = yield* vm_page_prot(vma);
          return yield* vmf_insert_pfn_prot(mm, vma, addr, pfn, prot & PROT_R);
        }
        case 'fault-mixed':
          return yield* vmf_insert_mixed(mm, vma, addr, pfn);
        case 'fault-insert-page': {
          const err = yield* vm_insert_page(mm, vma, addr, pfn);
          return err === 0 || err === -EBUSY
            ? VM_FAULT_NOPAGE
            : err === -ENOMEM
              ? VM_FAULT_OOM
              : VM_FAULT_SIGBUS;
        }
        default:
          yield* get_page(pfn, 1);
          return pfn << VM_FAULT_PAGE_SHIFT;
      }
    },
  );

  const answer = routine(
    `${traits.id}_fault`,
    function* (
      mm: number,
      vma: number,
      addr: number,
      flags: number,
      buf: number,
      seen: number,
    ): Run<number> {
      yield* count_fault(buf);
      const i = yield* page_index(vma, addr);
      if (yield* guard('the revoked test', yield* revoked(buf))) return VM_FAULT_SIGBUS;
      if (i >= (yield* npages(buf))) return VM_FAULT_SIGBUS;
      const pfn = seen > 0 ? seen : yield* backing(buf, i);
      if (!pfn) return VM_FAULT_SIGBUS;
      const ret = yield* insert_one(mm, vma, addr, pfn, flags);
      if (traits.prefaults && !(ret & VM_FAULT_SIGBUS)) yield* prefault(mm, vma, addr, buf);
      return ret;
    },
  );

  const prefault = routine(
    `${traits.id}_prefault`,
    function* (mm: number, vma: number, addr: number, buf: number): Run<void> {
      const start = yield* vm_start(vma);
      const end = yield* vm_end(vma);
      const n = yield* npages(buf);
      for (let a = start; a < end; a++) {
        if (a === addr) continue;
        const i = yield* page_index(vma, a);
        if (i >= n) break;
        yield* vmf_insert_pfn(mm, vma, a, yield* backing(buf, i));
      }
    },
  );

  const fault = routine(
    `${traits.id}_vm_fault`,
    function* (mm: number, vma: number, addr: number, flags: number): Run<number> {
      const buf = (yield* vm_private_data(vma)) - 1;
      // R5: whoever looks first and locks afterwards inserts what was true once.
      const seen =
        traits.faultLocks === 'looks-before-locking'
          ? yield* backing(buf, yield* page_index(vma, addr))
          : 0;
      if (traits.faultMayRetry && may_retry(flags)) {
        // ttm_bo_vm_reserve: never wait for the reservation under mmap_lock if that can be helped.
        if (!(yield* trylock.lock(buf))) {
          yield* mmap_read_unlock(mm);
          yield* lock.lock(buf);
          yield* lock.unlock(buf);
          return VM_FAULT_RETRY;
        }
      } else yield* lock.lock(buf);
      const ret = yield* answer(mm, vma, addr, flags, buf, seen);
      yield* lock.unlock(buf);
      return ret;
    },
    traits.source,
  );

  const huge_fault = routine(
    `${traits.id}_huge_fault`,
    function* (mm: number, vma: number, addr: number, flags: number): Run<number> {
      const buf = (yield* vm_private_data(vma)) - 1;
      const n = yield* ptrs_per_pmd();
      const block = addr - (addr % n);
      yield* lock.lock(buf);
      let ret = VM_FAULT_FALLBACK;
      if (block >= (yield* vm_start(vma)) && block + n <= (yield* vm_end(vma))) {
        const first = yield* page_index(vma, block);
        const fits = first + n <= (yield* npages(buf)) && !(yield* revoked(buf));
        if (fits && (yield* contiguous(buf, first, n))) {
          const pfn = yield* backing(buf, first);
          if (pfn % n === 0 || !traits.hugeSpecial) {
            yield* count_fault(buf);
            const write = flags & FAULT_FLAG_WRITE ? 1 : 0;
            ret = yield* vmf_insert_pfn_pmd(mm, vma, addr, pfn, write, traits.hugeSpecial ? 1 : 0);
          }
        }
      }
      yield* lock.unlock(buf);
      return ret;
    },
  );

  const mkwrite = routine(
    `${traits.id}_mkwrite`,
    function* (_mm: number, vma: number): Run<number> {
      yield* count_mkwrite((yield* vm_private_data(vma)) - 1);
      return 0;
    },
  );

  /** vm_ops->access of its own: the buffer's page of the moment, whatever the entry says. */
  const access = routine(
    `${traits.id}_vm_access`,
    function* (_mm: number, vma: number, addr: number): Run<number> {
      const buf = (yield* vm_private_data(vma)) - 1;
      const i = yield* page_index(vma, addr);
      if (i >= (yield* npages(buf))) return -EINVAL;
      return (yield* backing(buf, i)) || -EINVAL;
    },
  );

  const structPage = inserts === 'fault-vmf-page';
  const vm_ops: VmOperations = {
    name: `${traits.id}_vm_ops`,
    ...(atMmap ? {} : { fault }),
    ...(inserts === 'fault-huge-pfn' ? { huge_fault } : {}),
    ...(traits.tracksWrites
      ? structPage
        ? { page_mkwrite: mkwrite }
        : { pfn_mkwrite: mkwrite }
      : {}),
    ...(traits.hasAccess ? { access } : {}),
    ...(traits.countsVmas
      ? { open: (vma: number) => count_vma(vma, 1), close: (vma: number) => count_vma(vma, -1) }
      : {}),
  };

  const insert_all = routine(
    `${traits.id}_map_all`,
    function* (mm: number, vma: number, buf: number): Run<number> {
      const start = yield* vm_start(vma);
      const end = yield* vm_end(vma);
      const off = (yield* vm_pgoff(vma)) - (yield* pgoff_base(buf));
      const table = yield* table_of(buf);
      const flags = yield* vm_flags(vma);
      if (inserts === 'mmap-remap-pfn' && !(flags & VM_SHARED)) {
        if (!(yield* contiguous(buf, off, end - start))) return -ENXIO;
        return yield* remap_pfn_range(mm, vma, start, table, off, end - start);
      }
      for (let addr = start; addr < end; addr++) {
        const i = off + addr - start;
        const err =
          inserts === 'mmap-remap-pfn'
            ? yield* remap_pfn_range(mm, vma, addr, table, i, 1)
            : yield* vm_insert_page(mm, vma, addr, yield* backing(buf, i));
        if (err) return err;
      }
      return 0;
    },
  );

  const mmap = routine(
    `${traits.id}_mmap`,
    function* (mm: number, vma: number, buf: number): Run<number> {
      const flags = yield* vm_flags(vma);
      if (traits.refusesPrivate) {
        const isPrivate = !(flags & (VM_SHARED | VM_MAYSHARE));
        if (yield* guard('the VM_SHARED test', isPrivate)) return -EINVAL;
      }
      if (traits.refusesWritable && flags & VM_WRITE) return -EACCES;
      yield* vm_flags_mod(vma, set, 0);
      yield* set_vm_ops(vma, vm_ops, buf + 1);
      if (traits.pgoffBase) {
        yield* set_vm_pgoff(vma, (yield* vm_pgoff(vma)) + (yield* pgoff_base(buf)));
      }
      if (traits.countsVmas) yield* count_vma(vma, 1);
      if (!atMmap) return 0;
      const err = yield* insert_all(mm, vma, buf);
      if (err && traits.countsVmas) yield* count_vma(vma, -1);
      return err;
    },
    traits.source,
  );

  const release = routine(
    `${traits.id}_release`,
    function* (buf: number): Run<number> {
      const n = yield* npages(buf);
      for (let i = 0; i < n; i++) {
        const pfn = yield* backing(buf, i);
        if (!pfn) continue;
        yield* set_backing(buf, i, 0);
        yield* put_page(pfn, 1);
      }
      if (traits.pgoffBase) yield* remove_offset(buf);
      const from = yield* source(buf);
      if (from) yield* fput(from - 1);
      return 0;
    },
    traits.source,
  );

  const attach = routine(`${traits.id}_attach`, function* (buf: number): Run<number> {
    yield* lock.lock(buf);
    yield* pin(buf, 1);
    yield* lock.unlock(buf);
    return 0;
  });
  const detach = routine(`${traits.id}_detach`, function* (buf: number): Run<void> {
    yield* lock.lock(buf);
    yield* pin(buf, -1);
    yield* lock.unlock(buf);
  });
  const map_dma_buf = routine(
    `${traits.id}_map_dma_buf`,
    function* (buf: number, att: number): Run<number> {
      const n = yield* npages(buf);
      for (let i = 0; i < n; i++) yield* sg_set_page(att, i, yield* backing(buf, i));
      return 0;
    },
  );

  const ops: DmaBufOps = {
    name: `${traits.id}_dmabuf_ops`,
    ...(traits.mappable === false ? {} : { mmap }),
    release,
    ...(traits.pinsForImporters ? { attach, detach } : {}),
    map_dma_buf,
  };

  const new_page = routine(
    'exporter_alloc',
    function* (buf: number, i: number, gen: number): Run<number> {
      const pfn = yield* alloc_page(bufferPage(buf, i));
      if (pfn > 0) yield* tag_page(pfn, gen);
      return pfn;
    },
  );
  const fill_fresh = routine(
    'fill_fresh',
    function* (pfn: number, gen: number, page: number): Run<void> {
      const words = yield* words_of_page();
      for (let w = 0; w < words; w++) yield* write_word(pfn, w, yield* pattern(gen, page, w));
    },
  );

  /** The first page of each place: of the source, out of a block, or one by one. */
  const first_page = routine(
    'exporter_alloc',
    function* (buf: number, i: number, file: number, block: number): Run<number> {
      if (file >= 0) {
        const pfn = yield* shmem_get_folio(file, i);
        if (pfn < 0) return pfn;
        yield* get_page(pfn, 1);
        if (traits.shmemPages) {
          yield* set_page_owner(pfn, bufferPage(buf, i));
          yield* folio_mark_dirty(pfn);
        }
        return pfn;
      }
      if (block <= 0) return yield* new_page(buf, i, 0);
      yield* set_page_owner(block + i, bufferPage(buf, i));
      return block + i;
    },
  );

  /** Makes a buffer of the pages of a file, or of its own (file < 0). */
  const create_from = routine(
    `${traits.id}_create`,
    function* (mm: number, fd: number, n: number, given: number): Run<number> {
      const buf = yield* dma_buf_alloc();
      let from = given;
      if (from >= 0) yield* get_file(from);
      else if (traits.shmemPages) from = yield* alloc_file(shmem_file_operations, 0, n);
      if (from >= 0) yield* set_source(buf, from + 1);
      const block = traits.contiguous && from < 0 ? yield* alloc_pages_exact(n) : 0;
      if (block < 0) return block;
      if (traits.pgoffBase) yield* add_offset(buf, traits.pgoffBase, n);
      for (let i = 0; i < n; i++) {
        const pfn = yield* first_page(buf, i, from, block);
        if (pfn < 0) return pfn;
        if (traits.patterned) yield* fill_fresh(pfn, 0, i);
        yield* set_backing(buf, i, pfn);
      }
      const file = yield* dma_buf_export(buf, ops, n);
      if (file < 0) return file;
      if (!traits.sharesMapping) yield* set_file_mapping(file, file);
      yield* fd_install(mm, fd, file);
      return buf;
    },
  );
  const create = (mm: number, fd: number, n: number): Run<number> => create_from(mm, fd, n, -1);

  const zap = routine(
    `${traits.id}_zap`,
    function* (buf: number, first: number, n: number): Run<void> {
      if (!traits.sharesMapping) return;
      const mapping = yield* file_mapping(yield* file_of(buf));
      const base = yield* pgoff_base(buf);
      const off = traits.zapOffsetMatches ? base : base + 0x1000;
      if (traits.flushes) yield* unmap_mapping_range(mapping, off + first, n);
      else yield* zap_without_flush(mapping, off + first, n);
    },
  );

  const replace = routine(
    'replace_page',
    function* (buf: number, i: number, gen: number, fresh: number): Run<number> {
      const old = yield* backing(buf, i);
      const pfn = yield* new_page(buf, i, gen);
      if (pfn < 0) return pfn;
      if (fresh) yield* fill_fresh(pfn, gen, i);
      else if (old) yield* copy_page(pfn, old);
      yield* check_contents(buf, i, pfn);
      yield* set_backing(buf, i, pfn);
      return old;
    },
  );

  const move = routine(
    `${traits.id}_move`,
    function* (buf: number, first: number, n: number): Run<number> {
      yield* lock.lock(buf);
      const gen = yield* begin_move(buf);
      if (gen < 0) {
        yield* lock.unlock(buf);
        return gen;
      }
      const old: number[] = [];
      if (traits.zap === 'before-copy') yield* zap(buf, first, n);
      let err = 0;
      for (let i = first; i < first + n && !err; i++) {
        const was = yield* replace(buf, i, gen, 0);
        if (was < 0) err = was;
        else old.push(was);
      }
      if (traits.zap === 'after-switch') yield* zap(buf, first, n);
      if (traits.freesOldPage) for (const pfn of old) yield* put_page(pfn, 1);
      yield* lock.unlock(buf);
      return err;
    },
    traits.source,
  );

  const mv = routine(
    `${traits.id}_mv`,
    function* (buf: number, first: number, n: number, how: MoveOptions): Run<number> {
      if (first + n > (yield* npages(buf)) || n <= 0) return -EINVAL;
      yield* lock.lock(buf);
      if (how.revoke) yield* set_revoked(buf);
      if (!how.evictOnly) {
        const gen = yield* bump_generation(buf);
        for (let i = first; i < first + n; i++) {
          const was = yield* replace(buf, i, gen, how.fresh ? 1 : 0);
          if (was < 0) break;
          yield* set_page_owner(was, OWNER_KEPT + bufferPage(buf, i));
        }
      }
      if (how.zap) yield* zap(buf, first, n);
      // All pages that moves have left behind, not only those of this one.
      const poison = yield* poison_word();
      for (let pfn = yield* next_kept(buf, 1); pfn; pfn = yield* next_kept(buf, pfn + 1)) {
        if (how.poison) yield* fill_page(pfn, poison);
        if (how.free) {
          yield* set_page_owner(pfn, OWNER_NONE);
          yield* put_page(pfn, 1);
        }
      }
      yield* lock.unlock(buf);
      return 0;
    },
  );

  const evict = routine(
    `${traits.id}_evict`,
    function* (buf: number, first: number, n: number): Run<number> {
      yield* lock.lock(buf);
      if (traits.zap !== 'never') yield* zap(buf, first, n);
      yield* lock.unlock(buf);
      return 0;
    },
  );

  const revoke = routine(`${traits.id}_revoke`, function* (buf: number): Run<number> {
    yield* lock.lock(buf);
    yield* set_revoked(buf);
    const n = yield* npages(buf);
    if (traits.zap !== 'never') yield* zap(buf, 0, n);
    yield* lock.unlock(buf);
    return 0;
  });

  return { traits, ops, vm_ops, create, create_from, move, evict, mv, revoke };
}

const file_of = step('dmabuf->file', (k: Kernel, buf: number) => k.buf_file.get(buf));
