// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The findings in Debian's linux-source-6.1 and -6.12, frozen: one line a finding with what was read in
 * the source about it, and the last release that has it where a later one does not. Trees that are not
 * there are fetched (scripts/linux-source.mjs); Debian has one release of each at a time.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fetchLinux } from '../../scripts/linux-source.mjs';
import { check } from '../../src/check/check.ts';
import { kernelVersion } from '../../src/check/place.ts';

/** Releases whose findings were read. */
const READ = ['6.1.176', '6.1.192', '6.12.117'];
/** By how many lines a release may differ that was not: what stable mends, and new drivers' code. */
const UNREAD = 4;

const read = (version: string) =>
  readFileSync(join(import.meta.dirname, `frozen-${version}.tsv`), 'utf8')
    .replace(/\n$/, '')
    .split('\n')
    .slice(1)
    .map((line) => line.split('\t'));

const point = (release: string) => Number(release.split('.')[2]);

describe.each(['6.1', '6.12'])('Linux %s', (version) => {
  test('every line says what was read', () => {
    for (const line of read(version)) {
      expect(line).toHaveLength(7);
      expect(line[5]).not.toBe('');
    }
  });

  test('findings are those that are frozen', async () => {
    const path = fetchLinux(version);
    const release = kernelVersion(path)!;
    const { findings } = await check({ path, linux: version, self: null });
    const found = findings.map((f) =>
      [f.rule, f.certainty, f.path, f.function, f.subject.name].join(' '),
    );
    const frozen = read(version)
      .filter(([, , , , , , until]) => !until || point(release) <= point(until))
      .map((l) => l.slice(0, 5).join(' '));
    if (READ.includes(release)) {
      expect([...new Set(found)].sort()).toEqual([...new Set(frozen)].sort());
      return;
    }
    const gone = frozen.filter((l) => !found.includes(l)).map((l) => `gone: ${l}`);
    const come = found.filter((l) => !frozen.includes(l)).map((l) => `new: ${l}`);
    const differ = [...new Set([...gone, ...come])];
    console.warn([`${release} was not read; it differs in ${differ.length}`, ...differ].join('\n'));
    expect(differ.length, differ.join('\n')).toBeLessThanOrEqual(UNREAD);
  });
});
