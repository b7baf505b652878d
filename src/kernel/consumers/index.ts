// SPDX-License-Identifier: GPL-2.0-or-later
/** All consumers that the matrix knows: what the files beside this one export by default. */
import type { ConsumerTraits } from '../../contract/traits.ts';
import { FILES } from './all.gen.ts';

export const CONSUMERS: readonly ConsumerTraits[] = FILES.flat();
