// SPDX-License-Identifier: GPL-2.0-or-later
/** The library as it is built: the engine by itself, and the kernel model under one's own threads. */

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { useBuild } from './program.ts';

useBuild();

type Library = typeof import('../../src/index.ts');
let lib: Library;
beforeAll(async () => {
  lib = await import(pathToFileURL(join(import.meta.dirname, '../../dist/index.js')).href);
});

/** One program that writes and reads its mapping of a buffer, while the exporter moves it. */
function system(traits: Parameters<Library['kernel']['exporter']>[0]) {
  const { kernel, routine, simulate } = lib;
  const built = kernel.exporter(traits);
  const user = { buffer: 0, page: 0, mm: 0, addr: 0, who: 'the program' };
  const program = routine('program', function* () {
    yield* kernel.user_access(0, 0, 1, 0, 7, user);
    yield* kernel.user_access(0, 0, 0, 0, 0, user);
  });
  const mover = routine('mover', function* () {
    yield* built.move(0, 0, 1);
  });
  return () => {
    const k = new kernel.Kernel({
      linux: '6.12',
      cpus: 2,
      mms: 1,
      cpuMm: [0, 0],
      vpages: 1,
      ptrsPerPmd: 1,
      vmas: 1,
      pages: 3,
      words: 1,
      files: 1,
      buffers: 1,
      bufferPages: 1,
      holders: 1,
      fds: 1,
      checkContents: true,
    });
    const world = { mem: k.mem, world: k };
    simulate(world, () => built.create(0, 0, 1));
    const prot = kernel.PROT_READ | kernel.PROT_WRITE;
    simulate(world, () =>
      kernel.sys_mmap(0, 0, 1, prot, kernel.MAP_SHARED, kernel.mmapTarget(0, 0)),
    );
    const threads = [
      { name: 'program', run: program },
      { name: 'mover', run: mover },
    ];
    return { mem: k.mem, locks: k.locks, world: k, threads };
  };
}

const ttm = () => lib.EXPORTERS.find((e) => e.id === 'ttm')!;

describe('the library', () => {
  test('explores one’s own threads over the kernel model', () => {
    const result = lib.explore(system(ttm())).run();
    expect(result).toMatchObject({ outcome: 'safe', bound: null, counterexample: null });
  });

  test('shows and replays what goes wrong', () => {
    const make = system({ ...ttm(), id: 'no-zap', zap: 'never' });
    const { outcome, counterexample } = lib.explore(make).run()!;
    expect(outcome).toBe('violated');
    expect(counterexample).toMatchObject({ threads: 2, violation: { rule: 'R4' } });
    expect(lib.ladder(counterexample!)).toContain('no-zap_move()');
    const again = lib.replay(make(), counterexample!.schedule);
    expect(again).toMatchObject({ diverged: false, schedule: counterexample!.schedule });
  });

  test('runs in slices, with progress', () => {
    const explorer = lib.explore(system(ttm()));
    let slices = 0;
    while (!explorer.run(20)) slices++;
    expect(slices).toBeGreaterThan(1);
    expect(explorer.progress.phase).toBe('done');
  });
});
