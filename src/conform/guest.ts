// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The machine that a program runs on: a kernel of the model, two processes, and the names that the
 * recorded agent gives to things. It translates ops to system calls and results to text; what a
 * kernel keeps is in the kernel's slots.
 */
import type { Run } from '../explore/program.ts';
import { type Simulation, simulate, WouldBlock } from '../explore/simulate.ts';
import { errnoName } from '../kernel/errno.ts';
import { Kernel, type KernelConfig } from '../kernel/kernel.ts';
import { OTHERS } from '../kernel/mm/swap.ts';
import type { LinuxVersion } from '../kernel/versions.ts';
import {
  CorpusError,
  DEAD,
  KILLED,
  MAX_VPAGES,
  type Needs,
  needsOf,
  type Op,
  parseNumber,
  UNSUPPORTED,
} from './program.ts';
import { Values } from './values.ts';

/** Runs one op in process `proc` and returns its result as the agent prints it. */
export type OpHandler = (g: Guest, proc: number, args: readonly string[]) => string;
/** The same as a routine, which others may interrupt. */
export type OpRoutine = (g: Guest, proc: number, args: readonly string[]) => Run<string>;

/** Slots that the recorded agent has. */
export const FDS = 16;
export const HOLDERS = 8;
/** Pages that the test module's mirror may have. */
export const MIRRORED = 8;
export const PROCESSES = 2;

const AGENT_PAGES = 7;
const POISON = 0xdedededededededen;
/** The RAM disk holds this plus the byte offset of each word. */
const DISK = 0xd15c000000000000n;

interface Machine {
  readonly kernel: Kernel;
  /** Memory right after boot. */
  readonly boot: Int32Array;
}

const machines = new Map<string, Machine>();

/** What a kernel is made for: sizes, and the words of a page that somebody looks at. */
export type Sizes = Needs & { readonly words: number };

/** The configuration of a machine that runs programs one op after another. */
export const machineConfig = (linux: LinuxVersion, sizes: Sizes): KernelConfig => ({
  linux,
  cpus: PROCESSES,
  mms: PROCESSES,
  cpuMm: [0, 1],
  vpages: sizes.vpages,
  ptrsPerPmd: 512,
  vmas: 40,
  pages: sizes.pages,
  words: sizes.words,
  files: 40,
  buffers: 16,
  bufferPages: sizes.bufferPages,
  // Two more a process: for lookups that keep nothing, and for the mirror.
  holders: PROCESSES * (HOLDERS + 2),
  mirrorPages: MIRRORED,
  fds: FDS,
  attachments: PROCESSES,
  pipeBuffers: 16,
  diskPages: sizes.vpages,
  pageFlags: true,
  keepFreedContents: true,
  statistics: true,
});

/** A booted kernel of at least this size; programs that need the same size share it. */
function boot(linux: LinuxVersion, sizes: Sizes): Kernel {
  const { vpages, bufferPages, pages, words } = sizes;
  const key = `${linux} ${vpages} ${bufferPages} ${pages} ${words}`;
  let machine = machines.get(key);
  if (!machine) {
    const kernel = new Kernel(machineConfig(linux, sizes));
    machine = { kernel, boot: kernel.mem.words.slice() };
    machines.set(key, machine);
  }
  machine.kernel.mem.words.set(machine.boot);
  machine.kernel.mem.reports.length = 0;
  return machine.kernel;
}

/** Contents of the shared zero page, by offset: the one thing that a program leaves to all others. */
export type ZeroPage = Map<number, bigint>;

/**
 * What the recorded machine's allocator does: memory of processes and files does not come from where
 * a driver's pages go to, and who does take from there gets what was freed last.
 */
const allocate = (name: string, ways: number): number => {
  if (name === 'rmqueue_movable') return ways - 1;
  return name === 'rmqueue' ? ways - 2 : 0;
};

export class Guest {
  readonly k: Kernel;
  readonly values = new Values();
  /** Byte offsets that the program looks at; a page's words in the model. */
  readonly offsets: readonly number[];
  /** Which processes exist; the child comes with fork. */
  readonly alive: boolean[] = [true, false];
  /** The CPU that each process runs on. */
  readonly cpuOf: number[] = [0, 1];
  /** How the child ended, for ops that name it afterwards. */
  ended = 'NOPROC';
  /**
   * The slot that a buffer of the kernel was made in, by process: the agent knows buffers by slots,
   * and what a duplicate is of it does not know (guest/agent/descriptor.c op_bdup).
   */
  readonly slotOf = [new Map<number, number>(), new Map<number, number>()];
  /** The file of the module's buffer that was made last. */
  lastMade = -1;
  /** Where each process's agent was told that the object of a slot lies in the DRM device. */
  readonly mmapOffset = [new Map<number, number>(), new Map<number, number>()];
  private readonly sim: Simulation;

  /**
   * @param zero what programs before this one left in the zero page, if on the same boot
   * @param make gives the kernel that it runs on
   */
  constructor(
    linux: LinuxVersion,
    ops: readonly Op[],
    zero?: ZeroPage,
    make: (linux: LinuxVersion, sizes: Sizes) => Kernel = boot,
  ) {
    const needs = needsOf(ops);
    if (needs.vpages > MAX_VPAGES) {
      throw new CorpusError('', `the program reaches beyond page ${MAX_VPAGES}`);
    }
    this.offsets = needs.offsets.length ? needs.offsets : [0];
    this.k = make(linux, { ...needs, words: this.offsets.length });
    const { k, values, offsets } = this;
    k.freshWord = (gen, page, word) => values.fresh(gen, page, offsets[word]);
    k.poison = values.token(POISON);
    k.diskWord = (page, word) => values.token(DISK + BigInt(page * 4096 + offsets[word]));
    // What the agent itself has in the batch when a program starts: its new stack and heap pages.
    if (k.config.pageFlags) k.lru_batch.set(OTHERS, AGENT_PAGES);
    zero?.forEach((value, off) => {
      if (offsets.includes(off)) k.page_word.set(offsets.indexOf(off), values.token(value));
    });
    this.sim = { mem: k.mem, world: k, policy: allocate };
  }

  /** Notes what this program leaves in the zero page. */
  keepZeroPage(zero: ZeroPage): void {
    this.offsets.forEach((off, word) => {
      const token = this.k.page_word.get(word);
      if (token || zero.has(off)) zero.set(off, this.values.value(token));
    });
  }

  /** Runs kernel code as process `proc`, straight through. */
  run<T>(proc: number, begin: () => Run<T>): T {
    this.k.mem.self = this.cpuOf[proc];
    return simulate(this.sim, begin);
  }

  /** Runs one op; `handlers` is the registry. */
  exec(op: Op, handlers: ReadonlyMap<string, OpHandler>): string {
    const handler = handlers.get(op.name);
    if (!handler) return UNSUPPORTED;
    if (!this.alive[op.proc]) return this.ended;
    const { reports } = this.k.mem;
    if (reports.length) reports.length = 0;
    let result: string;
    try {
      result = handler(this, op.proc, op.args);
    } catch (error) {
      if (error instanceof WouldBlock) return KILLED;
      // A fault of the model's own is one wrong answer, not the end of the run.
      return `!MODEL: ${error instanceof Error ? error.message : String(error)}`;
    }
    for (const report of reports) {
      if (report.rule === 'R14') {
        return `${DEAD}kernel BUG at mm/memory.c:${this.k.linux.bug_cow_pfnmap}!`;
      }
      if (report.text.startsWith('kernel BUG')) return `${DEAD}${report.text}`;
    }
    return result;
  }

  /** The page of an address argument and its offset, which may be beyond the page. */
  at(page: string, off: string): { addr: number; word: number } {
    const bytes = parseNumber(off);
    return { addr: parseNumber(page) + (bytes >> 12), word: this.word(bytes & 4095) };
  }

  /** The word of a page at a byte offset. */
  word(off: number): number {
    return this.offsets.indexOf(off);
  }

  /** The token of a value argument. */
  token(text: string): number {
    // Most are short: below what a token stands for as it is.
    if (text.length <= 8 && !text.startsWith('-')) return parseNumber(text);
    const minus = text.startsWith('-');
    const digits = (minus ? text.slice(1) : text).replace(/^0(?=\d)/, '0o');
    const value = BigInt(digits);
    return this.values.token(minus ? -value : value);
  }

  /** `=hex` of a word. */
  show(token: number): string {
    return `=${this.values.hex(token)}`;
  }
}

/** `ok`, or the name of the error. */
export const status = (ret: number): string => (ret < 0 ? errnoName(ret) : 'ok');

/** The number, or the name of the error. */
export const count = (ret: number): string => (ret < 0 ? errnoName(ret) : String(ret));
