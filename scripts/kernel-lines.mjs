// SPDX-License-Identifier: GPL-2.0-or-later
// Writes web/data/kernel-lines.json: for every routine and step of the model
// that carries the name of a function of Linux, the file and line of its
// definition. To be run by hand when the model has grown:
//
//     node scripts/kernel-lines.mjs TREE-6.1 TREE-6.12

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './setup.mjs';

const DIRS = [
  'mm',
  'drivers/dma-buf',
  'drivers/gpu/drm',
  'virt/kvm',
  'arch/x86/kvm',
  'arch/x86/mm',
  'arch/x86/include/asm',
  'include/linux',
  'include/asm-generic',
  'drivers/vfio',
  'drivers/iommu',
  'drivers/block',
  'fs',
  'kernel',
  'io_uring',
  'block',
];

/**
 * @param {string} dir
 * @param {RegExp} name
 * @returns {string[]}
 */
function walk(dir, name) {
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && name.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** Names of routines and steps, with the file that the model cites for them. */
function wanted() {
  /** @type {Map<string, string>} */
  const names = new Map();
  for (const path of walk(join(root, 'src', 'kernel'), /\.ts$/)) {
    const text = readFileSync(path, 'utf8');
    for (const [, name] of text.matchAll(/\b(?:routine|step|choice)\(\s*'([a-z_]\w*)'/g)) {
      names.set(name, names.get(name) ?? '');
    }
    for (const [, a, b] of text.matchAll(/\blockSteps\(\s*\[\s*'(\w+)',\s*'(\w+)'/g)) {
      names.set(a, '').set(b, '');
    }
    // A routine's file stands behind its body; the nearest name before it is its own.
    for (const { index, 1: file } of text.matchAll(
      /^ {2}'((?:mm|fs|drivers|virt|kernel|include|io_uring)\/[\w./-]+)'/gm,
    )) {
      const before = [...text.slice(0, index).matchAll(/\broutine\(\s*'(\w+)'/g)].at(-1);
      if (before) names.set(before[1], file);
    }
  }
  return names;
}

/**
 * @param {string} tree
 * @param {Map<string, string>} names
 */
function linesIn(tree, names) {
  /** @type {Map<string, { file: string, line: number, rank: number }>} */
  const best = new Map();
  // A definition begins in the first column and has no semicolon on its line.
  const definition =
    /^(?!\s)(?:[\w *]*?\b)?(\w+)\s*\([^;]*$|^#define\s+(\w+)\(|^SYSCALL_DEFINE\d\((\w+)/;
  for (const [rank, dir] of DIRS.entries()) {
    for (const path of walk(join(tree, dir), /\.[ch]$/)) {
      const file = path.slice(tree.length + 1);
      if (/_32\.|test|kasan|fortify|asm\/string/.test(file)) continue;
      const text = readFileSync(path, 'latin1');
      const lines = text.split('\n');
      for (const [index, line] of lines.entries()) {
        const match = definition.exec(line);
        if (!match) continue;
        const name = match[1] ?? match[2] ?? (match[3] && `sys_${match[3]}`);
        if (!name || !names.has(name) || /^\s*(?:EXPORT|return|else|if|while)\b/.test(line))
          continue;
        // What ends in a semicolon before any brace is a declaration.
        const end = /[{;]/.exec(match[2] ? '{' : lines.slice(index, index + 12).join('\n'))?.[0];
        if (end !== '{') continue;
        const score = names.get(name) === file ? -1 : rank + (file.endsWith('.h') ? 0.5 : 0);
        const known = best.get(name);
        if (!known || score < known.rank) best.set(name, { file, line: index + 1, rank: score });
      }
    }
  }
  return best;
}

const [tree61, tree612] = process.argv.slice(2);
if (!tree61 || !tree612) {
  console.error('usage: node scripts/kernel-lines.mjs TREE-6.1 TREE-6.12');
  process.exit(2);
}
const names = wanted();
/** @type {Record<string, Record<string, string>>} */
const out = {};
for (const [version, tree] of /** @type {const} */ ([
  ['6.1', tree61],
  ['6.12', tree612],
])) {
  for (const [name, { file, line }] of linesIn(tree, names)) {
    (out[name] ??= {})[version] = `${file}:${line}`;
  }
}
const sorted = Object.fromEntries(Object.entries(out).sort(([a], [b]) => (a < b ? -1 : 1)));
mkdirSync(join(root, 'web', 'data'), { recursive: true });
writeFileSync(
  join(root, 'web', 'data', 'kernel-lines.json'),
  `${JSON.stringify(sorted, null, 1)}\n`,
);
console.log(`${Object.keys(sorted).length} of ${names.size} names are functions of Linux`);
