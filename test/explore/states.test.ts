// SPDX-License-Identifier: GPL-2.0-or-later
/** The routine that expands what is known is the one that states.wat says. */
import { expect, test } from 'vitest';
import { assemble } from '../../scripts/wat.mjs';
import { CODE } from '../../src/explore/arena.ts';

test('arena.ts carries states.wat', async () => {
  expect(CODE, 'run node scripts/wat.mjs').toBe(await assemble('explore/states.wat'));
});
