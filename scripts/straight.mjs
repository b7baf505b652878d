// SPDX-License-Identifier: GPL-2.0-or-later
// The straight build: an esbuild plugin that turns the routines of the model
// into plain functions, for who runs programs one step after another and never
// interleaves them. `function*` becomes `function`, `yield* f(x)` becomes
// `f(x)`, and src/explore/straight.ts, where a step runs as it is called, takes
// the place of program.ts and simulate.ts. Nothing else changes, and what is
// not understood is an error with file and line.
//
// It begins at src/conform/model.ts and goes on to what that imports. A module
// that neither holds a routine nor imports one that does is not built twice.

import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { root } from './setup.mjs';

/** Where the straight build of the product begins. */
export const ENTRANCE = join(root, 'src', 'conform', 'model.ts');
const STRAIGHT = join(root, 'src', 'explore', 'straight.ts');
/** What straight.ts takes the place of. */
const REPLACED = ['program.ts', 'simulate.ts'].map((name) => join(root, 'src', 'explore', name));
const NAMESPACE = 'straight';

/** @typedef {typeof import('typescript')} TypeScript */

/** Something in the source that cannot be made straight. */
class NotStraight extends Error {
  /**
   * @param {string} text
   * @param {number} line from 1
   * @param {number} column from 0
   * @param {string} lineText
   */
  constructor(text, line, column, lineText) {
    super(text);
    this.location = { line, column, lineText };
  }
}

/**
 * The text with its routines as plain functions; lines stay where they are.
 *
 * @param {TypeScript} ts
 * @param {import('typescript').SourceFile} file
 * @throws {NotStraight}
 */
export function straighten(ts, file) {
  const { text } = file;
  /** @type {[from: number, to: number][]} */
  const cuts = [];
  /** @param {import('typescript').Node} node @param {string} why @returns {never} */
  const refuse = (node, why) => {
    const { line, character } = file.getLineAndCharacterOfPosition(node.getStart(file));
    throw new NotStraight(why, line + 1, character, text.split('\n')[line]);
  };
  /** @param {import('typescript').Expression} made what a `yield*` runs @returns {boolean} */
  const madeHere = (made) =>
    ts.isCallExpression(made) ||
    (ts.isParenthesizedExpression(made) && madeHere(made.expression)) ||
    (ts.isConditionalExpression(made) && madeHere(made.whenTrue) && madeHere(made.whenFalse));

  /** @param {import('typescript').Node} node @param {boolean} tried does a `try` look after it? */
  const visit = (node, tried) => {
    if (ts.isYieldExpression(node)) {
      const { asteriskToken, expression } = node;
      // A step that would wait ends a straight run: no catch or finally of a generator sees that.
      if (tried) refuse(node, 'no yield inside try');
      if (!asteriskToken || !expression) {
        refuse(node, 'a routine yields with yield* only, so that others can stand in its place');
      }
      // Without yield* it would run where it was made, and not here.
      if (!madeHere(expression)) refuse(expression, 'yield* runs what is called in the same place');
      const to = expression.getStart(file);
      if (text.slice(node.getStart(file), to).includes('\n')) {
        refuse(node, 'write yield* and what it runs in one line');
      }
      cuts.push([node.getStart(file), to]);
    } else if ('asteriskToken' in node && node.asteriskToken && ts.isFunctionLike(node)) {
      if (ts.canHaveModifiers(node) && node.modifiers?.some(ts.isModifier)) {
        const async = node.modifiers.find((m) => m.kind === ts.SyntaxKind.AsyncKeyword);
        if (async) refuse(async, 'a routine is not asynchronous');
      }
      const star = /** @type {import('typescript').Node} */ (node.asteriskToken);
      cuts.push([star.getStart(file), star.getEnd()]);
    }
    const within = ts.isTryStatement(node) || (tried && !ts.isFunctionLike(node));
    ts.forEachChild(node, (child) => visit(child, within));
  };
  visit(file, false);

  let out = '';
  let done = 0;
  for (const [from, to] of cuts.sort((a, b) => a[0] - b[0])) {
    out += text.slice(done, from);
    done = to;
  }
  return out + text.slice(done);
}

/**
 * The modules that a module imports for more than types.
 *
 * @param {TypeScript} ts
 * @param {import('typescript').SourceFile} file
 */
function importsOf(ts, file) {
  const found = [];
  for (const statement of file.statements) {
    const isImport = ts.isImportDeclaration(statement);
    if (!isImport && !ts.isExportDeclaration(statement)) continue;
    const typesOnly = isImport ? statement.importClause?.isTypeOnly : statement.isTypeOnly;
    const from = statement.moduleSpecifier;
    if (typesOnly || !from || !ts.isStringLiteral(from) || !from.text.startsWith('.')) continue;
    found.push(join(dirname(file.fileName), from.text));
  }
  return found;
}

/**
 * The modules behind an entrance that are built straight: those that lead to what is replaced.
 *
 * @param {TypeScript} ts
 * @param {string} entrance
 */
export function modulesBehind(ts, entrance) {
  /** @type {Map<string, import('typescript').SourceFile>} */
  const files = new Map();
  /** @type {Map<string, string[]>} who imports it */
  const importers = new Map();
  const queue = [entrance];
  for (const path of queue) {
    if (files.has(path) || path === STRAIGHT) continue;
    const text = readFileSync(path, 'utf8');
    const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest);
    files.set(path, file);
    if (REPLACED.includes(path)) continue;
    for (const imported of importsOf(ts, file)) {
      importers.set(imported, [...(importers.get(imported) ?? []), path]);
      queue.push(imported);
    }
  }
  /** @type {typeof files} */
  const straight = new Map();
  const marked = [...REPLACED];
  for (const path of marked) {
    for (const importer of importers.get(path) ?? []) {
      const file = files.get(importer);
      if (!file || straight.has(importer)) continue;
      straight.set(importer, file);
      marked.push(importer);
    }
  }
  return straight;
}

/**
 * @param {string} [entrance]
 * @returns {import('esbuild').Plugin}
 */
export const straightPlugin = (entrance = ENTRANCE) => ({
  name: 'straight',
  async setup(build) {
    const ts = (await import('typescript')).default;
    const files = modulesBehind(ts, entrance);
    build.onResolve({ filter: /^\./ }, ({ path, resolveDir, namespace }) => {
      const target = join(resolveDir, path);
      const inside = namespace === NAMESPACE;
      if (inside && REPLACED.includes(target)) return { path: STRAIGHT };
      if (target === entrance || (inside && files.has(target))) {
        return { path: target, namespace: NAMESPACE };
      }
      return inside ? { path: target } : undefined;
    });
    build.onLoad({ filter: /.*/, namespace: NAMESPACE }, ({ path }) => {
      const file = files.get(path);
      try {
        return {
          contents: file && straighten(ts, file),
          loader: 'ts',
          resolveDir: dirname(path),
        };
      } catch (error) {
        if (!(error instanceof NotStraight)) throw error;
        const location = { ...error.location, file: relative(root, path) };
        return { errors: [{ text: error.message, location }] };
      }
    });
  },
});
