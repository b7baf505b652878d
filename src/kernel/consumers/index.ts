// SPDX-License-Identifier: GPL-2.0-or-later
/** All consumers that the matrix knows: what the files beside this one export by default. */
import type { ConsumerTraits } from '../../contract/traits.ts';
import { FILES } from './all.gen.ts';

const RANK: readonly ConsumerTraits['status'][] = ['generic', 'real', 'historical', 'hypothetical'];

/** In reading order: the ways to a page, then who goes them, then what is gone or was only discussed. */
export const CONSUMERS: readonly ConsumerTraits[] = FILES.flat().sort(
  (a, b) => RANK.indexOf(a.status) - RANK.indexOf(b.status),
);
