// SPDX-License-Identifier: GPL-2.0-or-later
/** The page in real Chromium: matrix, stepping, driving, traits, links, back and forward. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { matrixCells } from '../../src/scenarios/matrix.ts';
import { pfnmap, useBuild } from '../cli/program.ts';
import { dist, launch, open, serve, steps } from './browser.ts';

useBuild();

let browser: Browser;
let server: Awaited<ReturnType<typeof serve>>;
beforeAll(async () => {
  [browser, server] = await Promise.all([launch(), serve()]);
});
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

/** How far what is on the page has moved by itself, as browsers count it. */
const SHIFT = `new Promise((done) => {
  let sum = 0;
  new PerformanceObserver((list) => {
    for (const { value, hadRecentInput } of list.getEntries()) if (!hadRecentInput) sum += value;
  }).observe({ type: 'layout-shift', buffered: true });
  setTimeout(() => done(sum), 300);
})`;

const finished = (page: Page) => page.getByText(/^all \d+ cells/).waitFor();
const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });
const current = (page: Page) => page.locator('.ladder [aria-current=step]').textContent();

/** Presses keys on a slow machine, none of which waits for what the one before it does. */
async function atOnce(page: Page, keys: readonly string[]): Promise<void> {
  const session = await page.context().newCDPSession(page);
  await session.send('Emulation.setCPUThrottlingRate', { rate: 20 });
  await Promise.all(keys.map((key) => page.keyboard.press(key)));
  await session.send('Emulation.setCPUThrottlingRate', { rate: 1 });
  await session.detach();
}

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
  });

  test('is walked with the arrows, filtered by rule, and does not move while it fills', async () => {
    await on('', async (page) => {
      const box = () => page.locator('.grid').boundingBox();
      const before = await box();
      await finished(page);
      expect(await box()).toEqual(before);
      expect(await page.evaluate(SHIFT)).toBeLessThan(0.005);
      await page.locator('.grid a.cell[tabindex="0"]').focus();
      await page.keyboard.press('ArrowRight');
      await page.keyboard.press('ArrowDown');
      const [first, second] = [...new Set(matrixCells().map((c) => c.exporter.id))];
      const consumer = matrixCells()[1].consumer.id;
      expect(first).toBeTruthy();
      const focused = page.locator('.grid a.cell:focus');
      expect(await focused.getAttribute('aria-label')).toContain(`${second} met by ${consumer}`);
      await page.getByRole('button', { name: /^R8 / }).click();
      expect(page.url()).toContain('rule=R8');
      expect(await page.locator('.grid a.cell.faded').count()).toBeGreaterThan(0);
      expect(await page.locator('.grid a.cell:not(.faded)').allTextContents()).toContain('R8');
    });
  });
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
      // The last step is no line of Linux, and is said to be what it is.
      await button(page, 'To the end').click();
      expect(await page.locator('.where .cite').textContent()).toContain(
        'the load or store itself',
      );
    });
  });

  test('has its code beside it: the story’s, and the model’s at each step', async () => {
    await on('show/kvm/follow-and-keep', async (page) => {
      await page.locator('.ladder .line').first().waitFor();
      await page.getByText('The story’s code').click();
      await page.locator('.code pre', { hasText: "id: 'kvm/follow-and-keep'" }).waitFor();
      await page.getByText('The model’s code at this step').click();
      await page.locator('.ladder button', { hasText: 'pte[0]: none -> page1 W special' }).click();
      await page
        .locator('.code pre', { hasText: /routine\(\s+'(insert_pfn|vmf_insert_pfn\w*)'/ })
        .waitFor();
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

  test.each([
    ['show/kvm/follow-and-keep', '.ladder .line'],
    ['show/ttm/follow-and-keep', '.ladder .line'],
    ['show/ttm/gup?drive=1', '.choices li'],
  ])('#/%s does not move while it is explored', async (hash, ready) => {
    await on(hash, async (page) => {
      await page.locator(ready).first().waitFor();
      expect(await page.evaluate(SHIFT)).toBeLessThan(0.05);
    });
  });

  test('that is safe says what was covered, and falls without a guard', async () => {
    await on('show/kvm/notifier-retry', async (page) => {
      await page.getByText('No interleaving breaks a rule').waitFor();
      expect(await page.locator('.outcome').textContent()).toMatch(/safe.*states.*Bound/s);
      const see = page.getByRole('link', { name: /See it fall without the sequence test/ });
      await see.first().click();
      await page.locator('.ladder .line').first().waitFor();
      expect(await page.locator('.without').textContent()).toContain('the sequence test');
      expect(await current(page)).toContain('R8 falls');
      await page.getByRole('link', { name: 'Put it back' }).click();
      await page.getByText('No interleaving breaks a rule').waitFor();
    });
  });

  test('of a cell is explored again when a trait is switched, and the link holds it', async () => {
    await on('show/ttm/cpu', async (page) => {
      await page.getByText('No interleaving breaks a rule').waitFor();
      await page.getByLabel('zap', { exact: true }).selectOption('never');
      await page.locator('.ladder .line').first().waitFor();
      expect(await page.locator('.outcome').first().textContent()).toContain('R4');
      expect(page.url()).toContain('x.zap=never');
      await page.reload();
      await page.locator('.ladder .line').first().waitFor();
      expect(await page.getByLabel('zap', { exact: true }).inputValue()).toBe('never');
      // The same as code of one's own.
      await button(page, 'Edit them as code').click();
      await page.getByText('It has not been run').waitFor();
      await page.locator('.editor').getByText("zap: 'never'").waitFor();
      await page.goBack();
      await page.getByRole('button', { name: 'Take the change of zap back' }).click();
      await page.getByText('No interleaving breaks a rule').waitFor();
    });
  });
});

describe('driving', () => {
  test('one chooses who goes next, is told what that can lead to, and comes to the end', async () => {
    await on('show/ttm/follow-and-keep?drive=1&face=move,no-user', async (page) => {
      const choices = page.locator('.choices');
      await choices.getByRole('button', { name: /^follow-and-keep: .*can lead to R8/ }).waitFor();
      // The consumer as far as it goes before its lookup, then the exporter through a move, then the rest.
      const go = async (thread: string) => {
        const before = (await steps(page))[1];
        await choices
          .getByRole('button', { name: `${thread}: go on to its next lock or choice` })
          .click();
        await page
          .locator('.controls .count', { hasNotText: new RegExp(`/ ${before}$`) })
          .waitFor();
      };
      await go('ttm');
      const [at, end] = await steps(page);
      expect(at).toBe(end);
      expect(end).toBeGreaterThan(0);
      expect(page.url()).toContain('schedule=');
      await page.goBack();
      await page.locator('.controls .count', { hasText: '0 / 0' }).waitFor();
      await page.goForward();
      await page.locator('.controls .count', { hasText: `${end} / ${end}` }).waitFor();
      await choices.getByRole('button', { name: 'Take a step back' }).click();
      await page.locator('.controls .count', { hasText: `${end - 1} / ${end - 1}` }).waitFor();
    });
  });

  test('from the last step but one the next one breaks the rule', async () => {
    await on('show/kvm/follow-and-keep', async (page) => {
      await page.locator('.ladder .line').first().waitFor();
      const [, end] = await steps(page);
      await page.goto(`${page.url()}?step=${end - 1}`);
      await page.locator('.controls .count', { hasText: `${end - 1} / ${end}` }).waitFor();
      await button(page, 'Drive on from this step').click();
      const fatal = page.getByRole('button', { name: /breaks R8 now$/ });
      await fatal.click();
      await page
        .getByText(/the write is lost/)
        .first()
        .waitFor();
      expect((await steps(page))[1]).toBe(end);
    });
  });
});

describe('links', () => {
  test('a link shows the same step again, in another browser', async () => {
    let link = '';
    let line = '';
    await on('show/ttm/follow-and-keep?step=40', async (page) => {
      await page.locator('.ladder .line').first().waitFor();
      await button(page, 'Drive on from this step').click();
      await page.locator('.choices li').first().waitFor();
      line = (await current(page)) ?? '';
      await button(page, 'Copy as link').click();
      await page.getByText('link copied').waitFor();
      link = await page.evaluate('navigator.clipboard.readText()');
    });
    await on(link.split('#/')[1], async (page) => {
      await page.locator('.ladder .line').first().waitFor();
      expect((await steps(page))[0]).toBe(40);
      expect(await current(page)).toBe(line);
    });
  });

  test('copies are what they are called', async () => {
    const { stdout } = await pfnmap(['show', 'kvm/follow-and-keep', '--json']);
    const { ladder, counterexample } = JSON.parse(stdout);
    await on('show/kvm/follow-and-keep', async (page) => {
      await page.locator('.ladder .line').first().waitFor();
      const copied = async (form: string) => {
        await button(page, `Copy as ${form}`).click();
        await page.getByText(`${form} copied`).waitFor();
        return page.evaluate('navigator.clipboard.readText()') as Promise<string>;
      };
      expect(await copied('text')).toBe(ladder);
      expect(await copied('Markdown')).toContain(ladder.trimEnd());
      expect(await copied('command')).toBe(`pfnmap replay ${counterexample.schedule}`);
      expect(JSON.parse(await copied('JSON')).rules).toEqual(['R8']);
      const svg = await copied('SVG');
      expect(svg).toMatch(/^<svg.*hva_to_pfn_remapped\(\).*<\/svg>\n$/s);
      await button(page, 'Copy as PNG').click();
      await page.getByText('PNG copied').waitFor();
      const types = await page.evaluate(
        'navigator.clipboard.read().then((items) => items[0].types)',
      );
      expect(types).toContain('image/png');
    });
  });

  test('a stale name offers the nearest, a stale schedule what there is today', async () => {
    await on('show/kvm/folow-and-keep', async (page) => {
      await page.getByRole('link', { name: 'kvm/follow-and-keep' }).click();
      await page.locator('.ladder .line').first().waitFor();
    });
    await on('show/kvm/follow-and-keep?schedule=C3.zzz', async (page) => {
      await page.getByText('this schedule is of another version of the scenario').waitFor();
      await page.getByRole('link', { name: 'the clearest counterexample of today' }).click();
      expect(await current(page)).toContain('R8 falls');
    });
    await on('show/ttm/gup?x.zap=sometimes&x.colour=red', async (page) => {
      await page.getByText(/zap = sometimes; exporter: colour = red/).waitFor();
    });
    await on('nowhere/at/all', async (page) => {
      await page.getByText('There is nothing at this address').waitFor();
    });
  });

  test('of the book’s text lead to views of the page, or to the list of the patch', () => {
    const text = readFileSync(join(dist, 'web', 'book.js'), 'utf8');
    const links = [...text.matchAll(/href=\\?"([^"\\]+)/g)].map(([, to]) => to);
    expect(links.length).toBeGreaterThan(100);
    const view = /^#\/(?:$|(?:rules\/R|systems\/S)\d+$|thread\/|tour$|glossary$|book|show\/|edit$)/;
    expect(links.filter((to) => !view.test(to) && !to.includes('patchwork'))).toEqual([]);
  });

  test('a version that is not modelled is said not to be', async () => {
    await on('show/kvm/follow-and-keep?linux=5.10', async (page) => {
      await page.getByText('This link is about Linux 5.10').waitFor();
      await page.locator('.ladder .line').first().waitFor();
    });
    await on('rules/R99', async (page) => {
      await page.getByText('There is nothing at this address').waitFor();
    });
  });

  test('a mail that is named leads to what the book tells of it', async () => {
    const heading = (page: Page, mail: string) => page.getByRole('heading', { name: mail });
    const focused = (page: Page) => page.evaluate('document.activeElement.textContent');
    await on('show/kvm/follow-and-keep?linux=6.1', async (page) => {
      await page.getByRole('link', { name: 'Vetter 23/14:28' }).first().click();
      await heading(page, 'Vetter 23/14:28').waitFor();
      expect(await focused(page)).toBe('Vetter 23/14:28');
      expect(await page.getByLabel('Linux').inputValue()).toBe('6.1');
      await page.goBack();
      await page.locator('.ladder .line').first().waitFor();
    });
    await on('rules/R8', async (page) => {
      await page.getByRole('link', { name: 'König 23/15:15' }).click();
      await heading(page, 'König 23/15:15').waitFor();
      expect(await focused(page)).toBe('König 23/15:15');
      await page.goBack();
      await page.goto(page.url().replace('rules/R8', 'systems/S9'));
      await page.locator('cite a').first().click();
      await page.waitForURL(/#\/thread\/vetter-/);
    });
  });

  test('back and forward lead through the views', async () => {
    await on('', async (page) => {
      await page.getByRole('link', { name: 'Scenarios' }).click();
      await page.getByRole('link', { name: 'kvm/follow-and-keep', exact: true }).click();
      await page.locator('.ladder .line').first().waitFor();
      await page.keyboard.press('ArrowLeft');
      await page.goBack();
      expect(await page.locator('h1').textContent()).toBe('Scenarios');
      await page.goBack();
      await page.getByRole('heading', { name: /May this consumer/ }).waitFor();
      await page.goForward();
      await page.goForward();
      await page.locator('.ladder .line').first().waitFor();
      expect(page.url()).toContain('step=');
    });
  });

  test('/ finds', async () => {
    await on('book', async (page) => {
      await page.locator('h1').waitFor();
      await atOnce(page, ['/', ...'no-page', 'Enter']);
      await page.getByRole('heading', { name: 'no-page-ref' }).waitFor();
      // Again, and from the start.
      await atOnce(page, ['/', ...'ttm/gup', 'Escape', '/', ...'no-stale', 'Enter']);
      await page.getByRole('heading', { name: 'no-stale-translation' }).waitFor();
    });
  });

  test('each key is a step, however fast they come', async () => {
    await on('show/kvm/follow-and-keep?step=0', async (page) => {
      await page.locator('.ladder .line').first().waitFor();
      const stops: number[] = [];
      for (let i = 0; i < 4; i++) {
        await page.keyboard.press('ArrowRight');
        stops.push((await steps(page))[0]);
      }
      await button(page, 'To the start').click();
      await atOnce(page, Array(4).fill('ArrowRight'));
      expect((await steps(page))[0]).toBe(stops[3]);
      await atOnce(page, ['ArrowLeft', 'ArrowLeft', 'ArrowRight']);
      expect((await steps(page))[0]).toBe(stops[2]);
    });
  });
});
