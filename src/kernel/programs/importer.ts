// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * An importer that reaches for the struct pages of an sg_table (R12): attaches, maps, and touches what
 * the page link leads to. CONFIG_DMABUF_DEBUG scrambles the link, and whoever follows it dies of it.
 */
import type { ConsumerTraits } from '../../contract/traits.ts';
import { type Run, routine, step } from '../../explore/program.ts';
import {
  dma_buf_attach,
  dma_buf_detach,
  dma_buf_map_attachment_unlocked,
  dma_buf_unmap_attachment_unlocked,
  sg_page,
} from '../dma-buf/attach.ts';
import { dma_buf_fops } from '../dma-buf/dma-buf.ts';
import { fget, file_private, fput } from '../fs/file.ts';
import { file_operations, type Kernel } from '../kernel.ts';
import { access_page, type UserPage } from '../mm/access.ts';
import { break_rule, type ConsumerProgram, note_lookup } from './lookup.ts';

const VALUE = 2;
/** The descriptor that the importer is given. */
const FD = 0;

const is_dma_buf_file = step('is_dma_buf_file', (k: Kernel, file: number) =>
  file_operations.at(k.file_ops.get(file)) === dma_buf_fops ? 1 : 0,
);

export function readsTablePages(traits: ConsumerTraits): ConsumerProgram {
  /** Uses page `page` of the table. Returns 1 if it got to one. */
  const use_page = routine('kmap_local_page', function* (att: number, user: UserPage): Run<number> {
    const pfn = yield* sg_page(att, user.page);
    if (pfn <= 0) {
      const how = pfn < 0 ? 'a scrambled page link' : 'no page';
      yield* break_rule('R12', `${user.who} dies of ${how} in an sg_table`);
      return 0;
    }
    yield* break_rule('R12', `${user.who} touches a struct page behind an sg_table`);
    yield* access_page(pfn, 1, 0, VALUE, user, 'R12');
    yield* access_page(pfn, 0, 0, 0, user, 'R12');
    return 1;
  });

  return routine(
    traits.id,
    function* (mm: number, addr: number, _h: number, user: UserPage): Run<void> {
      const file = yield* fget(mm, FD);
      if (file < 0) {
        yield* note_lookup(mm, addr, 0);
        return;
      }
      if (yield* is_dma_buf_file(file)) {
        const att = yield* dma_buf_attach(yield* file_private(file));
        let got = 0;
        if (att >= 0) {
          if (!(yield* dma_buf_map_attachment_unlocked(att))) {
            got = yield* use_page(att, user);
            yield* dma_buf_unmap_attachment_unlocked(att);
          }
          yield* dma_buf_detach(att);
        }
        yield* note_lookup(mm, addr, got);
      } else yield* note_lookup(mm, addr, 0);
      yield* fput(file);
    },
  );
}
