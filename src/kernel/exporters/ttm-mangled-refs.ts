// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * TTM with the reference counts of its pages at zero while it uses them, so that nobody can take one
 * (König 23/09:06 and 23/09:39). What asks for a reference is turned away; what asks for none is not.
 */
import type { ExporterTraits } from '../../contract/traits.ts';
import { ttm } from './ttm.ts';

const ttmMangledRefs: ExporterTraits = {
  ...ttm,
  id: 'ttm-mangled-refs',
  title: 'TTM with page counts at zero (proposed)',
  status: 'hypothetical',
  source: 'König 23/09:06',
  // What the counts stop shows at a move; eviction is the ttm row's.
  takesBack: ['move'],
  pageRefs: 'zero',
};

export default ttmMangledRefs;
