// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The yardstick's story in the kernel model, with all its steps: an exporter moves its buffer of one
 * page, users fault and read it, and consumers may look on.
 */
import type { System, Thread } from '../src/explore/machine.ts';
import { type Run, routine } from '../src/explore/program.ts';
import { simulate } from '../src/explore/simulate.ts';
import { CONSUMERS } from '../src/kernel/consumers/index.ts';
import { exporter } from '../src/kernel/dma-buf/exporter.ts';
import { ttm } from '../src/kernel/exporters/ttm.ts';
import { Kernel } from '../src/kernel/kernel.ts';
import { type UserPage, user_access } from '../src/kernel/mm/access.ts';
import { MAP_SHARED, mmapTarget, PROT_READ, PROT_WRITE, sys_mmap } from '../src/kernel/mm/mmap.ts';
import { mmu_notifier_register } from '../src/kernel/mm/mmu_subscribe.ts';
import { consumer, notifierKind } from '../src/kernel/programs/consumer.ts';

export interface Story {
  /** Threads that read the page once each. */
  readonly users: number;
  /** Default 2. */
  readonly moves?: number;
  /** Identifiers of consumers that use the page, one thread each. */
  readonly consumers?: readonly string[];
}

const MM = 0;
const FD = 0;
const BUFFER = 0;
const PAGES = 1;

function consumerOf(id: string) {
  const traits = CONSUMERS.find((c) => c.id === id);
  if (!traits) throw new Error(`no consumer is called ${id}`);
  return traits;
}

/** Prepares the story; each call of the result makes a fresh system of it. */
export function story({ users, moves = 2, consumers = [] }: Story): () => System {
  const ex = exporter(ttm);
  const page = (who: string): UserPage => ({ buffer: BUFFER, page: 0, who, mm: MM, addr: 0 });
  const user = page('the user');
  const userMain = routine('user', function* (): Run<void> {
    yield* user_access(MM, 0, 0, 0, 0, user);
  });
  const exporterMain = routine('exporter', function* (): Run<void> {
    for (let i = 0; i < moves; i++) yield* ex.move(BUFFER, 0, PAGES);
  });
  const kinds = consumers.map((id) => notifierKind(consumerOf(id)));
  const threads: Thread[] = [
    ...Array.from({ length: users }, (_, i) => ({ name: `user${i}`, run: userMain })),
    { name: 'exporter', run: exporterMain },
    ...consumers.map((id, holder) => {
      const use = consumer(consumerOf(id));
      const holds = page(id);
      return {
        name: id,
        run: routine(id, function* (): Run<void> {
          yield* use(MM, 0, holder, holds);
        }),
      };
    }),
  ];
  return () => {
    const k = new Kernel({
      linux: '6.12',
      cpus: threads.length,
      mms: 1,
      cpuMm: threads.map(() => MM),
      vpages: PAGES,
      ptrsPerPmd: PAGES,
      vmas: 1,
      // The zero page, the buffer's, and one to move to.
      pages: 1 + 2 * PAGES,
      words: 1,
      files: 1,
      buffers: 1,
      bufferPages: PAGES,
      holders: kinds.some((kind) => kind) ? kinds.length : 0,
      fds: 1,
      checkContents: true,
    });
    const sim = { mem: k.mem, world: k };
    simulate(sim, () => ex.create(MM, FD, PAGES));
    simulate(sim, () =>
      sys_mmap(MM, 0, PAGES, PROT_READ | PROT_WRITE, MAP_SHARED, mmapTarget(FD, 0)),
    );
    kinds.forEach((kind, holder) => {
      if (kind) simulate(sim, () => mmu_notifier_register(holder, kind, MM, 0));
    });
    return { mem: k.mem, locks: k.locks, world: k, threads };
  };
}
