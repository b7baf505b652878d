// SPDX-License-Identifier: GPL-2.0-or-later
/** The engine against Spin: the same steps, counted by an explorer that shares no code with ours. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { spin } from '../../bench/spin.mjs';
import { story } from '../../bench/story.ts';
import { yardstick } from '../../bench/yardstick.ts';
import { need } from '../../scripts/tools.mjs';
import type { System } from '../../src/explore/machine.ts';
import { type PromelaModel, promela } from '../../src/explore/promela.ts';

let dir = '';

// Says what to install when one of them cannot be had.
beforeAll(() => {
  need('spin');
  need('gcc');
  dir = mkdtempSync(join(tmpdir(), 'pfnmap-spin-'));
});

afterAll(() => {
  if (dir) rmSync(dir, { recursive: true, force: true });
});

/** What Spin should say of a model; arriving in the initial state is a transition to it. */
const expected = ({ states, transitions, errors }: PromelaModel) => ({
  states,
  transitions: transitions + 1,
  errors,
});

/** Compiled as fast as can be: the states are few, the model is long. */
const counted = (text: string) => spin(text, dir, { optimize: '-O0' });

const systems: [string, () => System][] = [
  ['the yardstick, 2 users', yardstick({ users: 2, kvm: true, notified: true })],
  ['the story, 1 user', story({ users: 1 })],
  ['the story, 2 users', story({ users: 2 })],
  ['the story with a consumer that corrupts', story({ users: 1, consumers: ['follow-and-keep'] })],
  ['the story with a consumer that retries', story({ users: 0, consumers: ['notifier-retry'] })],
];

describe('Spin has as many states, transitions and errors as we', () => {
  test.each(systems)('%s', (_, make) => {
    const model = promela(make);
    expect(counted(model.text)).toMatchObject(expected(model));
  });
});

describe('and where the steps of a transaction are joined', () => {
  test.each(systems)('%s', (_, make) => {
    const model = promela(make, { reduce: true });
    expect(model.states).toBeLessThan(promela(make).states);
    expect(counted(model.text)).toMatchObject(expected(model));
  });
});

test('identical threads share their text, and errors are there to be counted', () => {
  expect(promela(story({ users: 2, moves: 1 })).text).toContain('active [2] proctype');
  const { errors, text } = promela(story({ users: 1, consumers: ['follow-and-keep'] }));
  expect(errors).toBeGreaterThan(0);
  expect(text).toContain('assert(false)');
});
