// SPDX-License-Identifier: GPL-2.0-or-later
/** Rules of this source tree that neither the compiler nor the linter knows. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join, posix } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');

/** Paths of the files under the given directories, with `/`, relative to the root. */
function walk(...dirs: string[]): string[] {
  return dirs.flatMap((dir) => {
    if (!existsSync(join(root, dir))) return [];
    return readdirSync(join(root, dir), { withFileTypes: true }).flatMap((entry) => {
      const path = `${dir}/${entry.name}`;
      if (entry.name === 'node_modules') return [];
      return entry.isDirectory() ? walk(path) : [path];
    });
  });
}

const read = (path: string) => readFileSync(join(root, path), 'utf8');

/** Which parts of src, beside itself, a part may import. */
const mayImport: Record<string, readonly string[]> = {
  contract: [],
  explore: [],
  kernel: ['contract', 'explore'],
  scenarios: ['contract', 'explore', 'kernel'],
  report: ['contract', 'explore', 'kernel', 'scenarios'],
  'cache-dir.ts': [],
  'tuning.ts': [],
  conform: ['cache-dir.ts', 'contract', 'explore', 'kernel', 'scenarios'],
  check: ['cache-dir.ts', 'contract', 'scenarios', 'tuning.ts'],
};
/** Parts that may import all others. */
const unrestricted = ['cli', 'index.ts'];
/** Parts that run in a browser too: no Node API, no packages. */
const pure = ['contract', 'explore', 'kernel', 'report', 'scenarios'];

/** The part of src a path lies in: a directory, or a file at the top. */
const partOf = (path: string) => path.split('/')[1];

interface Source {
  path: string;
  text: string;
  /** Import specifiers, dynamic imports and import types included. */
  imports: string[];
  anys: number[];
  /** Lines that use `process.`, `process[` or `require(`. */
  nodeGlobals: number[];
}

function parse(path: string): Source {
  const text = read(path);
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true);
  const source: Source = { path, text, imports: [], anys: [], nodeGlobals: [] };
  const line = (node: ts.Node) => file.getLineAndCharacterOfPosition(node.getStart()).line + 1;
  const visit = (node: ts.Node): void => {
    if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier) {
      if (ts.isStringLiteral(node.moduleSpecifier)) source.imports.push(node.moduleSpecifier.text);
    } else if (ts.isImportTypeNode(node)) {
      const { argument } = node;
      if (ts.isLiteralTypeNode(argument) && ts.isStringLiteral(argument.literal)) {
        source.imports.push(argument.literal.text);
      }
    } else if (ts.isCallExpression(node)) {
      const [argument] = node.arguments;
      if (node.expression.kind === ts.SyntaxKind.ImportKeyword && argument) {
        if (ts.isStringLiteralLike(argument)) source.imports.push(argument.text);
      }
      if (node.expression.getText() === 'require') source.nodeGlobals.push(line(node));
    } else if (ts.isPropertyAccessExpression(node) || ts.isElementAccessExpression(node)) {
      if (node.expression.getText() === 'process') source.nodeGlobals.push(line(node));
    } else if (node.kind === ts.SyntaxKind.AnyKeyword) {
      source.anys.push(line(node));
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return source;
}

const sources = walk('src')
  .filter((path) => path.endsWith('.ts'))
  .map(parse);
const prose = /\.(ts|mts|mjs|js|json|md|txt|pml|c|h|sh|html|css|svg)$/;
const texts = walk('src', 'docs', 'test', 'bench', 'scripts', '.ci')
  .concat('README.md', 'package.json', 'vitest.config.ts', 'biome.json')
  .filter((path) => prose.test(path) || path === '.ci/run');

/** The `path:line` places of the lines a pattern matches, with what it matched. */
function places(path: string, pattern: RegExp): string[] {
  return read(path)
    .split('\n')
    .flatMap((text, index) => {
      const match = pattern.exec(text);
      return match ? [`${path}:${index + 1}: ${match[0]}`] : [];
    });
}

describe('src', () => {
  test('has files', () => {
    expect(sources.map(({ path }) => path)).toContain('src/index.ts');
  });

  test('every file says its licence and then what it is', () => {
    const head = /^\/\/ SPDX-License-Identifier: GPL-2\.0-or-later\n\s*(\/\*\*|\/\/)/;
    expect(sources.filter(({ text }) => !head.test(text)).map(({ path }) => path)).toEqual([]);
  });

  test('imports go one way', () => {
    const wrong: string[] = [];
    for (const { path, imports } of sources) {
      const part = partOf(path)!;
      if (unrestricted.includes(part)) continue;
      if (!mayImport[part]) {
        wrong.push(`${path}: say in test/tidy.test.ts what src/${part} may import`);
        continue;
      }
      for (const name of imports.filter((specifier) => specifier.startsWith('.'))) {
        const target = posix.join(posix.dirname(path), name);
        const to = target.startsWith('src/') ? partOf(target)! : target;
        if (to !== part && !mayImport[part].includes(to)) wrong.push(`${path}: ${name}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test('what runs in a browser uses no Node API and no packages', () => {
    const wrong = sources
      .filter(({ path }) => pure.includes(partOf(path)!))
      .flatMap(({ path, imports, nodeGlobals }) => [
        ...imports.filter((name) => !name.startsWith('.')).map((name) => `${path}: ${name}`),
        ...nodeGlobals.map((line) => `${path}:${line}: a global of Node`),
      ]);
    expect(wrong).toEqual([]);
  });

  test('imports of Node modules say node:', () => {
    const wrong = sources.flatMap(({ path, imports }) =>
      imports.filter((name) => builtinModules.includes(name)).map((name) => `${path}: ${name}`),
    );
    expect(wrong).toEqual([]);
  });

  test('the generic kernel code names no exporter and no kind of record', () => {
    const names =
      'system[-_]heap udmabuf vgem ttm i915 fpfn rpfn ipage fipage fpage hpfn fmix racc'.split(' ');
    const cased = names.flatMap((name) => [
      name,
      name.toUpperCase(),
      name[0]!.toUpperCase() + name.slice(1),
    ]);
    // `_` and capitals end a word: vgem_mmap and vgemMmap name vgem.
    const pattern = new RegExp(`(?<![A-Za-z0-9])(?:${cased.join('|')})(?![a-z0-9])`);
    expect('x = vgem_mmap(); ttmFault; System-Heap').toMatch(pattern);
    const generic = sources.filter(
      ({ path }) => path.startsWith('src/kernel/mm/') || path === 'src/kernel/dma-buf/dma-buf.ts',
    );
    expect(generic.flatMap(({ path }) => places(path, pattern))).toEqual([]);
  });

  test('nothing is typed any', () => {
    expect(sources.flatMap(({ path, anys }) => anys.map((line) => `${path}:${line}`))).toEqual([]);
  });
});

describe('all text', () => {
  // Put together here, so that this file does not match itself.
  test('has no notes of unfinished work', () => {
    const notes = ['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK'];
    const pattern = new RegExp(`\\b(?:${notes.join('|')})\\b`);
    const files = texts.filter((path) => !path.startsWith('docs/'));
    expect(files.flatMap((path) => places(path, pattern))).toEqual([]);
  });

  test('has no paths of one machine', () => {
    const dirs = ['work', 'tmp', 'home', 'root', 'Users', 'workspace'];
    const pattern = new RegExp(`(?<![\\w.\\-}~*])/(?:${dirs.join('|')})/`);
    expect(`see /${'work'}/x`).toMatch(pattern);
    expect(texts.flatMap((path) => places(path, pattern))).toEqual([]);
  });
});
