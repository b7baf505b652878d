// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The findings in Debian's linux-source-6.1 and -6.12, frozen: one line a finding with what was read in
 * the source about it. Trees that are not there are fetched (scripts/linux-source.mjs).
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fetchLinux } from '../../scripts/linux-source.mjs';
import { check } from '../../src/check/check.ts';

const read = (version: string) =>
  readFileSync(join(import.meta.dirname, `frozen-${version}.tsv`), 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split('\t'));

describe.each(['6.1', '6.12'])('Linux %s', (version) => {
  test('every line says what was read', () => {
    for (const line of read(version)) {
      expect(line).toHaveLength(6);
      expect(line[5]).not.toBe('');
    }
  });

  test('findings are those that are frozen', async () => {
    const { findings } = await check({ path: fetchLinux(version), linux: version, self: null });
    const found = findings.map((f) =>
      [f.rule, f.certainty, f.path, f.function, f.subject.name].join(' '),
    );
    const frozen = read(version).map((l) => l.slice(0, 5).join(' '));
    expect([...new Set(found)].sort()).toEqual([...new Set(frozen)].sort());
  });
});
