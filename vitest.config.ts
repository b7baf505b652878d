// SPDX-License-Identifier: GPL-2.0-or-later
import { defineConfig } from 'vitest/config';
import { writeLists } from './scripts/lists.mjs';

writeLists();

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // No test says anything of time; this only ends what hangs.
    testTimeout: 10 * 60_000,
    hookTimeout: 10 * 60_000,
  },
});
