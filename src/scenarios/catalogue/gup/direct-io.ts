// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The plainest user of get_user_pages(): read(2) with O_DIRECT into a buffer that is mapped. The device
 * stores into the page that GUP found, wherever the buffer is by then.
 */
import { consumerOf, exporterOf, like } from '../../cast.ts';
import { type Act, story } from '../../stage.ts';

const moves: Act = function* ({ move }) {
  yield* move();
};
const kernel = { diskPages: 1 };

export default [
  story({
    id: 'gup/direct-io-lost',
    title: 'direct I/O into struct pages, and a move',
    story:
      'The block layer gets the page (6.12 pins it) and starts the transfer. The exporter moves; what the ' +
      'disk delivers goes to the old page, and the program never sees it.',
    source: 'Vetter 22/17:08',
    status: 'real direct I/O (6.12 block/bio.c:1327) against the test module’s kind fipage',
    rules: ['R2'],
    expected: 'violated',
    exporter: like('test-fipage', 'fipage-zap-first', { zap: 'before-copy' }),
    kernel,
    threads: { disk: consumerOf('direct-io'), exporter: moves },
  }),
  story({
    id: 'gup/direct-io-refused',
    title: 'direct I/O into special PTEs: EFAULT',
    story: 'Neither path of GUP gives a page, read(2) fails, and the program uses a bounce buffer.',
    source: 'Vetter 22/17:08',
    status: 'real direct I/O against real TTM',
    rules: ['R2'],
    expected: 'safe',
    exporter: exporterOf('ttm'),
    touched: true,
    kernel,
    threads: { disk: consumerOf('direct-io'), ttm: moves },
  }),
];
