// SPDX-License-Identifier: GPL-2.0-or-later
/** A story of the catalogue as a file of one's own, as the page's editor has it: typed, and the same system. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { explore } from '../../src/explore/explore.ts';
import { CATALOGUE } from '../../src/scenarios/catalogue/index.ts';
import { TEXTS } from '../../src/scenarios/catalogue/texts.gen.ts';
import { ownFileIn } from '../../src/scenarios/source.ts';
import { pfnmap, useBuild, useDirectory } from './program.ts';

useBuild();
const dir = useDirectory();
const root = join(import.meta.dirname, '..', '..');

/** The catalogue's files by a name that a user could give them. */
const files = () => {
  const byText = new Map<string, string>();
  for (const { id } of CATALOGUE) {
    const text = ownFileIn(TEXTS, id);
    if (text === null) throw new Error(`${id} is in no file`);
    if (!byText.has(text)) byText.set(text, `${id.replace('/', '-')}.ts`);
  }
  return [...byText].map(([text, name]) => ({ name, text }));
};

test('every story as a file: the compiler accepts it, and the state count is the catalogue’s', async () => {
  const own = files();
  expect(own.length).toBe(TEXTS.length);
  for (const { name, text } of own) {
    expect(text, name).not.toMatch(/from '\./);
    dir.write(name, text);
  }
  const names = own.map(({ name }) => name);

  const compilerOptions = {
    strict: true,
    noEmit: true,
    target: 'es2022',
    module: 'esnext',
    moduleResolution: 'bundler',
    allowImportingTsExtensions: true,
    skipLibCheck: true,
    types: [],
    paths: { pfnmap: [join(root, 'src', 'index.ts')] },
  };
  dir.write('tsconfig.json', JSON.stringify({ compilerOptions, files: names }));
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const checked = spawnSync(process.execPath, [tsc, '-p', dir.path()], { encoding: 'utf8' });
  expect(checked.stdout).toBe('');
  expect(checked.status).toBe(0);

  const { stdout, stderr } = await pfnmap(['explore', '--json', ...names], { cwd: dir.path() });
  expect(stderr).toBe('');
  const told: { id: string; verdict: string; states: number }[] = JSON.parse(stdout).scenarios;
  const asFiles = told.map(({ id, verdict, states }) => ({ id, verdict, states }));
  const catalogue = CATALOGUE.map((s) => {
    // As a file of one's own is explored: strict mode searches in another order.
    const result = explore(s.prepare('6.12'), { strict: true }).run();
    return { id: s.id, verdict: result?.outcome, states: result?.states };
  });
  const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1);
  expect(asFiles.sort(byId)).toEqual(catalogue.sort(byId));
});
