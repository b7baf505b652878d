// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The consumer half of the test module: twenty ways to look a user address up (the recordings know twelve), and what
 * is done with the page afterwards. What it keeps is in the kernel's holder slots.
 */
import { type Run, routine, step } from '../explore/program.ts';
import { CONSUMERS } from '../kernel/consumers/index.ts';
import { EBUSY, EFAULT, EINVAL, ENODATA, ENOENT, errnoName } from '../kernel/errno.ts';
import { type Kernel, PAGE_USED } from '../kernel/kernel.ts';
import { access_page } from '../kernel/mm/access.ts';
import { PTE_PRESENT, PTE_SPECIAL, PTE_WRITE, pte_pfn, VM_PFNMAP } from '../kernel/mm/flags.ts';
import { follow_pfn, follow_pte, raw_walk } from '../kernel/mm/follow.ts';
import {
  FOLL_FORCE,
  FOLL_GET,
  FOLL_LONGTERM,
  FOLL_PIN,
  FOLL_WRITE,
  get_user_pages_unlocked,
  unpin_user_page,
  ZERO_PAGE,
} from '../kernel/mm/gup.ts';
import { get_user_pages_fast, get_user_pages_fast_only } from '../kernel/mm/gup-fast.ts';
import { mmu_interval_read_begin, mmu_interval_read_retry } from '../kernel/mm/mmu_notifier.ts';
import {
  mmu_interval_notifier_insert,
  mmu_interval_notifier_remove,
} from '../kernel/mm/mmu_subscribe.ts';
import {
  OWNER_BUFFER,
  OWNER_KEPT,
  page_ref_count,
  refcounted_page,
  try_get_page,
} from '../kernel/mm/page.ts';
import {
  mmap_read_lock,
  mmap_read_unlock,
  NO_VMA,
  vm_flags,
  vma_lookup,
} from '../kernel/mm/vma.ts';
import { BY_GUP, BY_REF, finder, hva_to_pfn_remapped } from '../kernel/programs/find.ts';
import { mirrorFault } from '../kernel/programs/notified.ts';
import { type Guest, HOLDERS } from './guest.ts';
import { moduleOf } from './kinds.ts';

// hold_flags: a holder in use, may it write, how its page is kept, does it watch the notifier.
const HELD = 0x1;
const WRITABLE = 0x2;
const NOTIFIED = 0x4;
const BY_GET = 0x10;
const BY_PIN = 0x20;
/** Only in what a lookup finds: the page is mapped for a guest, and its reference goes. */
const MAPPED = 0x40;

/** Number of the holder in slot `slot` of a process; the last of each is for `con`. */
export const holderOf = (proc: number, slot: number): number => proc * (HOLDERS + 1) + slot;

const under_mmap_lock = (
  name: string,
  follow: (mm: number, addr: number) => Run<number>,
): ((mm: number, addr: number) => Run<number>) =>
  routine(name, function* (mm: number, addr: number): Run<number> {
    yield* mmap_read_lock(mm);
    const entry = yield* follow(mm, addr);
    yield* mmap_read_unlock(mm);
    return entry;
  });

const by_pfn = under_mmap_lock('follow_pfn', follow_pfn);
const by_pte = under_mmap_lock('follow_pte', follow_pte);
const by_walk = under_mmap_lock('raw_walk', raw_walk);

const set_sequence = step('hold_seq', (k: Kernel, h: number, seq: number) =>
  k.hold_seq.set(h, seq),
);

const fault_in = mirrorFault((h, _entry, seq) => set_sequence(h, seq));

/** hmm_range_fault under an interval notifier on the page, up to ten tries. */
const by_hmm = routine(
  'hmm',
  function* (mm: number, addr: number, write: number, h: number): Run<number> {
    yield* mmu_interval_notifier_insert(h, 0, mm, addr, 1);
    for (let tries = 0; tries < 10; tries++) {
      const entry = yield* fault_in(mm, addr, write, h);
      if (entry !== 0) return entry;
    }
    return -EBUSY;
  },
);

/**
 * Follows under an interval notifier, up to ten tries. What is told between the look and the use is
 * missed, unless the sequence is asked for before and tested after.
 */
const by_notified = routine(
  'by_pfnmn',
  function* (mm: number, addr: number, write: number, h: number, retries: number): Run<number> {
    yield* mmu_interval_notifier_insert(h, 0, mm, addr, 1);
    for (let tries = 0; tries < 10; tries++) {
      const seq = yield* mmu_interval_read_begin(h, mm);
      const entry = yield* hva_to_pfn_remapped(mm, addr, write);
      if (entry < 0) return entry;
      if (retries && (yield* mmu_interval_read_retry(h, seq))) continue;
      // Without the test it is as if nobody had been told meanwhile.
      yield* set_sequence(h, retries ? seq : yield* mmu_interval_read_begin(h, mm));
      return entry;
    }
    return -EBUSY;
  },
);

/** In what {@link by_referenced} answers: there is a reference. */
const REFERENCED = 0x200;

/** Follows, and takes a reference to what it found, if that has one to give. */
const by_referenced = routine(
  'by_pfnref',
  function* (mm: number, addr: number, write: number): Run<number> {
    const entry = yield* hva_to_pfn_remapped(mm, addr, write);
    if (entry < 0 || !(yield* refcounted_page(pte_pfn(entry)))) return entry;
    return (yield* try_get_page(pte_pfn(entry), 1)) ? entry | REFERENCED : -EFAULT;
  },
);

/** Who asks get_user_pages first, by method: KVM of 6.1, with a patch of the thread, and VFIO. */
const consumerOf = (id: string) => {
  const found = CONSUMERS.find((c) => c.id === id);
  if (!found) throw new Error(`there is no consumer '${id}'`);
  return finder(found);
};
const GUP_FIRST: Readonly<Record<string, ReturnType<typeof finder>>> = {
  kvm: consumerOf('kvm-vcpu-map-6.1'),
  kvmsp: consumerOf('refuse-special'),
  vfio: consumerOf('vfio-type1'),
};

/** How a page is kept that one of them has found. */
const keptBy = (method: string, found: number): number => {
  if (found & BY_GUP) return method === 'vfio' ? BY_PIN : BY_GET;
  return found & BY_REF ? BY_GET : 0;
};

/** KVM of 6.1 serves a guest's fault: under notifier and sequence, up to ten tries. */
const by_kvmmn = routine(
  'by_kvmmn',
  function* (mm: number, addr: number, write: number, h: number): Run<number> {
    yield* mmu_interval_notifier_insert(h, 0, mm, addr, 1);
    for (let tries = 0; tries < 10; tries++) {
      const seq = yield* mmu_interval_read_begin(h, mm);
      const entry = yield* GUP_FIRST.kvm(mm, addr, write, null);
      if (entry < 0) return entry;
      if (!(yield* mmu_interval_read_retry(h, seq))) {
        yield* set_sequence(h, seq);
        return entry;
      }
      yield* drop_page({ pfn: pte_pfn(entry), flags: keptBy('kvm', entry) });
    }
    return -EBUSY;
  },
);

/** Takes vm_pgoff for the PFN: some page of the machine's, which nobody touches. */
const by_pgoff = routine('by_pgoff', function* (mm: number, addr: number): Run<number> {
  yield* mmap_read_lock(mm);
  const vma = yield* vma_lookup(mm, addr);
  const believes = vma !== NO_VMA && (yield* vm_flags(vma)) & VM_PFNMAP;
  yield* mmap_read_unlock(mm);
  return believes ? PTE_PRESENT : -EINVAL;
});

/** GUP variants and the flags they ask for; the page they return comes with references. */
const GUP: Readonly<
  Record<string, readonly [(mm: number, addr: number, flags: number) => Run<number>, number]>
> = {
  gup: [get_user_pages_unlocked, FOLL_GET],
  force: [get_user_pages_unlocked, FOLL_GET | FOLL_FORCE | FOLL_WRITE],
  gupf: [get_user_pages_fast, FOLL_GET],
  gupfo: [get_user_pages_fast_only, FOLL_GET],
  pinf: [get_user_pages_fast, FOLL_PIN],
  pinlt: [get_user_pages_fast, FOLL_PIN | FOLL_LONGTERM],
};

interface Found {
  readonly pfn: number;
  readonly flags: number;
}

const keep = step('hold', (k: Kernel, h: number, pfn: number, flags: number) => {
  k.hold_pfn.set(h, pfn);
  k.hold_flags.set(h, flags);
});
const hold_flags = step('hold_flags', (k: Kernel, h: number) => k.hold_flags.get(h));
const hold_pfn = step('hold_pfn', (k: Kernel, h: number) => k.hold_pfn.get(h));
/** Looks `addr` up for holder `h`. Returns what was found, or a negative errno. */
function* lookup(
  proc: number,
  method: string,
  addr: number,
  write: number,
  h: number,
): Run<Found | number> {
  const variant = Object.hasOwn(GUP, method) ? GUP[method] : undefined;
  if (variant) {
    const flags = variant[1] | (write ? FOLL_WRITE : 0);
    const page = yield* variant[0](proc, addr, flags);
    if (page <= 0) return page || -ENODATA;
    return {
      pfn: page === ZERO_PAGE ? 0 : page,
      flags: (flags & FOLL_PIN ? BY_PIN : BY_GET) | (flags & FOLL_WRITE ? WRITABLE : 0),
    };
  }
  let entry: number;
  let how = 0;
  switch (method) {
    case 'pfn':
    case 'fpfn':
      entry = yield* by_pfn(proc, addr);
      break;
    case 'fpte':
      entry = yield* by_pte(proc, addr);
      break;
    case 'raw':
      entry = yield* by_walk(proc, addr);
      break;
    case 'pfnfix':
      entry = yield* hva_to_pfn_remapped(proc, addr, write);
      break;
    case 'pfnref':
      entry = yield* by_referenced(proc, addr, write);
      if (entry >= 0 && entry & REFERENCED) how = BY_GET;
      break;
    case 'kvm':
    case 'kvmsp':
    case 'vfio':
      entry = yield* GUP_FIRST[method](proc, addr, write, null);
      if (entry >= 0) how = keptBy(method, entry);
      break;
    case 'kvmmn':
      entry = yield* by_kvmmn(proc, addr, write, h);
      how = NOTIFIED | MAPPED | (entry >= 0 ? keptBy('kvm', entry) : 0);
      if (entry < 0) yield* mmu_interval_notifier_remove(h);
      break;
    case 'pgoff':
      entry = yield* by_pgoff(proc, addr);
      break;
    case 'hmm':
    case 'pfnmn':
    case 'pfnmnr':
      entry =
        method === 'hmm'
          ? yield* by_hmm(proc, addr, write, h)
          : yield* by_notified(proc, addr, write, h, method === 'pfnmnr' ? 1 : 0);
      how = NOTIFIED;
      if (entry < 0) yield* mmu_interval_notifier_remove(h);
      break;
    default:
      return -EINVAL;
  }
  if (entry < 0) return entry;
  return { pfn: pte_pfn(entry), flags: how | (entry & PTE_WRITE ? WRITABLE : 0) };
}

/** Drops the page that was taken, if one was. */
function* drop_page({ pfn, flags }: Found): Run<void> {
  if (!(flags & (BY_GET | BY_PIN))) return;
  yield* unpin_user_page(pfn === 0 ? ZERO_PAGE : pfn, flags & BY_PIN ? FOLL_PIN : FOLL_GET);
}

/** Drops what a holder has of its page, and its notifier. */
function* release(h: number, found: Found): Run<void> {
  yield* drop_page(found);
  if (found.flags & NOTIFIED) yield* mmu_interval_notifier_remove(h);
}

/** The entry that translates an address, of either size, read without a lock. */
export function entryAt(k: Kernel, proc: number, addr: number): { entry: number; huge: boolean } {
  const { vpages, ptrsPerPmd } = k.config;
  if (addr < 0 || addr >= vpages) return { entry: 0, huge: false };
  const pmd = k.pmd.get(proc * Math.ceil(vpages / ptrsPerPmd) + Math.floor(addr / ptrsPerPmd));
  if (pmd & PTE_PRESENT) return { entry: pmd + ((addr % ptrsPerPmd) << 12), huge: true };
  return { entry: k.pte.get(proc * vpages + addr), huge: false };
}

/** The module looks at the entry once more when it is done: is it there, is it special? */
function* presence(g: Guest, proc: number, addr: number): Run<string> {
  const inside = addr >= 0 && addr < g.k.config.vpages;
  const entry = inside ? Math.max(0, yield* by_walk(proc, addr)) : 0;
  return `p${entry & PTE_PRESENT ? 1 : 0}s${entry & PTE_SPECIAL ? 1 : 0}`;
}

/** What {@link owner_of} says of a page that is nobody's. */
const NOBODYS = -1;

/** Whose page this is, if it is of a buffer of the module's: buffer, place and generation in one word. */
const owner_of = step(
  'owner_of',
  (k: Kernel, pfn: number) => {
    const owner =
      pfn > 0 && k.page_state.get(pfn) === PAGE_USED ? k.page_owner.get(pfn) & ~OWNER_KEPT : 0;
    if (owner < OWNER_BUFFER) return NOBODYS;
    const buffer = (owner - OWNER_BUFFER) >> 16;
    if (!moduleOf(k, buffer)) return NOBODYS;
    // A buffer that goes forgets its pages before it lets go of them (page_drop); who holds one has it still.
    const placement = k.buf_page.get(buffer * k.config.bufferPages + (owner & 0xffff));
    if (!placement && !(k.page_owner.get(pfn) & OWNER_KEPT)) return NOBODYS;
    return (buffer << 24) | ((owner & 0xffff) << 8) | k.page_gen.get(pfn);
  },
  { atomic: "under the module's all_pages_lock (guest/module/exporter.c owner_of)" },
);

/** Does the slot that a buffer was made in lead to it still? The agent knows (slot_name). */
const is_known = step(
  'slot_name',
  (k: Kernel, proc: number, buffer: number, slot: number) =>
    k.fd_file.get(proc * k.config.fds + slot) - 1 === k.buf_file.get(buffer) ? 1 : 0,
  { atomic: 'a buffer keeps its file' },
);

/** `bB.page.gGEN`, as the agent calls the page when the module has answered. */
function* nameOf(g: Guest, proc: number, owner: number): Run<string> {
  const buffer = owner >> 24;
  const slot = g.slotOf[proc].get(buffer) ?? -1;
  const known = slot >= 0 && (yield* is_known(proc, buffer, slot));
  return `b${known ? slot : '?'}.${(owner >> 8) & 0xffff}.g${owner & 0xff}`;
}

/** What the agent calls a page of a buffer of the module's; null of another page. */
export function* ownerName(g: Guest, proc: number, pfn: number): Run<string | null> {
  const owner = yield* owner_of(pfn);
  return owner === NOBODYS ? null : yield* nameOf(g, proc, owner);
}

/** `con`: looks up, reports, lets go. */
export function* consult(
  g: Guest,
  proc: number,
  method: string,
  addr: number,
  write: number,
): Run<string> {
  const h = holderOf(proc, HOLDERS);
  const found = yield* lookup(proc, method, addr, write, h);
  const seen = yield* presence(g, proc, addr);
  if (typeof found === 'number') return `${errnoName(found)} ${seen}`;
  const held = yield* page_ref_count(found.pfn);
  const owner = yield* owner_of(found.pfn);
  yield* release(h, found);
  const after = yield* page_ref_count(found.pfn);
  const ok = `ok ${seen}w${found.flags & WRITABLE ? 1 : 0}`;
  if (owner === NOBODYS) return `${ok} - d${held - after}`;
  return `${ok} ${yield* nameOf(g, proc, owner)} ref${held}>${after}`;
}

/** `hold`: looks up and keeps. */
export function* hold(
  g: Guest,
  proc: number,
  slot: number,
  method: string,
  addr: number,
  write: number,
): Run<string> {
  if (slot < 0 || slot >= HOLDERS) return errnoName(EINVAL);
  const h = holderOf(proc, slot);
  if ((yield* hold_flags(h)) & HELD) {
    return `${errnoName(EBUSY)} ${yield* presence(g, proc, addr)}`;
  }
  const found = yield* lookup(proc, method, addr, write, h);
  const seen = yield* presence(g, proc, addr);
  if (typeof found === 'number') return `${errnoName(found)} ${seen}`;
  const gone = found.flags & MAPPED ? BY_GET | MAPPED : 0;
  yield* keep(h, found.pfn, (found.flags & ~gone) | HELD);
  const refs = yield* page_ref_count(found.pfn);
  const owner = yield* ownerName(g, proc, found.pfn);
  if (gone) yield* drop_page(found);
  return `ok ${seen}w${found.flags & WRITABLE ? 1 : 0} ${owner ?? '-'}${owner ? ` ref${refs}` : ''}`;
}

/** Whether an invalidation came since the holder looked. mmu_interval_check_retry */
const invalidated = step('mmu_interval_check_retry', (k: Kernel, h: number) =>
  k.mn_seq.get(h) === k.hold_seq.get(h) ? 0 : 1,
);

/** `hr`: reads through what is kept. */
export function* holderRead(g: Guest, proc: number, slot: number, word: number): Run<string> {
  const h = holderOf(proc, slot);
  const flags = yield* hold_flags(h);
  if (!(flags & HELD)) return errnoName(ENOENT);
  if (flags & NOTIFIED && (yield* invalidated(h))) return 'EAGAIN';
  return g.show(yield* access_page(yield* hold_pfn(h), 0, word, 0, null, ''));
}

/** `hw`, `hwf`: writes through it. */
export function* holderWrite(
  proc: number,
  slot: number,
  word: number,
  token: number,
  forced: boolean,
): Run<string> {
  const h = holderOf(proc, slot);
  const flags = yield* hold_flags(h);
  if (!(flags & HELD)) return errnoName(ENOENT);
  if (!forced && !(flags & WRITABLE)) return 'EACCES';
  if (flags & NOTIFIED && (yield* invalidated(h))) return 'EAGAIN';
  yield* access_page(yield* hold_pfn(h), 1, word, token, null, '');
  return 'ok';
}

/** `hput`: lets go. */
export function* holderPut(proc: number, slot: number): Run<string> {
  const h = holderOf(proc, slot);
  const flags = yield* hold_flags(h);
  if (!(flags & HELD)) return errnoName(ENOENT);
  yield* release(h, { pfn: yield* hold_pfn(h), flags });
  yield* keep(h, 0, 0);
  return 'ok';
}
