// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * A cell of the matrix as a system: one exporter, one consumer, one user thread, two pages, and the
 * exporter taking its memory back twice; or, if it never does, munmap and the last close.
 */
import type { ConsumerTraits, ExporterTraits } from '../contract/traits.ts';
import type { System, Thread } from '../explore/machine.ts';
import { type Run, routine } from '../explore/program.ts';
import { simulate } from '../explore/simulate.ts';
import { exporter } from '../kernel/dma-buf/exporter.ts';
import { sys_close } from '../kernel/fs/file.ts';
import { Kernel } from '../kernel/kernel.ts';
import { user_access } from '../kernel/mm/access.ts';
import { BUS_ADRERR } from '../kernel/mm/fault.ts';
import { BUG, WARN } from '../kernel/mm/insert.ts';
import {
  MAP_SHARED,
  mmapTarget,
  PROT_READ,
  PROT_WRITE,
  sys_mmap,
  sys_munmap,
} from '../kernel/mm/mmap.ts';
import type { LinuxVersion } from '../kernel/versions.ts';
import { consumer, notifierKind, set_notifier } from '../kernel/virt/consumer.ts';

const MM = 0;
const FD = 0;
const PAGES = 2;
const BASE = 0;

void BUG;
void WARN;
void BUS_ADRERR;

/** Makes a fresh system of the cell. */
export function cellSystem(ex: ExporterTraits, co: ConsumerTraits, linux: LinuxVersion): System {
  const built = exporter(ex);
  const use = consumer(co);
  const k = new Kernel({
    linux,
    cpus: 3,
    mms: 1,
    cpuMm: [MM, MM, MM],
    vpages: PAGES,
    ptrsPerPmd: PAGES,
    vmas: 2,
    pages: 5,
    words: 1,
    files: 1,
    buffers: 1,
    bufferPages: PAGES,
    holders: 1,
    fds: 1,
    checkContents: true,
  });
  const sim = { mem: k.mem, world: k };
  simulate(sim, built.create(MM, FD, PAGES));
  simulate(sim, sys_mmap(MM, BASE, PAGES, PROT_READ | PROT_WRITE, MAP_SHARED, mmapTarget(FD, 0)));
  simulate(sim, set_notifier(0, notifierKind(co), MM, BASE));
  const moves = ex.takesBack.length > 0;
  const user = { buffer: 0, page: 0, who: 'the user' };
  const holder = { buffer: 0, page: 0, who: co.id };
  const userMain = routine('user', function* (): Run<void> {
    yield* user_access(MM, BASE, 1, 0, 1, user);
    yield* user_access(MM, BASE, 0, 0, 0, user);
  });
  const exporterMain = routine(ex.id, function* (): Run<void> {
    if (moves) {
      yield* built.move(0, 0, PAGES);
      yield* built.move(0, 0, PAGES);
    } else {
      yield* sys_munmap(MM, BASE, PAGES);
      yield* sys_close(MM, FD);
    }
  });
  const consumerMain = routine(co.id, function* (): Run<void> {
    yield* use(MM, BASE, 0, holder);
  });
  const threads: Thread[] = [
    { name: 'user', run: userMain },
    { name: ex.id, run: exporterMain },
    { name: co.id, run: consumerMain },
  ];
  return { mem: k.mem, locks: k.locks, world: k, threads };
}
