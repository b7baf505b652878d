// SPDX-License-Identifier: GPL-2.0-or-later
/** Compiled code that an earlier run kept: whatever has become of it, the program says the same. */

import {
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
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

test('code is kept after the runs 1, 2 and 4 of a command', async () => {
  const first = await list();
  expect(first).toMatchObject({ code: 0, stderr: '' });
  expect(kept().length).toBeGreaterThan(1);
  const written: boolean[] = [];
  for (let run = 2; run <= 5; run++) {
    const long = new Date(Date.now() - 3_600_000);
    for (const file of kept()) utimesSync(file, long, long);
    expect(await list()).toEqual(first);
    const chunks = kept().filter((file) => file.includes('.js-'));
    written.push(chunks.every((file) => statSync(file).mtimeMs > long.getTime() + 60_000));
  }
  expect(written).toEqual([true, false, true, false]);
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
