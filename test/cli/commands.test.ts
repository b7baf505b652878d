// SPDX-License-Identifier: GPL-2.0-or-later
/** Every command as a user runs it: output, exit codes, JSON. */

import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { CLI, pfnmap, type Ran, steady, useBuild, useDirectory } from './program.ts';

useBuild();
const dir = useDirectory();

const COMMANDS = [
  'matrix',
  'list',
  'explore',
  'show',
  'explain',
  'replay',
  'init',
  'conform',
  'check',
];

/** Types of all fields, so that a change of shape is seen. */
function shape(value: unknown): unknown {
  if (Array.isArray(value)) return value.length ? [shape(value[0])] : [];
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, shape(v)]));
}

describe('help', () => {
  test('names all commands and the exit codes', async () => {
    const { code, stdout } = await pfnmap(['--help']);
    for (const command of COMMANDS) expect(stdout).toContain(`\n  ${command} `);
    expect(stdout).toContain('130 interrupted');
    expect(code).toBe(0);
    // Asked for alone it was written down when this was built.
    expect((await pfnmap(['--help', '--help'])).stdout).toBe(stdout);
  });

  for (const command of COMMANDS) {
    test(`${command} has an example`, async () => {
      const { code, stdout } = await pfnmap([command, '--help']);
      expect(stdout).toMatch(/Examples?:\n {2}\$ pfnmap /);
      expect(code).toBe(0);
    });
  }

  test('the version is the package’s', async () => {
    expect((await pfnmap(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe('bad usage: exit code 2, one message, no output', () => {
  const cases: [args: string[], message: RegExp][] = [
    [[], /^Usage: pfnmap/],
    [['matrx'], /^pfnmap: unknown command 'matrx'\n\(Did you mean matrix\?\)/],
    [['matrix', '--exportr', 'ttm'], /unknown option '--exportr'\n\(Did you mean --exporter\?\)/],
    [['matrix', '--exporter', 'tmm'], /^pfnmap: no exporter 'tmm': did you mean 'ttm'\?\n$/],
    [
      ['matrix', '--consumer', 'gup-fsat'],
      /^pfnmap: no consumer 'gup-fsat': did you mean 'gup-fast'\?\n$/,
    ],
    [
      ['matrix', '--linux', '5.4'],
      /argument '5\.4' is invalid\. Allowed choices are 6\.12, 6\.1\./,
    ],
    [['explore', 'kvm/folow-and-keep'], /did you mean 'kvm\/follow-and-keep'\?/],
    [['explore', '--max-states', 'many'], /argument 'many' is invalid\. It is a whole number\./],
    [
      ['show', 'ttm/follow-and-kep'],
      /^pfnmap: no consumer 'follow-and-kep': did you mean 'follow-and-keep'\?\n$/,
    ],
    [['show', 'kvm'], /^pfnmap: 'kvm' is a group: name one of kvm\//],
    [['show', 'qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq'], /`pfnmap list` has them all/],
    [['explain', 'R99'], /^pfnmap: no rule 'R99': did you mean 'R9'\?\n$/],
    [['explain', 'no-page-reff'], /did you mean 'no-page-ref'\?/],
    [
      ['replay', 'A1.x'],
      /^pfnmap: 'A1.x' is no schedule: there is no @VERSION. One reads NAME@VERSION:STEPS/,
    ],
    [['replay', 'ttm/cpu@6.12:A1.x'], /^pfnmap: ttm\/cpu is a cell: its schedule has a way/],
    [['replay', 'ttm/cpu@6.12,jump:A1.x'], /^pfnmap: 'jump' is no way to take memory back/],
    [
      ['replay', 'kvm/notifier-retry@6.12:A3.x'],
      /segment 1 \('A3\.x'\) says 3 steps and describes 1/,
    ],
    [['init', 'my-driver.txt'], /should end in \.ts/],
    [
      ['conform', '--corpus', '/dev/null'],
      /^pfnmap: \/dev\/null: there is nothing in it to compare\n$/,
    ],
    [['conform', '--corpus', 'gone.jsonl'], /^pfnmap: gone\.jsonl: no such file\n$/],
    [['conform', '--corpus', 'a', '--facts', 'b'], /are two runs/],
    [
      ['check', '--types', 'R17'],
      /^pfnmap: --types R17: no type or rule R17; there are R1 EXPORTER/,
    ],
    [['check', '--patch', 'a', 'b'], /^pfnmap: b: --patch takes no path: --tree DIR names/],
  ];
  for (const [args, message] of cases) {
    test(args.join(' ') || '(nothing)', async () => {
      const { code, stdout, stderr } = await pfnmap(args, { cwd: dir.path() });
      expect(stderr).toMatch(message);
      expect(stdout).toBe('');
      expect(code).toBe(2);
    });
  }
});

describe('matrix', () => {
  test('one row as a table', async () => {
    const { code, stdout, stderr } = await pfnmap(['matrix', '--exporter', 'system-heap']);
    await expect(steady(stdout)).toMatchFileSnapshot('../golden/matrix-row.txt');
    expect(stderr).toBe('');
    expect(code).toBe(0);
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
  });

  test('JSON', async () => {
    const args = ['matrix', '--exporter', 'vgem', '--consumer', 'follow-and-keep', '--json'];
    const { code, stdout } = await pfnmap(args);
    const json = JSON.parse(stdout);
    expect(json.cells).toHaveLength(1);
    expect(json.cells[0]).toMatchObject({ verdict: 'corrupts', rules: ['R8'] });
    expect(shape(json)).toMatchInlineSnapshot(`
      {
        "cells": [
          {
            "bound": "string",
            "consumer": "string",
            "counterexample": {
              "minimal": "boolean",
              "rule": "string",
              "schedule": "string",
              "steps": "number",
              "switches": "number",
              "threads": "number",
              "violation": "string",
            },
            "exporter": "string",
            "ms": "number",
            "rule": "string",
            "rules": [
              "string",
            ],
            "states": "number",
            "transitions": "number",
            "verdict": "string",
          },
        ],
        "linux": "string",
        "totals": {
          "cells": "number",
          "ms": "number",
          "states": "number",
        },
      }
    `);
    expect(code).toBe(0);
  });

  test('an unknown cell: exit code 3', async () => {
    const args = ['matrix', '--exporter', 'ttm', '--consumer', 'cpu', '--max-states', '50'];
    const { code, stdout, stderr } = await pfnmap(args);
    expect(stdout).toContain('unknown');
    expect(stderr).toMatch(/^pfnmap: ttm\/cpu is unknown: gave up at 50 states\n/);
    expect(code).toBe(3);
  });

  test.each(['SIGINT', 'SIGTERM'] as const)(
    '%s prints what is finished as valid JSON: exit code 130',
    async (signal) => {
      // The signal has to come after the process started to explore and before it is done, which
      // no fixed time is on every machine: too early kills it (no code), too late finds it done.
      const interrupted = (ms: number) =>
        pfnmap(['matrix', '--json'], {
          onStart: (child) =>
            setTimeout(() => {
              // Twice, as timeout(1) does.
              child.kill(signal);
              child.kill(signal);
            }, ms),
        });
      let answer: Ran = { code: null, stdout: '', stderr: '' };
      for (let ms = 700, tries = 0; answer.code !== 130 && tries < 12; tries++) {
        answer = await interrupted(ms);
        ms *= answer.code === null ? 1.6 : 0.7;
      }
      const { code, stdout, stderr } = answer;
      const json = JSON.parse(stdout);
      expect(json.unfinished).toBeGreaterThan(0);
      expect(json.cells).toHaveLength(json.totals.cells);
      expect(stderr).toMatch(/^pfnmap: interrupted: \d+ of \d+ cells are not finished\n$/);
      expect(code).toBe(130);
    },
  );

  test('a reader that goes away ends it quietly', async () => {
    const { stderr } = await pfnmap(['matrix', '--json', '--exporter', 'vgem'], {
      onStart: (child) => child.stdout?.destroy(),
    });
    expect(stderr).toBe('');
  });
});

test('output that cannot be written is said in a line: exit code 3', () => {
  const full = openSync('/dev/full', 'w');
  const { status, stderr } = spawnSync(process.execPath, [CLI, 'explain', 'R6'], {
    stdio: ['ignore', full, 'pipe'],
    encoding: 'utf8',
  });
  closeSync(full);
  expect(stderr).toMatch(/^pfnmap: the output cannot be written: ENOSPC.*\n$/);
  expect(status).toBe(3);
});

test('a slow reader gets all of it, more than a pipe holds', () => {
  const script = '"$0" "$1" explore --json | { sleep 5; cat; }';
  const { stdout } = spawnSync('sh', ['-c', script, process.execPath, CLI], { encoding: 'utf8' });
  expect(stdout.length).toBeGreaterThan(65_536);
  expect(JSON.parse(stdout).scenarios.length).toBeGreaterThan(100);
});

describe('list', () => {
  test('names what there is', async () => {
    const { code, stdout } = await pfnmap(['list']);
    for (const text of ['Exporters:', '  ttm ', 'Consumers:', '  gup-fast ', 'Scenarios:']) {
      expect(stdout).toContain(text);
    }
    expect(code).toBe(0);
  });

  test('JSON', async () => {
    const { exporters, consumers, scenarios } = JSON.parse(
      (await pfnmap(['list', '--json'])).stdout,
    );
    for (const part of [exporters, consumers, scenarios]) {
      expect(part.length).toBeGreaterThan(5);
      expect(part[0]).toMatchObject({ id: expect.any(String), status: expect.any(String) });
    }
  });
});

describe('explore', () => {
  test('a group, all as expected', async () => {
    const { code, stdout } = await pfnmap(['explore', 'heap']);
    await expect(steady(stdout)).toMatchFileSnapshot('../golden/explore-group.txt');
    expect(code).toBe(0);
  });

  test('JSON', async () => {
    const { stdout } = await pfnmap(['explore', 'heap/close-under-follower', '--json']);
    const { scenarios } = JSON.parse(stdout);
    expect(shape(scenarios[0])).toMatchObject({
      id: 'string',
      title: 'string',
      verdict: 'string',
      expected: 'string',
      rules: ['string'],
      states: 'number',
      transitions: 'number',
      ms: 'number',
      bound: 'string',
      counterexample: {
        threads: 'number',
        switches: 'number',
        steps: 'number',
        schedule: 'string',
        violation: 'string',
      },
      mutants: [],
    });
  });

  test('a cell is data: exit code 0', async () => {
    const { code, stdout } = await pfnmap(['explore', 'vgem/follow-and-keep']);
    expect(stdout).toContain('=> follow-and-keep writes page');
    expect(code).toBe(0);
  });
});

describe('show and replay', () => {
  test('a cell, and its ladder again from the schedule', async () => {
    const { code, stdout } = await pfnmap(['show', 'ttm/follow-and-keep']);
    expect(code).toBe(0);
    await expect(steady(stdout)).toMatchFileSnapshot('../golden/show-cell.txt');
    const words = stdout.slice(stdout.indexOf('pfnmap replay ') + 14).split(/[\s\\]+/);
    const again = await pfnmap(['replay', ...words.filter(Boolean)]);
    expect(stdout).toContain(again.stdout.trimEnd());
    expect(again.code).toBe(0);
  });

  test('a scenario', async () => {
    const { stdout } = await pfnmap(['show', 'heap/close-under-follower', '--json']);
    const json = JSON.parse(stdout);
    expect(json).toMatchObject({ verdict: 'violated', rules: ['R8'], story: expect.any(String) });
    const { schedule } = json.counterexample;
    const again = await pfnmap(['replay', schedule, '--json']);
    const { steps, diverged, violations } = JSON.parse(again.stdout);
    expect(diverged).toBe(null);
    expect(steps).toHaveLength(json.counterexample.steps);
    expect(violations.at(-1).text).toBe(json.counterexample.violation);
    expect(again.code).toBe(0);
  });

  test('a schedule of another version says where it parts: exit code 1', async () => {
    const { stdout } = await pfnmap(['show', 'heap/close-under-follower', '--json']);
    const { schedule } = JSON.parse(stdout).counterexample;
    const other = schedule.replace(/:([A-C])(\d+)\.(..)/, ':$1$2.zz');
    const { code, stderr } = await pfnmap(['replay', other]);
    expect(stderr).toMatch(
      /^pfnmap: this schedule is of another version of the scenario: it parts at/,
    );
    expect(code).toBe(1);
  });
});

describe('explain', () => {
  test('lists the rules', async () => {
    const { code, stdout } = await pfnmap(['explain']);
    expect(stdout.match(/^R\d+ /gm)).toHaveLength(16);
    expect(code).toBe(0);
  });

  test('tells of one, by number or name', async () => {
    const { code, stdout } = await pfnmap(['explain', 'R6']);
    await expect(stdout).toMatchFileSnapshot('../golden/explain-R6.txt');
    expect((await pfnmap(['explain', 'no-page-ref'])).stdout).toBe(stdout);
    expect(JSON.parse((await pfnmap(['explain', 'r6', '--json'])).stdout).name).toBe('no-page-ref');
    expect(code).toBe(0);
  });
});

describe('conform', () => {
  const program = (id: string, result: string) =>
    `${JSON.stringify({ id, ops: ['mkbuf 0 fpfn 2 0'], expect: { '6.12': [result] } })}\n`;

  test('a kernel that is not there is bad input, what is none lacks means', async () => {
    dir.write('vmlinuz', 'no kernel');
    const none = await pfnmap(['conform', '--boot', 'nosuch:here'], { cwd: dir.path() });
    expect(none.stderr).toBe('pfnmap: nosuch: no such file\n');
    expect(none.code).toBe(2);
    // With its headers, and without: test/conform/ends.test.ts.
    const bare = await pfnmap(['conform', '--boot', 'vmlinuz'], { cwd: dir.path() });
    expect(bare.stderr).toMatch(/\/vmlinuz: not a kernel image for x86/);
    expect(bare.code).toBe(3);
  });

  test('a foreign file is refused with its line: exit code 2', async () => {
    dir.write('foreign.jsonl', 'hello\n');
    dir.write('foreign.tsv', 'a\tb\n');
    const corpus = await pfnmap(['conform', '--corpus', 'foreign.jsonl'], { cwd: dir.path() });
    expect(corpus.stderr).toMatch(/^pfnmap: foreign\.jsonl:1: /);
    expect(corpus.code).toBe(2);
    const facts = await pfnmap(['conform', '--facts', 'foreign.tsv'], { cwd: dir.path() });
    expect(facts.stderr).toMatch(/^pfnmap: foreign\.tsv:1: /);
    expect(facts.code).toBe(2);
  });

  test('a file that was cut off keeps what stands before', async () => {
    dir.write('cut.jsonl', `${program('one', 'no such result')}${program('two', '').slice(0, 20)}`);
    const { code, stdout, stderr } = await pfnmap(['conform', '--corpus', 'cut.jsonl', '--json'], {
      cwd: dir.path(),
    });
    expect(stderr).toMatch(/^pfnmap: cut\.jsonl:2: /);
    expect(code).toBe(2);
    const json = JSON.parse(stdout);
    expect(json).toMatchObject({ linux: '6.12', programs: 1, programs_mismatched: 1 });
    expect(shape(json.mismatches[0])).toEqual({
      id: 'string',
      op: 'number',
      text: 'string',
      recorded: 'string',
      model: 'string',
      booted: 'null',
    });
  });
});
