// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Random races. A seed and a number give the same race for ever. One list uses the mapping or looks a
 * page up in it, the other takes it away or changes it, beside it (two threads of a process) or from
 * elsewhere (two processes that share a buffer). Kinds of mapping and ways to look up take turns, so
 * that a few dozen races meet them all.
 *
 * What must never be made: whatever generate.ts does not make, and
 *
 * - moves that free the old page where an entry or a holder without a reference may still lead to it:
 *   when the move does not zap, or somebody keeps what he followed;
 * - a last close where somebody keeps, or follows to, a page that he has no reference of;
 * - a lookup under a notifier by both threads of a process: in the model they share its holder.
 */

import type { LinuxVersion } from '../kernel/versions.ts';
import { Random } from './generate.ts';
import { parseRace, type Race } from './race.ts';

/** How something is mapped: what is made of it, and what can be done to it. */
interface Kind {
  readonly name: string;
  /** The op that makes the buffer, if there is one; N stands for its pages. */
  readonly buffer: string | null;
  readonly how: 's' | 'p';
  /** The test module's: it can be moved, and a PFN of it be kept. */
  readonly moves: boolean;
  /** Its entries hold references. */
  readonly counted: boolean;
  /** Not in 6.1. */
  readonly later?: boolean;
}

const moduleKind = (name: string, counted: boolean, flags = 0): Kind => ({
  name: flags ? `${name}+${flags}` : name,
  buffer: `buf 0 ${name} N ${flags}`,
  how: 's',
  moves: true,
  counted,
});
const stock = (name: string, later: boolean, how: 's' | 'p' = 's'): Kind => ({
  name: how === 'p' ? `${name}.priv` : name,
  buffer: `buf 0 ${name} N`,
  how,
  moves: false,
  counted: true,
  later,
});
const anonymous = (how: 's' | 'p'): Kind => ({
  name: how === 'p' ? 'anon' : 'anon.shared',
  buffer: null,
  how,
  moves: false,
  counted: true,
});

const KINDS: readonly Kind[] = [
  moduleKind('fpfn', false),
  moduleKind('ipage', true),
  anonymous('p'),
  moduleKind('fpage', true),
  moduleKind('fpfnw', false),
  stock('memfd', false),
  moduleKind('fmix', false),
  moduleKind('fpage', true, 16),
  stock('heap', true),
  moduleKind('fipage', true),
  moduleKind('rpfn', false),
  stock('memfd', false, 'p'),
  moduleKind('fpagew', true),
  moduleKind('fpfnr', false),
  anonymous('s'),
  stock('udma', true),
  moduleKind('racc', false),
  stock('vgem', false),
];

const COUNTED = ['gup', 'gupf', 'gupfo', 'pinf', 'pinlt', 'hmm'];
/** pfnref takes its reference late: what it followed may be somebody else's by then. */
const UNCOUNTED = ['pfn', 'fpte', 'raw', 'pfnfix', 'pfnref', 'pfnmn', 'pfnmnr'];

class Maker {
  private value = 0x100;
  /** Somebody keeps, or may keep, a page that he has no reference of. */
  private keepsUncounted = false;
  private readonly zaps: boolean;
  private holds = false;
  /** The first list has made a second process. */
  private forks = false;
  private mayClose: boolean;

  constructor(
    private readonly random: Random,
    private readonly kind: Kind,
    private readonly pages: number,
    private readonly twoProcesses: boolean,
    private readonly method: string,
    private readonly mirrors: boolean,
  ) {
    this.zaps = random.chance(75);
    this.mayClose = kind.buffer !== null && COUNTED.includes(method);
  }

  private fresh(): string {
    return `0x${(this.value++).toString(16)}`;
  }

  private page(): number {
    return this.random.below(this.pages);
  }

  setup(): string[] {
    const { kind, pages, random } = this;
    const ops: string[] = [];
    if (kind.buffer) ops.push(kind.buffer.replace('N', String(pages)));
    ops.push(`map 0 ${pages} ${kind.buffer ? '0' : '-'} rw ${kind.how} 0`);
    for (let page = 0; page < pages; page++) {
      if (random.chance(65)) ops.push(`w ${page} 8 ${this.fresh()}`);
      else if (random.chance(30)) ops.push(`r ${page} 8`);
    }
    if (this.twoProcesses) ops.push('fork');
    if (this.mirrors) ops.push(`mreg 0 ${pages}`);
    return ops;
  }

  /** A device mirrors all of it, and goes through what it mirrors. */
  device(): string[] {
    const { random } = this;
    const uses = Array.from({ length: 1 + random.below(2) }, () =>
      random.chance(70) ? `mw ${this.page()} 8 ${this.fresh()}` : `mr ${this.page()} 8`,
    );
    return random.chance(30) ? ['mir once', 'mir once', ...uses] : ['mir once', ...uses];
  }

  /** Uses the mapping, or a page of it. */
  user(): string[] {
    const { random, kind } = this;
    const ops: string[] = [];
    const write = random.below(2);
    const counted = COUNTED.includes(this.method);
    const page = this.page();
    const mayKeep = counted || (kind.moves && !kind.counted);
    if (random.chance(20)) ops.push(this.access());
    if (mayKeep && random.chance(50)) {
      this.holds = true;
      if (!counted) this.keepsUncounted = true;
      ops.push(`hold 0 ${this.method} ${page} ${write}`);
      if (random.chance(60)) ops.push(`hw 0 8 ${this.fresh()}`);
      ops.push('hr 0 8');
    } else ops.push(`con ${this.method} ${page} ${write}`);
    if (random.chance(60)) ops.push(this.access());
    return ops;
  }

  /** Only loads and stores. */
  accesses(): string[] {
    const n = 1 + this.random.below(3);
    return Array.from({ length: n }, () => this.access());
  }

  private access(): string {
    const page = this.page();
    return this.random.chance(50) ? `r ${page} 8` : `w ${page} 8 ${this.fresh()}`;
  }

  /** Takes the mapping away, or changes it. */
  disturber(): string[] {
    const { random } = this;
    const ops = [this.change()];
    if (random.chance(35)) ops.push(random.chance(50) ? this.change() : this.access());
    return ops;
  }

  private move(): string {
    const { random, pages, kind } = this;
    const first = this.page();
    const n = 1 + random.below(pages - first);
    const free = this.zaps && !this.keepsUncounted && !kind.counted ? ['zf'] : [];
    const letters = this.zaps ? ['z', 'z', 'zp', 'zp', 'ze', ...free] : ['', 'p', 'z', 'zp'];
    return `mv 0 ${first} ${n} ${random.pick(letters)}`.trim();
  }

  private change(): string {
    const { random, pages, kind, twoProcesses } = this;
    if (this.mayClose && random.chance(12)) return this.close();
    if (kind.moves && random.chance(twoProcesses ? 85 : 50)) return this.move();
    if (!twoProcesses && !this.forks && random.chance(15)) return this.fork();
    if (twoProcesses) return kind.buffer ? `dw 0 ${this.page()} 8 ${this.fresh()}` : this.access();
    const first = this.page();
    const n = 1 + random.below(pages - first);
    return random.pick([
      `unmap ${first} ${n}`,
      `unmap 0 ${pages}`,
      `prot ${first} ${n} r`,
      `prot ${first} ${n} 0`,
      `adv ${first} ${n} DONTNEED`,
      `remap ${first} ${n} ${n} 8`,
      `map ${first} ${n} - rw p 0 F`,
    ]);
  }

  /** Closes the buffer's descriptor; the mapping is what holds it then, or the other process. */
  private close(): string {
    this.mayClose = false;
    return 'bclose 0';
  }

  private fork(): string {
    this.forks = true;
    return 'fork';
  }

  end(): string[] {
    const ops: string[] = [];
    for (let page = 0; page < this.pages; page++) {
      ops.push(`pte ${page}`, `r ${page} 8`);
      if (this.kind.buffer && this.kind.how === 's') ops.push(`dr 0 ${page} 8`);
      if (this.forks) ops.push(`1 r ${page} 8`, `1 pte ${page}`);
    }
    if (this.holds && !this.twoProcesses) ops.push('hr 0 8');
    return ops;
  }
}

/**
 * One race.
 * @param number its place in the series that the seed gives
 */
export function generateRace(seed: number, number: number, linux: LinuxVersion): Race {
  const random = new Random(seed + Math.imul(number + 1, 0x9e3779b1));
  const kinds = KINDS.filter((kind) => !(kind.later && linux === '6.1'));
  const kind = kinds[number % kinds.length];
  const methods = kind.how === 'p' || kind.counted ? COUNTED : [...COUNTED, ...UNCOUNTED];
  const twoProcesses = kind.how === 's' && random.chance(35);
  const mirrors = kind.counted && !twoProcesses && random.chance(30);
  const make = new Maker(
    random,
    kind,
    random.chance(60) ? 1 : 2,
    twoProcesses,
    random.pick(methods),
    mirrors,
  );
  const setup = make.setup();
  const uses = () => (random.chance(75) ? make.user() : make.accesses());
  const other = mirrors ? make.device() : uses();
  const one = make.disturber();
  const proc = twoProcesses ? 1 : 0;
  const text = [
    setup.join('; '),
    one.join('; '),
    other.map((op) => `${proc} ${op}`).join('; '),
    make.end().join('; '),
  ];
  return parseRace(`${kind.name} #${number}`, text.join(' | '));
}
