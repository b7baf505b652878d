// SPDX-License-Identifier: GPL-2.0-or-later
/** Code of one's own in the page: edited, run in the sandbox, foreign, hostile; reports; no server. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { deflateRawSync } from 'node:zlib';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TEXTS } from '../../src/scenarios/catalogue/texts.gen.ts';
import { ownFileIn } from '../../src/scenarios/source.ts';
import { pfnmap, useBuild, useDirectory } from '../cli/program.ts';
import { dist, launch, open, serve } from './browser.ts';

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

async function on(
  hash: string,
  body: (page: Page) => Promise<void>,
  allowed: RegExp | null = null,
) {
  const { page, errors, close } = await open(browser, `${server.url}#/${hash}`);
  try {
    await body(page);
    expect(errors.filter((e) => !allowed?.test(e))).toEqual([]);
  } finally {
    await close();
  }
}

const withCode = (code: string) => `edit?code=${deflateRawSync(code).toString('base64url')}`;
const RUN = 'I have read it: run it';
const said = (page: Page) => page.locator('.edit .said').textContent();

/** Runs code that came by a link, and returns what the page says in the end. */
async function ran(code: string, allowed: RegExp | null = null): Promise<string> {
  let text = '';
  await on(
    withCode(code),
    async (page) => {
      await page.getByRole('button', { name: RUN }).click();
      await page
        .locator('.edit .said', { hasNotText: /^(running|\d+ of \d+ explored)$/ })
        .waitFor();
      text = (await said(page)) ?? '';
      // The page lives on.
      await page.getByRole('link', { name: 'Scenarios' }).click();
      await page.getByRole('heading', { name: 'Scenarios' }).waitFor();
    },
    allowed,
  );
  return text;
}

describe('own code', () => {
  test('the example is run, a cell of it stepped through; the link holds the code', async () => {
    let url = '';
    await on('edit', async (page) => {
      await page.locator('.editor').getByText('driver({').first().waitFor();
      await page.locator('.editor .cm-content').click();
      await page.keyboard.press('Control+Home');
      await page.keyboard.type('// mine\n');
      await page.getByRole('button', { name: 'Run', exact: true }).click();
      await page.getByText(/^all \d+ explored$/).waitFor();
      await page.getByRole('link', { name: 'my-driver/follow-and-keep' }).click();
      await page.locator('.ladder .line').first().waitFor();
      expect(await page.locator('.end').textContent()).toContain('the write is lost');
      url = page.url();
    });
    await on(url.split('#/')[1], async (page) => {
      await page.locator('.editor').getByText('// mine').waitFor();
      await page.getByText('It has not been run').waitFor();
      expect(await page.locator('.ladder').count()).toBe(0);
    });
  });

  test('a story is edited: run at once, changed, run again, shared by its link', async () => {
    const id = 'ttm/move-forgets-zap';
    const text = ownFileIn(TEXTS, id) ?? '';
    const outcome = (page: Page) => page.locator('.outcomes li', { hasText: id }).textContent();
    const explored = (page: Page) => page.getByText(/^all 5 explored$/);
    let url = '';
    await on(`show/${id}`, async (page) => {
      await page.getByRole('link', { name: 'Edit this story' }).click();
      await page.getByRole('heading', { name: `Edit ${id}` }).waitFor();
      // It is the page's own text: nobody has to agree, and the link needs no copy of it.
      await explored(page).waitFor();
      await page.locator('.ladder .line').first().waitFor();
      expect(await outcome(page)).toContain('violated');
      expect(page.url().split('#')[1]).toBe(`/edit/${id}`);
      await page.locator('.editor').getByText("from 'pfnmap'").first().waitFor();

      await page.locator('.editor .cm-content').click();
      await page.keyboard.press('Control+A');
      const kept = text.replace("zap: 'never'", "zap: 'before-copy'");
      await page.evaluate(`navigator.clipboard.writeText(${JSON.stringify(kept)})`);
      await page.keyboard.press('Control+V');
      await page.keyboard.press('Control+Enter');
      await page.waitForURL(/code=/);
      await explored(page).waitFor();
      expect(await outcome(page)).toContain('safe');
      url = page.url();
    });
    await on(url.split('#/')[1], async (page) => {
      await page.getByRole('button', { name: RUN }).click();
      await explored(page).waitFor();
      expect(await outcome(page)).toContain('safe');
    });
  });

  test('an edited story is run again for another version; one that is gone is said to be', async () => {
    const id = 'gup/liar-without-mapping';
    const verdict = (page: Page) => page.locator('.outcomes li', { hasText: id });
    await on(`edit/${id}`, async (page) => {
      await verdict(page).waitFor();
      expect(await verdict(page).textContent()).not.toContain('R13');
      await page.getByLabel('Linux').selectOption('6.1');
      await verdict(page).getByText('R13').waitFor();
    });
    await on('edit/no/such', async (page) => {
      await page.getByText("There is no story 'no/such' to edit.").waitFor();
    });
  });

  test.each([
    ['throws', `throw new Error('no such luck')`, /own\.ts:1: Error: no such luck/],
    ['has a syntax error', `const a = ;`, /own\.ts.*1:11/],
    ['exports nothing', `export const a = 1`, /exports a, but nothing by default/],
    [
      'imports what there is not',
      `import { drivr } from 'pfnmap'; export default drivr({})`,
      /no 'drivr'.*'driver'/,
    ],
    [
      'imports something else',
      `import fs from 'fs'; export default fs`,
      /imports from 'pfnmap' only/,
    ],
    [
      'has a wrong trait',
      `import { driver } from 'pfnmap';\nexport default driver({ exporter: { id: 'x', zapp: 'never' } })`,
      /'zapp'.*'zap'/,
    ],
    ['loops', `for (;;);`, /no step for 1.5 seconds/],
    ['rolls dice', `Math.random()`, /Math\.random is used/],
  ])('that %s gets a message, and the page lives on', async (_, code, message) => {
    expect(await ran(code)).toMatch(message);
  });

  test('that eats memory is stopped, and the page lives on', async () => {
    const text = await ran(
      `const all: number[][] = []; for (;;) all.push(new Array(1e5).fill(1.5));`,
    );
    expect(text).toMatch(/no step for 1.5 seconds|memory|the worker ended/);
  });

  test('can reach nothing: no network, no storage, no page', async () => {
    const asked: string[] = [];
    const trap = createServer((request, response) => {
      asked.push(request.url ?? '');
      response.setHeader('access-control-allow-origin', '*');
      response.end('export default 1');
    });
    await new Promise<void>((done) => trap.listen(0, '127.0.0.1', done));
    const at = `http://127.0.0.1:${(trap.address() as AddressInfo).port}`;
    const hostile = `
      const tried: string[] = [];
      const attempt = (name: string, f: () => unknown) => {
        try { const got = f(); tried.push(name + (got === undefined ? ' gone' : ' ' + typeof got)); }
        catch (e) { tried.push(name + ' refused'); }
      };
      const g = globalThis as any;
      attempt('fetch', () => g.fetch('${at}/fetch'));
      attempt('xhr', () => { const x = new g.XMLHttpRequest(); x.open('GET', '${at}/xhr', false); x.send(); return x.status; });
      attempt('importScripts', () => g.importScripts('${at}/script'));
      attempt('websocket', () => new g.WebSocket('${at.replace('http', 'ws')}/socket'));
      attempt('eventsource', () => new g.EventSource('${at}/events'));
      attempt('beacon', () => g.navigator.sendBeacon('${at}/beacon'));
      attempt('import', () => { g.Function('return import("${at}/module")')(); return 1; });
      attempt('worker', () => new g.Worker('${at}/worker'));
      attempt('indexedDB', () => g.indexedDB.open('x'));
      attempt('caches', () => g.caches.open('x'));
      attempt('document', () => g.document);
      attempt('parent', () => g.parent);
      throw new Error(tried.join(', '));`;
    try {
      // The browser says in the console what its policy refused; that is how it should be.
      const text = await ran(
        hostile,
        /Content Security Policy|Failed to construct|Failed to fetch|Refused|violates/,
      );
      expect(text).toContain('document gone');
      expect(text).toContain('parent gone');
      expect(text).toMatch(/xhr refused/);
      expect(text).toMatch(/importScripts refused/);
      expect(text).toMatch(/import refused/);
      expect(asked).toEqual([]);
    } finally {
      await new Promise((done) => trap.close(done));
    }
  });

  test('cannot break the page with answers that it makes up', async () => {
    const forged = `const g = globalThis as any;
      g.postMessage({ id: 1, done: { subjects: [{ name: 'x', title: {} }] } });
      for (let id = 2; id < 9; id++) g.postMessage({ id, done: { about: 7, result: { verdict: {}, rules: 5 } } });
      g.postMessage(null); g.postMessage({ id: 'x' });
      export default 1;`;
    await on(
      withCode(forged),
      async (page) => {
        await page.getByRole('button', { name: RUN }).click();
        await page.waitForTimeout(1_500);
        await page.getByRole('link', { name: 'Scenarios' }).click();
        await page.getByRole('link', { name: 'kvm/follow-and-keep', exact: true }).click();
        await page.locator('.ladder .line').first().waitFor();
      },
      /./,
    );
  });

  test('a link with half of its code says so', async () => {
    await on(`${withCode('export default 1 // and more of it').slice(0, -14)}`, async (page) => {
      await page.getByText('The code in this link cannot be read').waitFor();
    });
  });
});

const REPORT = {
  tree: { version: '6.1.192', kind: 'kernel' },
  findings: [
    {
      rule: 'R2',
      name: 'exporter-struct-page',
      certainty: 'always',
      depends_on: null,
      path: 'drivers/dma-buf/udmabuf.c',
      line: 40,
      function: 'udmabuf_vm_fault',
      text: 'vmf->page = ubuf->pages[pgoff];',
      message: 'when !drm_dev_is_unplugged(dma_buf_to_obj(dma_buf)->base.dev->primary->dev)',
      subject: { kind: 'exporter', name: 'udmabuf', path: 'drivers/dma-buf/udmabuf.c', line: 1 },
      chain: [
        {
          path: 'drivers/dma-buf/udmabuf.c',
          line: 160,
          function: '',
          text: '.mmap = mmap_udmabuf,',
          why: 'the callback',
        },
        {
          path: 'drivers/dma-buf/udmabuf.c',
          line: 40,
          function: 'udmabuf_vm_fault',
          text: 'vmf->page = <b>x</b>;',
          why: 'inserts a page',
        },
      ],
      traits: {},
      model: {
        verdict: 'corrupts',
        scenario: 'gup/insert-page-pin',
        schedule: 'gup/insert-page-pin@6.12:',
      },
    },
    { nothing: true },
  ],
  not_analysed: [{ kind: 'call', path: 'a.c', line: 1, why: 'a pointer that nothing sets' }],
  ms: 1,
};

describe('a check report', () => {
  const give = (page: Page, name: string, text: string) =>
    page
      .getByLabel('choose a file')
      .setInputFiles({ name, mimeType: 'application/json', buffer: Buffer.from(text) });

  test('is shown by rule and driver with its chain, as text and never as markup', async () => {
    await on('report', async (page) => {
      await give(page, 'report.json', JSON.stringify(REPORT));
      await page.getByText('1 finding in 1 driver, kernel 6.1.192').waitFor();
      expect(await page.locator('.chain li').count()).toBe(2);
      expect(await page.locator('.chain pre').last().textContent()).toContain(
        'vmf->page = <b>x</b>;',
      );
      await page.getByText('finding 2 names no rule').waitFor();
      await page.setViewportSize({ width: 360, height: 800 });
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
      await page.getByRole('link', { name: 'Step through the interleaving' }).click();
      await page.getByRole('heading', { name: 'gup/insert-page-pin' }).waitFor();
      await page.goBack();
      await page.getByText('1 finding in 1 driver').waitFor();
    });
  });

  test.each([
    ['not JSON', 'drivers/x.c:1: WARNING: no', 'is not JSON'],
    ['cut short', JSON.stringify(REPORT).slice(0, 300), 'is not whole'],
    ['another report', '{"runs":[]}', 'this looks like SARIF'],
    ['null', 'null', 'no list of findings'],
    ['odd inside', '{"findings":[null,1,"x",{"rule":5,"path":{}}],"tree":7}', '0 findings'],
  ])('that is %s says what it is not', async (_, text, message) => {
    await on('report', async (page) => {
      await give(page, 'broken.json', text);
      await page.getByText(message).first().waitFor();
    });
  });
});

describe('a file that is dropped', () => {
  /** Drops a file as a browser does: the events with their DataTransfer, one after the other. */
  async function drop(page: Page, on: string, name: string, text: string) {
    const files = await page.evaluateHandle(
      ([name, text]) => {
        const data = new DataTransfer();
        data.items.add(new File([text], name, { type: 'application/json' }));
        return data;
      },
      [name, text] as const,
    );
    for (const type of ['dragenter', 'dragover', 'drop']) {
      await page.locator(on).dispatchEvent(type, { dataTransfer: files });
    }
  }

  test.each([
    ['on its place', 'report', '.drop'],
    ['anywhere on the page', 'book', 'h1'],
  ])('%s is read', async (_, hash, place) => {
    await on(hash, async (page) => {
      await page.locator(place).first().waitFor();
      await drop(page, place, 'report.json', JSON.stringify(REPORT));
      await page.getByText('1 finding in 1 driver, kernel 6.1.192').waitFor();
      expect(page.url()).toContain('#/report');
    });
  });

  test('and is broken says what it is not, and what was shown stays', async () => {
    await on('report', async (page) => {
      await drop(page, '.drop', 'report.json', JSON.stringify(REPORT));
      await page.getByText('1 finding in 1 driver').waitFor();
      await drop(page, '.drop', 'cut.json', JSON.stringify(REPORT).slice(0, 300));
      await page.getByText('is not whole').waitFor();
      expect(await page.getByRole('alert').textContent()).toMatch(/report\.json is still shown/);
      expect(await page.locator('.finding').count()).toBe(1);
    });
  });

  test('is kept from being opened in place of the page', async () => {
    await on('matrix', async (page) => {
      // The page listens from its first effect on.
      await page.waitForFunction(() => {
        const data = new DataTransfer();
        data.items.add(new File(['x'], 'x.txt'));
        const event = new DragEvent('dragover', {
          dataTransfer: data,
          bubbles: true,
          cancelable: true,
        });
        return !document.body.dispatchEvent(event);
      });
    });
  });
});

describe('pfnmap check --html', () => {
  const files = useDirectory();

  test('is one file that a browser shows from the disk', async () => {
    files.write(
      'mine.c',
      `#include <linux/dma-buf.h>
static vm_fault_t mine_fault(struct vm_fault *vmf)
{
	vmf->page = pages[vmf->pgoff]; /* </script><b> */
	get_page(vmf->page);
	return 0;
}
static const struct vm_operations_struct mine_vm_ops = {
	.fault = mine_fault,
};
static int mine_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	vma->vm_ops = &mine_vm_ops;
	return 0;
}
static const struct dma_buf_ops mine_ops = {
	.mmap = mine_mmap,
};
`,
    );
    const { stdout, code } = await pfnmap(['check', '--html', files.path()]);
    expect(code).toBe(1);
    files.write('report.html', stdout);
    const { page, errors, close } = await open(
      browser,
      pathToFileURL(join(files.path(), 'report.html')).href,
    );
    try {
      await page
        .getByRole('link', { name: /^R2 exporter-struct-page/ })
        .first()
        .waitFor();
      expect(await page.locator('.chain pre').allTextContents()).toContainEqual(
        expect.stringContaining('vmf->page = pages[vmf->pgoff]; /* </script><b> */'),
      );
      await page
        .getByRole('link', { name: /^R2 exporter-struct-page/ })
        .first()
        .click();
      await page.locator('.figure .ladder .line').first().waitFor();
      expect(errors).toEqual([]);
    } finally {
      await close();
    }
  });
});

describe('without a server', () => {
  test('the page that is open goes on when the server has gone', async () => {
    const own = await serve();
    const { page, errors, close } = await open(browser, `${own.url}#/book`);
    try {
      await page.getByRole('link', { name: 'R8 no-stale-translation' }).waitFor();
      await page.getByRole('link', { name: 'Begin with the ten-minute tour' }).click();
      await page.getByRole('heading', { name: /Ten minutes/ }).waitFor();
      expect(await own.end()).toBe(0);
      await page.getByRole('link', { name: 'Contents' }).click();
      await page.getByRole('link', { name: 'R8 no-stale-translation' }).click();
      await page.getByRole('heading', { name: 'no-stale-translation' }).waitFor();
      await page.locator('.figure .ladder .line').first().waitFor();
      // What had not been loaded yet is not there; the page says less, and goes on.
      expect(errors.filter((e) => !e.includes('ERR_CONNECTION_REFUSED'))).toEqual([]);
    } finally {
      await close();
    }
  });

  test('from the disk it is read, explored and stepped through', async () => {
    const file = pathToFileURL(join(dist, 'web', 'index.html')).href;
    const { page, errors, close } = await open(browser, `${file}#/tour`);
    try {
      await page.getByRole('heading', { name: /Ten minutes/ }).waitFor();
      await page.goto(`${file}#/show/kvm/follow-and-keep`);
      await page.locator('.ladder .line').first().waitFor();
      expect(await page.locator('.end').textContent()).toContain('the write is lost');
      await page.goto(
        `${file}${`#/${withCode("import { driver } from 'pfnmap'; export default driver({ consumer: { id: 'me', lookup: 'gup' } })")}`}`,
      );
      await page.getByRole('button', { name: RUN }).click();
      await page.getByText(/^all \d+ explored$/).waitFor();
      expect(errors).toEqual([]);
    } finally {
      await close();
    }
  });
});

test('the server serves its files and nothing else', async () => {
  const get = (path: string, headers = {}, method = 'GET') =>
    fetch(new URL(path, server.url), { headers, method }).then((r) => r.status);
  expect(await get('/')).toBe(200);
  expect(await get('/pfnmap.js')).toBe(200);
  expect(await get('/../cli.js')).toBe(404);
  expect(await get('/%2e%2e/cli.js')).toBe(404);
  expect(await get('/', {}, 'POST')).toBe(405);
  const port = new URL(server.url).port;
  const taken = await pfnmap(['ui', '--no-open', '--port', port]);
  expect(taken.code).toBe(2);
  expect(taken.stderr).toBe(
    `pfnmap: port ${port} is in use; without --port a free one is chosen\n`,
  );
  expect((await pfnmap(['ui', '--port', '70000'])).code).toBe(2);
});
