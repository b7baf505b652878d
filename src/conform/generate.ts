// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Random programs of system calls, for the model and for real kernels alike. A seed and a number give
 * the same program for ever. What has been seen least is made most: a choice is made among candidates
 * by how often its op met this kind of mapping in this state.
 *
 * What must never be made, because the guest would be wrong for all programs after it, or dead:
 *
 * - A private mapping of a buffer whose exporter faults PFNs in and does not refuse it: touching it
 *   is a BUG_ON in vmf_insert_pfn_prot (6.12 mm/memory.c:2414).
 * - Keeping a page without a reference (follow, walk) that can go back to the allocator: of anonymous
 *   memory, of a memfd, of an exporter that counts references. Or closing the last descriptor of a
 *   buffer of which one is kept.
 * - Stores through a read-only entry of private memory: the page may be the zero page of everybody.
 * - Moves that really free old pages (`f`) of an exporter whose entries hold no reference.
 * - Reading from a DRM descriptor: it waits for an event that never comes.
 * - Moving a mapping to where the kernel likes (MREMAP_DONTUNMAP without an address): programs know
 *   their addresses. A private mapping by remap_pfn_range of shared memory's pages, or of pages that a
 *   move has given: whether they lie side by side is the allocator's affair.
 * - Writing beyond the end of a file: the model counts sizes in pages (docs/limits.md).
 * - Pages of shmem behind a module's buffer, whose counts the results show, beside a vgem buffer: vgem
 *   fills its object with shmem pages when it is first mapped (drm_gem_get_pages, 6.12
 *   drivers/gpu/drm/drm_gem.c:591 and :622, 6.1 :535 and :564). Each new page waits with a reference in the
 *   LRU batch of the CPU (folio_add_lru, 6.12 mm/swap.c:503, 6.1 :510), and the one that fills the batch
 *   drops the references of all: the module's pages would be counted one less, and sooner than in the
 *   model, which takes no page of vgem's from shmem.
 * - `reuse`, which asks the allocator for one page of all.
 * - A mirror that is filled wrongly, whose notifier never waits, or that keeps its pages: after an
 *   invalidation that it missed it would reach a page that is free.
 * - What only stands for drivers when a counterexample is reproduced: buffers of kind `smap`, and with the
 *   flags 64 (reserved pages), 128 (counts of zero), 256 (looks before it locks) and 512 (on the address_space
 *   of the buffer made before), of which every other op would give away what a driver would not; and `pgoff`, whose page is anybody's.
 */
import type { LinuxVersion } from '../kernel/versions.ts';
import { type Op, type Program, parseOp } from './program.ts';

/** A small generator of numbers; the same everywhere. */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** A number in 0 .. 2^32-1 (mulberry32). */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }

  below(n: number): number {
    return this.next() % n;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }
}

/** How often each op met each kind of mapping in each state. */
export type Coverage = Map<string, number>;

const FAULTED_PFNS = ['fpfn', 'fpfnw', 'fpfnr', 'hpfn'];
const PFN_KINDS = [...FAULTED_PFNS, 'rpfn', 'racc'];
const PAGE_KINDS = ['ipage', 'fipage', 'fpage', 'fpagew', 'fmix'];
const MODULE_KINDS = [...PFN_KINDS, ...PAGE_KINDS, 'nommap'];
const STOCK_KINDS = ['vgem', 'vgemdrm', 'vgemro', 'memfd'];
/** Kinds of memory that HMM has pages of. */
const HAS_PAGES = [...PAGE_KINDS, 'memfd', 'anon.priv', 'anon.shared'];
/** Not in 6.1. */
const LATER_KINDS = ['heap', 'udma'];
/** Kinds of which a page may be kept without a reference: it stays while the buffer does. */
const STAYS = [...PFN_KINDS, 'fmix', 'vgem', 'vgemdrm', 'heap', 'udma'];

const ADVICES = [
  ...['NORMAL', 'RANDOM', 'SEQUENTIAL', 'WILLNEED', 'DONTNEED', 'FREE', 'REMOVE', 'DONTFORK'],
  ...['DOFORK', 'MERGEABLE', 'UNMERGEABLE', 'HUGEPAGE', 'NOHUGEPAGE', 'DONTDUMP', 'DODUMP'],
  ...['WIPEONFORK', 'KEEPONFORK', 'COLD', 'PAGEOUT', 'POPULATE_READ', 'POPULATE_WRITE'],
  ...['DONTNEED_LOCKED', 'COLLAPSE'],
];
const COUNTED = [
  ...['gup', 'gupf', 'gupfo', 'pinf', 'pinlt', 'force', 'hmm', 'pfnref'],
  ...['kvm', 'kvmsp', 'vfio'],
];
const UNCOUNTED = ['pfn', 'fpte', 'fpfn', 'pfnfix', 'raw', 'pfnmn', 'pfnmnr', 'kvmmn'];
const OFFSETS = [0, 8, 16];
/** Where mappings are made: near each other, so that they merge and split, and apart. */
const PLACES = [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 100, 200, 300, 510, 1024];
const PROTECTIONS = ['rw', 'rw', 'rw', 'rw', 'r', 'r', '0', 'rx', 'rwx', 'w'];

interface Buffer {
  readonly kind: string;
  /** What its pages are of, through importers. */
  readonly of: string;
  readonly pages: number;
  readonly flags: number;
}

interface Mapped {
  readonly page: number;
  readonly pages: number;
  readonly kind: string;
  readonly isPrivate: boolean;
  readonly slot: number;
  state: string;
}

interface Held {
  readonly counted: boolean;
  readonly isPrivate: boolean;
}

/** Makes one program. Knows roughly what is mapped where; what it does not know is tried all the same. */
class Maker {
  readonly ops: string[] = [];
  private readonly buffers = new Map<number, Buffer>();
  private readonly mapped: Mapped[] = [];
  private readonly held = [new Map<number, Held>(), new Map<number, Held>()];
  /** Who has a mirror. */
  private readonly mirrored = [false, false];
  /** Slots of buffers that have moved. */
  private readonly moved = new Set<number>();
  private forked = false;
  private value = 0x101;

  constructor(
    private readonly random: Random,
    private readonly linux: LinuxVersion,
    private readonly coverage: Coverage,
  ) {}

  /** Always true: that an op was made. */
  private emit(proc: number, text: string): true {
    this.ops.push(`${proc} ${text}`);
    return true;
  }

  private fresh(): string {
    return `0x${(this.value++).toString(16)}`;
  }

  private off(): number {
    return this.random.pick(OFFSETS);
  }

  private kinds(): readonly string[] {
    return [...STOCK_KINDS, ...(this.linux === '6.1' ? [] : LATER_KINDS)];
  }

  /** Makes a buffer in the next free slot. */
  buffer(): boolean {
    const { random } = this;
    const slot = this.buffers.size;
    if (slot >= 4) return false;
    const others = [...this.buffers.entries()];
    if (others.length && random.chance(25)) {
      const [at, other] = random.pick(others);
      const how = random.chance(70) ? 'dimp' : other.kind === 'memfd' ? 'udmaof' : 'imp';
      if (how !== 'udmaof' || this.linux !== '6.1') {
        this.emit(0, `buf ${slot} ${how}${at} ${other.pages} 0`);
        this.buffers.set(slot, { ...other, kind: how, of: other.of });
        return true;
      }
    }
    const kind = random.pick(random.chance(65) ? MODULE_KINDS : this.kinds());
    if (kind.startsWith('vgem') && others.some(([, b]) => b.flags & 32)) return false;
    const pages = kind === 'hpfn' && random.chance(40) ? 512 : random.pick([1, 2, 3, 4, 4, 8]);
    let flags = 0;
    if (MODULE_KINDS.includes(kind) && random.chance(30)) {
      flags = random.pick([1, 1, 1, 2, 4, 8, 16, 32, 33, 48]);
      // A private mapping of PFNs that are faulted in: see above.
      if (FAULTED_PFNS.includes(kind)) flags &= ~1;
      if (PFN_KINDS.includes(kind) && flags & 32) flags &= ~1;
      if (others.some(([, other]) => other.of.startsWith('vgem'))) flags &= ~32;
    }
    this.emit(0, `buf ${slot} ${kind} ${pages} ${flags}`);
    this.buffers.set(slot, { kind, of: kind, pages, flags });
    return true;
  }

  /** Maps a buffer, or anonymous memory. */
  map(proc: number): boolean {
    const { random } = this;
    const slots = [...this.buffers.keys()];
    const anonymous = slots.length === 0 || random.chance(12);
    const slot = anonymous ? -1 : random.pick(slots);
    const buffer = this.buffers.get(slot);
    const most = buffer ? buffer.pages : 4;
    const pages = most >= 512 ? random.pick([512, 512, 4]) : 1 + random.below(most + 1);
    const page = most >= 512 ? random.pick([0, 512, 1024, 1]) : random.pick(PLACES);
    const prot = random.pick(PROTECTIONS);
    let how = random.pick(['s', 's', 's', 's', 'p', 'v']);
    if (buffer && PFN_KINDS.includes(buffer.of) && this.moved.size) how = 's';
    const off = random.chance(75) ? 0 : random.below(most + 1);
    const letters = random.chance(80) ? '' : ` ${random.pick(['F', 'P', 'L', 'FP'])}`;
    this.emit(
      proc,
      `map ${page} ${pages} ${anonymous ? '-' : slot} ${prot} ${how} ${anonymous ? 0 : off}${letters}`,
    );
    this.mapped.push({
      ...{ page, pages, slot, isPrivate: how === 'p' },
      kind: buffer ? buffer.of : how === 'p' ? 'anon.priv' : 'anon.shared',
      state: prot === 'rw' ? 'cold' : prot,
    });
    return true;
  }

  /** Candidates for the next op; the one seen least wins. */
  step(): boolean {
    const proc = this.forked && this.random.chance(40) ? 1 : 0;
    if (this.mapped.length === 0) return this.map(proc);
    const tries = Array.from({ length: 3 }, () => {
      const target = this.random.pick(this.mapped);
      const name = this.random.pick(OP_NAMES);
      const key = `${name} ${target.kind}${target.isPrivate ? '.priv' : ''} ${target.state}`;
      return { target, name, key, seen: this.coverage.get(key) ?? 0 };
    });
    const best = tries.reduce((a, b) => (b.seen < a.seen ? b : a));
    const made = this.make(proc, best.name, best.target);
    if (made) this.coverage.set(best.key, best.seen + 1);
    return made;
  }

  private make(proc: number, name: string, m: Mapped): boolean {
    const { random } = this;
    const inside = random.below(Math.min(m.pages, 8));
    const page = m.page + (random.chance(92) ? inside : m.pages);
    const n = random.chance(50) ? m.pages : 1 + random.below(Math.min(m.pages, 8) + 1);
    const start = random.chance(60) ? m.page : page;
    switch (name) {
      case 'buf':
        return this.buffer();
      case 'map':
        return this.map(proc);
      case 'r':
        if (m.state === 'cold') m.state = 'read';
        return this.emit(proc, `r ${page} ${this.off()}`);
      case 'w':
        m.state = 'written';
        return this.emit(proc, `w ${page} ${this.off()} ${this.fresh()}`);
      case 'unmap':
        return this.emit(proc, `unmap ${start} ${n}`);
      case 'prot': {
        const prot = random.pick(PROTECTIONS);
        m.state = prot === 'rw' ? 'reprotected' : prot;
        return this.emit(proc, `prot ${start} ${n} ${prot}`);
      }
      case 'remap':
        return this.remap(proc, m, start, n);
      case 'adv':
        return this.emit(proc, `adv ${start} ${n} ${random.pick(ADVICES)}`);
      case 'msync':
        return this.emit(proc, `msync ${start} ${n} ${random.pick(['s', 'a', 'i'])}`);
      case 'uffd':
        return this.emit(proc, `uffd ${start} ${n} ${random.pick(['m', 'w', 'c'])}`);
      case 'rfp':
        return this.emit(proc, `rfp ${start} ${n} ${random.below(4)}`);
      case 'smaps':
        return this.emit(proc, `smaps ${page}${random.chance(30) ? ' full' : ''}`);
      case 'vmas':
      case 'pwarn':
        return this.emit(proc, name);
      case 'minc':
      case 'pmap':
      case 'iour':
      case 'odr':
      case 'vmsp':
        return this.emit(proc, `${name} ${start} ${Math.min(n, 8)}`);
      case 'mlock':
      case 'mlockf':
      case 'munlock':
      case 'mseal':
        return this.emit(proc, `${name} ${start} ${n}`);
      case 'odw':
        return this.emit(proc, `odw ${start} ${Math.min(n, 4)} ${this.off()}`);
      case 'cfu':
      case 'futs':
      case 'futp':
        return this.emit(proc, `${name} ${page} ${this.off()}`);
      case 'ctu':
        return this.emit(proc, `ctu ${page} ${this.off()} ${this.fresh()}`);
      case 'pvr':
      case 'pmr':
        return this.emit(proc, `${name} ${this.someone()} ${page} ${this.off()}`);
      case 'pvw':
      case 'pmw':
        return this.emit(proc, `${name} ${this.someone()} ${page} ${this.off()} ${this.fresh()}`);
      case 'ptr':
        return this.forked ? this.emit(0, `ptr ${page} ${this.off()}`) : false;
      case 'ptw':
        return this.forked ? this.emit(0, `ptw ${page} ${this.off()} ${this.fresh()}`) : false;
      case 'mvpg':
      case 'mvpg0':
      case 'pte':
        return this.emit(proc, `${name} ${page}`);
      case 'prd':
        return this.emit(proc, `prd ${this.off()}`);
      case 'pmk':
        return this.emit(proc, 'pmk');
      case 'pwr':
        return this.emit(proc, `pwr ${1 + random.below(3)} ${this.fresh()}`);
      case 'con': {
        const method = random.pick([...COUNTED, ...UNCOUNTED]);
        return this.emit(proc, `con ${method} ${page} ${random.below(2)}`);
      }
      case 'hold':
        return this.hold(proc, m, page);
      case 'hr':
      case 'hput':
      case 'hw':
      case 'hwf':
        return this.use(proc, name);
      case 'mir':
      case 'mr':
      case 'mw':
      case 'mput':
        return this.mirror(proc, name, m);
      case 'mv':
        return this.move(m);
      case 'fork':
        if (this.forked) return false;
        this.forked = true;
        for (const other of this.mapped) other.state = `${other.state}-forked`;
        return this.emit(0, 'fork');
      case 'exit':
        if (!this.forked || random.chance(70)) return false;
        this.forked = false;
        return this.emit(1, 'exit');
      default:
        return this.descriptor(proc, name, m);
    }
  }

  private someone(): number {
    return this.forked ? this.random.below(2) : 0;
  }

  private remap(proc: number, m: Mapped, start: number, n: number): boolean {
    const { random } = this;
    const now = random.chance(50) ? n : random.chance(50) ? n + 1 + random.below(8) : 1;
    const dest = random.chance(40) ? '-' : String(random.pick(PLACES) + random.pick([0, 20, 40]));
    const old = random.chance(4) ? 0 : n;
    const keep = dest !== '-' && random.chance(12) ? ' d' : '';
    this.emit(proc, `remap ${start} ${old} ${now} ${dest}${keep}`);
    if (dest !== '-') this.mapped.push({ ...m, page: Number(dest), pages: now, state: 'moved' });
    return true;
  }

  private hold(proc: number, m: Mapped, page: number): boolean {
    const { random } = this;
    const slot = random.below(3);
    const buffer = this.buffers.get(m.slot);
    // Liars and VM_IO let follow take pages with references: see above.
    const stays = STAYS.includes(m.kind) && !m.isPrivate && !buffer?.flags;
    const method = random.pick(stays && random.chance(60) ? UNCOUNTED : COUNTED);
    this.emit(proc, `hold ${slot} ${method} ${page} ${random.below(2)}`);
    const known = this.held[proc].get(slot);
    const now = { counted: COUNTED.includes(method), isPrivate: m.isPrivate || m.slot < 0 };
    // It may have been in use already: the more careful of both is true.
    this.held[proc].set(slot, {
      counted: now.counted && (known?.counted ?? true),
      isPrivate: now.isPrivate || (known?.isPrivate ?? false),
    });
    return true;
  }

  private mirror(proc: number, name: string, m: Mapped): boolean {
    const { random, mirrored } = this;
    if (!mirrored[proc] || random.chance(4)) {
      // HMM will not speak of most of these.
      if (!HAS_PAGES.includes(m.kind) && random.chance(85)) return false;
      mirrored[proc] = true;
      const pages = random.chance(90) ? 1 + random.below(m.pages) : 1 + m.pages;
      this.emit(proc, `mreg ${m.page + (random.chance(80) ? 0 : 1)} ${Math.min(pages, 8)}`);
      return this.emit(proc, 'mir once');
    }
    const page = random.chance(60) ? 0 : random.below(5);
    if (name === 'mr') return this.emit(proc, `mr ${page} ${this.off()}`);
    if (name === 'mw') return this.emit(proc, `mw ${page} ${this.off()} ${this.fresh()}`);
    if (name === 'mput') mirrored[proc] = false;
    return this.emit(proc, name === 'mput' ? name : 'mir once');
  }

  private use(proc: number, name: string): boolean {
    const slot = this.random.below(3);
    const held = this.held[proc].get(slot);
    if (name === 'hwf' && held?.isPrivate) return false;
    if (name === 'hr') return this.emit(proc, `hr ${slot} ${this.off()}`);
    if (name === 'hput') return this.emit(proc, `hput ${slot}`);
    return this.emit(proc, `${name} ${slot} ${this.off()} ${this.fresh()}`);
  }

  private move(m: Mapped): boolean {
    const { random } = this;
    const slot = m.slot < 0 || random.chance(10) ? random.below(4) : m.slot;
    const buffer = this.buffers.get(slot);
    const pages = buffer?.pages ?? 4;
    const first = random.chance(70) ? 0 : random.below(pages);
    const n = random.chance(60) ? Math.min(pages, 8) : 1 + random.below(Math.min(pages, 4));
    const letters = ['z', 'p', 'e', 'n', 'r', 'f'].filter((l) => {
      if (l === 'z') return random.chance(75);
      if (l === 'r') return random.chance(4);
      // Freed for good only where entries hold references.
      if (l === 'f') return buffer && PAGE_KINDS.includes(buffer.of) && this.mayFree(buffer);
      return random.chance(25);
    });
    this.moved.add(slot);
    for (const other of this.mapped) if (other.slot === slot) other.state = 'after-move';
    return this.emit(0, `mv ${slot} ${first} ${n}${letters.length ? ` ${letters.join('')}` : ''}`);
  }

  private mayFree(buffer: Buffer): boolean {
    // vmf_insert_mixed gives special entries, which hold nothing.
    return buffer.of !== 'fmix' && this.random.chance(20);
  }

  /** Does anybody keep a page without a reference? Then its buffer has to stay. */
  private keepsUncounted(): boolean {
    return this.held.some((slots) => [...slots.values()].some((h) => !h.counted));
  }

  private descriptor(proc: number, name: string, m: Mapped): boolean {
    const { random } = this;
    const slot = m.slot < 0 ? 0 : m.slot;
    const buffer = this.buffers.get(slot);
    const i = random.below((buffer?.pages ?? 2) + 1);
    switch (name) {
      case 'dr':
      case 'sgr':
        return this.emit(proc, `${name} ${slot} ${i} ${this.off()}`);
      case 'dw':
      case 'sgw':
        return this.emit(proc, `${name} ${slot} ${i} ${this.off()} ${this.fresh()}`);
      case 'dst':
        return this.emit(proc, `dst ${slot} ${i}`);
      case 'bclose':
        if (this.keepsUncounted() || random.chance(50)) return false;
        return this.emit(proc, `bclose ${slot}`);
      case 'bdup':
        if (this.keepsUncounted() || random.chance(50)) return false;
        return this.emit(proc, `bdup ${slot} ${4 + random.below(2)}`);
      case 'bseek':
        return this.emit(
          proc,
          `bseek ${slot} ${random.below(5)} ${random.pick([0, 0, 4096, -4096])}`,
        );
      case 'bstat':
      case 'bsplice':
        return this.emit(proc, `${name} ${slot}`);
      case 'btrunc':
        return this.emit(proc, `btrunc ${slot} ${1 + random.below(9)}`);
      case 'bpunch':
        return this.emit(proc, `bpunch ${slot} ${random.below(4)} ${1 + random.below(3)}`);
      case 'bread':
        if (buffer?.kind === 'vgemdrm' || buffer?.kind === 'imp') return false;
        return this.emit(proc, `bread ${slot} ${random.below(3) * 4096 + this.off()}`);
      case 'bwrite':
        return this.emit(proc, `bwrite ${slot} ${this.off()} ${this.fresh()}`);
      case 'bsync': {
        const when = random.pick(['start', 'end']);
        return this.emit(proc, `bsync ${slot} ${when} ${random.pick(['r', 'w', 'rw', '-'])}`);
      }
      default:
        return false;
    }
  }
}

/** Ops by how often they are candidates. */
const OP_NAMES: readonly string[] = Object.entries({
  ...{ r: 8, w: 8, map: 3, buf: 1, unmap: 3, prot: 4, remap: 4, adv: 5, mv: 6, fork: 2, exit: 1 },
  ...{ con: 9, hold: 6, hr: 4, hw: 3, hwf: 1, hput: 2, pte: 6, smaps: 2, vmas: 2, dst: 3, dr: 3 },
  ...{ dw: 3, vmsp: 2, prd: 2, pmk: 1, pwr: 1, odw: 1, odr: 1, cfu: 1, ctu: 1, pvr: 1, pvw: 1 },
  ...{ pmr: 1, pmw: 1, ptr: 1, ptw: 1, iour: 1, futs: 1, futp: 1, mlock: 1, mlockf: 1, munlock: 1 },
  ...{ minc: 1, pmap: 1, uffd: 1, msync: 1, mvpg: 1, mvpg0: 1, mseal: 1, rfp: 1, bclose: 1 },
  ...{ bdup: 1, bseek: 1, bstat: 1, btrunc: 1, bpunch: 1, bread: 1, bwrite: 1, bsync: 1 },
  ...{ bsplice: 1, pwarn: 1, sgr: 1, sgw: 1, mir: 3, mr: 4, mw: 4, mput: 1 },
}).flatMap(([name, weight]) => new Array<string>(weight).fill(name));

/**
 * The program of a seed and a number.
 * @param coverage what was made before; counted on. A program depends on it, so the same programs in
 *   the same order come out the same.
 */
export function generate(
  seed: number,
  number: number,
  linux: LinuxVersion,
  coverage: Coverage = new Map(),
): Program {
  const random = new Random(Math.imul(seed, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b));
  const maker = new Maker(random, linux, coverage);
  for (let i = 1 + random.below(2); i >= 0; i--) if (i === 0 || random.chance(60)) maker.buffer();
  for (let i = 1 + random.below(3); i > 0; i--) maker.map(0);
  const setup = maker.ops.length;
  const length = setup + 4 + random.below(14);
  for (let tries = 0; maker.ops.length < length && tries < 60; tries++) maker.step();
  const ops: Op[] = maker.ops.map((text) => parseOp(text));
  return { id: `fuzz-${seed}-${number}`, setup, ops, expect: {} };
}
