// SPDX-License-Identifier: GPL-2.0-or-later
import { defineConfig } from 'vitest/config';
import { writeLists } from './scripts/lists.mjs';

writeLists();

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
