// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Who plays whom in the guest: the test module's exporter stands for a driver that does the same to
 * entries and pages, its lookups for a consumer. Where it cannot, why not.
 */
import type { ConsumerTraits, ExporterTraits, Insertion, Lookup } from '../contract/traits.ts';
import {
  ALLOW_PRIVATE,
  DONTEXPAND,
  IO,
  LIAR,
  LOOKS_FIRST,
  RESERVED,
  SHMEM,
  ZERO_REFS,
} from '../kernel/exporters/test-module.ts';

/** A part that nobody in the guest can play. */
export class NoStandIn extends Error {
  override readonly name = 'NoStandIn';
}

const KINDS: Readonly<Partial<Record<Insertion, readonly [plain: string, tracked: string]>>> = {
  'mmap-remap-pfn': ['rpfn', ''],
  // Page by page, which leaves the same entries.
  'mmap-remap-range': ['rpfn', ''],
  'mmap-insert-page': ['ipage', ''],
  'fault-pfn': ['fpfn', 'fpfnw'],
  'fault-pfn-readonly-first': ['fpfnr', ''],
  'fault-huge-pfn': ['hpfn', ''],
  'fault-mixed': ['fmix', ''],
  'fault-insert-page': ['fipage', ''],
  'fault-vmf-page': ['fpage', 'fpagew'],
  'file-mmap': ['smap', ''],
};

/** The kind of ordinary memory, which needs no exporter and no buffer. */
export const ANONYMOUS = 'anon';

/** How the module plays an exporter. */
export interface ModuleExporter {
  /** The kind and flags of `buf`, or {@link ANONYMOUS}. */
  readonly kind: string;
  readonly flags: number;
  /** The letters of `mv` that move as it does; the old page is poisoned and kept, not freed. */
  readonly move: string;
  /** Those that revoke. */
  readonly revoke: string;
}

/**
 * The module's kind that stands for an exporter.
 * @param rule what falls, for which entries need be as the exporter's are
 * @param privately whether a program maps it with MAP_PRIVATE
 * @throws NoStandIn
 */
export function moduleExporterFor(
  ex: ExporterTraits,
  rule: string,
  privately: boolean,
): ModuleExporter {
  const no = (what: string) =>
    new NoStandIn(`${ex.id} ${what}; the test module has no such exporter`);
  if (ex.object === 'memfd') return { kind: 'memfd', flags: 0, move: '', revoke: '' };
  if (ex.object === 'anonymous') return { kind: ANONYMOUS, flags: 0, move: '', revoke: '' };
  const kind = KINDS[ex.inserts]?.[ex.tracksWrites ? 1 : 0];
  if (!kind) {
    throw no(`inserts by ${ex.inserts}${ex.tracksWrites ? ' and is told of first writes' : ''}`);
  }
  if (!ex.flushes) {
    throw new NoStandIn(
      `${ex.id} leaves TLBs as they are: unmap_mapping_range() flushes them before it returns, and ` +
        'what a CPU keeps in its TLB nobody can hold',
    );
  }
  if (ex.inserts === 'fault-huge-pfn' && !ex.hugeSpecial && rule === 'R3') {
    throw new NoStandIn(
      `${ex.id} is of another kernel: vmf_insert_pfn_pmd() marks a huge entry special here, or ` +
        'handle_mm_fault() asks for none',
    );
  }
  if (ex.kernelOfItsDay && !('huge_pfnmap' in ex.kernelOfItsDay)) {
    throw new NoStandIn(
      `${ex.id} is of another kernel: pte_special() and gup_fast() are not as they were there`,
    );
  }
  if (ex.pageRefs === 'refused') {
    throw new NoStandIn(`${ex.id}: no kernel has a page flag that refuses references`);
  }
  const pfnmap = ex.setsFlags.includes('VM_PFNMAP');
  const flags =
    (ex.setsFlags.includes('VM_DONTEXPAND') ? DONTEXPAND : 0) |
    (ex.setsFlags.includes('VM_IO') ? IO : 0) |
    (ex.inserts === 'fault-vmf-page' && pfnmap ? LIAR : 0) |
    (ex.memory === 'shmem' ? SHMEM : 0) |
    // There is a struct page, but whoever asks is told that it does not count.
    (ex.memory === 'bar' ? RESERVED : 0) |
    (ex.pageRefs === 'zero' ? ZERO_REFS : 0) |
    (ex.faultLocks === 'looks-before-locking' ? LOOKS_FIRST : 0) |
    (privately && !ex.refusesPrivate ? ALLOW_PRIVATE : 0);
  // A zap that goes by the wrong address_space or offset reaches nothing.
  const reaches = ex.zap !== 'never' && ex.sharesMapping && ex.zapOffsetMatches;
  const zap = reaches ? (ex.zap === 'before-copy' ? 'Z' : 'z') : '';
  return { kind, flags, move: `${zap}p`, revoke: `${reaches ? 'z' : ''}er` };
}

/** How the module plays a consumer: what it looks up by, and whether it heeds a read-only entry. */
export interface ModuleConsumer {
  readonly method: string;
  readonly write: 0 | 1;
  readonly store: 'hw' | 'hwf';
}

/** What mm's own movers run in. */
const OWN_CODE: Readonly<Partial<Record<Lookup, string>>> = {
  compaction: 'compact_zone',
  ksm: 'ksm_do_scan',
  'numa-balancing': 'task_numa_work',
};

/** The method that asks get_user_pages first, and goes on as the traits say. */
function gupFirst(co: ConsumerTraits, no: (what: string) => NoStandIn): string {
  if (co.longTerm) {
    if (!co.onlyReserved || co.notifier) throw no('pins otherwise than VFIO');
    return 'vfio';
  }
  if (!co.takesPageRef || co.onlyReserved) throw no('takes no page reference as KVM does');
  if (co.refusesSpecial) {
    if (co.notifier) throw no('refuses special entries under a notifier');
    return 'kvmsp';
  }
  if (!co.notifier) return 'kvm';
  if (!co.retries) throw no('takes a page reference under a notifier');
  return 'kvmmn';
}

/**
 * The module's lookup that stands for a consumer's; null for one that only touches the mapping.
 * @throws NoStandIn
 */
export function moduleConsumerFor(co: ConsumerTraits): ModuleConsumer | null {
  const no = (what: string) =>
    new NoStandIn(`${co.id} ${what}; the test module has no such consumer`);
  // A device that shares the page table and is told of flushes sees what a CPU sees.
  if (co.lookup === 'cpu' || (co.lookup === 'page-table' && co.notifier)) return null;
  if (co.lookup === 'page-table') {
    throw new NoStandIn(
      `${co.id} has a TLB that nobody flushes, and nothing in the guest has: sva_access() is run by a CPU there`,
    );
  }
  const own = OWN_CODE[co.lookup] ?? (co.keeps === 'one-transfer' ? 'blkdev_direct_IO' : null);
  if (own) {
    throw new NoStandIn(`what ${co.id} does lies inside ${own}(), which cannot be stopped`);
  }
  if (co.dmabufDebug) {
    throw new NoStandIn(
      `${co.id} meets mangle_sg_table(), which a stock kernel lacks: CONFIG_DMABUF_DEBUG is off`,
    );
  }
  // The importer of the module, which looks up at no address.
  if (co.lookup === 'sg-table') return null;
  if (co.keeps !== 'until-released') throw no(`keeps what it finds for ${co.keeps}`);
  const holds = (method: string): ModuleConsumer => ({
    method,
    write: co.honoursWrite ? 1 : 0,
    store: co.honoursWrite ? 'hw' : 'hwf',
  });
  if (co.lookup === 'vm-pgoff') return holds('pgoff');
  if (co.gupFirst) return holds(gupFirst(co, no));
  if (co.refusesSpecial) throw no('refuses special entries');
  if (co.onlyReserved) throw no('follows to reserved pages only');
  if (co.lookup === 'gup') return holds(co.longTerm ? 'pinlt' : 'gup');
  if (co.lookup === 'gup-fast') return holds(co.longTerm ? 'pinlt' : 'gupf');
  if (co.lookup === 'hmm' && co.retries) return holds('hmm');
  if (co.lookup === 'follow' && co.notifier) {
    if (co.takesPageRef) throw no('takes a page reference under a notifier');
    return holds(co.retries ? 'pfnmnr' : 'pfnmn');
  }
  if (co.lookup === 'follow') return holds(co.takesPageRef ? 'pfnref' : 'pfnfix');
  throw no(`looks up by ${co.lookup}${co.notifier ? ' under a notifier of its own' : ''}`);
}
