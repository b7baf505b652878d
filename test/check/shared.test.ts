// SPDX-License-Identifier: GPL-2.0-or-later
// Maps that copies share: neither sees what the other writes, and the text follows the map.

import { expect, test } from 'vitest';
import { Shared } from '../../src/check/flow/shared.ts';

const numbers = () => Shared.empty((key: string, n: number) => `${key}=${n};`);

test('a copy and what it was made of are written to apart', () => {
  const a = numbers();
  a.set('x', 1);
  const b = a.copy();
  expect(a.is(b)).toBe(true);
  b.set('x', 2);
  a.set('y', 3);
  expect([[...a], [...b]]).toEqual([
    [
      ['x', 1],
      ['y', 3],
    ],
    [['x', 2]],
  ]);
  expect(a.is(b)).toBe(false);
});

test('what changes nothing is no write', () => {
  const a = numbers();
  a.set('x', 1);
  const b = a.copy();
  b.set('x', 1);
  b.delete('y');
  expect(a.is(b)).toBe(true);
});

test('the text is that of the map as it is', () => {
  const a = numbers();
  a.set('x', 1);
  expect(a.text).toBe('x=1;');
  const b = a.copy();
  b.set('y', 2);
  expect([a.text, b.text]).toEqual(['x=1;', 'x=1;y=2;']);
  b.delete('x');
  expect([b.text, b.emptied().text]).toEqual(['y=2;', '']);
});
