// SPDX-License-Identifier: GPL-2.0-or-later
/** Attachments: what an importer's table holds, what pinning is for, and what CONFIG_DMABUF_DEBUG does. */
import { describe, expect, it } from 'vitest';
import { type ExporterTraits, KEEPS_CONTRACT } from '../../src/contract/traits.ts';
import { explore } from '../../src/explore/explore.ts';
import { type Run, routine } from '../../src/explore/program.ts';
import { simulate } from '../../src/explore/simulate.ts';
import {
  dma_buf_attach,
  dma_buf_detach,
  dma_buf_map_attachment_unlocked,
  dma_buf_unmap_attachment_unlocked,
  sg_dma_address,
  sg_page,
} from '../../src/kernel/dma-buf/attach.ts';
import { exporter } from '../../src/kernel/dma-buf/exporter.ts';
import { EBUSY, EINVAL } from '../../src/kernel/errno.ts';
import { sys_close } from '../../src/kernel/fs/file.ts';
import { Kernel } from '../../src/kernel/kernel.ts';
import { access_page } from '../../src/kernel/mm/access.ts';
import { CELL_SIZES } from '../../src/scenarios/cell.ts';

const MM = 0;
const FD = 0;
const moving: ExporterTraits = {
  ...KEEPS_CONTRACT,
  id: 'moving',
  title: 'moves',
  status: 'hypothetical',
  source: 'test',
  takesBack: ['move'],
};
const importer = { buffer: 0, page: 0, mm: MM, addr: 0, who: 'the importer' } as const;

function buffer(traits: ExporterTraits, dmabufDebug = false) {
  const k = new Kernel({ ...CELL_SIZES, linux: '6.12', attachments: 1, dmabufDebug });
  const run = <T>(what: () => Run<T>): T => simulate({ mem: k.mem, world: k }, what);
  run(() => exporter(traits).create(MM, FD, 2));
  return { k, run };
}

describe('an attachment', () => {
  it('gives device addresses, and links that CONFIG_DMABUF_DEBUG scrambles', () => {
    for (const debug of [false, true]) {
      const { run } = buffer(moving, debug);
      const att = run(() => dma_buf_attach(0));
      expect(run(() => dma_buf_map_attachment_unlocked(att))).toBe(0);
      expect([run(() => sg_dma_address(att, 0)), run(() => sg_dma_address(att, 1))]).toEqual([
        1, 2,
      ]);
      expect(run(() => sg_page(att, 1))).toBe(debug ? -EINVAL : 2);
      run(() => dma_buf_unmap_attachment_unlocked(att));
      run(() => dma_buf_detach(att));
    }
  });

  it('keeps the buffer where it is until detach', () => {
    const { run } = buffer(moving);
    const att = run(() => dma_buf_attach(0));
    expect(run(() => exporter(moving).move(0, 0, 2))).toBe(-EBUSY);
    run(() => dma_buf_detach(att));
    expect(run(() => exporter(moving).move(0, 0, 2))).toBe(0);
  });

  it('warns when the buffer goes first', () => {
    const { k, run } = buffer(moving);
    run(() => dma_buf_attach(0));
    run(() => sys_close(MM, FD));
    expect(k.mem.reports.map((r) => r.rule)).toEqual(['R11']);
  });

  it('is safe against moves if the exporter pins, and only then', () => {
    for (const pins of [true, false]) {
      const traits = { ...moving, id: `moving-${pins}`, pinsForImporters: pins };
      const built = exporter(traits);
      const device = routine('importer', function* (): Run<void> {
        const att = yield* dma_buf_attach(0);
        yield* dma_buf_map_attachment_unlocked(att);
        yield* access_page(yield* sg_dma_address(att, 0), 1, 0, 7, importer, 'R12');
        yield* dma_buf_unmap_attachment_unlocked(att);
        yield* dma_buf_detach(att);
      });
      const mover = routine('mover', function* (): Run<void> {
        yield* built.move(0, 0, 2);
      });
      const result = explore(() => {
        const { k } = buffer(traits);
        const threads = [
          { name: 'importer', run: device },
          { name: 'mover', run: mover },
        ];
        return { mem: k.mem, locks: k.locks, world: k, threads };
      }).run();
      expect(result?.outcome).toBe(pins ? 'safe' : 'violated');
    }
  });
});
