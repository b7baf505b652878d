// SPDX-License-Identifier: GPL-2.0-or-later
import { defineConfig } from 'vitest/config';
import { writeLists } from './scripts/lists.mjs';

writeLists();

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // No test says anything of time; this only ends what hangs, on a machine that is busy with much else.
    testTimeout: 30 * 60_000,
    hookTimeout: 30 * 60_000,
  },
});
