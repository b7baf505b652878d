// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * An importer and the sg_table that it gets: DMA addresses are its business, struct pages are not.
 * "In spirit this is the uapi counterpart to the kernel-internal CONFIG_DMABUF_DEBUG." (Vetter 22/17:08)
 */
import { type Run, routine } from '../../../explore/program.ts';
import {
  dma_buf_attach,
  dma_buf_detach,
  dma_buf_map_attachment_unlocked,
  dma_buf_unmap_attachment_unlocked,
  sg_dma_address,
} from '../../../kernel/dma-buf/attach.ts';
import { access_page, type UserPage } from '../../../kernel/mm/access.ts';
import { consumerOf, exporterOf } from '../../cast.ts';
import { type Act, BUFFER, story } from '../../stage.ts';

const ttm = exporterOf('ttm');
const moves: Act = function* ({ move }) {
  yield* move();
};

/** What an importer may do: its device writes to the DMA address. */
const dma = routine('importer_dma', function* (device: UserPage): Run<void> {
  const att = yield* dma_buf_attach(BUFFER);
  yield* dma_buf_map_attachment_unlocked(att);
  yield* access_page(yield* sg_dma_address(att, 0), 1, 0, 2, device, 'R12');
  yield* dma_buf_unmap_attachment_unlocked(att);
  yield* dma_buf_detach(att);
});

export default [
  story({
    id: 'importer/reads-pages',
    title: 'an importer that uses the struct pages of an sg_table',
    story:
      'It works as long as there are pages, and they stay: nobody notices. With memory of a device it would ' +
      'fall into a hole, and nothing about the table says so.',
    source: 'Vetter 22/17:08',
    status: 'generic importer against real TTM, without CONFIG_DMABUF_DEBUG',
    rules: ['R12'],
    expected: 'violated',
    exporter: ttm,
    threads: { importer: consumerOf('sg-page-reader'), ttm: moves },
  }),
  story({
    id: 'importer/reads-pages-debug',
    title: 'the same with CONFIG_DMABUF_DEBUG',
    story:
      'mangle_sg_table() has scrambled the page links while the importer has the table. Whoever follows one ' +
      'dies of it at once, on the developer’s machine, whatever the exporter is.',
    source: 'Vetter 22/17:08',
    status: 'real debugging aid (6.12 drivers/dma-buf/dma-buf.c:776) and a generic importer',
    rules: ['R12'],
    expected: 'violated',
    exporter: ttm,
    threads: { importer: consumerOf('sg-page-reader-debug'), ttm: moves },
  }),
  story({
    id: 'importer/uses-dma-addresses',
    title: 'an importer that uses DMA addresses',
    story:
      'The attachment pins the buffer, so that the address stays true until the importer gives the table ' +
      'back. CONFIG_DMABUF_DEBUG makes no difference.',
    source: 'Vetter 22/17:08',
    status: 'generic importer against real TTM, with CONFIG_DMABUF_DEBUG',
    rules: ['R12'],
    expected: 'safe',
    exporter: ttm,
    kernel: { dmabufDebug: true },
    threads: { importer: ({ page }) => dma(page(0, 'the importer')), ttm: moves },
  }),
];
