// SPDX-License-Identifier: GPL-2.0-or-later
/** Compiled code that an earlier run kept: whatever has become of it, the program says the same. */

import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { pfnmap, useBuild, useDirectory } from './program.ts';

useBuild();
const dir = useDirectory();

const list = () => pfnmap(['list'], { env: { XDG_CACHE_HOME: dir.path() } });
const code = () => join(dir.path(), 'pfnmap', 'code');
const kept = () => {
  const [version] = readdirSync(code());
  return readdirSync(join(code(), version!)).map((name) => join(code(), version!, name));
};

test('code is kept by the first run, and only added to when there is more of it', async () => {
  const first = await list();
  expect(first).toMatchObject({ code: 0, stderr: '' });
  const files = kept();
  expect(files.length).toBeGreaterThan(1);
  const before = files.map((file) => readFileSync(file));
  expect(await list()).toEqual(first);
  expect(files.map((file) => readFileSync(file))).toEqual(before);
});

test('code that is cut off, overwritten or of another file is not used', async () => {
  const first = await list();
  const files = kept();
  const [whole] = files.map((file) => readFileSync(file));
  const damages: ((data: Buffer) => Buffer)[] = [
    (data) => data.subarray(0, data.length / 2),
    (data) => Buffer.concat([data.subarray(0, 200), Buffer.alloc(data.length, 0x5a)]),
    () => Buffer.alloc(0),
    () => whole!,
  ];
  for (const damage of damages) {
    for (const file of files) writeFileSync(file, damage(readFileSync(file)));
    expect(await list()).toEqual(first);
  }
});

test('a cache that cannot be made is done without', async () => {
  const first = await list();
  rmSync(code(), { recursive: true });
  writeFileSync(code(), 'not a directory');
  expect(await list()).toEqual(first);
  rmSync(code());
  expect(await list()).toEqual(first);
  expect(existsSync(code())).toBe(true);
});
