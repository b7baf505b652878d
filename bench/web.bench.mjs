// SPDX-License-Identifier: GPL-2.0-or-later
// The page in headless Chromium: how fast it explores, how soon it paints,
// whether it ever keeps the main thread busy, and how much script it loads.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import { build } from '../scripts/build.mjs';
import { root } from '../scripts/setup.mjs';
import { need } from '../scripts/tools.mjs';
import { median } from './measure.mjs';

const RUNS = 3;
/** A large cell without a counterexample to look for. */
const CELL = 'ttm-huge/notifier-retry';
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Notes, before the page runs, when it first paints. */
const WATCH = `
  globalThis.pfnmapPaint = 0;
  new PerformanceObserver((list) => {
    for (const e of list.getEntries()) if (e.name === 'first-contentful-paint') pfnmapPaint = e.startTime;
  }).observe({ type: 'paint', buffered: true });
`;

/**
 * What a trace says in processor time, which other programs on the machine do not lengthen: the longest
 * task of the page's main thread in milliseconds, and the seconds that its workers were at work.
 *
 * @param {Buffer} trace
 */
function processorTime(trace) {
  /** @type {{ name: string, pid: number, tid: number, ts: number, dur?: number, tdur?: number, args: { name?: string } }[]} */
  const events = JSON.parse(trace.toString()).traceEvents;
  /** @param {RegExp} name */
  const on = (name) => {
    const threads = events.filter((e) => e.name === 'thread_name' && name.test(e.args.name ?? ''));
    return events.filter((e) => threads.some((t) => t.pid === e.pid && t.tid === e.tid));
  };
  const tasks = (/** @type {typeof events} */ some) =>
    some.filter((e) => /RunTask$/.test(e.name) && e.tdur);
  const main = on(/^CrRendererMain$/);
  // The page has no modules: these are what drives the browser, put into the page.
  const driver = main.filter((e) => e.name === 'v8.evaluateModule');
  const own = tasks(main).filter(
    (e) => !driver.some((d) => d.ts >= e.ts && d.ts <= e.ts + (e.dur ?? 0)),
  );
  return {
    longest: Math.max(0, ...own.map((e) => (e.tdur ?? 0) / 1000)),
    workers: tasks(on(/DedicatedWorker/)).reduce((sum, e) => sum + (e.tdur ?? 0) / 1e6, 0),
  };
}

/** @param {import('playwright-core').Browser} browser @param {string} url */
async function open(browser, url) {
  const context = await browser.newContext({ viewport: { width: 1400, height: 900 } });
  const page = await context.newPage();
  await page.addInitScript(WATCH);
  return { context, page, show: () => page.goto(url) };
}

/**
 * Waits for a text on the page; looks seldom, for looking takes time on the page's main thread.
 *
 * @param {import('playwright-core').Page} page
 * @param {string} where
 * @param {RegExp} wanted
 */
async function told(page, where, wanted) {
  for (const end = Date.now() + 180_000; Date.now() < end; await sleep(500)) {
    const found = wanted.exec((await page.locator(where).first().textContent()) ?? '');
    if (found) return found;
  }
  throw new Error(`the page never said ${wanted}`);
}

const millions = (/** @type {string} */ count) => Number(count.replaceAll(',', '')) / 1e6;

/** @param {import('playwright-core').Browser} browser @param {string} url */
async function frontPage(browser, url) {
  const { context, page, show } = await open(browser, url);
  await show();
  const [, states, seconds] = await told(page, '.figures', /^all .* ([\d,]+) states in ([\d.]+) s/);
  const paint = Number(await page.evaluate('pfnmapPaint'));
  await context.close();
  return { paint, rate: millions(states) / Number(seconds) };
}

/**
 * The same under a trace, which takes time of its own.
 *
 * @param {import('playwright-core').Browser} browser
 * @param {string} url
 */
async function traced(browser, url) {
  const { context, page, show } = await open(browser, url);
  await browser.startTracing(page, {
    categories: ['toplevel', 'v8', 'devtools.timeline', '__metadata'],
  });
  await show();
  const [, states] = await told(page, '.figures', /^all .* ([\d,]+) states in ([\d.]+) s/);
  const { longest, workers } = processorTime(await browser.stopTracing());
  await context.close();
  return { longest, each: millions(states) / workers };
}

/**
 * One exploration in one worker, nothing of which is known from another.
 *
 * @param {import('playwright-core').Browser} browser
 * @param {string} url
 */
async function oneCell(browser, url) {
  const { context, page, show } = await open(browser, `${url}#/show/${CELL}`);
  await show();
  const [, states, time, unit] = await told(page, '.outcome', /([\d,]+) states, ([\d.]+) (m?s)\b/);
  await context.close();
  return millions(states) / (unit === 's' ? Number(time) : Number(time) / 1000);
}

export default async () => {
  if (!(await build())) throw new Error('the build failed');
  const child = spawn(process.execPath, [join(root, 'dist', 'cli.js'), 'ui', '--no-open'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const url = await new Promise((done) =>
    child.stdout.once('data', (data) => done(`${data}`.trim())),
  );
  const browser = await chromium.launch({ executablePath: need('chromium'), args: FLAGS });
  try {
    const runs = [];
    const traces = [];
    const cells = [];
    for (let i = 0; i < RUNS; i++) {
      runs.push(await frontPage(browser, url));
      cells.push(await oneCell(browser, url));
      traces.push(await traced(browser, url));
    }
    const { headers } = await fetch(`${url}pfnmap.js`, {
      method: 'HEAD',
      headers: { 'accept-encoding': 'br' },
    });
    return [
      {
        name: 'page: matrix, from nothing',
        value: median(runs.map((r) => r.rate)),
        unit: 'M states/s',
        atLeast: 0.5,
      },
      {
        name: `page: ${CELL}, from nothing, one worker`,
        value: median(cells),
        unit: 'M states/s',
      },
      {
        name: 'page: matrix, a worker, processor time',
        value: median(traces.map((r) => r.each)),
        unit: 'M states/s',
      },
      {
        name: 'page: longest task of the main thread',
        value: median(traces.map((r) => r.longest)),
        unit: 'ms',
        atMost: 50,
      },
      {
        name: 'page: first paint',
        value: median(runs.map((r) => r.paint)),
        unit: 'ms',
        atMost: 1000,
      },
      {
        name: `page: script before the editor, as served (${headers.get('content-encoding')})`,
        value: Number(headers.get('content-length')) / 1000,
        unit: 'kB',
        atMost: 150,
      },
    ];
  } finally {
    await browser.close();
    child.kill('SIGINT');
  }
};
