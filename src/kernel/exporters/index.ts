// SPDX-License-Identifier: GPL-2.0-or-later
/** All exporters that the matrix knows, in reading order. */
import type { ExporterTraits } from '../../contract/traits.ts';
import { systemHeap } from './system-heap.ts';
import { systemHeapInsertPage } from './system-heap-insert-page.ts';
import { testKinds } from './test-module.ts';
import { ttm } from './ttm.ts';
import { udmabuf } from './udmabuf.ts';
import { vgem } from './vgem.ts';

export const EXPORTERS: readonly ExporterTraits[] = [
  systemHeap,
  systemHeapInsertPage,
  udmabuf,
  vgem,
  ttm,
  ...testKinds,
];
