// SPDX-License-Identifier: GPL-2.0-or-later
/** All exporters that the matrix knows: what the files beside this one export by default. */
import type { ExporterTraits } from '../../contract/traits.ts';
import { FILES } from './all.gen.ts';

const RANK: readonly ExporterTraits['status'][] = [
  'real',
  'historical',
  'hypothetical',
  'test module',
];

/** Ordinary memory comes last: it is there for comparison. */
const rank = ({ object, status }: ExporterTraits): number =>
  object === 'dma-buf' || object === 'device' ? RANK.indexOf(status) : RANK.length;

/** In reading order: what exists, what existed, what was only discussed, the test module's kinds. */
export const EXPORTERS: readonly ExporterTraits[] = FILES.flat().sort((a, b) => rank(a) - rank(b));
