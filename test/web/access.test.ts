// SPDX-License-Identifier: GPL-2.0-or-later
/** Every view by axe, dark and light, wide and narrow: nothing serious, and nothing that scrolls sideways. */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { useBuild } from '../cli/program.ts';
import { contextOf, launch, serve } from './browser.ts';

useBuild();

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let browser: Browser;
let server: Awaited<ReturnType<typeof serve>>;
beforeAll(async () => {
  [browser, server] = await Promise.all([launch(), serve()]);
});
afterAll(async () => {
  await browser?.close();
  await server?.end();
});

interface AxeResults {
  violations: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[];
}

const VIEWS: readonly (readonly [hash: string, ready: string])[] = [
  ['', '.grid a.v-corrupts'],
  ['scenarios', '.catalogue li'],
  ['show/ttm/follow-and-keep', '.ladder .line'],
  ['show/kvm/notifier-retry', '.mutants tbody tr'],
  ['show/ttm/gup?drive=1', '.choices li'],
  ['book', '.prose dt'],
  ['rules/R8', '.figure .ladder .line'],
  ['systems/S4', '.prose cite'],
  ['thread', '.prose h2'],
  ['tour', '.prose cite'],
  ['glossary', '.prose strong'],
  ['report', '.drop'],
  ['edit', '.editor'],
  ['edit/ttm/move-forgets-zap', '.outcomes li'],
];

test.each(
  VIEWS.flatMap(
    ([hash, ready]) =>
      [
        [hash, ready, 1400, 'light'],
        [hash, ready, 360, 'dark'],
      ] as const,
  ),
)('#/%s (%s) at %d px, %s', async (hash, ready, width, colorScheme) => {
  const context = await contextOf(browser, {
    viewport: { width, height: 800 },
    colorScheme,
    reducedMotion: 'reduce',
    bypassCSP: true,
  });
  try {
    const page = await context.newPage();
    await page.goto(`${server.url}#/${hash}`);
    await page.locator(ready).first().waitFor();
    await page.evaluate(axe);
    const { violations } = (await page.evaluate('axe.run()')) as AxeResults;
    const serious = violations.filter(
      ({ impact }) => impact === 'serious' || impact === 'critical',
    );
    const told = serious.map(
      ({ id, nodes }) => `${id}: ${nodes[0].html.slice(0, 200)} ${nodes[0].failureSummary}`,
    );
    expect(told).toEqual([]);
    const wide = await page.evaluate('document.documentElement.scrollWidth');
    expect(wide).toBeLessThanOrEqual(width);
  } finally {
    await context.close();
  }
});
