// SPDX-License-Identifier: GPL-2.0-or-later
// Writes docs/fidelity.md from runs on both stock kernels: the suite and random
// programs, races, the thread's failures, the stories, the patch. Takes a quarter
// of an hour; `node scripts/fidelity.mjs stories patch` runs these parts only and
// leaves the others as they stand.

import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from './build.mjs';
import { root } from './setup.mjs';

/** @param {string[]} args */
function pfnmap(...args) {
  const { stdout } = spawnSync(
    process.execPath,
    [join(root, 'dist', 'cli.js'), ...args, '--json'],
    {
      encoding: 'utf8',
      maxBuffer: 2 ** 30,
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  return JSON.parse(stdout);
}

/** @param {unknown[][]} rows */
const table = (rows) =>
  rows.map((row, i) => `| ${row.join(' | ')} |${i ? '' : `\n|${row.map(() => '---|').join('')}`}`);

/**
 * Races by what is mapped: how many, how many of their outcomes were seen.
 * @param {any} kernel
 */
function byMapping(kernel) {
  /** @type {Map<string, { races: number, possible: number, seen: number }>} */
  const sums = new Map();
  for (const { id, possible, seen } of kernel.held) {
    const kind = id.split(' ')[0];
    const sum = sums.get(kind) ?? { races: 0, possible: 0, seen: 0 };
    sums.set(kind, sum);
    sum.races++;
    sum.possible += possible;
    sum.seen += seen;
  }
  return sums;
}
/** @param {any} one */
const answered = ({ agrees }) => (agrees === null ? '-' : agrees ? 'yes' : 'no');
/** @param {{ races: number, possible: number, seen: number } | undefined} sum */
const share = (sum) => (sum ? `${sum.seen} of ${sum.possible}` : '-');

/** The parts of the page, in order: each is from runs of its own. */
const parts = {
  suite() {
    const [a, b] = pfnmap('conform').kernels;
    return [
      '## Confirmed on kernels that ran',
      '',
      ...table([
        ['kernel', 'programs', 'of them agree', 'operations', 'seed of the random ones'],
        ...[a, b].map((k) => [
          k.release,
          k.programs,
          k.programs - k.programs_mismatched,
          k.ops,
          k.seed,
        ]),
      ]),
      '',
      'The suite asks every kind of mapping the same questions. By area, programs that agree:',
      '',
      ...table([
        ['area', a.release, b.release],
        .../** @type {any[]} */ (a.areas).map((area, i) => [
          area.area,
          `${area.agree} of ${area.programs}`,
          `${b.areas[i].agree} of ${b.areas[i].programs}`,
        ]),
      ]),
      '',
    ];
  },
  races() {
    const races = pfnmap('conform', '--race', '18').kernels;
    const [racesA, racesB] = races.map(byMapping);
    return [
      'Interleavings: racing programs (`pfnmap conform --race`), two threads of a process or two processes,',
      'each run 1000 times on two CPUs. Whatever came out must be among the outcomes that the explorer finds;',
      'what share of these was seen says how well the races were hit, and nothing of the others.',
      '',
      ...table([
        ['kernel', 'races', 'runs', 'disagree', 'possible outcomes', 'of them seen', 'seed'],
        .../** @type {any[]} */ (races).map((k) => [
          k.release,
          k.races,
          k.runs,
          k.races_disagreeing,
          k.outcomes_possible,
          `${k.outcomes_seen} (${Math.round((100 * k.outcomes_seen) / k.outcomes_possible)} %)`,
          k.seed,
        ]),
      ]),
      '',
      'Outcomes seen of those possible, by what is mapped (flag 16: VM_PFNMAP over ordinary entries):',
      '',
      ...table([
        ['mapping', A, B],
        ...[...racesA.keys()].map((kind) => [
          kind,
          share(racesA.get(kind)),
          share(racesB.get(kind)),
        ]),
      ]),
      '',
    ];
  },
  failures() {
    const { reproduced } = pfnmap('reproduce');
    return [
      'Failures of the thread, reproduced with the answers that the model predicts:',
      '',
      ...table([
        ['name', 'what', A, B],
        .../** @type {any[]} */ (reproduced)
          .filter((r) => r.release === A)
          .map((r) => {
            const other = reproduced.find(
              (/** @type {any} */ o) => o.name === r.name && o.release === B,
            );
            return [r.name, r.title, r.agrees ? 'yes' : 'no', other?.agrees ? 'yes' : 'no'];
          }),
      ]),
      '',
    ];
  },
  stories() {
    const stories = pfnmap('list').scenarios.map((/** @type {any} */ { id }) => id);
    const { reproduced: told } = pfnmap('reproduce', ...stories);
    return [
      'Counterexamples of the catalogue, run step for step with the test module in the roles of exporter and',
      'consumer (`pfnmap reproduce NAME`), the answers being those that the model predicts:',
      '',
      ...table([
        ['story', A, B],
        ...stories
          .map((/** @type {string} */ id) => {
            const of = (/** @type {string} */ release) =>
              told.find((/** @type {any} */ t) => t.name === id && t.release === release);
            return { id, one: of(A), other: of(B) };
          })
          .filter(
            (/** @type {any} */ { one, other }) => one.agrees !== null || other.agrees !== null,
          )
          .map((/** @type {any} */ { id, one, other }) => [id, answered(one), answered(other)]),
      ]),
      '',
      'Not run, because nobody in the guest can play a part, or because a switch lies inside a function of the',
      'kernel:',
      '',
      .../** @type {any[]} */ (told)
        .filter((t) => t.release === A && t.cannot && t.schedule)
        .map((t) => `- ${t.name}: ${t.cannot}`),
      '',
    ];
  },
  patch() {
    const { reproduced: patched } = pfnmap('reproduce', '--patch');
    return [
      'What the posted patch would have warned about, by probes on return of the unmodified functions:',
      '',
      .../** @type {any[]} */ (patched).map((p) => {
        const warns = p.steps.filter((/** @type {any} */ s) => s.kernel === 'WARNING');
        const names = warns.map((/** @type {any} */ s) => `\`${s.op}\``).join(' ');
        return `- ${p.release}: ${names}; ${p.agrees ? 'as the model says' : 'not as the model says'}.`;
      }),
      '',
    ];
  },
  cited: () => [
    '## Only cited',
    '',
    'Outcomes of races that were never seen: that a thread can be interrupted there rests on the',
    'granularity rule (docs/architecture.md) and on the cited source. R3, huge entries without a special bit: 6.1 never makes them for such a mapping, 6.12 has the',
    'bit. The exporters of real drivers other than the system heap, udmabuf and vgem, and the consumers',
    'other than GUP and its users, follow_pte, follow_pfnmap_start, fixup_user_fault and HMM.',
    '',
    '## Out of reach',
    '',
    'Weak memory order (software emulation on x86 has none to show), reclaim that runs by itself, devices',
    'that do DMA, more than two CPUs.',
    'What the generator of random programs never makes, and why, is at the head of',
    'src/conform/generate.ts.',
    '',
  ],
};

/** What the page begins with, and each part. */
const HEAD = [
  '# Fidelity',
  '',
  'What the model says of Linux, and what confirms it. Generated by `node scripts/fidelity.mjs` from runs',
  'on stock Debian kernels; do not edit.',
  '',
].join('\n');
const BEGINNINGS = [
  '## Confirmed',
  'Interleavings:',
  'Failures of',
  'Counterexamples of',
  'What the posted patch',
  '## Only cited',
];

await build();
const [A, B] = pfnmap('kernel', 'get').kernels.map((/** @type {any} */ k) => k.release);
const file = join(root, 'docs', 'fidelity.md');
const old = readFileSync(file, 'utf8');
const at = [...BEGINNINGS.map((line) => old.indexOf(`\n${line}`) + 1), old.length];
const asked = process.argv.slice(2);
const unknown = asked.find((name) => !Object.hasOwn(parts, name));
if (unknown) throw new Error(`no part is called '${unknown}': ${Object.keys(parts).join(' ')}`);
const text = Object.entries(parts).map(([name, lines], i) =>
  asked.length && !asked.includes(name) ? old.slice(at[i], at[i + 1]) : lines().join('\n'),
);
writeFileSync(file, `${HEAD}\n${text.map((part) => part.trim()).join('\n\n')}\n`);
console.log('docs/fidelity.md');
