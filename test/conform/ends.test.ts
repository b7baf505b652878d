// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * How runs on real kernels end: by Ctrl-C at each stage, by kill -9, by a QEMU that dies, and with a
 * saved machine that is damaged. Nothing is left of any, and what was learned is printed.
 */
import type { ChildProcess } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { need } from '../../scripts/tools.mjs';
import { guestImage } from '../../src/conform/real/image.ts';
import { cachedKernel, getKernel } from '../../src/conform/real/packages.ts';
import { pfnmap, type Ran, useBuild } from '../cli/program.ts';

/** A cache of our own with the user's kernel and image, by which processes of this test are known. */
const home = mkdtempSync(join(tmpdir(), 'pfnmap-ends-'));
const machines = join(home, 'pfnmap', 'machines');
let images = '';

useBuild();
beforeAll(async () => {
  for (const tool of ['gcc', 'make', 'qemu-system-x86_64'] as const) need(tool);
  const kernel = cachedKernel('6.12') ?? (await getKernel('6.12', {}));
  images = join(await guestImage(kernel, {}), '..');
  mkdirSync(machines, { recursive: true });
  symlinkSync(join(images, '..', 'kernels'), join(home, 'pfnmap', 'kernels'));
  useImages(images);
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** Images are the user's, whose other runs may be making one, or our own. */
let ownImages = false;
function useImages(dir: string | null): void {
  ownImages = dir === null;
  rmSync(join(home, 'pfnmap', 'images'), { recursive: true, force: true });
  if (dir) symlinkSync(dir, join(home, 'pfnmap', 'images'));
}

/** More programs than can be over when the signal comes. */
const FUZZ = ['conform', '--boot', '6.12', '--fuzz', '20000', '--seed', '1'];

const until = async (what: () => boolean): Promise<void> => {
  while (!what()) await new Promise((done) => setTimeout(done, 20));
};

/** Runs the program, and does something as soon as `when` holds, or so much later. */
const run = (
  args: readonly string[],
  when: () => boolean,
  later: number,
  what: (child: ChildProcess) => void,
): Promise<Ran> =>
  pfnmap(args, {
    env: { XDG_CACHE_HOME: home },
    onStart: (child) =>
      // If it never comes, what is expected afterwards says so.
      until(() => when() || child.exitCode !== null || child.signalCode !== null).then(() =>
        setTimeout(() => what(child), later),
      ),
  });

/** Processes that work in our cache, by number. */
function ours(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(join('/proc', pid, 'cmdline'), 'latin1').includes(home);
      } catch {
        return false;
      }
    })
    .map(Number);
}

const isSaved = () => readdirSync(machines).some((file) => file.endsWith('.state'));
const parts = () =>
  readdirSync(join(home, 'pfnmap'), { recursive: true })
    .map(String)
    .filter((file) => file.includes('.part-') && (ownImages || !file.startsWith('images')));
const forget = () => {
  for (const file of readdirSync(machines)) rmSync(join(machines, file));
};

test.each([
  ['while the module is built', 'images', 0, /0 of 0 programs agree/],
  ['while the kernel boots', 'machines', 500, /0 of 0 programs agree/],
  ['while programs run', '', 1500, /: (\d[\d,]*) of \1 programs agree/],
] as const)(
  'Ctrl-C %s: what was compared is told, and nothing is left',
  async (_, stage, later, said) => {
    if (stage === 'images') useImages(null);
    if (stage) forget();
    const begun = () =>
      stage ? parts().some((file) => file.startsWith(stage)) : isSaved() && ours().length > 1;
    const { code, stdout, stderr } = await run(FUZZ, begun, later, (child) => child.kill('SIGINT'));
    expect(stdout).toMatch(said);
    expect(stderr).toContain('pfnmap: interrupted; what was compared until then is above\n');
    expect(code).toBe(130);
    await until(() => ours().length === 0);
    expect(parts()).toEqual([]);
    if (stage === 'images') useImages(images);
    // For the last: a machine to run on.
    if (stage === 'machines')
      await run(
        [...FUZZ, '--fuzz', '1'],
        () => true,
        0,
        () => {},
      );
  },
);

test('kill -9 ends QEMU, and the next run removes what was not whole', async () => {
  forget();
  const kill = (child: ChildProcess) => child.kill('SIGKILL');
  const booting = await run(FUZZ, () => parts().length > 0, 500, kill);
  expect(booting.code).toBeNull();
  await until(() => ours().length === 0);
  expect(parts().length).toBeGreaterThan(0);
  const running = await run(FUZZ, isSaved, 1500, kill);
  expect(running.code).toBeNull();
  expect(parts()).toEqual([]);
  await until(() => ours().length === 0);
});

test('a QEMU that dies is named with its program, and the run goes on', async () => {
  const args = [...FUZZ, '--fuzz', '800', '--jobs', '1'];
  const isQemu = (pid: number) =>
    readFileSync(join('/proc', String(pid), 'comm'), 'latin1').startsWith('qemu');
  const { code, stdout } = await run(
    args,
    () => ours().some(isQemu),
    1000,
    () => {
      for (const pid of ours().filter(isQemu)) process.kill(pid, 'SIGKILL');
    },
  );
  expect(stdout).toMatch(/booted {3}!KERNEL:QEMU ended: SIGKILL \(not when run alone\)/);
  expect(stdout).toMatch(/799 of 800 programs agree/);
  expect(stdout).toContain('1 machine died and went on anew');
  expect(code).toBe(1);
});

test('a saved machine that is damaged is booted anew', async () => {
  const state = readdirSync(machines).find((file) => file.endsWith('.state')) as string;
  truncateSync(join(machines, state), 100_000);
  const { code, stdout, stderr } = await run(
    ['conform', ...FUZZ.slice(1, 3), '--fuzz', '5'],
    () => true,
    0,
    () => {},
  );
  expect(stderr).toMatch(/^pfnmap: the saved machine of 6\.12\S* is of no use \(QEMU ended; /);
  expect(stdout).toContain('5 of 5 programs agree');
  expect(code).toBe(0);
});

test("a kernel of one's own: its headers are found, or asked for", async () => {
  const kernel = cachedKernel('6.12');
  if (!kernel) throw new Error('no kernel');
  const boot = (text: string) => pfnmap(['conform', '--boot', text, '--fuzz', '3']);
  const found = await boot(kernel.vmlinuz);
  expect([found.code, found.stdout]).toEqual([0, expect.stringContaining('3 of 3 programs agree')]);
  const alone = join(home, 'vmlinuz');
  symlinkSync(kernel.vmlinuz, alone);
  const named = await boot(`${alone}:${kernel.headers}`);
  expect(named.code).toBe(0);
  writeFileSync(join(home, 'text'), 'no kernel');
  const wrong: readonly (readonly [string, number, string])[] = [
    [alone, 3, 'its headers are not where they usually are'],
    [`${alone}:${home}`, 3, 'not a configured kernel tree'],
    [join(home, 'text'), 3, 'not a kernel image for x86'],
    [join(home, 'nothing'), 2, 'no such file'],
  ];
  for (const [text, code, why] of wrong) {
    const said = await boot(text);
    expect(said.stderr).toContain(why);
    expect([said.code, said.stdout]).toEqual([code, '']);
  }
});
