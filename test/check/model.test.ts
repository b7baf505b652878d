// SPDX-License-Identifier: GPL-2.0-or-later
/** Findings run in the model: what it answers, on what terms, and what an answer changes. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { check } from '../../src/check/check.ts';
import { modelVersion, withModel } from '../../src/cli/check-answers.ts';
import type { Finding } from '../../src/contract/finding.ts';
import { levelOf } from '../../src/report/check.ts';

const running = { aborted: false };

/** The findings of an example with the model's answers. */
async function answered(example: string): Promise<Finding[]> {
  const path = join(import.meta.dirname, 'examples', example);
  const { findings } = await check({ path, linux: '6.12', self: null });
  return withModel(findings, '6.12', running, null);
}

/** Which rule got which verdict, and on what terms. */
const told = (findings: readonly Finding[]) =>
  findings.map((f) => `${f.rule} ${f.model?.verdict ?? 'none'}${f.model?.assumes ? ' if' : ''}`);

test('a follower that keeps the PFN corrupts, and says in which interleaving', async () => {
  const [f] = await answered('R8/bad-keeps.c');
  expect(f!.model).toMatchObject({ verdict: 'corrupts', assumes: null });
  expect(f!.model!.scenario).toMatch(/\/window-fill$/);
  expect(f!.model!.schedule).toMatch(/^[\w-]+\/window-fill@6\.12,\w/);
});

test.each([
  ['R4/bad-no-zap.c', ['R4 corrupts']],
  ['R4/bad-mapping.c', ['R4 corrupts']],
  ['R4/bad-offset.c', ['R4 corrupts']],
  ['R5/bad-no-lock.c', ['R5 corrupts']],
  ['R5/bad-looks-first.c', ['R5 corrupts']],
  ['R5/bad-zap-outside.c', ['R5 corrupts']],
  ['R6/bad-get-page.c', ['R6 corrupts', 'R8 corrupts']],
  ['R7/bad-write.c', ['R7 breaks']],
  ['R9/bad-refuse-special.c', ['R9 refused']],
  ['R11/bad-early-free.c', ['R11 none']],
  ['R12/bad-sg-page.c', ['R12 breaks']],
  ['R13/bad-flag-and-page.c', ['R2 corrupts if', 'R13 corrupts if']],
  ['R14/bad-private.c', ['R14 none']],
  ['R15/bad-pgoff.c', ['R15 corrupts']],
])('%s', async (example, expected) => {
  expect(told(await answered(example))).toEqual(expected);
});

test('what nothing comes of is a CHECK, unless the rule stands on its own', async () => {
  const [bad] = await answered('R8/bad-keeps.c');
  expect(levelOf(bad!)).toBe('ERROR');
  // The same place in source with traits of somebody who does it right.
  const traits = { ...bad!.traits, notifier: true, retries: true };
  const [good] = await withModel([{ ...bad!, traits }], '6.12', running, null);
  expect(good!.model!.verdict).toBe('safe');
  expect(levelOf(good!)).toBe('CHECK');
  expect(levelOf({ ...good!, rule: 'R2' })).toBe('ERROR');
});

test('to be refused is what a follower is blamed for by R9', async () => {
  const [f] = await answered('R9/bad-refuse-special.c');
  expect(levelOf(f!)).toBe('ERROR');
});

test('a tree is run as the version of the model that is nearest', () => {
  expect(['5.15', '6.1.192', '6.11', '6.12.117', '7.0'].map(modelVersion)).toEqual([
    '6.1',
    '6.1',
    '6.1',
    '6.12',
    '6.12',
  ]);
});
