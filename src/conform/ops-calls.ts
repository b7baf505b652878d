// SPDX-License-Identifier: GPL-2.0-or-later
/** Ops on ranges of memory and by other ways into it: madvise, mlock, smaps, pipes, O_DIRECT. */
import type { OpHandler } from './guest.ts';

export const CALL_OPS: Readonly<Record<string, OpHandler>> = {};
