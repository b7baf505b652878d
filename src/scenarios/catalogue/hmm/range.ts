// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * hmm_range_fault() over two pages. What it found of the first may be gone when it comes to the second: it
 * says so by the sequence only, and only to who asks under the lock that the invalidation takes, once for
 * all pages.
 */
import { again, type Run, routine } from '../../../explore/program.ts';
import { EBUSY } from '../../../kernel/errno.ts';
import { pte_pfn } from '../../../kernel/mm/flags.ts';
import {
  HMM_PFN_REQ_FAULT,
  HMM_PFN_REQ_WRITE,
  type HmmPfns,
  type HmmRange,
  hmm_range_fault_pages,
} from '../../../kernel/mm/hmm.ts';
import { PROT_READ, PROT_WRITE } from '../../../kernel/mm/mmap.ts';
import {
  mmu_interval_read_begin,
  mmu_interval_read_retry,
  mmu_lock,
  mmu_unlock,
  NOTIFIER_INTERVAL,
} from '../../../kernel/mm/mmu_notifier.ts';
import { mmu_notifier_register } from '../../../kernel/mm/mmu_subscribe.ts';
import { mmap_read_lock, mmap_read_unlock } from '../../../kernel/mm/vma.ts';
import { install_mirror, through_mirror } from '../../../kernel/programs/notified.ts';
import { exporterOf } from '../../cast.ts';
import { type Act, FD, MM, story } from '../../stage.ts';

const PAGES = 2;
const HOLDER = 0;
/** Both pages, to be written to. */
const RANGE: HmmRange = {
  mm: MM,
  start: 0,
  n: PAGES,
  default_flags: HMM_PFN_REQ_FAULT | HMM_PFN_REQ_WRITE,
  pfn_flags_mask: 0,
};
/** What a driver does with the pages: 1 when it is done, 0 to start over. */
type Use = (pfns: readonly number[], seq: number) => Run<number>;

function* walk(seq: number): Run<HmmPfns> {
  yield* mmap_read_lock(MM);
  const found = yield* hmm_range_fault_pages(RANGE, HOLDER, seq);
  yield* mmap_read_unlock(MM);
  return found;
}

/** Mirrors the range, and has the device write to what it mirrors. Errors end it. */
const mirrors = (use: Use): Act => {
  const fault = routine('mirror_fault', function* (): Run<number> {
    const seq = yield* mmu_interval_read_begin(HOLDER, MM);
    const { ret, pfns } = yield* walk(seq);
    if (ret) return ret === -EBUSY ? 0 : ret;
    yield* again('found', seq, ...pfns);
    return yield* use(pfns, seq);
  });
  return function* ({ page }) {
    const gpu = [page(0, 'the GPU'), page(1, 'the GPU')];
    for (;;) {
      yield* again('gpu_fault');
      const done = yield* fault();
      if (!done) continue;
      for (let i = 0; done > 0 && i < PAGES; i++) yield* through_mirror(HOLDER, 1, 2, gpu[i], i);
      return;
    }
  };
};

function* install(pfns: readonly number[], first: number, end: number): Run<void> {
  for (let i = first; i < end; i++) yield* install_mirror(HOLDER, pte_pfn(pfns[i]), i);
}

/** Documentation/mm/hmm.rst: one test under the lock, and all pages before it is let go. */
const onceUnderLock: Use = function* (pfns, seq) {
  yield* mmu_lock(HOLDER);
  const stale = yield* mmu_interval_read_retry(HOLDER, seq);
  if (!stale) yield* install(pfns, 0, PAGES);
  yield* mmu_unlock(HOLDER);
  return stale ? 0 : 1;
};

/** The sequence is tested for each page, and then the lock is taken. */
const eachBeforeLock: Use = function* (pfns, seq) {
  for (let i = 0; i < PAGES; i++) {
    if (yield* mmu_interval_read_retry(HOLDER, seq)) return 0;
    yield* mmu_lock(HOLDER);
    yield* install(pfns, i, i + 1);
    yield* mmu_unlock(HOLDER);
  }
  return 1;
};

/** One test under the lock, which is let go between the pages. */
const onceForFirst: Use = function* (pfns, seq) {
  for (let i = 0; i < PAGES; i++) {
    yield* mmu_lock(HOLDER);
    const stale = i === 0 ? yield* mmu_interval_read_retry(HOLDER, seq) : 0;
    if (!stale) yield* install(pfns, i, i + 1);
    yield* mmu_unlock(HOLDER);
    if (stale) return 0;
  }
  return 1;
};

/** The program gives up one of the pages. */
const unmaps =
  (i: number): Act =>
  ({ munmap }) =>
    munmap(i, 1);

/** Anonymous memory with something in each page, and an interval notifier over all of it. */
const before: Act = function* ({ exporter, write }) {
  yield* exporter.map(MM, FD, PAGES, PROT_READ | PROT_WRITE);
  for (let i = 0; i < PAGES; i++) yield* write(i);
  yield* mmu_notifier_register(HOLDER, NOTIFIER_INTERVAL, MM, 0, PAGES);
};

const common = {
  source: 'Gunthorpe 23/15:08',
  rules: ['R8'],
  exporter: exporterOf('anon'),
  mapped: 'no',
  pages: PAGES,
  before,
  kernel: { mirrorPages: PAGES, vmas: 3 },
} as const;
const HMM = 'real hmm_range_fault (6.12 mm/hmm.c:572, 6.1 :582)';

export default [
  story({
    ...common,
    id: 'hmm/range',
    title: 'two pages, one test of the sequence',
    story:
      'Between the walk of the first page and that of the second the first is unmapped. Nothing in the result ' +
      'shows it; the sequence does. One test under the lock holds for all that was found since it was read.',
    status: `the loop of Documentation/mm/hmm.rst, ${HMM}`,
    expected: 'safe',
    threads: { gpu: mirrors(onceUnderLock), user: unmaps(0) },
  }),
  story({
    ...common,
    id: 'hmm/each-page-before-its-lock',
    title: 'the sequence is tested for each page, but before the lock',
    story:
      'Many tests instead of one, and each of them too early: the invalidation comes between test and lock, ' +
      'finds nothing to take away, and the page is mirrored after it.',
    status: `hypothetical driver, ${HMM}`,
    expected: 'violated',
    threads: { gpu: mirrors(eachBeforeLock), user: unmaps(1) },
  }),
  story({
    ...common,
    id: 'hmm/lock-dropped-between-pages',
    title: 'tested under the lock, which is let go between the pages',
    story:
      'The test holds as long as the lock does. The second page is mirrored under the lock, too, but after an ' +
      'invalidation that came when nobody held it.',
    status: `hypothetical driver, ${HMM}`,
    expected: 'violated',
    threads: { gpu: mirrors(onceForFirst), user: unmaps(1) },
  }),
];
