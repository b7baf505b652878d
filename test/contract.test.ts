// SPDX-License-Identifier: GPL-2.0-or-later
/** The contract is data that everything else quotes: these tests hold its shape. */

import { describe, expect, test } from 'vitest';
import { RULES, ruleById, SOURCES } from '../src/contract/rules.ts';
import { MEANING, SYSTEMS, VERDICTS } from '../src/contract/words.ts';

const NAMES = [
  'exporter-pfnmap',
  'exporter-struct-page',
  'huge-special',
  'move-zaps',
  'fault-vs-move',
  'no-page-ref',
  'honour-pte-flags',
  'no-stale-translation',
  'static-is-not-static',
  'refcount-check-timing',
  'lifetime',
  'sg-no-page',
  'flag-is-not-enough',
  'refuse-cow',
  'pgoff-is-not-pfn',
  'check-ret',
];

const sentences = (text: string) => text.split(/[.!?](?: |$)/).filter((part) => part !== '').length;

describe('rules', () => {
  test('are R1 to R16, in order, each under its name', () => {
    expect(RULES.map((rule) => rule.id)).toEqual(NAMES.map((_, i) => `R${i + 1}`));
    expect(RULES.map((rule) => rule.name)).toEqual(NAMES);
  });

  test.each(RULES)('$id $name says what is wrong, why and what to do', (rule) => {
    for (const text of [rule.statement, rule.wrong, rule.why, rule.fix]) {
      expect(text).toMatch(/^\S.*[.]$/);
    }
    expect(sentences(rule.wrong)).toBeLessThanOrEqual(3);
  });

  test.each(RULES)('$id $name quotes its mails in form', (rule) => {
    for (const mail of rule.mails) {
      const ref = /^(\p{Lu}\p{Ll}+) (2[23])\/(\d\d:\d\d)$/u.exec(mail.ref);
      expect(ref, mail.ref).not.toBeNull();
      expect(mail.from.split(' ').at(-1)).toBe(ref?.[1]);
      expect(mail.date).toBe(`2022-11-${ref?.[2]}T${ref?.[3]}Z`);
      expect(mail.quote.length).toBeGreaterThan(0);
      expect(mail.quote.length, mail.quote).toBeLessThanOrEqual(200);
    }
  });

  test.each(RULES)('$id $name rests on a mail or on the kernel', (rule) => {
    const established = Number(rule.id.slice(1)) > 12;
    expect(rule.mails.length > 0).toBe(!established);
    expect(rule.kernel.length).toBeGreaterThan(0);
    for (const cite of rule.kernel) {
      expect(Object.keys(SOURCES)).toContain(cite.version);
      expect(cite.file).toMatch(/^[\w.-]+(\/[\w.-]+)+$/);
      expect(cite.line).toBeGreaterThan(0);
      expect(cite.what).not.toBe('');
    }
  });

  test('are found by id only', () => {
    expect(ruleById('R4')?.name).toBe('move-zaps');
    expect(ruleById('R17')).toBeUndefined();
    expect(ruleById('move-zaps')).toBeUndefined();
  });

  test('cite the full versions of their sources', () => {
    for (const [series, { version, source }] of Object.entries(SOURCES)) {
      expect(version.startsWith(`${series}.`)).toBe(true);
      expect(source).toContain(version);
    }
  });
});

describe('words', () => {
  test('order the verdicts worst first', () => {
    expect(VERDICTS).toEqual(['corrupts', 'breaks', 'refused', 'safe', 'unknown']);
  });

  test('define each verdict in one sentence', () => {
    expect(Object.keys(MEANING)).toEqual(VERDICTS);
    for (const verdict of VERDICTS) expect(sentences(MEANING[verdict])).toBe(1);
  });

  test('name the systems S1 to S14, in order, each once', () => {
    expect(SYSTEMS.map((system) => system.id)).toEqual(SYSTEMS.map((_, i) => `S${i + 1}`));
    expect(SYSTEMS).toHaveLength(14);
    expect(new Set(SYSTEMS.map((system) => system.name)).size).toBe(14);
    for (const system of SYSTEMS) expect(system.what).toMatch(/^\S.*[.]$/);
  });
});
