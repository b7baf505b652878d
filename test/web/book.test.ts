// SPDX-License-Identifier: GPL-2.0-or-later
/** The book's text: what it refers to exists, and what it claims of the kernel says where. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { bookFiles, CITE, FIGURE, MAIL } from '../../scripts/book.mjs';
import { RULES } from '../../src/contract/rules.ts';
import { SYSTEMS } from '../../src/contract/words.ts';
import { CATALOGUE } from '../../src/scenarios/catalogue/index.ts';
import { matrixCells } from '../../src/scenarios/matrix.ts';

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
