// SPDX-License-Identifier: GPL-2.0-or-later
/** The reservation lock of a buffer: drivers/dma-buf/dma-resv.c, include/linux/dma-resv.h. */
import { lockSteps } from '../../explore/locks.ts';
import type { Kernel } from '../kernel.ts';

export const resv = lockSteps(['dma_resv_lock', 'dma_resv_unlock'], (k: Kernel) => k.dma_resv);
export const resv_try = lockSteps(
  ['dma_resv_trylock', 'dma_resv_unlock'],
  (k: Kernel) => k.dma_resv,
  { trylock: true, guard: 'dma_resv_lock' },
);
