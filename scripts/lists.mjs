// SPDX-License-Identifier: GPL-2.0-or-later
// Writes the lists of exporters, consumers and stories from what stands in
// their directories, so that adding one touches one file. Each file there
// exports one, or an array of them, by default. Of stories the text is listed
// too, for `pfnmap show`. The lists are not tracked; build, check and tests
// write them first.

import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from './setup.mjs';

const LIST = 'all.gen.ts';
const TEXTS = 'texts.gen.ts';
const SPDX = '// SPDX-License-Identifier: GPL-2.0-or-later';
const EXTENSION = '.ts';

/** A directory, and the type of what its files export; `from` is as seen from the directory. */
const LISTS = [
  { dir: 'src/kernel/exporters', type: 'ExporterTraits', from: '../../contract/traits.ts' },
  { dir: 'src/kernel/consumers', type: 'ConsumerTraits', from: '../../contract/traits.ts' },
  { dir: 'src/scenarios/catalogue', type: 'Scenario', from: '../scenario.ts', texts: true },
];

/**
 * Node 20.0 cannot do this by itself.
 *
 * @param {string} dir
 * @returns {string[]}
 */
function filesBelow(dir) {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    return entry.isDirectory() ? filesBelow(path) : [path];
  });
}

/**
 * The files of a list, sorted by name: `cma-heap` comes before `cma-heap-6.1`.
 *
 * @param {string} dir
 */
function filesOf(dir) {
  return filesBelow(dir)
    .map((path) => relative(dir, path).split(sep).join('/'))
    .filter((path) => path.endsWith(EXTENSION) && path !== 'index.ts' && !path.endsWith('.gen.ts'))
    .map((path) => path.slice(0, -EXTENSION.length))
    .sort()
    .map((path) => path + EXTENSION);
}

/**
 * Writes a file if it changes.
 *
 * @param {string} path
 * @param {string[]} lines
 */
function write(path, lines) {
  const text = [...lines, ''].join('\n');
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return;
  // Somebody who reads the list meanwhile never sees half a file.
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, text);
  renameSync(temporary, path);
}

/** Writes what has changed. */
export function writeLists() {
  for (const { dir, type, from, texts } of LISTS) {
    const at = join(root, dir);
    const files = filesOf(at);
    write(join(at, LIST), [
      SPDX,
      '/** Written by scripts/lists.mjs: what the files of this directory export by default. */',
      `import type { ${type} } from '${from}';`,
      ...files.map((path, i) => `import f${i} from './${path}';`),
      '',
      `export const FILES: readonly (${type} | readonly ${type}[])[] = [`,
      ...files.map((_, i) => `  f${i},`),
      '];',
    ]);
    if (!texts) continue;
    write(join(at, TEXTS), [
      SPDX,
      `/** Written by scripts/lists.mjs: path and text of each file of this directory, as in ${LIST}. */`,
      'export const TEXTS: readonly (readonly [path: string, text: string])[] = [',
      ...files.map((path) => {
        const text = readFileSync(join(at, path), 'utf8');
        return `  [${JSON.stringify(`${dir}/${path}`)}, ${JSON.stringify(text)}],`;
      }),
      '];',
    ]);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeLists();
