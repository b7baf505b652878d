// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The patch's own warning: as posted it looks at the VMA without looking at what the callback
 * returned, so a program that asks a conforming exporter for a private mapping sets it off (R16).
 */
import { type Run, routine } from '../../../explore/program.ts';
import { simulate } from '../../../explore/simulate.ts';
import { exporter } from '../../../kernel/dma-buf/exporter.ts';
import { Kernel } from '../../../kernel/kernel.ts';
import {
  MAP_PRIVATE,
  mmapTarget,
  PROT_READ,
  PROT_WRITE,
  sys_mmap,
} from '../../../kernel/mm/mmap.ts';
import { exporterOf } from '../../cast.ts';
import { CELL_SIZES } from '../../cell.ts';
import type { Scenario } from '../../scenario.ts';

const MM = 0;
const FD = 0;
const PAGES = 2;

const privateMapping = routine('program', function* (): Run<void> {
  yield* sys_mmap(MM, 0, PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE, mmapTarget(FD, 0));
});

function withPatch(patch: 'posted' | 'corrected'): Scenario['prepare'] {
  const threads = [{ name: 'program', run: privateMapping }];
  return (linux) => () => {
    const k = new Kernel({ ...CELL_SIZES, linux, patch });
    simulate({ mem: k.mem, world: k }, () => exporter(exporterOf('vgem')).create(MM, FD, PAGES));
    return { mem: k.mem, locks: k.locks, world: k, threads, found: k.mem.reports.splice(0) };
  };
}

const BOUND = '1 thread, 1 mmap call';

const stories: readonly Scenario[] = [
  {
    id: 'dma-buf/patch-posted',
    title: 'the posted check warns about a mapping that was refused',
    story:
      'vgem refuses a private mapping, as it should, and leaves the VMA as it was. The posted check ' +
      'finds no VM_PFNMAP and warns: any user can set it off on a conforming exporter.',
    source: 'Vetter 22/17:08, the diff',
    status: 'the posted patch (not in 6.1 or 6.12) on real vgem',
    rules: ['R16'],
    expected: 'violated',
    bound: BOUND,
    prepare: withPatch('posted'),
  },
  {
    id: 'dma-buf/patch-corrected',
    title: 'the check that also looks at the return value',
    story: 'With `!ret && !(vma->vm_flags & VM_PFNMAP)` the refused mapping goes by in silence.',
    source: 'R16',
    status: 'hypothetical',
    rules: ['R16'],
    expected: 'safe',
    bound: BOUND,
    prepare: withPatch('corrected'),
  },
];

export default stories;
