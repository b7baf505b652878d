// SPDX-License-Identifier: GPL-2.0-or-later
/** The page in real Chromium: matrix, stepping, driving, traits, links, back and forward. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { matrixCells } from '../../src/scenarios/matrix.ts';
import { pfnmap, useBuild } from '../cli/program.ts';
import { launch, open, serve, steps } from './browser.ts';

useBuild();

let browser: Browser;
let server: Awaited<ReturnType<typeof serve>>;
beforeAll(async () => {
  [browser, server] = await Promise.all([launch(), serve()]);
}, 240_000);
afterAll(async () => {
  await browser?.close();
  await server?.end();
});

/** Runs on a fresh page, which must end without an error of its own. */
async function on(hash: string, body: (page: Page) => Promise<void>): Promise<void> {
  const { page, errors, close } = await open(browser, `${server.url}#/${hash}`);
  try {
    await body(page);
    expect(errors).toEqual([]);
  } finally {
    await close();
  }
}

const finished = (page: Page) => page.getByText(/^all \d+ cells/).waitFor({ timeout: 120_000 });
const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });
const current = (page: Page) => page.locator('.ladder [aria-current=step]').textContent();

describe('matrix', () => {
  test('says of every cell what the command says', async () => {
    const { stdout } = await pfnmap(['matrix', '--json', '--linux', '6.1']);
    const { cells } = JSON.parse(stdout) as {
      cells: { exporter: string; consumer: string; verdict: string; rules: string[] }[];
    };
    await on('?linux=6.1', async (page) => {
      await finished(page);
      const labels = await page
        .locator('.grid a.cell')
        .evaluateAll((all) => all.map((a) => a.getAttribute('aria-label')));
      expect(labels.sort()).toEqual(
        cells
          .map(({ exporter, consumer, verdict, rules }) => {
            const fell = rules.length ? ` ${rules.join(', ')}` : '';
            return `${exporter} met by ${consumer}: ${verdict}${fell}`;
          })
          .sort(),
      );
    });
  }, 240_000);

  test('is walked with the arrows, filtered by rule, and does not move while it fills', async () => {
    await on('', async (page) => {
      const box = () => page.locator('.grid').boundingBox();
      const before = await box();
      await finished(page);
      expect(await box()).toEqual(before);
      await page.locator('.grid a.cell[tabindex="0"]').focus();
      await page.keyboard.press('ArrowRight');
      await page.keyboard.press('ArrowDown');
      const [first, second] = [...new Set(matrixCells().map((c) => c.exporter.id))];
      const consumer = matrixCells()[1].consumer.id;
      expect(first).toBeTruthy();
      const focused = page.locator('.grid a.cell:focus');
      expect(await focused.getAttribute('aria-label')).toContain(`${second} met by ${consumer}`);
      await page.getByLabel('rule').selectOption('R8');
      expect(page.url()).toContain('rule=R8');
      expect(await page.locator('.grid a.cell.faded').count()).toBeGreaterThan(0);
      expect(await page.locator('.grid a.cell:not(.faded)').allTextContents()).toContain('R8');
    });
  }, 240_000);
});

describe('a scenario', () => {
  test('is stepped through with buttons and keys, and the address follows', async () => {
    await on('show/ttm/follow-and-keep', async (page) => {
      await page.locator('.ladder .line').first().waitFor();
      const [at, end] = await steps(page);
      expect(at).toBe(end);
      expect(await current(page)).toContain('R8 falls');
      expect(await page.locator('.end').textContent()).toContain('the write is lost');
      await button(page, 'To the start').click();
      expect(await steps(page)).toEqual([0, end]);
      await page.keyboard.press('ArrowRight');
      const [one] = await steps(page);
      expect(one).toBeGreaterThan(0);
      expect(page.url()).toContain(`step=${one}`);
      await page.keyboard.press('ArrowLeft');
      expect(await steps(page)).toEqual([0, end]);
      // Somewhere on the way an entry is made, and is marked as changed.
      const changed = page.locator('.p-ptes td.changed');
      for (let i = 0; i < 40 && !(await changed.count()); i++)
        await page.keyboard.press('ArrowRight');
      expect((await changed.allTextContents()).join(' ')).toContain('special');
      expect(await page.locator('.where .cite').textContent()).toMatch(
        /mm\/\w+\.c:\d+ \(Linux 6\.12/,
      );
    });
  });

  test('plays when space is pressed, and stops', async () => {
    await on('show/kvm/follow-and-keep?step=0', async (page) => {
      await page.locator('.ladder .line').first().waitFor();
      await page.locator('h1').click();
      await page.keyboard.press(' ');
      await button(page, 'Pause').waitFor();
      await page.locator('.controls .count', { hasNotText: /^0 / }).waitFor();
      await page.keyboard.press(' ');
      await button(page, 'Play').waitFor();
    });
  });

  test('shows every step when asked, with all locks', async () => {
    await on('show/kvm/follow-and-keep', async (page) => {
      await page.locator('.ladder .line').first().waitFor();
      const few = await page.locator('.ladder .line').count();
      await page.getByLabel('every step').check();
      expect(await page.locator('.ladder .line').count()).toBeGreaterThan(few * 2);
      const holders = page.locator('.p-locks tbody tr', { hasText: 'mmap_lock' });
      await button(page, 'To the start').click();
      for (let i = 0; i < 10 && !(await holders.count()); i++)
        await page.keyboard.press('ArrowRight');
      expect(await holders.first().textContent()).toMatch(/mmap_lock.*(reader|held)/);
    });
  });

  test('that is safe says what was covered', async () => {
    await on('show/kvm/notifier-retry', async (page) => {
      await page.getByText('No interleaving breaks a rule').waitFor();
      expect(await page.locator('.outcome').textContent()).toMatch(/safe.*states.*Bound/s);
    });
  });
});
