// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * R13, flag-is-not-enough: VM_PFNMAP does not make entries special. The patch's check looks at the flag
 * and is content; GUP-fast looks at the entry and is not stopped.
 */
import type { ExporterTraits } from '../../../contract/traits.ts';
import { consumerOf, exporterOf, like } from '../../cast.ts';
import { type Act, story } from '../../stage.ts';

const moves: Act = function* ({ move }) {
  yield* move();
};

/** Answers faults with vmf->page, and is right in everything else but its flags. */
const faultsPages = (name: string, but: Partial<ExporterTraits>) =>
  like('test-fpage', name, { zap: 'before-copy', memory: 'shmem', ...but });

export default [
  story({
    id: 'gup/liar',
    title: 'VM_PFNMAP set, struct pages inserted all the same',
    story:
      'The exporter sets the flag that the patch asks for and answers faults with vmf->page. The slow path ' +
      'refuses by the flag; GUP-fast never looks at the flag, and these pages have a mapping, which is all ' +
      'that 6.12 tests.',
    source: 'R13',
    status: 'the test module’s liar with shmem pages; old udmabuf faulted such pages in',
    rules: ['R2', 'R13'],
    expected: 'violated',
    exporter: faultsPages('liar-zap-first', { setsFlags: ['VM_PFNMAP'] }),
    touched: true,
    threads: { 'gup-fast': consumerOf('gup-fast'), exporter: moves },
  }),
  story({
    id: 'gup/liar-without-mapping',
    title: 'the same with pages that have no mapping',
    story:
      '6.12 with CONFIG_SECRETMEM sends GUP-fast to the slow path for an order-0 page without ' +
      'page->mapping, and that one sees the flag: refused, by accident rather than by rule. 6.1 takes it.',
    source: 'R13',
    status: 'the test module’s liar (6.12 mm/gup.c:2886 gup_fast_folio_allowed)',
    rules: ['R2', 'R13'],
    expected: 'violated',
    exporter: faultsPages('liar-no-mapping', { setsFlags: ['VM_PFNMAP'], memory: 'ram' }),
    touched: true,
    threads: { 'gup-fast': consumerOf('gup-fast'), exporter: moves },
  }),
  story({
    id: 'gup/vm-io-alone',
    title: 'VM_IO alone stops only the slow path',
    story:
      'check_vma_flags() refuses VM_IO as it refuses VM_PFNMAP. GUP-fast takes the page behind the ' +
      'ordinary entry all the same.',
    source: 'R13',
    status: 'the test module’s kind fpage with VM_IO',
    rules: ['R1', 'R2'],
    expected: 'violated',
    exporter: faultsPages('vm-io-alone', { setsFlags: ['VM_IO'] }),
    touched: true,
    threads: { 'gup-fast': consumerOf('gup-fast'), exporter: moves },
  }),
  story({
    id: 'gup/flag-and-special',
    title: 'the flag and special entries together',
    story:
      'An exporter that sets VM_PFNMAP and inserts PFNs: both paths refuse, each by its own test.',
    source: 'R13',
    status: 'real udmabuf (6.12)',
    rules: ['R13'],
    expected: 'safe',
    exporter: { ...exporterOf('udmabuf'), takesBack: ['move'] },
    touched: true,
    threads: { 'gup-fast': consumerOf('gup-fast'), exporter: moves },
  }),
];
