// SPDX-License-Identifier: GPL-2.0-or-later
/** The ways in which an exporter made from traits takes its memory back while it is mapped. */
import type { ExporterTraits } from '../../contract/traits.ts';
import { again, type Run, routine } from '../../explore/program.ts';
import { EINVAL } from '../errno.ts';
import { file_mapping } from '../fs/file.ts';
import { CLAIMED, ENABLED_AGAIN, REVOKED } from '../kernel.ts';
import {
  bufferPage,
  copy_page,
  fill_page,
  OWNER_KEPT,
  OWNER_NONE,
  set_page_owner,
} from '../mm/page.ts';
import { unmap_mapping_range } from '../mm/zap.ts';
import { pgoff_base } from './exporter-map.ts';
import { type ExporterMemory, lockOf } from './exporter-memory.ts';
import * as object from './object.ts';
import { zap_without_flush } from './zap-by-hand.ts';

/** What a move does, besides what the traits say; the flags of the test module's `mv`. */
export interface MoveOptions {
  readonly zap: boolean;
  /** Entries go before anything else, not after the switch. */
  readonly zapFirst: boolean;
  readonly poison: boolean;
  /** Fresh contents instead of a copy. */
  readonly fresh: boolean;
  /** Only take the entries away; memory stays where it is. */
  readonly evictOnly: boolean;
  readonly revoke: boolean;
  readonly free: boolean;
}

export interface ExporterTakeBack {
  /** Moves pages [first, first + n) as the traits say. 0, -EBUSY when pinned, or another errno. */
  readonly move: (buf: number, first: number, n: number) => Run<number>;
  /** Writes the contents to swap and frees the pages; a fault brings them back. Likewise. */
  readonly evict: (buf: number, first: number, n: number) => Run<number>;
  /** Ends access for good: entries go, faults get SIGBUS; the memory stays with the object. */
  readonly revoke: (buf: number) => Run<number>;
  /** Lets access begin again after {@link revoke}. */
  readonly enable: (buf: number) => Run<number>;
  /** The test module's `mv`: the steps one by one, as asked for. */
  readonly mv: (buf: number, first: number, n: number, how: MoveOptions) => Run<number>;
}

/** How far a wrong offset lies beside the right one: beyond every mapping. */
const WRONG_OFFSET = 0x1000;

/** The take-back paths of an exporter. */
export function takeBackOf(traits: ExporterTraits, memory: ExporterMemory): ExporterTakeBack {
  const lock = lockOf(traits).move;

  const zap = routine(
    `${traits.id}_zap`,
    function* (buf: number, first: number, n: number): Run<void> {
      if (!traits.sharesMapping) return;
      const mapping = yield* file_mapping(yield* object.file_of(buf));
      const base = yield* pgoff_base(traits, buf);
      const off = traits.zapOffsetMatches ? base : base + WRONG_OFFSET;
      if (traits.flushes) yield* unmap_mapping_range(mapping, off + first, n);
      else yield* zap_without_flush(mapping, off + first, n);
    },
  );

  const replace = routine(
    'replace_page',
    function* (buf: number, i: number, gen: number, fresh: number): Run<number> {
      const old = yield* object.backing(buf, i);
      const pfn = yield* memory.new_page(buf, i, gen);
      if (pfn < 0) return pfn;
      if (fresh) yield* memory.fill_fresh(pfn, gen, i);
      else if (old) yield* copy_page(pfn, old);
      yield* object.switch_backing(buf, i, pfn);
      return old;
    },
  );

  const move = routine(
    `${traits.id}_move`,
    function* (buf: number, first: number, n: number): Run<number> {
      yield* lock.lock(buf);
      const gen = yield* object.begin_move(buf);
      if (gen < 0) {
        yield* lock.unlock(buf);
        return gen;
      }
      const old: number[] = [];
      if (traits.zap === 'before-copy') yield* zap(buf, first, n);
      let err = 0;
      for (let i = first; i < first + n && !err; i++) {
        if (traits.checksRefs === 'after-unmap') {
          yield* memory.check_unmapped(yield* object.backing(buf, i));
        }
        // What is not there need not move.
        if (traits.takesBack.includes('evict') && !(yield* object.backing(buf, i))) {
          old.push(0);
          continue;
        }
        const was = yield* replace(buf, i, gen, 0);
        if (was < 0) err = was;
        else old.push(was);
      }
      if (traits.zap === 'after-switch') yield* zap(buf, first, n);
      for (const [i, pfn] of old.entries()) {
        yield* again('discard', err, i, ...old.slice(i));
        yield* memory.discard(pfn, buf, first + i);
      }
      yield* again('moved', err);
      yield* lock.unlock(buf);
      return err;
    },
    traits.source,
  );

  const swap_out = routine('ttm_tt_swapout', function* (buf: number, i: number): Run<void> {
    const pfn = yield* object.backing(buf, i);
    if (!pfn) return;
    const words = yield* object.words_of_page();
    for (let w = 0; w < words; w++) yield* object.swap_out_word(buf, i, w, pfn);
    yield* object.switch_backing(buf, i, 0);
    yield* memory.discard(pfn, buf, i);
  });

  const evict = routine(
    `${traits.id}_swapout`,
    function* (buf: number, first: number, n: number): Run<number> {
      yield* lock.lock(buf);
      const gen = yield* object.begin_move(buf);
      if (gen >= 0) {
        if (traits.zap === 'before-copy') yield* zap(buf, first, n);
        for (let i = first; i < first + n; i++) yield* swap_out(buf, i);
        if (traits.zap === 'after-switch') yield* zap(buf, first, n);
      }
      yield* lock.unlock(buf);
      return Math.min(gen, 0);
    },
    traits.source,
  );

  const revoke = routine(
    `${traits.id}_revoke`,
    function* (buf: number): Run<number> {
      yield* lock.lock(buf);
      const n = yield* object.npages(buf);
      // Where no lock keeps new mappings away, a claim does. kernel/resource.c:1328 (6.12), :1286 (6.1)
      if (traits.lock === 'none') yield* object.set_revoked(buf, CLAIMED);
      if (traits.zap === 'before-copy') yield* zap(buf, 0, n);
      yield* object.set_revoked(buf, REVOKED);
      if (traits.zap === 'after-switch') yield* zap(buf, 0, n);
      yield* lock.unlock(buf);
      return 0;
    },
    traits.source,
  );

  const enable = routine(`${traits.id}_enable`, function* (buf: number): Run<number> {
    yield* lock.lock(buf);
    yield* object.set_revoked(buf, ENABLED_AGAIN);
    yield* lock.unlock(buf);
    return 0;
  });

  const mv = routine(
    `${traits.id}_mv`,
    function* (buf: number, first: number, n: number, how: MoveOptions): Run<number> {
      if (first + n > (yield* object.npages(buf)) || n <= 0) return -EINVAL;
      yield* lock.lock(buf);
      if (how.revoke) yield* object.set_revoked(buf, REVOKED);
      if (how.zapFirst) yield* zap(buf, first, n);
      if (!how.evictOnly) {
        const gen = yield* object.bump_generation(buf);
        for (let i = first; i < first + n; i++) {
          const was = yield* replace(buf, i, gen, how.fresh ? 1 : 0);
          if (was < 0) break;
          yield* set_page_owner(was, OWNER_KEPT + bufferPage(buf, i));
        }
      }
      if (how.zap) yield* zap(buf, first, n);
      // All pages that moves have left behind, not only those of this one.
      const poison = yield* object.poison_word();
      for (let p = yield* object.next_kept(buf, 1); p; p = yield* object.next_kept(buf, p + 1)) {
        if (how.poison) yield* fill_page(p, poison);
        if (how.free) {
          yield* set_page_owner(p, OWNER_NONE);
          yield* memory.free_page(p);
        }
      }
      yield* lock.unlock(buf);
      return 0;
    },
  );

  return { move, evict, revoke, enable, mv };
}
