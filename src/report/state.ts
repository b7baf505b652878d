// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The state of a system as tables for a person who steps through an interleaving: VMAs, page tables,
 * TLBs, struct pages, the buffer's placement, notifiers, locks and who waits for them, threads. A
 * system that is not the kernel model shows its arrays as they are; so do arrays of the kernel that
 * no table here speaks of, once they have changed.
 */
import type { System } from '../explore/machine.ts';
import type { Slots } from '../explore/memory.ts';
import type { Stand } from '../explore/player.ts';
import { Kernel, PAGE_DEVICE, PAGE_FREED, PAGE_FRESH } from '../kernel/kernel.ts';
import { NOTIFIER_INTERVAL, NOTIFIER_KIND } from '../kernel/mm/mmu_notifier.ts';
import { bufferPage, OWNER_ANON, OWNER_FILE, OWNER_KEPT, OWNER_PIPE } from '../kernel/mm/page.ts';
import { tidy } from './wording.ts';

export interface StateRow {
  /** Stays the same from step to step. */
  readonly id: string;
  readonly cells: readonly string[];
}

export interface StateTable {
  readonly id: string;
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly StateRow[];
}

/** How each thread stands, by its number. */
export type Stands = readonly Stand[];

/**
 * All tables of a state.
 * @param initial the slots' words before the first step
 */
export function stateTables(system: System, stands: Stands, initial: Int32Array): StateTable[] {
  const { world, mem } = system;
  const kernel = world instanceof Kernel ? world : null;
  const told = new Set<Slots>();
  const tables = kernel ? kernelTables(kernel, system, told) : [];
  for (const { word } of system.locks.classes) told.add(word);
  const others = mem.arrays.filter((a) => !told.has(a) && (!kernel || !a.options.ghost));
  tables.push(rest(others, initial, kernel ? 'Other state' : 'Shared memory', kernel !== null));
  tables.push(locks(system, stands), threads(system, stands));
  return tables.filter((t) => t.rows.length > 0);
}

const word = (slots: Slots, index: number) => slots.mem.words[slots.base + index];
const text = (slots: Slots, index: number) => {
  const value = word(slots, index);
  return tidy(slots.options.show?.(value, index) ?? String(value));
};

function kernelTables(k: Kernel, system: System, told: Set<Slots>): StateTable[] {
  const { config } = k;
  const say = (slots: Slots, index: number) => {
    told.add(slots);
    return text(slots, index);
  };
  const value = (slots: Slots, index: number) => {
    told.add(slots);
    return word(slots, index);
  };
  const silent = [k.vm_end, k.vm_ops, k.vm_file, k.vm_private, k.vm_page_prot, k.page_exclusive];
  for (const slots of [...silent, k.hold_mm, k.hold_addr, k.hold_flags, k.page_gen]) {
    told.add(slots);
  }
  for (const slots of [k.pages_fresh, k.pages_freed, k.buf_gen, k.buf_file, k.buf_ops]) {
    told.add(slots);
  }
  const mmName = (mm: number) => (config.mms > 1 ? `mm${mm} ` : '');
  const tables: StateTable[] = [];
  const put = (id: string, title: string, columns: string[], rows: StateRow[]) =>
    tables.push({ id, title, columns, rows });

  const vmas: StateRow[] = [];
  for (let v = 0; v < config.mms * config.vmas; v++) {
    const end = value(k.vm_end, v);
    const start = value(k.vm_start, v);
    const linked = value(k.vm_linked, v) ? 'i_mmap' : '-';
    const detached = value(k.vm_detached, v) !== 0;
    // munmap is done with it once no file's tree knows it either.
    if (end <= start || (detached && linked === '-')) continue;
    const where = `${mmName(Math.floor(v / config.vmas))}pages ${start}-${end - 1}`;
    const pgoff = `0x${(value(k.vm_pgoff, v) >>> 0).toString(16)}`;
    vmas.push({ id: `vma${v}`, cells: [where, flagWords(say(k.vm_flags, v)), pgoff, linked] });
  }
  put('vmas', 'VMAs', ['range', 'vm_flags, VM_...', 'vm_pgoff', 'found by zap'], vmas);

  const entries: StateRow[] = [];
  const blocks = k.pmd.length / config.mms;
  for (let b = 0; b < k.pmd.length; b++) {
    if (!value(k.pmd, b)) continue;
    entries.push({
      id: `pmd${b}`,
      cells: [`${mmName(Math.floor(b / blocks))}pmd[${b % blocks}]`, ...entry(say(k.pmd, b))],
    });
  }
  for (let i = 0; i < k.pte.length; i++) {
    entries.push({ id: `pte${i}`, cells: [k.pte.label(i), ...entry(say(k.pte, i))] });
  }
  put('ptes', 'Page table', ['entry', 'page', 'bits'], entries);

  const tlbs: StateRow[] = [];
  for (let cpu = 0; cpu < config.cpus && cpu < system.threads.length; cpu++) {
    for (let p = 0; p < config.vpages; p++) {
      const i = cpu * config.vpages + p;
      if (!value(k.tlb, i)) continue;
      tlbs.push({
        id: `tlb${i}`,
        cells: [`${system.threads[cpu].name} [${p}]`, ...entry(say(k.tlb, i))],
      });
    }
  }
  if (!tlbs.length) tlbs.push({ id: 'none', cells: ['all empty', '', ''] });
  put('tlbs', 'TLBs', ['CPU of, page', 'translates to', 'bits'], tlbs);

  put(
    'pages',
    'struct page',
    ['page', 'state', 'refcount', 'mapcount', 'owner', 'data'],
    pages(k, value),
  );

  const buffers: StateRow[] = [];
  for (let b = 0; b < config.buffers; b++) {
    const n = Math.min(value(k.buf_npages, b), config.bufferPages);
    for (let i = 0; i < n; i++) {
      const slot = b * config.bufferPages + i;
      const name = config.buffers > 1 ? `buffer${b}[${i}]` : `page ${i}`;
      const revoked = value(k.buf_revoked, b) ? ' (revoked)' : '';
      const last = value(k.buf_data, slot);
      buffers.push({
        id: `buf${slot}`,
        cells: [name, `${say(k.buf_page, slot)}${revoked}`, last ? String(last) : '-'],
      });
    }
  }
  put('buffer', 'Buffer', ['of the buffer', 'backed by', 'last value stored'], buffers);

  const perMirror = config.mirrorPages ?? 1;
  const mirrored = (h: number): string => {
    const all = Array.from({ length: perMirror }, (_, i) => say(k.hold_mirror, h * perMirror + i));
    return all.some((pfn) => pfn !== 'none') ? all.join(', ') : 'none';
  };
  const holders: StateRow[] = [];
  for (let h = 0; h < config.holders; h++) {
    const kind = value(k.mn_registered, h) & NOTIFIER_KIND;
    const kept = value(k.hold_pfn, h) ? say(k.hold_pfn, h) : mirrored(h);
    if (!kind && kept === 'none') continue;
    const interval = kind === NOTIFIER_INTERVAL;
    const running = interval ? value(k.itree_active, 0) : value(k.mn_in_progress, h);
    const seq = interval ? value(k.itree_seq, 0) : value(k.mn_seq, h);
    holders.push({
      id: `mn${h}`,
      cells: [!kind ? 'none' : interval ? 'interval' : 'list', String(seq), String(running), kept],
    });
  }
  put(
    'notifiers',
    'MMU notifier',
    ['kind', 'sequence', 'invalidations running', 'device maps'],
    holders,
  );
  return tables;
}

/** `VM_PFNMAP|VM_SHARED` without what all of them begin with. */
const flagWords = (shown: string) => shown.replace(/\bVM_/g, '').replaceAll('|', ' ');

/** `page3 W special` as page and bits. */
function entry(shown: string): [string, string] {
  const [page, ...bits] = shown.split(' ');
  return [page, bits.join(' ')];
}

/** By PAGE_FRESH, PAGE_USED, PAGE_FREED, PAGE_DEVICE. */
const STATES = ['never used', 'allocated', 'free', 'a device’s, no struct page'];

function pages(k: Kernel, value: (slots: Slots, index: number) => number): StateRow[] {
  const { config } = k;
  const rows: StateRow[] = [];
  for (let pfn = 1; pfn < config.pages; pfn++) {
    const state = value(k.page_state, pfn);
    const owner = value(k.page_owner, pfn);
    let backs = '';
    for (let i = 0; i < config.buffers * config.bufferPages; i++) {
      if (word(k.buf_page, i) === pfn) backs = `buffer, page ${i % config.bufferPages}`;
    }
    rows.push({
      id: `page${pfn}`,
      cells: [
        `page${pfn}`,
        STATES[state],
        state === PAGE_DEVICE ? '-' : String(value(k.page_refcount, pfn)),
        state === PAGE_DEVICE ? '-' : String(value(k.page_mapcount, pfn)),
        backs || (state === PAGE_FREED || state === PAGE_FRESH ? '-' : ownerName(k, owner)),
        Array.from({ length: config.words }, (_, w) =>
          value(k.page_word, pfn * config.words + w),
        ).join(' '),
      ],
    });
  }
  return rows;
}

function ownerName(k: Kernel, owner: number): string {
  if (owner === OWNER_ANON) return 'anonymous memory';
  if (owner === OWNER_FILE) return 'page cache';
  if (owner === OWNER_PIPE) return 'pipe';
  for (let b = 0; b < k.config.buffers; b++) {
    for (let i = 0; i < k.config.bufferPages; i++) {
      if (owner === bufferPage(b, i) || owner === OWNER_KEPT + bufferPage(b, i)) {
        return `was buffer, page ${i}`;
      }
    }
  }
  return '-';
}

function rest(
  arrays: readonly Slots[],
  initial: Int32Array,
  title: string,
  changed: boolean,
): StateTable {
  const rows: StateRow[] = [];
  for (const a of arrays) {
    for (let i = 0; i < a.length; i++) {
      const slot = a.base + i;
      if (changed && a.mem.words[slot] === initial[slot]) continue;
      rows.push({ id: `slot${slot}`, cells: [a.label(i), text(a, i)] });
    }
  }
  return { id: 'memory', title, columns: ['word', 'value'], rows };
}

function locks(system: System, stands: Stands): StateTable {
  const rows: StateRow[] = [];
  const names = (test: (s: Stand) => boolean) =>
    system.threads
      .filter((_, t) => test(stands[t]))
      .map((t) => t.name)
      .join(', ') || '-';
  for (const c of system.locks.classes) {
    for (let i = 0; i < c.count; i++) {
      const lock = c.first + i;
      const shown = text(c.word, i);
      const holders = names((s) => s.holds.includes(lock));
      const waiters = names((s) => s.wants === lock);
      if (shown === 'free' && waiters === '-') continue;
      rows.push({ id: `lock${lock}`, cells: [system.locks.label(lock), shown, holders, waiters] });
    }
  }
  if (!rows.length) rows.push({ id: 'none', cells: ['all free', '', '', ''] });
  return { id: 'locks', title: 'Locks', columns: ['lock', 'state', 'held by', 'waiting'], rows };
}

function threads(system: System, stands: Stands): StateTable {
  const rows = system.threads.map((t, i) => {
    const { state, routines, def, wants } = stands[i];
    const place = routines.at(-1)?.name;
    const next = def ? `${place ? `${place}(): ` : ''}${def.name}` : '-';
    const how = state === 'waits' && wants === null ? 'waits' : state;
    return { id: `thread${i}`, cells: [t.name, how, next] };
  });
  return { id: 'threads', title: 'Threads', columns: ['thread', 'is', 'next step'], rows };
}
