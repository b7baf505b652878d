// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The catalogue: what comes of every story on both versions, with exact state counts, as golden text;
 * `npm run update` takes a change over.
 */
import { describe, expect, it } from 'vitest';
import { RULES } from '../../src/contract/rules.ts';
import { explore } from '../../src/explore/explore.ts';
import { Search } from '../../src/explore/search.ts';
import { CATALOGUE } from '../../src/scenarios/catalogue/index.ts';
import { expectedOn, type Scenario } from '../../src/scenarios/scenario.ts';
import { sourceOf } from '../../src/scenarios/source.ts';

const VERSIONS = ['6.12', '6.1'] as const;

/** Beyond this a story is not one that can be read. */
const MOST_STATES = 20_000;

function outcome(s: Scenario, linux: (typeof VERSIONS)[number]): string {
  const result = explore(s.prepare(linux)).run();
  if (!result) throw new Error(`${s.id}: an unlimited run must end`);
  expect(result.outcome, `${s.id} on ${linux}`).toBe(expectedOn(s, linux));
  expect(result.states, s.id).toBeLessThan(MOST_STATES);
  const ce = result.counterexample;
  // What the story is shown by is what the story is about.
  if (ce) expect(s.rules, `${s.id} on ${linux}`).toContain(ce.violation.rule);
  // And there is no clearer one; a livelock is shown as the way into it.
  if (ce && ce.violation.rule !== 'livelock') expect(ce.minimal, s.id).toBe(true);
  const rules = [...new Set(result.findings.map((f) => f.rule))].sort().join(' ');
  const shape = ce ? `${ce.threads} threads, ${ce.switches} switches, ${ce.steps} steps` : '';
  const { transitions } = result;
  return [linux, result.outcome, rules, `${result.states} states`, `${transitions} steps`, shape]
    .filter(Boolean)
    .join(' | ');
}

describe('catalogue', () => {
  it('is what it was, as expected, with these state counts', async () => {
    const text = CATALOGUE.flatMap((s) => [
      s.id,
      ...VERSIONS.map((linux) => `  ${outcome(s, linux)}`),
    ]);
    await expect(`${text.join('\n')}\n`).toMatchFileSnapshot('../golden/catalogue.txt');
  });

  it('is listed in docs/catalogue.md, which this test writes', async () => {
    const expected = (s: Scenario) => {
      const [one, other] = VERSIONS.map((linux) => expectedOn(s, linux));
      return one === other ? one : `${one} (6.1: ${other})`;
    };
    const cell = (text: string) => text.replaceAll('|', '\\|');
    const groups = [...new Set(CATALOGUE.map((s) => s.id.split('/')[0]))];
    const text = [
      '# The catalogue',
      '',
      'Every story that can be run, with the mail or the rule that it comes from. `pfnmap explore` runs them',
      'all, `pfnmap show NAME` tells one with its code and its ladder. This page is written by',
      '`test/scenarios/catalogue.test.ts`; `npm run update` writes it anew. State counts of both versions are in',
      '`test/golden/catalogue.txt`.',
      ...groups.flatMap((group) => [
        '',
        `## ${group}`,
        '',
        '| story | what happens | rules | expected | source | status |',
        '| --- | --- | --- | --- | --- | --- |',
        ...CATALOGUE.filter((s) => s.id.startsWith(`${group}/`)).map(
          (s) =>
            `| \`${s.id}\` | ${cell(s.title)} | ${s.rules.join(' ')} | ${expected(s)} | ${cell(s.source)} | ${cell(s.status)} |`,
        ),
      ]),
    ];
    await expect(`${text.join('\n')}\n`).toMatchFileSnapshot('../../docs/catalogue.md');
  });

  it('says of every story where it comes from and what it is', () => {
    const known = [
      ...RULES.map((r) => r.id as string),
      'sigbus',
      'livelock',
      'deadlock',
      'bug',
      'use-after-free',
      'leak',
      'reaped',
    ];
    for (const s of CATALOGUE) {
      expect(s.id).toMatch(/^[a-z0-9-]+\/[a-z0-9.-]+$/);
      for (const text of [s.title, s.story, s.bound]) expect(text.length, s.id).toBeGreaterThan(5);
      // A mail of the thread, or a rule that was established after it.
      expect(s.source, s.id).toMatch(/^([A-ZÖa-zö]+ 2[23]\/\d\d:\d\d|R\d+)(, .+)?$/);
      expect(s.status, s.id).toMatch(/real|hypothetical|historical|test module|generic/);
      expect(s.rules.length, s.id).toBeGreaterThan(0);
      for (const rule of s.rules) expect(known, s.id).toContain(rule);
    }
    expect(new Set(CATALOGUE.map((s) => s.id)).size).toBe(CATALOGUE.length);
  });

  it('shows the text of every story, and of no other', async () => {
    for (const s of CATALOGUE) {
      const source = await sourceOf(s.id);
      expect(source?.path).toMatch(new RegExp(`^src/scenarios/catalogue/${s.id.split('/')[0]}/`));
      expect(source?.code).toMatch(/^\/\*\*/);
      expect(source?.code.match(/^ {2}id: '[^']*\/[^']*'/gm), s.id).toEqual([`  id: '${s.id}'`]);
      expect(source?.code).not.toMatch(/^import /m);
    }
    expect(await sourceOf('no/such')).toBe(null);
  });

  it('every step of a story touches one racy word, or says why more are atomic', () => {
    for (const s of CATALOGUE) {
      const how = { reduce: false, testMode: true, stopAt: 'never' } as const;
      const search = new Search(s.prepare('6.12'), how);
      search.run();
      for (const [def] of search.machine.wide)
        expect(def.atomic, `${def.name} in ${s.id}`).toBeTruthy();
    }
  });

  it('has broken and correct variants in every group', () => {
    const groups = new Set(CATALOGUE.map((s) => s.id.split('/')[0]));
    for (const group of groups) {
      const stories = CATALOGUE.filter((s) => s.id.startsWith(`${group}/`));
      const outcomes = stories.flatMap((s) => VERSIONS.map((v) => expectedOn(s, v)));
      expect(new Set(outcomes), group).toEqual(new Set(['safe', 'violated']));
    }
  });
});
