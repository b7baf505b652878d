// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Attachments: what an importer gets of a buffer. drivers/dma-buf/dma-buf.c from dma_buf_attach to
 * dma_buf_unmap_attachment (6.12 lines 902 to 1249), for importers with a static mapping.
 *
 * An sg_table has two halves: DMA addresses, which the importer's device uses, and page links, which
 * are the exporter's own business (R12). CONFIG_DMABUF_DEBUG scrambles the links while the importer
 * has the table. An attachment does not hold the dma-buf's file by itself: the importer takes that
 * reference (get_dma_buf), as drm_gem_prime_import_dev does (6.12 drivers/gpu/drm/drm_prime.c:962).
 */
import { type Run, routine, step } from '../../explore/program.ts';
import { EINVAL, ENOMEM } from '../errno.ts';
import { type DmaBufOps, dma_buf_operations, type Kernel } from '../kernel.ts';
import { resv } from './dma-resv.ts';

const NO_ROOM = -1;

const ops_of = step('dmabuf->ops', (k: Kernel, buf: number) => k.buf_ops.get(buf));
const buffer_of = step('attach->dmabuf', (k: Kernel, att: number) => k.att_buffer.get(att) - 1);
const pages_of = step('dmabuf->size', (k: Kernel, buf: number) => k.buf_npages.get(buf));

const list_add = step(
  'list_add',
  (k: Kernel, buf: number) => {
    for (let a = 0; a < (k.config.attachments ?? 0); a++) {
      if (k.att_buffer.get(a)) continue;
      k.att_buffer.set(a, buf + 1);
      return a;
    }
    return NO_ROOM;
  },
  {
    text: (_, a) => `attachment ${a}`,
    atomic: 'an attachment is allocated before it is added to the list, under the reservation lock',
  },
);
const list_del = step('list_del', (k: Kernel, att: number) => k.att_buffer.set(att, 0));

const entry = (k: Kernel, att: number, i: number) => att * k.config.bufferPages + i;

/** The mark of a page link that CONFIG_DMABUF_DEBUG has scrambled: it leads nowhere. */
const SG_MANGLED = 0x40000000;

/** Fills one entry of the attachment's table: what an exporter's map_dma_buf does with a page. */
export const sg_set_page = step(
  'sg_set_page',
  (k: Kernel, att: number, i: number, pfn: number) => {
    k.sg_link.set(entry(k, att, i), pfn);
    k.sg_dma.set(entry(k, att, i), pfn);
  },
  {
    text: ([, i, pfn]) => `sg[${i}] = page${pfn}`,
    atomic: 'the table is private to the exporter until map_dma_buf returns it',
  },
);
const sg_free_entry = step(
  'sg_free_table',
  (k: Kernel, att: number, i: number) => {
    k.sg_link.set(entry(k, att, i), 0);
    k.sg_dma.set(entry(k, att, i), 0);
  },
  { atomic: 'the importer has given the table back' },
);
const mangle_entry = step('mangle_sg_table', (k: Kernel, att: number, i: number) => {
  const at = entry(k, att, i);
  k.sg_link.set(at, k.sg_link.get(at) ^ SG_MANGLED);
});
const mangles = step('CONFIG_DMABUF_DEBUG', (k: Kernel) => (k.config.dmabufDebug ? 1 : 0));

/** dma-buf.c:776 mangle_sg_table: an exclusive or, so doing it twice undoes it. */
const mangle_sg_table = routine(
  'mangle_sg_table',
  function* (att: number, pages: number): Run<void> {
    if (!(yield* mangles())) return;
    for (let i = 0; i < pages; i++) yield* mangle_entry(att, i);
  },
  'drivers/dma-buf/dma-buf.c',
  'mangle_sg_table',
);

/** sg_dma_address of an entry: the page that the device reaches, or 0. */
export const sg_dma_address = step(
  'sg_dma_address',
  (k: Kernel, att: number, i: number) => k.sg_dma.get(entry(k, att, i)),
  { text: ([, i], v) => `sg_dma_address(sg[${i}]) = page${v}` },
);
/**
 * sg_page of an entry: its page link, as an importer must not read it.
 * @returns the pfn, 0 when there is none, or a negative number when the link is scrambled: whoever
 *   follows it dies of a bad pointer
 */
export const sg_page = step(
  'sg_page',
  (k: Kernel, att: number, i: number) => {
    const link = k.sg_link.get(entry(k, att, i));
    return link & SG_MANGLED ? -EINVAL : link;
  },
  {
    text: ([, i], v) =>
      v < 0 ? `sg_page(sg[${i}]) = a scrambled pointer` : `sg_page(sg[${i}]) = page${v}`,
  },
);

function* table(buf: number): Run<DmaBufOps> {
  return dma_buf_operations.at(yield* ops_of(buf)) as DmaBufOps;
}

/**
 * Attaches a device to a buffer. dma-buf.c:989 dma_buf_attach
 * @returns the attachment's number, or a negative errno
 */
export const dma_buf_attach = routine(
  'dma_buf_attach',
  function* (buf: number): Run<number> {
    const ops = yield* table(buf);
    if (ops.attach) {
      const err = yield* ops.attach(buf);
      if (err) return err;
    }
    yield* resv.lock(buf);
    const att = yield* list_add(buf);
    yield* resv.unlock(buf);
    if (att !== NO_ROOM) return att;
    if (ops.detach) yield* ops.detach(buf);
    return -ENOMEM;
  },
  'drivers/dma-buf/dma-buf.c',
);

/** Ends an attachment; its table must have been given back. dma-buf.c:1015 dma_buf_detach */
export const dma_buf_detach = routine(
  'dma_buf_detach',
  function* (att: number): Run<void> {
    const buf = yield* buffer_of(att);
    const ops = yield* table(buf);
    yield* resv.lock(buf);
    yield* list_del(att);
    yield* resv.unlock(buf);
    if (ops.detach) yield* ops.detach(buf);
  },
  'drivers/dma-buf/dma-buf.c',
);

/**
 * Gets the attachment's sg_table, the reservation lock held: read it with {@link sg_dma_address}.
 * dma-buf.c:1112 dma_buf_map_attachment
 * @returns 0 or a negative errno
 */
export const dma_buf_map_attachment = routine(
  'dma_buf_map_attachment',
  function* (att: number): Run<number> {
    const buf = yield* buffer_of(att);
    const ops = yield* table(buf);
    if (!ops.map_dma_buf) return -EINVAL;
    const err = yield* ops.map_dma_buf(buf, att);
    if (err) return err;
    yield* mangle_sg_table(att, yield* pages_of(buf));
    return 0;
  },
  'drivers/dma-buf/dma-buf.c',
);

/** Gives the table back, the reservation lock held. dma-buf.c:1217 dma_buf_unmap_attachment */
export const dma_buf_unmap_attachment = routine(
  'dma_buf_unmap_attachment',
  function* (att: number): Run<void> {
    const buf = yield* buffer_of(att);
    const ops = yield* table(buf);
    const pages = yield* pages_of(buf);
    yield* mangle_sg_table(att, pages);
    if (ops.unmap_dma_buf) yield* ops.unmap_dma_buf(buf, att);
    for (let i = 0; i < pages; i++) yield* sg_free_entry(att, i);
  },
  'drivers/dma-buf/dma-buf.c',
);

/** The same under the reservation lock. dma-buf.c:1189 dma_buf_map_attachment_unlocked */
export const dma_buf_map_attachment_unlocked = routine(
  'dma_buf_map_attachment_unlocked',
  function* (att: number): Run<number> {
    const buf = yield* buffer_of(att);
    yield* resv.lock(buf);
    const ret = yield* dma_buf_map_attachment(att);
    yield* resv.unlock(buf);
    return ret;
  },
  'drivers/dma-buf/dma-buf.c',
);

/** The same under the reservation lock. dma-buf.c:1249 dma_buf_unmap_attachment_unlocked */
export const dma_buf_unmap_attachment_unlocked = routine(
  'dma_buf_unmap_attachment_unlocked',
  function* (att: number): Run<void> {
    const buf = yield* buffer_of(att);
    yield* resv.lock(buf);
    yield* dma_buf_unmap_attachment(att);
    yield* resv.unlock(buf);
  },
  'drivers/dma-buf/dma-buf.c',
);

const attachments_left = step('dmabuf->attachments', (k: Kernel, buf: number) => {
  let n = 0;
  for (let a = 0; a < (k.config.attachments ?? 0); a++) {
    if (k.att_buffer.get(a) === buf + 1) n++;
  }
  return n;
});
const warn_attached = step('WARN', (k: Kernel) =>
  k.mem.report({
    severity: 'breaks',
    rule: 'R11',
    text: 'WARNING: dma_buf_release: an importer is still attached',
  }),
);

/** dma-buf.c:107: a buffer that is released has no attachments left. */
export const warn_if_attached = routine(
  'dma_buf_release',
  function* (buf: number): Run<void> {
    if (yield* attachments_left(buf)) yield* warn_attached();
  },
  'drivers/dma-buf/dma-buf.c',
);
