// SPDX-License-Identifier: GPL-2.0-or-later
/** The cache: whatever happens to it, a report is the one that a check without it gives. */
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { checkCached, checkChange, checkPatch } from '../../src/check/cache.ts';
import { check } from '../../src/check/check.ts';
import { difference } from '../../src/check/difference.ts';
import type { CheckReport } from '../../src/contract/finding.ts';

const dir = mkdtempSync(join(tmpdir(), 'pfnmap-cache-'));
afterAll(() => rmSync(dir, { recursive: true }));
const cache = join(dir, 'cache');
vi.stubEnv('XDG_CACHE_HOME', cache);

const path = join(dir, 'linux');
const options = { path, linux: '6.12', self: null };
const example = (name: string) => join(import.meta.dirname, 'examples', name);
const patch = new Map([['drivers/pages.c', readFileSync(example('R2/good-pfn.c'), 'latin1')]]);
let plain: CheckReport;

beforeAll(async () => {
  mkdirSync(join(path, 'include/linux'), { recursive: true });
  mkdirSync(join(path, 'drivers'));
  writeFileSync(join(path, 'Kconfig'), '');
  writeFileSync(join(path, 'Makefile'), 'VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 0\n');
  cpSync(example('R2/bad-vmf-page.c'), join(path, 'drivers/pages.c'));
  cpSync(example('R8/bad-keeps.c'), join(path, 'drivers/keeps.c'));
  plain = await check(options);
  expect(plain.findings.length).toBeGreaterThan(1);
  // A tree that has just been written is not known again.
  await sleep(2200);
});
beforeEach(() => rmSync(cache, { recursive: true, force: true }));

/** All files of the cache. */
const files = () =>
  readdirSync(join(cache, 'pfnmap'), { recursive: true, withFileTypes: true })
    .filter((f) => f.isFile())
    .map((f) => join(f.parentPath, f.name));

test('holds what a tree is, its names, what patches go by, and the report, and the report is used', async () => {
  expect(await checkCached(options)).toEqual(plain);
  const kinds = files().map((f) => f.split('/').at(-2));
  expect(kinds.sort()).toEqual(['base', 'check', 'index', 'scan']);
  const report = files().find((f) => f.includes('/check/'))!;
  writeFileSync(report, JSON.stringify({ ...plain, findings: [] }));
  expect((await checkCached(options)).findings).toEqual([]);
});

describe('that is damaged', () => {
  test.each(['empty', 'cut short', 'other bytes', 'gone'])('%s', async (how) => {
    const { after } = await checkChange(options, patch);
    const brought = await checkPatch(options, patch);
    for (const file of files()) {
      const { length } = readFileSync(file);
      if (how === 'empty') truncateSync(file, 0);
      else if (how === 'cut short') truncateSync(file, length >> 1);
      else if (how === 'other bytes') writeFileSync(file, Buffer.alloc(length, 0xff));
      else rmSync(file);
    }
    expect((await checkChange(options, patch)).after).toEqual(after);
    expect(await checkPatch(options, patch)).toEqual(brought);
    expect(await checkCached(options)).toEqual(plain);
  });
});

/** What a patch brings in, by two full checks. */
const broughtIn = async (overlay: ReadonlyMap<string, string | null>) =>
  difference(await check(options), await check({ ...options, overlay }), overlay).findings;

test('a patch to a module, or for an audit, goes by two reports', async () => {
  const first = vi.fn();
  const module = join(dir, 'module');
  mkdirSync(module);
  cpSync(example('R2/bad-vmf-page.c'), join(module, 'pages.c'));
  for (const base of [
    { ...options, path: module },
    { ...options, audit: true },
  ]) {
    const overlay = new Map([
      ['drivers/more.c', readFileSync(example('R8/bad-keeps.c'), 'latin1')],
    ]);
    const { findings } = await checkPatch(base, overlay, first);
    const whole = difference(await check(base), await check({ ...base, overlay }), overlay);
    expect(findings).toEqual(whole.findings);
    expect(findings).not.toEqual([]);
  }
  expect(first).not.toHaveBeenCalled();
});

describe('a patch to a tree that is not as it was', () => {
  const helper = join(path, 'drivers/helper.c');
  const text = (flag: string) =>
    `int set_up(struct vm_area_struct *vma)\n{\n\tvm_flags_set(vma, ${flag});\n\treturn 0;\n}\n`;
  const driver = `#include <linux/dma-buf.h>
static int new_mmap(struct dma_buf *d, struct vm_area_struct *vma)
{
\treturn set_up(vma);
}
static const struct dma_buf_ops new_ops = { .mmap = new_mmap, .release = new_release };
`;
  const overlay = new Map([['drivers/new.c', driver]]);
  afterEach(() => rmSync(helper, { force: true }));

  test('a file is new', async () => {
    await checkPatch(options, overlay);
    writeFileSync(helper, text('VM_PFNMAP'));
    expect((await checkPatch(options, overlay)).findings).toEqual(await broughtIn(overlay));
  });

  test('a file has changed, or is gone', async () => {
    writeFileSync(helper, text('VM_PFNMAP'));
    await sleep(2200);
    const good = await checkPatch(options, overlay);
    expect(good.findings).toEqual(await broughtIn(overlay));
    writeFileSync(helper, text('VM_DONTDUMP'));
    const bad = await checkPatch(options, overlay);
    expect(bad.findings).toEqual(await broughtIn(overlay));
    expect(bad.findings).not.toEqual(good.findings);
    rmSync(helper);
    expect((await checkPatch(options, overlay)).findings).toEqual(await broughtIn(overlay));
  });
});

test('what a killed run left behind is not read', async () => {
  await checkCached(options);
  for (const file of files()) writeFileSync(`${file}.99999`, 'half of');
  expect(await checkCached(options)).toEqual(plain);
});

test('many runs at once', async () => {
  const runs = Array.from({ length: 8 }, () => checkCached(options));
  for (const report of await Promise.all(runs)) expect(report).toEqual(plain);
  expect(await checkCached(options)).toEqual(plain);
});

test('that cannot be written', async () => {
  mkdirSync(cache);
  writeFileSync(join(cache, 'pfnmap'), 'a file where a directory should be');
  expect(await checkCached(options)).toEqual(plain);
});

test('a patch that was checked is known, with another text it is not', async () => {
  const { after } = await checkChange(options, patch);
  expect((await checkChange(options, patch)).after).toEqual(after);
  const worse = new Map([['drivers/pages.c', readFileSync(example('R8/bad-keeps.c'), 'latin1')]]);
  const other = await checkChange(options, worse);
  expect(other.after.findings).toEqual((await check({ ...options, overlay: worse })).findings);
  expect(other.after.findings).not.toEqual(after.findings);
});

test.skipIf(process.getuid?.() === 0)('a file that cannot be read is told', async () => {
  writeFileSync(join(path, 'drivers/shut.c'), 'struct vm_fault;');
  chmodSync(join(path, 'drivers/shut.c'), 0);
  const { not_analysed } = await checkCached(options);
  expect(not_analysed).toContainEqual({
    kind: 'unreadable',
    path: 'drivers/shut.c',
    line: 0,
    why: 'EACCES',
  });
  rmSync(join(path, 'drivers/shut.c'));
});
