// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The straight build (scripts/straight.mjs) is the model: every program gives the same answers and
 * leaves the same memory as routines do that could be stopped at each step. And the sources are such
 * that it must be so: what a routine makes it runs in the same place.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ENTRANCE, modulesBehind, straighten, straightPlugin } from '../../scripts/straight.mjs';
import { type Coverage, generate } from '../../src/conform/generate.ts';
import * as model from '../../src/conform/model.ts';
import type { Op } from '../../src/conform/program.ts';
import { type Case, corpusCases, factsCases } from '../../src/conform/run.ts';
import type { LinuxVersion } from '../../src/kernel/versions.ts';

const root = join(import.meta.dirname, '..', '..');
const fixture = (name: string) => readFileSync(join(import.meta.dirname, name), 'utf8');
const versions: readonly LinuxVersion[] = ['6.12', '6.1'];
const GENERATED = 3_000;

describe('built straight', () => {
  let straight: typeof model;
  let dir = '';
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'pfnmap-straight-'));
    const outfile = join(dir, 'model.mjs');
    await build({
      stdin: { contents: "export * from './src/conform/model.ts';", resolveDir: root },
      outfile,
      bundle: true,
      format: 'esm',
      platform: 'node',
      plugins: [straightPlugin()],
    });
    straight = await import(pathToFileURL(outfile).href);
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  /** Programs on one boot, both ways: the first that differs in an answer or a word of memory. */
  function difference(linux: LinuxVersion, programs: readonly (readonly Op[])[]) {
    const zero = [new Map<number, bigint>(), new Map<number, bigint>()];
    for (const ops of programs) {
      const stoppable = model.runOn(linux, ops, zero[0]);
      const plain = straight.runOn(linux, ops, zero[1]);
      const words = [stoppable, plain].map(({ guest }) => guest.k.mem.words);
      const same =
        Buffer.compare(Buffer.from(words[0].buffer), Buffer.from(words[1].buffer)) === 0 &&
        stoppable.results.join('\n') === plain.results.join('\n');
      if (!same) return { ops, answers: stoppable.results, straight: plain.results };
    }
    expect(zero[0]).toEqual(zero[1]);
    return null;
  }
  const all = (cases: readonly Case[]) => cases.map(({ setup, ops }) => [...setup, ...ops]);

  test.each(versions)('recorded programs and facts run alike on %s', (linux) => {
    expect(difference(linux, all(corpusCases(fixture('corpus.jsonl'), linux)))).toBeNull();
    expect(difference(linux, all(corpusCases(fixture('found.jsonl'), linux)))).toBeNull();
    expect(difference(linux, all(factsCases(fixture('bugs.tsv'), linux)))).toBeNull();
    const facts = fixture(`facts-${linux}.tsv`);
    expect(difference(linux, all(factsCases(facts, linux)))).toBeNull();
  });

  test.each(versions)('generated programs run alike on %s', (linux) => {
    const coverage: Coverage = new Map();
    const seed = Math.floor(Math.random() * 1e9);
    const programs = Array.from(
      { length: GENERATED },
      (_, i) => generate(seed, i, linux, coverage).ops,
    );
    expect(difference(linux, programs), `seed ${seed}`).toBeNull();
  });

  test('holds no routine that could be stopped', () => {
    const text = readFileSync(join(dir, 'model.mjs'), 'utf8');
    const file = ts.createSourceFile('model.mjs', text, ts.ScriptTarget.Latest);
    const stars: string[] = [];
    const visit = (node: ts.Node): void => {
      if (ts.isFunctionLike(node) && 'asteriskToken' in node && node.asteriskToken) {
        stars.push(node.getText(file));
      }
      ts.forEachChild(node, visit);
    };
    visit(file);
    // The one that program.ts finds the method of all generators by.
    expect(stars).toEqual(['function* () {\n}']);
  });
});

describe('what cannot be built straight', () => {
  const straightened = (text: string) =>
    straighten(ts, ts.createSourceFile('x.ts', text, ts.ScriptTarget.Latest));

  test('everything else keeps its place', () => {
    expect(
      straightened(
        'const a = function* (x: number): Run<number> {\n  return (yield* f(x)) + (yield* (x ? g() : h()));\n};\n' +
          "const o = { *m() { yield* f('yield* f()'); } }; // yield* f()",
      ),
    ).toBe(
      'const a = function (x: number): Run<number> {\n  return (f(x)) + ((x ? g() : h()));\n};\n' +
        "const o = { m() { f('yield* f()'); } }; // yield* f()",
    );
  });

  test.each([
    ['function* f() {\n  yield 1;\n}', 2, 'yield* only'],
    ['function* f(run) {\n\n  yield* run;\n}', 3, 'in the same place'],
    ['function* f() {\n  yield* x ? made : g();\n}', 2, 'in the same place'],
    ['function* f() {\n  return yield*\n    g();\n}', 2, 'in one line'],
    ['function* f() {\n  try {\n    yield* g();\n  } finally {}\n}', 3, 'inside try'],
    ['async function* f() {\n  yield* g();\n}', 1, 'asynchronous'],
  ])('is refused with its place: %j', (text, line, why) => {
    expect(() => straightened(text)).toThrow(
      expect.objectContaining({
        message: expect.stringContaining(why),
        location: expect.objectContaining({ line, lineText: text.split('\n')[line - 1] }),
      }),
    );
  });

  test('the build says so and where', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'pfnmap-straight-'));
    try {
      const file = join(dir, 'wrong.ts');
      const engine = relative(dir, join(root, 'src', 'explore', 'program.ts'));
      const lines = [
        `import { step } from '${engine}';`,
        'export function* f() {',
        '  yield 1;',
        '}',
      ];
      writeFileSync(file, lines.join('\n'));
      const stdin = { contents: "export * from './wrong.ts';", resolveDir: dir };
      const plugins = [straightPlugin(file)];
      await expect(
        build({ stdin, bundle: true, write: false, plugins, logLevel: 'silent' }),
      ).rejects.toMatchObject({
        errors: [{ location: { file: expect.stringContaining('wrong.ts'), line: 3 } }],
      });
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});

test('what a routine makes it runs in the same place', () => {
  const modules = modulesBehind(ts, ENTRANCE);
  const program = ts.createProgram([...modules.keys()], {
    strict: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    allowImportingTsExtensions: true,
    noEmit: true,
    types: [],
  });
  const checker = program.getTypeChecker();
  const isRun = (node: ts.Node) => checker.getTypeAtLocation(node).symbol?.name === 'Generator';
  /** Run at once, or handed to the caller, who runs it at once. */
  const isRunHere = (node: ts.Node): boolean => {
    const { parent } = node;
    if (ts.isParenthesizedExpression(parent)) return isRunHere(parent);
    if (ts.isConditionalExpression(parent)) return parent.condition !== node && isRunHere(parent);
    if (ts.isArrowFunction(parent)) return parent.body === node;
    return ts.isReturnStatement(parent) || (ts.isYieldExpression(parent) && !!parent.asteriskToken);
  };
  const elsewhere: string[] = [];
  let calls = 0;
  for (const path of modules.keys()) {
    const file = program.getSourceFile(path);
    const visit = (node: ts.Node): void => {
      if (ts.isCallExpression(node) && isRun(node)) {
        calls++;
        if (!isRunHere(node)) {
          const { line } = file!.getLineAndCharacterOfPosition(node.getStart());
          elsewhere.push(`${path.slice(root.length + 1)}:${line + 1}: ${node.getText()}`);
        }
      }
      ts.forEachChild(node, visit);
    };
    if (file) visit(file);
  }
  expect(calls).toBeGreaterThan(500);
  expect(elsewhere).toEqual([]);
});
