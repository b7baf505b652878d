// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The stage of a story: a process has an exporter's buffer mapped, and threads act on it. A story says
 * who plays and what each does, in the words of {@link Play}; the kernel under it is the one that the
 * matrix explores and that recorded programs run on.
 */
import type { ConsumerTraits, ExporterTraits } from '../contract/traits.ts';
import type { Thread } from '../explore/machine.ts';
import { type Run, routine, step } from '../explore/program.ts';
import { simulate } from '../explore/simulate.ts';
import { type Exporter, exporter } from '../kernel/dma-buf/exporter.ts';
import { sys_close } from '../kernel/fs/file.ts';
import { type DmaBufOps, dma_buf_operations, Kernel, type KernelConfig } from '../kernel/kernel.ts';
import { NO_BUFFER, type UserPage } from '../kernel/mm/access.ts';
import {
  MAP_SHARED,
  mmapTarget,
  PROT_READ,
  PROT_WRITE,
  sys_mmap,
  sys_munmap,
} from '../kernel/mm/mmap.ts';
import { mmu_notifier_register } from '../kernel/mm/mmu_subscribe.ts';
import { consumer, notifierKind } from '../kernel/programs/consumer.ts';
import { checkPages, touch } from './cell.ts';
import type { Scenario } from './scenario.ts';

export { touch } from './cell.ts';

/** The first process, the buffer's descriptor in it, and the buffer. */
export const MM = 0;
export const FD = 0;
export const BUFFER = 0;

const RW = PROT_READ | PROT_WRITE;

/** What the threads of a story can do; each word is a routine of the kernel model. */
export interface Play {
  /** The exporter of the buffer. */
  readonly exporter: Exporter;
  /** Pages of the buffer. */
  readonly pages: number;
  /** Page `page` of the buffer as the program believes to have it mapped. */
  readonly page: (page: number, who?: string) => UserPage;
  /** The program stores into the mapping; a signal on a live buffer is noticed. */
  readonly write: (page: number, value?: number) => Run<void>;
  readonly read: (page: number) => Run<void>;
  /** The exporter moves the whole buffer, as its traits say. */
  readonly move: () => Run<number>;
  readonly evict: () => Run<number>;
  readonly revoke: () => Run<number>;
  /** The program maps the buffer, or what another descriptor leads to: read, write, and shared unless `how` says MAP_PRIVATE. */
  readonly mmap: (fd?: number, how?: number) => Run<number>;
  /** The program unmaps the mapping, or pages of it. */
  readonly munmap: (first?: number, n?: number) => Run<number>;
  /** The program closes the buffer's descriptor, or another. */
  readonly close: (fd?: number) => Run<number>;
}

/** What one thread does. */
export type Act = (play: Play) => Run<unknown>;

/** A thread of a process other than the first. */
export interface Elsewhere {
  readonly mm: number;
  readonly act: Act;
}

/** Gives the buffer operations of a story's own, before the threads begin. */
export const install_ops = step('dmabuf->ops', (k: Kernel, ops: DmaBufOps) =>
  k.buf_ops.set(BUFFER, dma_buf_operations.number(ops)),
);

/** A thread: what it does, or a consumer that does what its traits say to page 0. */
export type Role = Act | ConsumerTraits | Elsewhere;

/** Says that a thread runs in another process; the story's `kernel` has to have that many. */
export const inProcess = (mm: number, act: Act): Elsewhere => ({ mm, act });

/** What is told of a scenario, who plays in it, and what the kernel under it has. */
export interface Story extends Omit<Scenario, 'prepare' | 'bound' | 'exporter' | 'consumer'> {
  /** Whose buffer it is. */
  readonly exporter: ExporterTraits;
  /** By the name that a ladder shows. */
  readonly threads: Readonly<Record<string, Role>>;
  /** The consumer as which one of them looks up, where that is told step by step. */
  readonly looksUpAs?: ConsumerTraits;
  /** Pages of the buffer; default 1. */
  readonly pages?: number;
  /** How the process has it mapped: read and write, read only, or not at all. */
  readonly mapped?: 'rw' | 'r' | 'no';
  /** Every page was touched before the threads begin: the entries are there. */
  readonly touched?: boolean;
  /** What has happened before the threads begin. */
  readonly before?: Act;
  /** Rules that break before the threads begin, and that the story takes as given. */
  readonly given?: readonly string[];
  /** Looks at a state in which all threads are done; reports what is wrong with it. */
  readonly end?: (k: Kernel) => void;
  /** What the run needs beyond the usual: processes, descriptors, pages. */
  readonly kernel?: Partial<KernelConfig>;
}

const isConsumer = (role: Role): role is ConsumerTraits => 'lookup' in role;
const mmOf = (role: Role): number => ('mm' in role ? role.mm : MM);

function sizes(
  pages: number,
  roles: readonly Role[],
  holders: number,
): Omit<KernelConfig, 'linux'> {
  const cpuMm = roles.map(mmOf);
  return {
    cpus: roles.length,
    mms: Math.max(...cpuMm) + 1,
    cpuMm,
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
    attachments: 1,
    checkContents: true,
    swap: true,
  };
}

function playOf(built: Exporter, pages: number, mm: number): Play {
  const who = mm === MM ? 'the user' : 'the child';
  const { object } = built.traits;
  // Of ordinary memory the page table alone says what is right.
  const buffer = object === 'dma-buf' || object === 'device' ? BUFFER : NO_BUFFER;
  // What a step is given must be the same object in every run.
  const known = new Map<string, UserPage>();
  const page = (i: number, holder = who): UserPage => {
    const key = `${i} ${holder}`;
    let made = known.get(key);
    if (!made) known.set(key, (made = { buffer, page: i, mm, addr: i, who: holder }));
    return made;
  };
  return {
    exporter: built,
    pages,
    page,
    write: (i, value = 1) => touch(page(i), 1, value),
    read: (i) => touch(page(i), 0, 0),
    move: () => built.move(BUFFER, 0, pages),
    evict: () => built.evict(BUFFER, 0, pages),
    revoke: () => built.revoke(BUFFER),
    mmap: (fd = FD, how = MAP_SHARED) => sys_mmap(mm, 0, pages, RW, how, mmapTarget(fd, 0)),
    munmap: (first = 0, n = pages) => sys_munmap(mm, first, n),
    close: (fd = FD) => sys_close(mm, fd),
  };
}

/** Who plays: the exporter, what the first process can do, and the threads. */
interface Cast {
  readonly built: Exporter;
  readonly play: Play;
  readonly threads: readonly Thread[];
}

function castOf({ exporter: traits, threads: roles, pages = 1 }: Story): Cast {
  const built = exporter(traits);
  const play = playOf(built, pages, MM);
  const consumers = Object.values(roles).filter(isConsumer);
  const threads = Object.entries(roles).map(([name, role]): Thread => {
    if (!isConsumer(role)) {
      const own = playOf(built, pages, mmOf(role));
      const act = typeof role === 'function' ? role : role.act;
      return { name, run: routine(name, () => act(own) as Run<void>) };
    }
    const use = consumer(role);
    const h = consumers.indexOf(role);
    const held = play.page(0, name);
    return { name, run: routine(name, () => use(MM, 0, h, held)) };
  });
  return { built, play, threads };
}

/** A scenario out of a story. */
export function story(s: Story): Scenario {
  const { exporter: traits, threads: roles, pages = 1, mapped = 'rw', touched, before, end } = s;
  const given = s.given ?? [];
  const { id, title, story: text, source, status, rules, expected, counts } = s;
  const consumers = Object.values(roles).filter(isConsumer);
  const dmabufDebug = consumers.some((c) => c.dmabufDebug);
  const names = Object.keys(roles);
  const config = { ...sizes(pages, Object.values(roles), consumers.length), ...s.kernel };
  // Every run has the same cast; most stories are listed and never run.
  let cast: Cast | undefined;
  const told = names.length === 1 ? '1 thread' : `${names.length} threads`;
  const bound = `${told} as told, ${pages} page${pages === 1 ? '' : 's'} of buffer, ${config.pages - 1} physical pages`;
  const prepare: Scenario['prepare'] = (linux) => () => {
    cast ??= castOf(s);
    const { built, play, threads } = cast;
    const profile = built.traits.kernelOfItsDay;
    const refusesRefs = built.traits.pageRefs === 'refused';
    const k = new Kernel({ ...config, linux, dmabufDebug, profile, refusesRefs });
    const sim = { mem: k.mem, world: k };
    simulate(sim, () => built.create(MM, FD, pages));
    if (mapped !== 'no') {
      const prot = mapped === 'r' ? PROT_READ : RW;
      simulate(sim, () => sys_mmap(MM, 0, pages, prot, MAP_SHARED, mmapTarget(FD, 0)));
    }
    if (touched) {
      for (let i = 0; i < pages; i++) {
        simulate(sim, () => (mapped === 'r' ? play.read(i) : play.write(i, 0)));
      }
    }
    for (const [h, c] of consumers.entries()) {
      const kind = notifierKind(c);
      if (kind) simulate(sim, () => mmu_notifier_register(h, kind, MM, 0));
    }
    if (before) simulate(sim, () => before(play));
    const found = k.mem.reports.splice(0).filter(({ rule }) => !given.includes(rule));
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
    ...(counts ? { counts } : {}),
    bound,
    exporter: traits,
    ...(consumers.length
      ? { consumer: consumers[0] }
      : s.looksUpAs
        ? { consumer: s.looksUpAs }
        : {}),
    prepare,
  };
}

/**
 * For the end of a story: nobody holds a buffer any more, and each was released. (That nothing was
 * freed twice, and no page was left behind, is looked at in every story.)
 */
export function allReleased(k: Kernel): void {
  for (let buffer = 0; buffer < k.config.buffers; buffer++) {
    const file = k.buf_file.get(buffer);
    const held = k.buf_ops.get(buffer) && k.file_refs.get(file) > 0;
    const first = buffer * k.config.bufferPages;
    let backed = false;
    for (let i = 0; i < k.config.bufferPages; i++) if (k.buf_page.get(first + i)) backed = true;
    if (!held && !backed) continue;
    const text = held ? 'something still holds the buffer' : 'the buffer was not released';
    k.mem.report({ severity: 'breaks', rule: 'R11', text: `at the end ${text}` });
  }
}
