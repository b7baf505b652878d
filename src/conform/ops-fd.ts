// SPDX-License-Identifier: GPL-2.0-or-later
/** Ops on a buffer's descriptor: seek, stat, truncate, read, write, sync, splice. */
import type { OpHandler } from './guest.ts';

export const FD_OPS: Readonly<Record<string, OpHandler>> = {};
