// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * An importer that is still attached when the program is gone. The attachment does not hold the
 * dma-buf; the importer takes the reference (6.12 drivers/gpu/drm/drm_prime.c:962 get_dma_buf).
 */
import { type Run, routine } from '../../../explore/program.ts';
import {
  dma_buf_attach,
  dma_buf_detach,
  dma_buf_map_attachment_unlocked,
  dma_buf_unmap_attachment_unlocked,
  sg_dma_address,
} from '../../../kernel/dma-buf/attach.ts';
import { fget, fput } from '../../../kernel/fs/file.ts';
import { access_page, type UserPage } from '../../../kernel/mm/access.ts';
import { exporterOf } from '../../cast.ts';
import { type Act, allReleased, BUFFER, FD, MM, story } from '../../stage.ts';

/** Attaches, lets its device write into page 0, and detaches. */
const dma = routine('importer_dma', function* (device: UserPage): Run<void> {
  const att = yield* dma_buf_attach(BUFFER);
  yield* dma_buf_map_attachment_unlocked(att);
  const page = yield* sg_dma_address(att, 0);
  if (page) yield* access_page(page, 1, 0, 2, device, 'R11');
  yield* dma_buf_unmap_attachment_unlocked(att);
  yield* dma_buf_detach(att);
});

const unmapsAndCloses: Act = function* ({ munmap, close }) {
  yield* munmap();
  yield* close();
};

export default [
  story({
    id: 'lifetime/importer-holds',
    title: 'the program closes everything while an importer is attached',
    story:
      'The importer got the dma-buf with a reference, which it drops after detaching. The program’s last ' +
      'close changes nothing for it; its own put releases the buffer.',
    source: 'Vetter 22/18:08',
    status: 'real system heap and the importer’s side of drm_prime',
    rules: ['R11'],
    expected: 'safe',
    exporter: exporterOf('system-heap'),
    threads: {
      importer: function* ({ page }) {
        const file = yield* fget(MM, FD);
        // The program may have closed it already, and then there is nothing to import.
        if (file < 0) return;
        yield* dma(page(0, 'the importer'));
        yield* fput(file);
      },
      program: unmapsAndCloses,
    },
    end: allReleased,
  }),
  story({
    id: 'lifetime/importer-without-reference',
    title: 'an importer that attaches and holds nothing',
    story:
      'It looks the dma-buf up and drops the reference before it attaches. The program’s last close frees ' +
      'the buffer under the importer’s DMA; dma_buf_release() can only warn.',
    source: 'Vetter 22/18:08',
    status: 'hypothetical importer (6.12 drivers/dma-buf/dma-buf.c:107 warns)',
    rules: ['R11'],
    expected: 'violated',
    exporter: exporterOf('system-heap'),
    threads: {
      importer: ({ page }) => dma(page(0, 'the importer')),
      program: unmapsAndCloses,
    },
  }),
];
