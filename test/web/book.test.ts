// SPDX-License-Identifier: GPL-2.0-or-later
/** The book's text: what it refers to exists, and what it claims of the kernel says where. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { bookFiles, CITE, FIGURE, MAIL } from '../../scripts/book.mjs';
import { NAMES } from '../../scripts/kernel-names.mjs';
import { RULES } from '../../src/contract/rules.ts';
import { SYSTEMS } from '../../src/contract/words.ts';
import { CONSUMERS } from '../../src/kernel/consumers/index.ts';
import { EXPORTERS } from '../../src/kernel/exporters/index.ts';
import { CATALOGUE } from '../../src/scenarios/catalogue/index.ts';
import { matrixCells } from '../../src/scenarios/matrix.ts';
import { MAIL_NAME } from '../../web/client/mails.mjs';

const pages = Object.entries(bookFiles()).map(([name, path]) => ({
  name,
  text: readFileSync(path, 'utf8'),
}));
const own = pages.filter(({ name }) => !name.startsWith('book/'));

test('every system has a page, and there are a tour and a glossary', () => {
  const names = pages.map(({ name }) => name);
  expect(names).toEqual(
    expect.arrayContaining([...SYSTEMS.map((s) => `systems/${s.id}`), 'tour', 'glossary']),
  );
});

test('each mail that anything names has its place on the page of the thread', () => {
  const thread = pages.find(({ name }) => name === 'thread')?.text ?? '';
  const places = [...thread.matchAll(/^## (.+)$/gm)].map(([, mail]) => mail);
  expect(places.length).toBe(29);
  expect(new Set(places).size).toBe(29);
  const texts = [
    ...pages.map(({ text }) => text),
    ...RULES.flatMap((r) => r.mails.map((m) => m.ref)),
    ...CATALOGUE.flatMap((s) => [s.story, s.source, s.status]),
    ...[...EXPORTERS, ...CONSUMERS].map((t) => t.source),
    JSON.stringify(NAMES),
  ];
  const named = texts.flatMap((text) => [...text.matchAll(MAIL_NAME)].map(([name]) => name));
  expect(named.length).toBeGreaterThan(100);
  expect([...new Set(named)].filter((name) => !places.includes(name))).toEqual([]);
});

describe.each(own)('$name', ({ name, text }) => {
  test('has a title and text', () => {
    expect(text).toMatch(/^# \S/);
    expect(text.split(/\s+/).length).toBeGreaterThan(150);
  });

  test('its figures, rules and systems exist', () => {
    const figures = [...text.matchAll(FIGURE)].map((m) => m[1]);
    const known = [...CATALOGUE.map((s) => s.id), ...matrixCells().map((c) => c.id)];
    expect(figures.filter((f) => !known.includes(f))).toEqual([]);
    const ids = [...text.matchAll(/\b[RS]\d{1,2}\b/g)].map(([id]) => id);
    const there: string[] = [...RULES.map((r) => r.id), ...SYSTEMS.map((s) => s.id)];
    expect(ids.filter((id) => !there.includes(id))).toEqual([]);
  });

  test('what stands in brackets is a place in a named kernel or a mail', () => {
    const brackets = text.match(/\[[^\]\n]*\](?!\()/g) ?? [];
    const cites = [...(text.match(CITE) ?? []), ...(text.match(MAIL) ?? [])];
    expect(brackets.filter((b) => /\d\W+\d/.test(b) && !cites.includes(b))).toEqual([]);
    if (name.startsWith('systems/') || name === 'tour') expect(cites.length).toBeGreaterThan(3);
  });
});
