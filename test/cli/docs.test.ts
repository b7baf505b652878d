// SPDX-License-Identifier: GPL-2.0-or-later
/** docs/add-an-exporter.md does what it says: its files are written, its commands run. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { KEEPS_CONTRACT } from '../../src/contract/traits.ts';
import { pfnmap, useBuild, useDirectory } from './program.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/add-an-exporter.md'), 'utf8');

useBuild();
const dir = useDirectory();

/** How wide a column is depends on who else is there. */
const narrow = (line: string) => line.replace(/(\S) +/g, '$1 ');

/** Lines of a transcript, in order; `...` stands for any others, also at the end of a line. */
function expectTranscript(text: string, transcript: readonly string[]): void {
  let at = 0;
  const lines = text.split('\n').map(narrow);
  for (const wanted of transcript.map(narrow)) {
    if (wanted === '...') continue;
    const fits = (line: string) =>
      wanted.endsWith('...') ? line.startsWith(wanted.slice(0, -3)) : line === wanted;
    const found = lines.findIndex((line, i) => i >= at && fits(line));
    expect(found, `'${wanted}' after line ${at} of:\n${text}`).toBeGreaterThanOrEqual(0);
    at = found + 1;
  }
}

test('docs/add-an-exporter.md', async () => {
  let commands = 0;
  for (const [, kind, name, body] of page.matchAll(/```(ts|console)(?: (\S+))?\n([\s\S]*?)```/g)) {
    if (kind === 'ts') {
      if (name) dir.write(name, body);
      continue;
    }
    const [command, ...transcript] = body.trimEnd().split('\n');
    const args = command.replace(/^\$ pfnmap /, '').split(' ');
    const { stdout, stderr } = await pfnmap(args, { cwd: dir.path() });
    expect(stderr).toBe('');
    expectTranscript(stdout, transcript);
    commands++;
  }
  expect(commands).toBe(3);
});

test('the table of traits names traits that there are', () => {
  const named = [...page.matchAll(/`([a-zA-Z]+): /g)].map(([, name]) => name);
  expect(named.length).toBeGreaterThan(15);
  for (const name of named) expect(Object.keys(KEEPS_CONTRACT)).toContain(name);
});
