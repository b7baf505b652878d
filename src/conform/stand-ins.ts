// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Who plays whom in the guest: the test module's exporter stands for a driver that does the same to
 * entries and pages, its lookups for a consumer. Where it cannot, why not.
 */
import type { ConsumerTraits, ExporterTraits, Insertion } from '../contract/traits.ts';
import { DONTEXPAND, IO, LIAR, SHMEM } from '../kernel/exporters/test-module.ts';

/** A part that nobody in the guest can play. */
export class NoStandIn extends Error {
  override readonly name = 'NoStandIn';
}

const KINDS: Readonly<Partial<Record<Insertion, readonly [plain: string, tracked: string]>>> = {
  'mmap-remap-pfn': ['rpfn', ''],
  'mmap-insert-page': ['ipage', ''],
  'fault-pfn': ['fpfn', 'fpfnw'],
  'fault-pfn-readonly-first': ['fpfnr', ''],
  'fault-mixed': ['fmix', ''],
  'fault-insert-page': ['fipage', ''],
  'fault-vmf-page': ['fpage', 'fpagew'],
};

/** How the module plays an exporter. */
export interface ModuleExporter {
  /** The kind and flags of `buf`. */
  readonly kind: string;
  readonly flags: number;
  /** The letters of `mv` that move as it does; the old page is poisoned and kept, not freed. */
  readonly move: string;
  /** Those that revoke. */
  readonly revoke: string;
}

/**
 * The module's kind that stands for an exporter.
 * @throws NoStandIn
 */
export function moduleExporterFor(ex: ExporterTraits): ModuleExporter {
  const no = (what: string) =>
    new NoStandIn(`${ex.id} ${what}; the test module has no such exporter`);
  if (ex.object !== 'dma-buf') throw no(`is no dma-buf but ${ex.object} memory`);
  if (ex.memory === 'bar') throw no('has memory without struct pages');
  const kind = KINDS[ex.inserts]?.[ex.tracksWrites ? 1 : 0];
  if (!kind) {
    throw no(`inserts by ${ex.inserts}${ex.tracksWrites ? ' and is told of first writes' : ''}`);
  }
  if (!ex.flushes) throw no('leaves TLBs as they are');
  if (ex.faultLocks !== 'under-lock') throw no('looks before it locks');
  if (ex.pageRefs !== 'one') throw no('sets the counts of its pages to zero');
  if (ex.kernelOfItsDay) throw no('is of another kernel');
  const pfnmap = ex.setsFlags.includes('VM_PFNMAP');
  const flags =
    (ex.setsFlags.includes('VM_DONTEXPAND') ? DONTEXPAND : 0) |
    (ex.setsFlags.includes('VM_IO') ? IO : 0) |
    (ex.inserts === 'fault-vmf-page' && pfnmap ? LIAR : 0) |
    (ex.memory === 'shmem' ? SHMEM : 0);
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

/**
 * The module's lookup that stands for a consumer's; null for one that only touches the mapping.
 * @throws NoStandIn
 */
export function moduleConsumerFor(co: ConsumerTraits): ModuleConsumer | null {
  const no = (what: string) =>
    new NoStandIn(`${co.id} ${what}; the test module has no such consumer`);
  if (co.lookup === 'cpu') return null;
  if (co.keeps !== 'until-released') throw no(`keeps what it finds for ${co.keeps}`);
  if (co.refusesSpecial) throw no('refuses special entries');
  if (co.onlyReserved) throw no('follows to reserved pages only');
  if (co.gupFirst) throw no('asks get_user_pages first');
  const holds = (method: string): ModuleConsumer => ({
    method,
    write: co.honoursWrite ? 1 : 0,
    store: co.honoursWrite ? 'hw' : 'hwf',
  });
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
