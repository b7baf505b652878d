// SPDX-License-Identifier: GPL-2.0-or-later
/** Real Chromium on the built page: one browser and one server for a file of tests. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { need } from '../../scripts/tools.mjs';

export const dist = join(import.meta.dirname, '..', '..', 'dist');

/** Chromium's background traffic has no place in a test. */
export const FLAGS = [
  '--no-sandbox',
  '--disable-dev-shm-usage',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Starts `pfnmap ui`. */
export async function serve(): Promise<{ url: string; end: () => Promise<number | null> }> {
  const child = spawn(process.execPath, [join(dist, 'cli.js'), 'ui', '--no-open'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const ended = new Promise<number | null>((done) => child.on('exit', done));
  const url = await new Promise<string>((done, fail) => {
    child.stdout.once('data', (data) => done(String(data).trim()));
    child.on('exit', (code) => fail(new Error(`pfnmap ui ended with ${code}`)));
  });
  const end = () => {
    child.kill('SIGINT');
    return ended;
  };
  return { url, end };
}

/** As long as a test may take: no wait is an assertion about time. */
const PATIENCE = 30 * 60_000;

export const launch = (): Promise<Browser> =>
  chromium.launch({ executablePath: need('chromium'), args: FLAGS, timeout: PATIENCE });

/** A context whose waits have our patience. */
export async function contextOf(browser: Browser, options: BrowserContextOptions) {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(PATIENCE);
  return context;
}

/** A page that fails the test when the page has an error of its own. */
export async function open(browser: Browser, address: string, size = { width: 1400, height: 900 }) {
  const context = await contextOf(browser, { viewport: size });
  await context.grantPermissions(['clipboard-read', 'clipboard-write']).catch(() => {});
  const page = await context.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  await page.goto(address);
  return { page, errors, close: () => context.close() };
}

/** The steps taken, as the counter shows them. */
export async function steps(page: Page): Promise<[number, number]> {
  const text = (await page.locator('.controls .count').textContent()) ?? '';
  const [at, end] = text.split('/').map(Number);
  return [at, end];
}
