// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The stage of a story: a process has an exporter's buffer mapped, and threads act on it. A story says
 * who plays and what each does, in the words of {@link Play}; the kernel under it is the one that the
 * matrix explores and that recorded programs run on.
 */
import type { ConsumerTraits, ExporterTraits } from '../contract/traits.ts';
import type { Thread } from '../explore/machine.ts';
import { type Run, routine } from '../explore/program.ts';
import { simulate } from '../explore/simulate.ts';
import { type Exporter, exporter } from '../kernel/dma-buf/exporter.ts';
import { sys_close } from '../kernel/fs/file.ts';
import { Kernel, type KernelConfig } from '../kernel/kernel.ts';
import type { UserPage } from '../kernel/mm/access.ts';
import {
  MAP_PRIVATE,
  MAP_SHARED,
  mmapTarget,
  PROT_READ,
  PROT_WRITE,
  sys_mmap,
  sys_munmap,
} from '../kernel/mm/mmap.ts';
import { consumer, notifierKind, set_notifier } from '../kernel/virt/consumer.ts';
import { checkPages, touch } from './cell.ts';
import type { Scenario } from './scenario.ts';

/** The first process, the buffer's descriptor in it, and the buffer. */
export const MM = 0;
export const FD = 0;
export const BUFFER = 0;

/** What the threads of a story can do; each word is a routine of the kernel model. */
export interface Play {
  /** The exporter of the buffer. */
  readonly exporter: Exporter;
  /** Pages of the buffer. */
  readonly pages: number;
  /** Page `page` of the buffer as process `mm` believes to have it mapped. */
  readonly page: (page: number, who?: string, mm?: number) => UserPage;
  /** The program stores into the mapping; a signal on a live buffer is noticed. */
  readonly write: (page: number, value?: number) => Run<void>;
  readonly read: (page: number) => Run<void>;
  /** The exporter moves the whole buffer, as its traits say. */
  readonly move: () => Run<number>;
  readonly evict: () => Run<number>;
  readonly revoke: () => Run<number>;
  /** The program unmaps the whole mapping. */
  readonly munmap: () => Run<number>;
  /** The program closes the descriptor. */
  readonly close: () => Run<number>;
}

/** What one thread does. */
export type Act = (play: Play) => Run<unknown>;

/** A thread: what it does, or a consumer that does what its traits say to page 0. */
export type Role = Act | ConsumerTraits;

export interface Story extends Omit<Scenario, 'prepare' | 'bound' | 'exporter' | 'consumer'> {
  /** Whose buffer it is. */
  readonly exporter: ExporterTraits;
  /** By the name that a ladder shows. */
  readonly threads: Readonly<Record<string, Role>>;
  /** Pages of the buffer; default 1. */
  readonly pages?: number;
  /** How the process has it mapped: read and write, read only, privately, or not at all. */
  readonly mapped?: 'rw' | 'r' | 'private' | 'no';
  /** Every page was touched before the threads begin: the entries are there. */
  readonly touched?: boolean;
  /** What has happened before the threads begin. */
  readonly before?: Act;
  /** Looks at a state in which all threads are done; reports what is wrong with it. */
  readonly end?: (k: Kernel) => void;
  /** What the run needs beyond the usual: processes, descriptors, pages. */
  readonly kernel?: Partial<KernelConfig>;
}

const isConsumer = (role: Role): role is ConsumerTraits => typeof role !== 'function';

function sizes(pages: number, threads: number, holders: number): Omit<KernelConfig, 'linux'> {
  return {
    cpus: threads,
    mms: 1,
    cpuMm: Array.from({ length: threads }, () => MM),
    vpages: pages,
    ptrsPerPmd: Math.max(2, pages),
    vmas: 2,
    // The zero page, the buffer's, and as many for it to move to.
    pages: 1 + 2 * pages,
    words: 1,
    files: 2,
    buffers: 1,
    bufferPages: pages,
    holders: Math.max(1, holders),
    fds: 1,
    checkContents: true,
  };
}

function playOf(built: Exporter, pages: number): Play {
  const page = (i: number, who = 'the user', mm = MM): UserPage => ({
    buffer: BUFFER,
    page: i,
    mm,
    addr: i,
    who,
  });
  // A page that a step is given must be the same object in every run.
  const mine = Array.from({ length: pages }, (_, i) => page(i));
  return {
    exporter: built,
    pages,
    page,
    write: (i, value = 1) => touch(mine[i], 1, value),
    read: (i) => touch(mine[i], 0, 0),
    move: () => built.move(BUFFER, 0, pages),
    evict: () => built.evict(BUFFER, 0, pages),
    revoke: () => built.revoke(BUFFER),
    munmap: () => sys_munmap(MM, 0, pages),
    close: () => sys_close(MM, FD),
  };
}

/** A scenario out of a story. */
export function story(s: Story): Scenario {
  const { exporter: traits, threads: roles, pages = 1, mapped = 'rw', touched, before, end } = s;
  const { id, title, story: text, source, status, rules, expected } = s;
  const built = exporter(traits);
  const play = playOf(built, pages);
  const consumers = Object.values(roles).filter(isConsumer);
  const names = Object.keys(roles);
  const config = { ...sizes(pages, names.length, consumers.length), ...s.kernel };
  const threads = names.map((name): Thread => {
    const role = roles[name];
    if (!isConsumer(role)) return { name, run: routine(name, () => role(play) as Run<void>) };
    const use = consumer(role);
    const h = consumers.indexOf(role);
    const held = play.page(0, name);
    return { name, run: routine(name, () => use(MM, 0, h, held)) };
  });
  const told = names.length === 1 ? '1 thread' : `${names.length} threads`;
  const bound = `${told} as told, ${pages} page${pages === 1 ? '' : 's'} of buffer, ${config.pages - 1} physical pages`;
  const prepare: Scenario['prepare'] = (linux) => () => {
    const k = new Kernel({ ...config, linux });
    const sim = { mem: k.mem, world: k };
    simulate(sim, built.create(MM, FD, pages));
    if (mapped !== 'no') {
      const prot = mapped === 'r' ? PROT_READ : PROT_READ | PROT_WRITE;
      const how = mapped === 'private' ? MAP_PRIVATE : MAP_SHARED;
      simulate(sim, sys_mmap(MM, 0, pages, prot, how, mmapTarget(FD, 0)));
    }
    if (touched) {
      for (let i = 0; i < pages; i++) {
        simulate(sim, mapped === 'r' ? play.read(i) : play.write(i, 0));
      }
    }
    for (const [h, c] of consumers.entries()) {
      const kind = notifierKind(c);
      if (kind) simulate(sim, set_notifier(h, kind, MM, 0));
    }
    if (before) simulate(sim, before(play));
    const found = k.mem.reports.splice(0);
    const final = () => {
      checkPages(k);
      end?.(k);
    };
    return { mem: k.mem, locks: k.locks, world: k, threads, found, final };
  };
  return {
    id,
    title,
    story: text,
    source,
    status,
    rules,
    expected,
    bound,
    exporter: traits,
    ...(consumers.length ? { consumer: consumers[0] } : {}),
    prepare,
  };
}
