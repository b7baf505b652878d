// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Touching physical memory: what a load or a store does once it has a translation, and the check
 * that everything else is about.
 *
 * The check: whoever touches page `i` of a live buffer must touch the page that backs it at that
 * moment. A page that no longer does belongs to somebody else, or to nobody: the access corrupts.
 * A store that a move overtakes is lost: the buffer remembers (as a ghost, which no CPU sees) the
 * last value stored in good faith, and a move compares.
 */
import { again, choice, type Run, routine, step } from '../../explore/program.ts';
import { type Kernel, PAGE_DEVICE, PAGE_USED, REVOKED } from '../kernel.ts';
import { handle_page_fault } from './fault.ts';
import { PTE_BORN_STALE, PTE_PRESENT, pte_pfn } from './flags.ts';
import { bufferPage, OWNER_BUFFER, OWNER_LATER } from './page.ts';
import { entryNow, hw_walk, inTlb, serves, TLB_MISS, tlbWays } from './pgtable.ts';

/** Of a page that belongs to no buffer: ordinary memory, where the page table alone says what is right. */
export const NO_BUFFER = -1;

/** What whoever touches a page believes it to be: page `page` of a buffer. */
export interface UserPage {
  /** The buffer, or {@link NO_BUFFER}. */
  readonly buffer: number;
  readonly page: number;
  /** Where a program has it mapped. */
  readonly mm: number;
  readonly addr: number;
  /** Who believes it, for the message. */
  readonly who: string;
}

/**
 * Whose fault a wrong access is. While the page table still leads to the page, every CPU would do the
 * same: the exporter did not zap (R4), or its fault handler inserted what was no longer true (R5), or
 * the buffer was released while it was mapped (R11).
 * Otherwise it is the one who kept the translation.
 */
function blame(k: Kernel, pfn: number, user: UserPage, keeper: string): string {
  const entry = entryNow(k, user.mm, user.addr);
  if (entry & PTE_PRESENT && pte_pfn(entry) === pfn) {
    return mapped(k, user, entry & PTE_BORN_STALE ? 'R5' : 'R4');
  }
  // Memory of a device that was taken for static, and can be revoked all the same.
  return keeper === 'R8' && k.page_state.get(pfn) === PAGE_DEVICE ? 'R9' : keeper;
}

/** The page that is the user's page now; 0: none is. */
function rightPage(k: Kernel, user: UserPage): number {
  if (user.buffer >= 0) return k.buf_page.get(user.buffer * k.config.bufferPages + user.page);
  const entry = entryNow(k, user.mm, user.addr);
  return entry & PTE_PRESENT ? pte_pfn(entry) : 0;
}

/** Contents of the user's page are in swap: what is written to its old page is lost. */
function swapped(k: Kernel, user: UserPage): boolean {
  const { swap, bufferPages, words } = k.config;
  if (!swap || user.buffer < 0) return false;
  return k.buf_swap.get((user.buffer * bufferPages + user.page) * words) !== 0;
}

/** The rule that falls where an entry leads to a wrong page: R11 if the buffer was released under it. */
function mapped(k: Kernel, user: UserPage, rule: string): string {
  const gone = user.buffer >= 0 && rightPage(k, user) === 0 && !swapped(k, user);
  return gone && !k.buf_revoked.get(user.buffer) ? 'R11' : rule;
}

function check(k: Kernel, pfn: number, user: UserPage, write: number, rule: string): void {
  const why = wrong(k, pfn, user, write);
  if (!why) return;
  const did = `${user.who} ${write ? 'writes' : 'reads'} page${pfn}`;
  k.mem.report({ severity: 'corrupts', rule, text: `${did}, ${why}` });
}

/** Why the page is not the user's any more, or nothing if it is. */
function wrong(k: Kernel, pfn: number, user: UserPage, write: number): string {
  const right = rightPage(k, user);
  const state = k.page_state.get(pfn);
  if (right === pfn) {
    const dead = state === PAGE_DEVICE && k.buf_revoked.get(user.buffer) === REVOKED;
    if (!dead) return '';
    return write ? 'whose device does not listen: the write is lost' : 'whose device is not there';
  }
  const free = state !== PAGE_USED && state !== PAGE_DEVICE;
  if (free) return 'which is free: whoever gets it next is corrupted';
  const owner = k.page_owner.get(pfn);
  const mine =
    user.buffer >= 0
      ? (owner & ~OWNER_LATER) === bufferPage(user.buffer, user.page)
      : owner < OWNER_BUFFER;
  if (!mine) return 'which belongs to somebody else now';
  const inSwap = swapped(k, user);
  // The buffer is gone, and a reference keeps the page: it is nobody else's, nobody is hurt.
  if (right === 0 && !inSwap && !(owner & OWNER_LATER)) return '';
  const where = user.buffer < 0 ? `the mapping` : `page ${user.page} of the buffer`;
  const now = `but ${where} is ${inSwap ? 'in swap' : right ? `page${right}` : 'elsewhere'} now`;
  return `${now}: the ${write ? 'write is lost' : 'data is stale'}`;
}

/**
 * One load or store of a page, with the ghost check. Part of a step.
 * @param keeper the rule that falls if whoever does it holds a translation of its own; null for a
 *   CPU that goes through its TLB
 * @param rule the rule that falls for a CPU
 */
export function touch(
  k: Kernel,
  pfn: number,
  write: number,
  word: number,
  value: number,
  user: UserPage | null,
  keeper: string | null,
  rule = 'R4',
): number {
  const i = pfn * k.config.words + word;
  if (user) {
    const fallen = keeper === null ? mapped(k, user, rule) : blame(k, pfn, user, keeper);
    check(k, pfn, user, write, fallen);
    const g = user.buffer * k.config.bufferPages + user.page;
    if (write && user.buffer >= 0 && k.buf_page.get(g) === pfn) {
      k.buf_data.set(g, value);
      k.buf_blame.set(g, Number(fallen.slice(1)));
    }
  }
  if (!write) return k.page_word.get(i);
  k.page_word.set(i, value);
  return value;
}

const showAccess = (write: unknown, value: unknown, v: number, pfn: unknown) =>
  write ? `*page${pfn} = ${value}` : `read *page${pfn} = ${v}`;

/**
 * Loads or stores one word of a page whose number one holds, past any page table.
 * @param user what the page has to be, or null
 * @param rule the rule that falls when it is not
 * @returns the word (for a store: its new value)
 */
export const access_page = step(
  'access_page',
  (
    k: Kernel,
    pfn: number,
    write: number,
    word: number,
    value: number,
    user: UserPage | null,
    rule: string,
  ) => touch(k, pfn, write, word, value, user, rule),
  {
    text: ([pfn, write, , value], v) => showAccess(write, value, v, pfn),
    atomic: 'one load or store; the rest is the ghost check that no CPU makes',
  },
);

/** The load or store itself: completes if this CPU's TLB has a translation that serves it. */
const load_store = choice(
  'access',
  (k: Kernel, mm: number, addr: number) => tlbWays(k, inTlb(k, addr), mm, addr),
  {
    text: ([, addr, write, , value], v, k: Kernel) => {
      if (v === TLB_MISS) return `TLB miss at ${addr}`;
      const entry = inTlb(k, Number(addr));
      return showAccess(write, value, v, pte_pfn(entry));
    },
    atomic:
      'a flush interrupt comes between instructions (Intel SDM 4.10); the rest is the ghost check that no CPU makes',
  },
  (
    k: Kernel,
    evicted: number,
    _mm: number,
    addr: number,
    write: number,
    word: number,
    value: number,
    user: UserPage | null,
  ) => {
    const entry = inTlb(k, addr);
    if (evicted || !serves(entry, write)) return TLB_MISS;
    const rule = entry & PTE_BORN_STALE ? 'R5' : 'R4';
    return touch(k, pte_pfn(entry), write, word, value, user, null, rule);
  },
);

/**
 * One load or store by the program running on this CPU, faults included.
 * @param word which of the words that the run looks at
 * @param user the page that the program believes it mapped there, or null
 * @returns the value, or a signal: SEGV_MAPERR, SEGV_ACCERR, BUS_ADRERR
 */
export const user_access = routine(
  'user',
  function* (
    mm: number,
    addr: number,
    write: number,
    word: number,
    value: number,
    user: UserPage | null,
  ): Run<number> {
    for (;;) {
      yield* again('instruction');
      const got = yield* load_store(mm, addr, write, word, value, user);
      if (got !== TLB_MISS) return got;
      if (yield* hw_walk(mm, addr, write)) continue;
      const signal = yield* handle_page_fault(mm, addr, write);
      if (signal < 0) return signal;
    }
  },
);
