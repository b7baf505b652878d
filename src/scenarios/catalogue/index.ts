// SPDX-License-Identifier: GPL-2.0-or-later
/** The stories of the thread that can be run: what the files beside this one export by default. */
import type { Scenario } from '../scenario.ts';
import { FILES } from './all.gen.ts';

export const CATALOGUE: readonly Scenario[] = FILES.flat();
