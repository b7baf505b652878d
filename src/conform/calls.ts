// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The calls that the steps of a thread make up, and the op of the agent that each of them is; and the
 * ops that bring memory into the state in which the threads begin.
 */
import type { ExporterTraits } from '../contract/traits.ts';
import type { Stand, Step } from '../explore/player.ts';
import { EXPORTERS } from '../kernel/exporters/index.ts';
import { BESIDE } from '../kernel/exporters/test-module.ts';
import { dma_buf_operations, type Kernel } from '../kernel/kernel.ts';
import { PTE_DIRTY, PTE_PRESENT, VM_SHARED, VM_WRITE } from '../kernel/mm/flags.ts';
import {
  MN_ALWAYS_TRIES,
  NOTIFIER_INTERVAL,
  NOTIFIER_KIND,
  NOTIFIER_NONE,
} from '../kernel/mm/mmu_notifier.ts';
import { vmasOf } from '../kernel/mm/vma.ts';
import { entryAt } from './consumer.ts';
import {
  ANONYMOUS,
  type ModuleConsumer,
  type ModuleExporter,
  moduleExporterFor,
  NoStandIn,
} from './stand-ins.ts';

/** Where a thread is: what both a step and the place before one have. */
export type Place = Pick<Stand, 'routines' | 'def'>;

/** Steps that no CPU makes. */
const GHOSTS = new Set([
  'note_lookup',
  'why_gup_worked',
  'contract',
  'SIGBUS',
  'contents',
  'KVM_PFN_ERR_FAULT',
  // Which gap a story is in.
  ...['gap', 'wait_for_gap', 'wait_for_move'],
]);
/** Routines that look a page up, to be kept. */
const LOOKUPS = new Set([
  ...['hva_to_pfn', 'hva_to_pfn_remapped', 'direct_page_fault', 'mirror_fault'],
  ...['get_user_pages_fast', 'get_user_pages', 'vaddr_get_pfns'],
  'kvm_arch_prepare_memory_region',
]);
/** Routines that are a call of the agent's or of the module's. */
const CALLS = new Set([
  ...['user', 'mmap', 'munmap', 'mremap', 'close', 'release_pfn', 'unpin_user_page'],
  // A device that shares the page table; what nobody plays, and nobody can stop.
  ...['sva_access', 'blkdev_direct_IO', 'compact_zone', 'ksm_scan_page', 'task_numa_work'],
  ...LOOKUPS,
]);
const IS_CALL = /_(move|swapout|revoke|release)$/;
/** Consumers all of whose steps are one call, though no routine holds them together. */
const IS_CONSUMER = /^sg-page-reader/;
/** Steps that are one. */
const SINGLE = new Set(['access_page', 'device_access']);
const TLB_MISS = -4;

/** Is this a step that no CPU makes? */
export const isGhost = ({ def }: Step): boolean => GHOSTS.has(def.name);

/** The call that a place is in, as its outermost routine or step; null: in none. */
export function callOf({ routines, def }: Place): string | null {
  if (!def) return null;
  const consumer = routines.find(({ name }) => IS_CONSUMER.test(name));
  if (consumer) return consumer.name;
  const found = routines.slice(1).find(({ name }) => CALLS.has(name) || IS_CALL.test(name));
  if (found) return found.name;
  return GHOSTS.has(def.name) ? null : def.name;
}

/** Does `next` go on with the call that `steps` are the beginning of? */
export function goesOn(steps: readonly Step[], next: Place): boolean {
  const [first] = steps;
  const last = steps[steps.length - 1];
  const call = callOf(first);
  if (callOf(next) !== call || SINGLE.has(first.def.name)) return false;
  if (call === 'sva_access') return !(last.def.name === 'dma' && last.value !== TLB_MISS);
  if (call === 'user') return !(last.def.name === 'access' && last.value !== TLB_MISS);
  // A call of the same name begins with the same step.
  return !(next.def === first.def && next.routines.length === first.routines.length);
}

/** Who plays whom; a consumer that takes no step needs nobody. */
export interface Cast {
  readonly exporter: ModuleExporter;
  readonly consumer: () => ModuleConsumer | null;
  /** The pages that a driver of the story's own mirrors, subscribed before the threads begin; 0: none does. */
  readonly mirrors: number;
}

/** Pages of the buffer in the model, and in the program: a huge entry maps 512. */
export interface Size {
  readonly pages: number;
  readonly scaled: (n: number) => number;
}

const PTRS_PER_PMD = 512;

export function sizeOf({ buf_npages, config }: Kernel, { kind }: ModuleExporter): Size {
  const pages = buf_npages.get(0);
  const blocks = kind === 'hpfn' ? Math.floor(pages / config.ptrsPerPmd) : 0;
  return { pages, scaled: (n) => (blocks && n === pages ? blocks * PTRS_PER_PMD : n) };
}

export const mapsPrivately = (trace: readonly Step[]): boolean =>
  trace.some(({ def, args }) => def.name === 'vm_area_alloc' && !(Number(args[3]) & VM_SHARED));

/** Tables of exporters that differ in when they free the buffer, which a call of its own plays. */
const FREES_EARLY = new Set(['counting_dmabuf_ops']);

/** What the agent does before the threads begin, so that memory is as the model's is. */
export function setupOf(
  k: Kernel,
  exporter: ExporterTraits,
  { exporter: made, mirrors }: Cast,
  { scaled }: Size,
): string[] {
  const buffers = Array.from({ length: k.config.buffers }, (_, i) => k.buf_npages.get(i));
  const vmas = vmasOf(k, 0);
  const ops = dma_buf_operations.at(k.buf_ops.get(0))?.name;
  if (
    exporter.object === 'dma-buf' &&
    ops !== `${exporter.id}_dmabuf_ops` &&
    !FREES_EARLY.has(ops ?? '')
  ) {
    throw new NoStandIn(`its exporter is more than its traits: ${ops} have functions of their own`);
  }
  const [, ...others] = buffers.flatMap((n, slot) => (n > 0 ? [slot] : []));
  const n = made.kind === 'memfd' ? 1 : buffers[0];
  const buf = `buf 0 ${made.kind} ${scaled(n)} ${made.flags}`;
  const anonymous = made.kind === ANONYMOUS;
  const fork = k.config.mms > 1 && vmasOf(k, 1).length ? ['fork'] : [];
  const setup = anonymous ? [] : [buf, ...others.map((slot) => besideOf(k, slot))];
  for (const vma of vmas) {
    const pages = k.vm_end.get(vma) - k.vm_start.get(vma);
    const rights = k.vm_flags.get(vma) & VM_WRITE ? 'rw' : 'r';
    const slot = others.find((one) => k.vm_file.get(vma) - 1 === k.buf_file.get(one)) ?? 0;
    const start = k.vm_start.get(vma);
    setup.push(`map ${start} ${scaled(pages)} ${anonymous ? '- rw p' : `${slot} ${rights} s`} 0`);
    for (let page = start; page < start + pages; page++) {
      const { entry } = entryAt(k, 0, page);
      if (entry & PTE_DIRTY) setup.push(`w ${page} 8 0`);
      else if (slot === 0 && entry & PTE_PRESENT && exporter.inserts.startsWith('fault-')) {
        setup.push(`r ${page} 8`);
      }
    }
  }
  // Nothing that it mirrors is freed: what a free page becomes nobody knows.
  const tries = k.mn_registered.get(0) & MN_ALWAYS_TRIES ? 't' : '';
  const mirror = mirrors ? [`mreg ${k.hold_addr.get(0)} ${mirrors} k${tries}`] : [];
  return [...setup, ...mirror, ...fork];
}

/** The pages that a driver mirrors which is no consumer of the catalogue; see {@link Cast.mirrors}. */
export function mirroredBefore(k: Kernel): number {
  for (let h = 1; h < k.config.holders; h++) {
    if (k.mn_registered.get(h) !== NOTIFIER_NONE) throw new NoStandIn('two subscribe to one range');
  }
  const how = k.mn_registered.get(0);
  if (how === NOTIFIER_NONE) return 0;
  if ((how & NOTIFIER_KIND) !== NOTIFIER_INTERVAL || how & ~NOTIFIER_KIND & ~MN_ALWAYS_TRIES) {
    throw new NoStandIn(
      'it subscribes by another kind of notifier than the test module does, which has an interval',
    );
  }
  return k.config.mirrorPages ?? 1;
}

/** When the steps of a lookup test the sequence: before each lock, under the first only, or under one. */
function wayOf(call: readonly Step[]): string {
  const names = call.map(({ def }) => def.name);
  const locked = names.indexOf('mmu_lock');
  const tested = names.indexOf('mmu_interval_read_retry');
  if (tested >= 0 && tested < locked) return 'each';
  return names.lastIndexOf('mmu_lock') > locked ? 'first' : 'once';
}

/** How the buffer of another driver is made, on an address_space of its own or on the first one's. */
function besideOf(k: Kernel, slot: number): string {
  const ops = dma_buf_operations.at(k.buf_ops.get(slot))?.name;
  const exporter = EXPORTERS.find(({ id }) => ops === `${id}_dmabuf_ops`);
  if (!exporter) throw new NoStandIn(`who the exporter of ${ops} is, is not told`);
  const { kind, flags } = moduleExporterFor(exporter, '', false);
  const mapping = (of: number) => k.file_mapping.get(k.buf_file.get(of));
  const beside = mapping(slot) === mapping(0) ? BESIDE : 0;
  return `buf ${slot} ${kind} ${k.buf_npages.get(slot)} ${flags | beside}`;
}

/** What an importer stores to the page that it gets to (src/kernel/programs/importer.ts). */
const SG_VALUE = 2;

/** The word of a page that ops look at: the first is the agent's to fill with its pattern. */
const WORD = 8;

/** The op that a call is. */
function opOf(
  call: readonly Step[],
  { exporter, consumer, mirrors }: Cast,
  { pages, scaled }: Size,
  slot: number,
): string {
  const [first] = call;
  const name = callOf(first) as string;
  const nobody = () => {
    consumer();
    const inside = first.routines[1]?.name ?? name;
    return new NoStandIn(`nobody in the guest runs ${inside}() by itself, or can stop it`);
  };
  /** Arguments of the first step of that name. */
  const argsOf = (step: string) => call.find(({ def }) => def.name === step)?.args;
  const found = (): ModuleConsumer => {
    const played = consumer();
    if (!played) throw nobody();
    return played;
  };
  if (name === 'mirror_fault' && mirrors) return `mir ${wayOf(call)}`;
  if (LOOKUPS.has(name)) {
    if (exporter.kind === ANONYMOUS) {
      throw new NoStandIn(
        'it keeps a page of ordinary memory, and what that is when it is free nobody knows',
      );
    }
    const { method, write } = found();
    return `hold ${slot} ${method} 0 ${write}`;
  }
  // What is evicted goes to another page at once, and not by way of swap.
  const frees = `mv 0 0 ${scaled(pages)} p`;
  // Freed while somebody still has it mapped: the page goes, and no entry of it.
  if (name.endsWith('_release')) return frees;
  if (/_(move|swapout)$/.test(name)) return `mv 0 0 ${scaled(pages)} ${exporter.move}`;
  if (name.endsWith('_revoke')) return `mv 0 0 ${scaled(pages)} ${exporter.revoke}`;
  switch (name) {
    case 'user': {
      const [, addr, write, , value] = argsOf('access') ?? [];
      if (addr === undefined) throw nobody();
      return write ? `w ${addr} ${WORD} ${value}` : `r ${addr} ${WORD}`;
    }
    case 'munmap': {
      const [, start, end] = argsOf('find_vma_intersection') ?? [];
      if (start === undefined) throw nobody();
      const unmap = `unmap ${start} ${scaled(Number(end) - Number(start))}`;
      const early = call.some(({ routines }) =>
        routines.some((r) => r.name === 'counting_vm_close'),
      );
      return early ? `${unmap}; ${frees}` : unmap;
    }
    case 'mmap': {
      const [, start, end, flags] = argsOf('vm_area_alloc') ?? [];
      if (start === undefined) throw nobody();
      const how = Number(flags) & VM_SHARED ? 's' : 'p';
      const rights = Number(flags) & VM_WRITE ? 'rw' : 'r';
      return `map ${start} ${scaled(Number(end) - Number(start))} 0 ${rights} ${how} 0`;
    }
    case 'mremap': {
      const [, from] = argsOf('vma_lookup') ?? [];
      const [, to, end] = argsOf('find_vma_intersection') ?? [];
      if (from === undefined || to === undefined) throw nobody();
      const n = Number(end) - Number(to);
      return `remap ${from} ${n} ${n} ${to}`;
    }
    case 'sva_access': {
      // Who is not told of flushes sees what no CPU does.
      consumer();
      const [, , addr, write, value] = argsOf('dma') ?? [];
      return write ? `w ${addr} ${WORD} ${value}` : `r ${addr} ${WORD}`;
    }
    case 'sg-page-reader':
    case 'sg-page-reader-debug':
      consumer();
      return `sgw 0 0 ${WORD} ${SG_VALUE}`;
    case 'close':
      return 'bclose 0';
    case 'access_page':
    case 'device_access': {
      // access_page(pfn, write, word, value, ...), device_access(h, write, value, ...)
      const write = first.args[1];
      const value = first.args[name === 'access_page' ? 3 : 2];
      if (first.value < 0 && !first.violations.length) throw nobody();
      if (mirrors && name === 'device_access') {
        const page = Number(first.args[4] ?? 0);
        return write ? `mw ${page} ${WORD} ${value}` : `mr ${page} ${WORD}`;
      }
      return write ? `${found().store} ${slot} ${WORD} ${value}` : `hr ${slot} ${WORD}`;
    }
    case 'release_pfn':
    case 'unpin_user_page':
      return `hput ${slot}`;
    default:
      throw nobody();
  }
}

/** The ops of each thread's calls, or why there is none for one of them. */
export function opsOf(
  threads: readonly (readonly (readonly Step[])[])[],
  cast: Cast,
  size: Size,
): string[][] | NoStandIn {
  try {
    return threads.map((calls) => {
      // Each lookup of a thread has a slot of its own.
      let slot = -1;
      return calls.map((call) => {
        if (LOOKUPS.has(callOf(call[0]) ?? '')) slot++;
        return opOf(call, cast, size, slot);
      });
    });
  } catch (error) {
    if (error instanceof NoStandIn) return error;
    throw error;
  }
}
