// SPDX-License-Identifier: GPL-2.0-or-later
/** Ops on buffers, mappings, processes and consumers. */

import { sys_munmap } from '../kernel/mm/mmap.ts';
import { type OpHandler, status } from './guest.ts';
import { parseNumber } from './program.ts';

export const MEMORY_OPS: Readonly<Record<string, OpHandler>> = {
  unmap: (g, proc, [page, n]) =>
    status(g.run(proc, sys_munmap(proc, parseNumber(page), parseNumber(n)))),
};
