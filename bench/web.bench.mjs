// SPDX-License-Identifier: GPL-2.0-or-later
// The page in headless Chromium: how fast it explores, how soon it paints,
// whether it ever keeps the main thread busy, and how much script it loads.

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { chromium } from 'playwright-core';
import { build } from '../scripts/build.mjs';
import { root } from '../scripts/setup.mjs';
import { need } from '../scripts/tools.mjs';
import { median } from './measure.mjs';

const RUNS = 3;
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
async function frontPage(browser, url) {
  const context = await browser.newContext({ viewport: { width: 1400, height: 900 } });
  const page = await context.newPage();
  await page.addInitScript(WATCH);
  await browser.startTracing(page, {
    categories: ['toplevel', 'v8', 'devtools.timeline', '__metadata'],
  });
  await page.goto(url);
  const figures = page.getByText(/^all [\d,]+ cells, /);
  await figures.waitFor({ timeout: 180_000 });
  const { longest, workers } = processorTime(await browser.stopTracing());
  const text = (await figures.textContent()) ?? '';
  const [, states = '0', seconds] = /([\d,]+) states in ([\d.]+) s/.exec(text) ?? [];
  const paint = Number(await page.evaluate('pfnmapPaint'));
  await context.close();
  const count = Number(states.replaceAll(',', '')) / 1e6;
  return { paint, longest, each: count / workers, rate: count / Number(seconds) };
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
    for (let i = 0; i < RUNS; i++) runs.push(await frontPage(browser, url));
    const script = gzipSync(readFileSync(join(root, 'dist', 'web', 'pfnmap.js')), { level: 9 });
    return [
      {
        name: 'page: matrix, from nothing',
        value: median(runs.map((r) => r.rate)),
        unit: 'M states/s',
        atLeast: 0.5,
      },
      {
        name: 'page: the same, a worker, processor time',
        value: median(runs.map((r) => r.each)),
        unit: 'M states/s',
      },
      {
        name: 'page: longest task of the main thread',
        value: median(runs.map((r) => r.longest)),
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
        name: 'page: script before the editor, gzip',
        value: script.length / 1000,
        unit: 'kB',
        atMost: 150,
      },
    ];
  } finally {
    await browser.close();
    child.kill('SIGINT');
  }
};
