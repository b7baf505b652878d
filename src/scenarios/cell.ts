// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * A cell of the matrix as systems to explore: one exporter, one consumer, one user thread, two pages,
 * and every way in which this exporter takes memory back, twice; if it has none of its own, munmap
 * and the last close. A consumer that ignores the read-only bit also meets a read-only mapping.
 */
import {
  behaviourOf,
  type ConsumerTraits,
  type ExporterTraits,
  type TakesBack,
} from '../contract/traits.ts';
import type { System, Thread } from '../explore/machine.ts';
import type { Violation } from '../explore/memory.ts';
import { again, type Run, routine, step } from '../explore/program.ts';
import { simulate } from '../explore/simulate.ts';
import { type Exporter, exporter } from '../kernel/dma-buf/exporter.ts';
import { sys_close } from '../kernel/fs/file.ts';
import { Kernel, type KernelConfig, PAGE_USED } from '../kernel/kernel.ts';
import { NO_BUFFER, type UserPage, user_access } from '../kernel/mm/access.ts';
import { BUS_ADRERR } from '../kernel/mm/fault.ts';
import {
  MAP_PRIVATE,
  mmapTarget,
  PROT_READ,
  PROT_WRITE,
  sys_mmap,
  sys_munmap,
} from '../kernel/mm/mmap.ts';
import { mmu_notifier_register } from '../kernel/mm/mmu_subscribe.ts';
import { OWNER_LATER, OWNER_POOL } from '../kernel/mm/page.ts';
import { consumer, notifierKind } from '../kernel/programs/consumer.ts';
import type { LinuxVersion } from '../kernel/versions.ts';

/** How the exporter takes its memory back in one exploration. */
export type Way = TakesBack | 'close';

/** One exploration of a cell; a cell is all of its faces together. */
export interface Face {
  readonly way: Way;
  readonly readOnly: boolean;
  /** A thread that does nothing in this exploration: two threads alone already say much. */
  readonly idle: 'user' | 'consumer' | null;
  /** The user has touched both pages before anything else happens: the entries are there. */
  readonly touched: boolean;
  /** The user has asked for a private mapping, and only reads: what it writes is its own. */
  readonly private: boolean;
}

const MM = 0;
const FD = 0;
const PAGES = 2;
const BUFFER = 0;
/** The zero page, the buffer's two, and two for it to move to. */
const PHYSICAL_PAGES = 1 + 2 * PAGES;

/**
 * The explorations that make up a cell: first the pairs of threads, then all three. The consumer meets
 * the exporter twice, after the user has touched the pages and before: who only looks at entries (GUP's
 * fast path) finds them then. After comes first, as what goes wrong is told in fewer steps then. What an
 * exporter that refuses no private mapping does with one is seen where nobody but the user looks.
 */
export function facesOf(ex: ExporterTraits, co: ConsumerTraits): Face[] {
  const ways: readonly Way[] = ex.takesBack.length ? ex.takesBack : ['close'];
  const prots = co.honoursWrite ? [false] : [false, true];
  const threads = [
    { idle: 'user', touched: true },
    { idle: 'user', touched: false },
    { idle: 'consumer', touched: false },
    { idle: null, touched: false },
  ] as const;
  const shared = threads.flatMap((t) =>
    ways.flatMap((way) => prots.map((readOnly) => ({ ...t, way, readOnly, private: false }))),
  );
  if (ex.refusesPrivate || !isBuffer(ex) || co.lookup !== 'cpu') return shared;
  const alone = { idle: 'consumer', touched: false, readOnly: false, private: true } as const;
  return [...shared, ...ways.map((way) => ({ ...alone, way }))];
}

/** Whether a driver is asked for the mapping; ordinary memory has private ones of its own. */
const isBuffer = ({ object }: ExporterTraits) => object === 'dma-buf' || object === 'device';

/**
 * Exporters with equal keys go the same ways in every face that both have. What an exporter says to private
 * mappings is asked only if it refuses none.
 */
export function cellClass(ex: ExporterTraits): string {
  return behaviourOf(ex, ['refusesPrivate']);
}

/** What a safe verdict of a cell covers, in words. */
export function boundOf(ex: ExporterTraits): string {
  const ways = ex.takesBack.map((way) =>
    way === 'revoke' ? 'revoke and last close' : `${way} twice`,
  );
  const how = ways.length ? ways.join(', ') : 'munmap and last close';
  return `1 user thread, 1 consumer, ${PAGES} pages, ${PHYSICAL_PAGES - 1} physical pages, ${how}`;
}

const live_buffer_sigbus = step(
  'SIGBUS',
  (k: Kernel, buffer: number, page: number) => {
    if (buffer === NO_BUFFER) return;
    if (k.buf_page.get(buffer * k.config.bufferPages + page) && !k.buf_revoked.get(buffer)) {
      k.mem.report({
        severity: 'breaks',
        rule: 'sigbus',
        text: 'the user gets SIGBUS on a live buffer, and always will: nothing refills the mapping',
      });
    }
  },
  { atomic: 'bookkeeping for the verdict' },
);

/** Uses the mapping as a program does; a signal on a live buffer is noticed. */
export const touch = routine(
  'user_program',
  function* (user: UserPage, write: number, value: number): Run<void> {
    const got = yield* user_access(user.mm, user.addr, write, 0, value, user);
    if (got === BUS_ADRERR) yield* live_buffer_sigbus(user.buffer, user.page);
  },
);

const MAPPED = { page: 0, mm: MM, addr: 0 } as const;

function takeBack(built: Exporter, way: Way): () => Run<void> {
  return routine(built.traits.id, function* (): Run<void> {
    if (way === 'close' || way === 'revoke') {
      if (way === 'revoke') yield* built.revoke(BUFFER);
      yield* sys_munmap(MM, 0, PAGES);
      yield* sys_close(MM, FD);
      return;
    }
    for (let times = 0; times < 2; times++) {
      yield* again('take back', times);
      if (way === 'move') yield* built.move(BUFFER, 0, PAGES);
      else if (way === 'evict') yield* built.evict(BUFFER, 0, PAGES);
      else {
        yield* built.revoke(BUFFER);
        yield* built.enable(BUFFER);
      }
    }
  });
}

/**
 * Every page in use is a buffer's or a file's, with one reference from each besides those of its
 * entries; there are no others.
 */
export function checkPages(k: Kernel): void {
  for (let pfn = 1; pfn < k.config.pages; pfn++) {
    if (k.page_state.get(pfn) !== PAGE_USED) continue;
    let holders = 0;
    for (let i = 0; i < k.buf_page.length; i++) if (k.buf_page.get(i) === pfn) holders++;
    for (let i = 0; i < k.file_page.length; i++) if (k.file_page.get(i) === pfn) holders++;
    const owner = k.page_owner.get(pfn);
    // A pool of the driver, or its worker, has it.
    if (owner === OWNER_POOL || owner & OWNER_LATER) holders++;
    // An exporter may keep the counts of its pages at zero while they are in use.
    if (k.page_refcount.get(pfn) === 0 && holders === 1) continue;
    const extra = k.page_refcount.get(pfn) - k.page_mapcount.get(pfn) - holders;
    if (extra === 0) continue;
    k.mem.report({
      severity: 'breaks',
      rule: 'leak',
      text: holders
        ? `page${pfn} has ${extra} reference${extra === 1 ? '' : 's'} too many at the end`
        : `page${pfn} is never freed`,
    });
  }
}

const pages = new Map<string, UserPage>();

/** Page 0 as somebody sees it: one object, so that what the engine learns of it serves every face. */
function pageOf(who: string, buffer: number): UserPage {
  const key = `${buffer} ${who}`;
  let page = pages.get(key);
  if (!page) pages.set(key, (page = { ...MAPPED, buffer, who }));
  return page;
}

/** A thread's program, made once for each key, so that what the engine learns of it serves every face. */
const programs = new WeakMap<object, Map<string, () => Run<void>>>();

function program(of: object, key: string, make: () => () => Run<void>): () => Run<void> {
  let known = programs.get(of);
  if (!known) programs.set(of, (known = new Map()));
  let made = known.get(key);
  if (!made) known.set(key, (made = make()));
  return made;
}

function userProgram({ idle, readOnly, private: own }: Face, buffer: number): () => Run<void> {
  const page = pageOf('the user', buffer);
  const writes = !readOnly && !own;
  return program(page, `${idle === 'user'} ${writes} ${own}`, () =>
    routine('user', function* (): Run<void> {
      if (idle === 'user') return;
      if (writes) yield* touch(page, 1, 1);
      // What a private mapping has is the program's own affair, unless it is the kernel's.
      if (own) yield* user_access(page.mm, page.addr, 0, 0, 0, page);
      else yield* touch(page, 0, 0);
    }),
  );
}

function consumerProgram(co: ConsumerTraits, { idle }: Face, buffer: number): () => Run<void> {
  const use = consumer(co);
  const holder = pageOf(co.id, buffer);
  // Not by its name: two that differ in traits may have the same.
  return program(co, `${idle === 'consumer'} ${buffer}`, () =>
    routine(co.id, function* (): Run<void> {
      if (idle !== 'consumer') yield* use(MM, 0, 0, holder);
    }),
  );
}

/** A kernel as cells are explored on. */
export function cellKernel(ex: ExporterTraits, co: ConsumerTraits, linux: LinuxVersion): Kernel {
  return new Kernel({
    ...CELL_SIZES,
    linux,
    profile: ex.kernelOfItsDay,
    refusesRefs: ex.pageRefs === 'refused',
    dmabufDebug: co.dmabufDebug,
  });
}

/**
 * Prepares one face of a cell; each call of the result makes a fresh system.
 * @param kernel makes the kernel that it runs on; what ran on the same one before is no more then
 */
export function cellSystems(
  ex: ExporterTraits,
  co: ConsumerTraits,
  face: Face,
  linux: LinuxVersion,
  kernel = () => cellKernel(ex, co, linux),
): () => System {
  const built = exporter(ex);
  const buffer = isBuffer(ex) ? BUFFER : NO_BUFFER;
  const { way } = face;
  const threads: Thread[] = [
    { name: 'user', run: userProgram(face, buffer) },
    { name: ex.id, run: program(built, way, () => takeBack(built, way)) },
    { name: co.id, run: consumerProgram(co, face, buffer) },
  ];
  let start: Start | null = null;
  return () => {
    start ??= startOf(ex, co, face, linux, () => setUp(cellKernel(ex, co, linux), built, co, face));
    const k = kernel();
    k.mem.words.set(start.words);
    const { found } = start;
    return { mem: k.mem, locks: k.locks, world: k, threads, found, final: () => checkPages(k) };
  };
}

/** What a face begins with: memory, and the rules that fell before its first step. */
interface Start {
  readonly words: Int32Array;
  readonly found: readonly Violation[];
}

/** Setting up is the same for all ways of taking back, and for consumers that register the same. */
const starts = new WeakMap<ExporterTraits, Map<string, Start>>();

function startOf(
  ex: ExporterTraits,
  co: ConsumerTraits,
  { readOnly, touched, private: own }: Face,
  linux: LinuxVersion,
  make: () => Start,
): Start {
  let known = starts.get(ex);
  if (!known) starts.set(ex, (known = new Map()));
  const key = [linux, co.dmabufDebug, notifierKind(co), readOnly, touched, own].join();
  let start = known.get(key);
  if (!start) known.set(key, (start = make()));
  return start;
}

function setUp(k: Kernel, built: Exporter, co: ConsumerTraits, face: Face): Start {
  const sim = { mem: k.mem, world: k };
  const prot = face.readOnly ? PROT_READ : PROT_READ | PROT_WRITE;
  simulate(sim, () => built.create(MM, FD, PAGES));
  simulate(sim, () =>
    face.private
      ? sys_mmap(MM, 0, PAGES, prot, MAP_PRIVATE, mmapTarget(FD, 0))
      : built.map(MM, FD, PAGES, prot),
  );
  if (face.touched) {
    const write = face.readOnly ? 0 : 1;
    for (let page = 0; page < PAGES; page++)
      simulate(sim, () => user_access(MM, page, write, 0, 0, null));
  }
  const kind = notifierKind(co);
  if (kind) simulate(sim, () => mmu_notifier_register(0, kind, MM, 0));
  return { words: k.mem.words.slice(), found: k.mem.reports.splice(0) };
}

/** Sizes of a cell's kernel. */
export const CELL_SIZES: Omit<KernelConfig, 'linux'> = {
  cpus: 3,
  mms: 1,
  cpuMm: [MM, MM, MM],
  vpages: PAGES,
  ptrsPerPmd: PAGES,
  vmas: 2,
  pages: PHYSICAL_PAGES,
  words: 1,
  files: 2,
  buffers: 1,
  bufferPages: PAGES,
  holders: 1,
  fds: 1,
  checkContents: true,
  attachments: 1,
  swap: true,
};
