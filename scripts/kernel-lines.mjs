// SPDX-License-Identifier: GPL-2.0-or-later
// Writes web/data/kernel-lines.json: for every routine and step of the model the
// line of each kernel that it models, which is the definition of the function of
// that name, or what kernel-names.mjs says of it; or in words why there is none.
// To be run by hand when the model has grown:
//
//     node scripts/kernel-lines.mjs TREE-6.1 TREE-6.12

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NAMES } from './kernel-names.mjs';
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
  'arch/x86/kernel',
  'lib',
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

/**
 * Names of routines and steps of the model and of the stories, with the file that is cited for them.
 * Those of an exporter made from traits begin with `*`, in place of its name.
 */
export function modelNames() {
  /** @type {Map<string, string>} */
  const names = new Map();
  for (const path of [
    ...walk(join(root, 'src', 'kernel'), /\.ts$/),
    ...walk(join(root, 'src', 'scenarios', 'catalogue'), /(?<!\.gen)\.ts$/),
    join(root, 'src', 'scenarios', 'cell.ts'),
  ]) {
    const text = readFileSync(path, 'utf8');
    for (const [, , name] of text.matchAll(
      /\b(?:routine|step|choice|downgradeStep)\(\s*(['`])(.+?)\1/g,
    )) {
      const general = name.replace(/^\$\{traits\.id\}/, '*');
      names.set(general, names.get(general) ?? '');
    }
    for (const [, a, b] of text.matchAll(/\blockSteps\(\s*\[\s*'(\w+)',\s*'(\w+)'/g)) {
      names.set(a, '').set(b, '');
    }
    // A routine's file stands behind its body; the nearest name before it is its own.
    for (const { index, 1: file } of text.matchAll(
      /^ {2}'((?:mm|fs|drivers|virt|kernel|include|io_uring|arch)\/[\w./-]+)'/gm,
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

/**
 * The line of an answer in one tree, as `file:line what`; or the words that it consists of.
 *
 * @param {string} name
 * @param {import('./kernel-names.mjs').Answer} answer
 * @param {'6.1' | '6.12'} version
 * @param {string} tree
 * @param {ReturnType<typeof linesIn>} functions
 */
function lookUp(name, answer, version, tree, functions) {
  if (typeof answer === 'string') return answer;
  const [name612, always, before = always, name61 = name612] = answer;
  const [where, what] = version === '6.1' ? [before, name61] : [always, name612];
  const fn = /^(\w+)\(\)$/.exec(where)?.[1];
  if (fn) {
    const found = functions.get(fn);
    if (!found) throw new Error(`${name}: ${version} has no function ${fn}`);
    const said = /^\w+(?:\(\))?$/.test(what) ? `${fn}()` : what;
    return `${found.file}:${found.line} ${said}`;
  }
  const [file, ...texts] = where.split(' > ');
  if (!texts.length) return where;
  const lines = readFileSync(join(tree, file), 'latin1').split('\n');
  let at = -1;
  for (const text of texts) {
    at = lines.findIndex((line, i) => i >= Math.max(at, 0) && line.includes(text));
    if (at < 0) throw new Error(`${name}: ${version} ${file} has no '${text}'`);
  }
  return `${file}:${at + 1} ${what}`;
}

/**
 * @param {'6.1' | '6.12'} version
 * @param {string} tree
 */
function answersIn(version, tree) {
  const names = modelNames();
  for (const answer of Object.values(NAMES)) {
    for (const where of typeof answer === 'string' ? [] : [answer[1], answer[2] ?? '']) {
      const fn = /^(\w+)\(\)$/.exec(where)?.[1];
      if (fn) names.set(fn, names.get(fn) ?? '');
    }
  }
  const functions = linesIn(tree, names);
  /** @type {Map<string, string>} */
  const answers = new Map();
  for (const name of modelNames().keys()) {
    const found = functions.get(name);
    if (found) answers.set(name, `${found.file}:${found.line}`);
  }
  for (const [name, answer] of Object.entries(NAMES)) {
    answers.set(name, lookUp(name, answer, version, tree, functions));
  }
  return answers;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [tree61, tree612] = process.argv.slice(2);
  if (!tree61 || !tree612) {
    console.error('usage: node scripts/kernel-lines.mjs TREE-6.1 TREE-6.12');
    process.exit(2);
  }
  /** @type {Record<string, Record<string, string>>} */
  const out = {};
  for (const [version, tree] of /** @type {const} */ ([
    ['6.1', tree61],
    ['6.12', tree612],
  ])) {
    for (const [name, answer] of answersIn(version, tree)) (out[name] ??= {})[version] = answer;
  }
  const sorted = Object.fromEntries(Object.entries(out).sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(
    join(root, 'web', 'data', 'kernel-lines.json'),
    `${JSON.stringify(sorted, null, 2)}\n`,
  );
  const all = [...modelNames().keys()];
  const missing = all.filter((name) => !out[name]?.['6.1'] || !out[name]?.['6.12']);
  console.log(`${all.length - missing.length} of ${all.length} names are answered for`);
  if (missing.length) console.log(`to be said in scripts/kernel-names.mjs: ${missing.join(', ')}`);
}
