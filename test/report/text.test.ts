// SPDX-License-Identifier: GPL-2.0-or-later
/** Text, addresses, names: the small parts that all output is made of. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RULES } from '../../src/contract/rules.ts';
import { formatAddress, parseAddress } from '../../src/report/address.ts';
import { ruleList } from '../../src/report/explain.ts';
import type { CellJson } from '../../src/report/json.ts';
import { table } from '../../src/report/table.ts';
import { ascii, count, duration, number, wrap } from '../../src/report/text.ts';
import { LANDMARKS, LOOKUPS, NAMED, PLUMBING, WORDS } from '../../src/report/wording.ts';
import { distance, nearest } from '../../src/scenarios/nearest.ts';

describe('text', () => {
  test('wraps within its width and loses no letter', () => {
    const words = fc.array(fc.stringMatching(/^[a-z]{1,30}$/), { minLength: 1 });
    fc.assert(
      fc.property(words, fc.integer({ min: 8, max: 80 }), fc.nat(4), (list, width, hang) => {
        const lines = wrap(list.join(' '), width, hang);
        for (const line of lines) expect(line.length).toBeLessThanOrEqual(width);
        expect(lines.join('').replaceAll(' ', '')).toBe(list.join(''));
      }),
    );
  });

  test('is ASCII in the end', () => {
    expect(ascii('König: “no”…')).toBe('Koenig: "no"...');
    expect(ascii('\u20ac')).toBe('?');
  });

  test('counts', () => {
    expect(number(1234567)).toBe('1,234,567');
    expect(count(1, 'state')).toBe('1 state');
    expect(count(2000, 'cell')).toBe('2,000 cells');
    expect(duration(83.4)).toBe('83 ms');
    expect(duration(1234)).toBe('1.2 s');
  });
});

describe('addresses', () => {
  test('are read as they are written', () => {
    const face = fc.record({
      way: fc.constantFrom('move', 'evict', 'revoke', 'disable', 'close'),
      readOnly: fc.boolean(),
      idle: fc.constantFrom('user', 'consumer', null),
      touched: fc.boolean(),
      private: fc.boolean(),
    });
    const address = fc.record({
      name: fc.stringMatching(/^[a-z]+\/[a-z-]+$/),
      linux: fc.constantFrom('6.1', '6.12'),
      face: fc.option(face),
      schedule: fc.stringMatching(/^[A-C]\d\.[a-z0-9]+(-[A-C]\d\.[a-z0-9]+)*$/),
    });
    fc.assert(
      fc.property(address, (a) => {
        const text = formatAddress(a);
        expect(text).toMatch(/^[\w./@,:-]+$/);
        expect(parseAddress(text)).toEqual(a);
      }),
    );
  });

  test('of files', () => {
    const parsed = parseAddress('dir/my-driver.ts#mine/gup@6.1,evict,read-only:');
    expect(parsed).toEqual({
      name: 'dir/my-driver.ts#mine/gup',
      linux: '6.1',
      face: { way: 'evict', readOnly: true, idle: null, touched: false, private: false },
      schedule: '',
    });
  });
});

describe('names', () => {
  test('a slip is found again', () => {
    expect(distance('abcd', 'abdc')).toBe(1);
    expect(distance('kitten', 'sitting')).toBe(3);
    expect(nearest('gup-fsat', ['gup', 'gup-fast', 'cpu'])).toBe('gup-fast');
    expect(nearest('follow', ['cpu', 'kvm/follow-and-keep'])).toBe('kvm/follow-and-keep');
    expect(nearest('zebra', ['cpu', 'gup'])).toBe(null);
  });
});

describe('the matrix', () => {
  const cells = (exporters: string[], consumers: string[]) =>
    new Map(
      exporters.flatMap((exporter) =>
        consumers.map((consumer): [string, CellJson] => [
          `${exporter}/${consumer}`,
          {
            exporter,
            consumer,
            verdict: 'corrupts',
            rule: 'R13',
            rules: ['R13', 'R14'],
            states: 1,
            transitions: 1,
            ms: 1,
            bound: null,
            counterexample: null,
          },
        ]),
      ),
    );

  test('fits the width in as many blocks as it takes', () => {
    const exporters = ['system-heap-insert-page', 'ttm'];
    const consumers = Array.from({ length: 21 }, (_, i) => `a-consumer-number-${i}`);
    for (const width of [40, 80, 100, 200, 400]) {
      const text = table(exporters, consumers, cells(exporters, consumers), { width });
      for (const line of text.split('\n')) {
        expect(line.length, line).toBeLessThanOrEqual(width);
        expect(line).not.toMatch(/ $/);
      }
      expect(text.match(/corrupts R13\+/g)).toHaveLength(42);
    }
  });

  test('shows what is not finished', () => {
    expect(table(['ttm'], ['cpu', 'gup'], cells(['ttm'], ['gup']), { width: 80 })).toBe(
      '    cpu           gup\n-------------------------------\nttm .             corrupts R13+',
    );
  });
});

test('the list of rules keeps to 100 columns', () => {
  for (const line of ruleList(RULES).split('\n')) expect(line.length).toBeLessThanOrEqual(100);
});

test('the wording names only what the kernel model has', () => {
  const root = join(import.meta.dirname, '..', '..', 'src', 'kernel');
  const text = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .concat('../scenarios/cell.ts')
    .map((name) => readFileSync(join(root, name), 'utf8'))
    .join('\n');
  const names = [...Object.keys(WORDS), ...PLUMBING, ...LANDMARKS, ...LOOKUPS, ...NAMED];
  expect(names.filter((name) => !text.includes(`'${name}'`))).toEqual([]);
});
