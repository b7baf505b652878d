// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Both stock kernels, really booted: recordings, and random programs that are new each time. The
 * seed is in the test's output; `PFNMAP_SEED` repeats it.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { need } from '../../scripts/tools.mjs';
import { cacheDir } from '../../src/cache-dir.ts';
import { type Coverage, generate } from '../../src/conform/generate.ts';
import { raceText } from '../../src/conform/race.ts';
import { generateRace } from '../../src/conform/races.ts';
import { campaign, type Outcome, shorten, versionOf } from '../../src/conform/real/campaign.ts';
import { Machine } from '../../src/conform/real/machine.ts';
import { cachedKernel, getKernel, type Kernel } from '../../src/conform/real/packages.ts';
import { runRaces } from '../../src/conform/real/races.ts';
import { type Case, corpusCases, runCorpus } from '../../src/conform/run.ts';
import { CLI, pfnmap, useBuild, useDirectory } from '../cli/program.ts';

const SEED = Number(process.env.PFNMAP_SEED ?? Math.floor(Math.random() * 2 ** 31));
const PROGRAMS = 2000;
/** One of each kind of mapping. */
const RACES = 18;
const RUNS = 100;

const say = (text: string) => console.log(text);

beforeAll(() => {
  for (const tool of ['gcc', 'make', 'qemu-system-x86_64'] as const) need(tool);
});

useBuild();
const files = useDirectory();

/** Disagreements as one would want to read them. */
async function told(kernel: Kernel, cases: readonly Case[], outcome: Outcome): Promise<string[]> {
  const wrong = [...new Set(outcome.mismatches.map((m) => m.id))].slice(0, 3);
  const machine = new Machine(kernel);
  const text: string[] = [];
  for (const id of wrong) {
    const one = cases.find((c) => c.id === id) as Case;
    const short = await shorten(kernel, id, one.ops, machine);
    text.push(JSON.stringify(short ?? outcome.mismatches.filter((m) => m.id === id)));
  }
  await machine.close();
  return text;
}

describe.each(['6.12', '6.1'])('Linux %s', (series) => {
  let kernel: Kernel;
  beforeAll(async () => {
    kernel = cachedKernel(series) ?? (await getKernel(series, { say }));
  });

  async function agrees(cases: readonly Case[]): Promise<void> {
    const outcome = await campaign(kernel, cases, { jobs: 2, say });
    const rate = Math.round((1000 * outcome.programs) / outcome.ms);
    say(`${kernel.release}: ${outcome.programs} programs, ${outcome.ops} ops, ${rate}/s`);
    expect(await told(kernel, cases, outcome)).toEqual([]);
    expect(outcome.programs).toBe(cases.length);
    expect(outcome.ops_mismatched).toBe(0);
  }

  test.each(['corpus.jsonl', 'found.jsonl'])(
    'answers as recorded in %s, and as the model does',
    async (file) => {
      const text = readFileSync(join(import.meta.dirname, file), 'utf8');
      const cases = corpusCases(text, versionOf(kernel.release));
      await agrees(cases.filter((one) => one.recorded !== undefined));
    },
  );

  test(`answers ${PROGRAMS} random programs as the model does`, async () => {
    say(`seed ${SEED}`);
    const linux = versionOf(kernel.release);
    const coverage: Coverage = new Map();
    const cases = Array.from({ length: PROGRAMS }, (_, i): Case => {
      const { id, ops } = generate(SEED, i, linux, coverage);
      return { id, setup: [], ops, recorded: undefined };
    });
    await agrees(cases);
  });

  test(`races ${RACES} times as the explorer says is possible`, async () => {
    say(`seed ${SEED}`);
    const linux = versionOf(kernel.release);
    const races = Array.from({ length: RACES }, (_, i) => generateRace(SEED, i, linux));
    const held = await runRaces(kernel, races, { runs: RUNS, seed: SEED, say });
    const seen = held.map((h) => h.seen.size).reduce((sum, n) => sum + n);
    const possible = held.map((h) => h.possible.outcomes.size).reduce((sum, n) => sum + n);
    say(`${kernel.release}: ${seen} of ${possible} possible outcomes seen`);
    const wrong = held.filter((h) => h.unexpected.length || h.leftOut);
    expect(wrong.map((h) => [raceText(h.race), h.leftOut, h.unexpected])).toEqual([]);
    expect(held.every((h) => h.runs === RUNS)).toBe(true);
    // Most races can come out in several ways, and do.
    expect(seen).toBeGreaterThan(RACES);
  });

  test('names the program that a kernel dies of, and goes on', async () => {
    const machine = new Machine(kernel);
    const good = ['0 buf 0 fpfn 1 0', '0 map 0 1 0 rw s 0', '0 r 0 0'];
    // A private mapping that the exporter does not refuse: BUG_ON at the first touch (R14).
    const bad = ['0 buf 0 fpfn 1 1', '0 map 0 1 0 rw p 0', '0 r 0 0', '0 r 0 0'];
    const answers: (readonly string[])[] = [];
    await machine.run([good, bad, good], (_, answer) => answers.push(answer.results));
    await machine.close();
    const read = ['ok', 'ok', '=b0f0000000000000'];
    const died = expect.stringMatching(/^!KERNEL:kernel BUG at mm\/memory\.c:\d+!$/);
    expect(answers).toEqual([read, ['ok', 'ok', died], read]);
    expect(machine.deaths).toBe(1);
  });
});

test('--record writes a corpus that both kernels and the model agree with', async () => {
  const file = join(files.path(), 'recorded.jsonl');
  const again = join(files.path(), 'again.jsonl');
  const fuzz = ['--fuzz', '40', '--seed', String(SEED)];
  const made = await pfnmap(['conform', '--boot', 'both', ...fuzz, '--record', file]);
  expect(made.stderr).toContain('pfnmap: 40 programs recorded in ');
  expect(made.code).toBe(0);
  const text = readFileSync(file, 'utf8');
  const [newer, older] = (['6.12', '6.1'] as const).map((linux) => runCorpus(text, { linux }));
  expect([newer.programs, newer.ops_mismatched]).toEqual([40, 0]);
  expect([older.programs + older.programs_left_out, older.ops_mismatched]).toEqual([40, 0]);
  expect(older.programs).toBeGreaterThan(0);
  const kept = await pfnmap(['conform', '--boot', 'both', '--corpus', file, '--record', again]);
  expect(kept.code).toBe(0);
  expect(readFileSync(again, 'utf8')).toBe(text);
});

/** Runs a command where a directory is a small disk of its own. */
const onDisk = (dir: string, size: string, command: readonly string[]) => {
  const script =
    'mount -t tmpfs -o size="$0" tmpfs "$1" && mkdir "$1/pfnmap" && ' +
    'ln -s "$2/kernels" "$2/images" "$1/pfnmap" && export XDG_CACHE_HOME="$1" && shift 2 && exec "$@"';
  const args = ['-rm', 'sh', '-c', script, size, dir, cacheDir(), ...command];
  return spawnSync('unshare', args, { encoding: 'utf8' });
};

// Not everybody may mount.
test.skipIf(spawnSync('unshare', ['-rm', 'true']).status !== 0)(
  'says how much room a saved machine takes where there is too little',
  () => {
    const command = [process.execPath, CLI, 'conform', '--boot', '6.12', '--fuzz', '1'];
    const { status, stderr } = onDisk(files.path(), '40m', command);
    const machines = join(files.path(), 'pfnmap', 'machines');
    expect(stderr).toContain(`${machines}: the disk is full. A saved machine takes up to 256 MB`);
    expect(status).toBe(3);
  },
);

test('--race runs a race that is written out, and shows what came out how often', async () => {
  const race = 'buf 0 fpfn 1; map 0 1 0 rw s 0; w 0 8 0x77 | mv 0 0 1 zp | w 0 8 0x99 | dr 0 0 8';
  const { code, stdout } = await pfnmap([
    'conform',
    '--boot',
    '6.12',
    '--race',
    race,
    '--seed',
    '1',
  ]);
  expect(stdout).toContain(race);
  expect(stdout).toMatch(/^ +[\d,]+ {2}ok \| ok \| =99$/m);
  expect(stdout).toMatch(
    /: 1 race, 1,000 runs; every outcome seen is one that the explorer finds\n {2}[12] of 2 possible outcomes seen/,
  );
  expect(code).toBe(0);
  const short = 'map 0 1 - rw p 0 | r 0 8 | w 0 8 1 | ';
  const json = await pfnmap(['conform', '--boot', '6.12', '--race', short, '--json']);
  const { races_disagreeing, outcomes_possible, held } = JSON.parse(json.stdout);
  expect([races_disagreeing, outcomes_possible, held[0].runs]).toEqual([0, 2, 1000]);
});

test.each([
  [['--race', 'r 0 8'], /^pfnmap: --race: a race is: setup \| list \| list \| end/],
  [
    ['--race', 'w 0 8 1 | r 0 8 | r 0 8 | '],
    /^pfnmap: --race: 'w 0 8 1' of the setup answers SEGV1/,
  ],
  [['--race', '0'], /^pfnmap: --race: a number from 1 to 100,000/],
  [['--race', '9', '--fuzz', '9'], /^pfnmap: --race and --fuzz are two runs/],
])('conform %s is refused before anything boots', async (args, why) => {
  const { code, stderr } = await pfnmap(['conform', ...args]);
  expect(stderr).toMatch(why);
  expect(code).toBe(2);
});

test('a cache that no kernel can be built for is named before anything is brought', async () => {
  const cache = join(files.path(), 'a cache');
  const { code, stderr } = await pfnmap(['conform'], { env: { XDG_CACHE_HOME: cache } });
  expect(stderr).toContain(
    `${cache}/pfnmap/kernels: the kernel's build takes no path with a space`,
  );
  expect(stderr).toContain('XDG_CACHE_HOME names another place');
  expect(code).toBe(3);
});

test('a recording that cannot be written is refused before anything runs', async () => {
  const { code, stderr } = await pfnmap(['conform', '--fuzz', '9', '--record', files.path()]);
  expect(stderr).toMatch(/^pfnmap: .*: cannot be written: EISDIR/);
  expect(code).toBe(2);
});
