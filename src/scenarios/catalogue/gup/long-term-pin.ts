// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The DAX mistake (Gunthorpe 22/19:34): GUP was let through to memory that its owner can take away, and
 * a long-term pin, as RDMA takes it, then stands in the owner's way or is ignored.
 */
import { consumerOf, exporterOf, like } from '../../cast.ts';
import { type Act, story } from '../../stage.ts';

const movesTwice: Act = function* ({ move }) {
  yield* move();
  yield* move();
};

export default [
  story({
    id: 'gup/long-term-pin-moved',
    title: 'a long-term pin over memory that moves',
    story:
      'FOLL_PIN | FOLL_LONGTERM says “I keep this for long”, but asks nobody. An exporter of struct pages ' +
      'moves all the same: device and buffer part ways, and nobody is told.',
    source: 'Gunthorpe 22/19:34',
    status: 'test module kind fipage; as DAX was before it refused such pins',
    rules: ['R2'],
    expected: 'violated',
    exporter: like('test-fipage', 'fipage-zap-first', { zap: 'before-copy' }),
    threads: { rdma: consumerOf('long-term-pin'), exporter: movesTwice },
  }),
  story({
    id: 'gup/long-term-pin-refused',
    title: 'a long-term pin is refused where memory can move',
    story:
      'No struct page behind the entry, no pin. What cannot be pinned can be moved at any time.',
    source: 'Gunthorpe 22/19:34',
    status: 'real TTM',
    rules: ['R2'],
    expected: 'safe',
    exporter: exporterOf('ttm'),
    touched: true,
    threads: { rdma: consumerOf('long-term-pin'), ttm: movesTwice },
  }),
];
