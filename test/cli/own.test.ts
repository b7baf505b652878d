// SPDX-License-Identifier: GPL-2.0-or-later
/** A user's own files: what is wrong with them is said in one message that names the place. */

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { pfnmap, steady, useBuild, useDirectory } from './program.ts';

useBuild();
const dir = useDirectory();

/** A scenario of two threads over one slot; `body` is line 5 and on. */
const program = (body: string, extra = '') => `import * as p from 'pfnmap';
type World = { x: p.Slots };
const load = p.step('load', (w: World) => w.x.get());
const store = p.step('store', (w: World, v: number) => w.x.set(0, v));
${body}
export default p.scenario({ id: 'own/x', title: 'x', prepare: () => () => {
  const mem = new p.Memory();
  const locks = new p.LockTable();
  const world = { x: mem.array('x', 1) };
  mem.seal();
  return { mem, locks, world, threads: ['a', 'b'].map((name) => ({ name, run }))${extra} };
} });
`;
const run = (lines: string) =>
  program(`const run = p.routine('run', function* () {\n${lines}\n});`);
const increment = 'const v = yield* load();\nyield* store(v + 1);';

async function explore(name: string, text: string, ...args: string[]) {
  dir.write(name, text);
  return pfnmap(['explore', ...args, name], { cwd: dir.path() });
}

/** What a strict compiler says of a file in the directory. */
function typeErrors(file: string): string {
  const root = join(import.meta.dirname, '..', '..');
  const compilerOptions = {
    strict: true,
    noEmit: true,
    target: 'es2022',
    module: 'esnext',
    moduleResolution: 'bundler',
    allowImportingTsExtensions: true,
    resolveJsonModule: true,
    types: [],
    paths: { pfnmap: [join(root, 'src', 'index.ts')] },
  };
  dir.write('tsconfig.json', JSON.stringify({ compilerOptions, files: [file] }));
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { stdout } = spawnSync(process.execPath, [tsc, '-p', dir.path()], { encoding: 'utf8' });
  const mine = (line: string) => line.includes(file);
  return stdout.split('\n').filter(mine).join('\n');
}

describe('a good file', () => {
  test('safe: exit code 0', async () => {
    const { code, stdout } = await explore('good.ts', run('yield* load();'));
    expect(stdout).toMatch(/^own\/x: safe; \d+ states/);
    expect(code).toBe(0);
  });

  test('violated: exit code 1, a ladder, and a schedule that replays', async () => {
    const final = `, final: () => {
    if (world.x.get() !== 2) mem.report({ severity: 'corrupts', rule: 'count', text: 'one is lost' });
  }`;
    const text = program(`const run = p.routine('run', function* () {\n${increment}\n});`, final);
    const { code, stdout } = await explore('lost.ts', text);
    expect(code).toBe(1);
    await expect(steady(stdout)).toMatchFileSnapshot('../golden/own-lost.txt');
    const schedule = /pfnmap replay (\S+)/.exec(stdout)![1];
    const again = await pfnmap(['replay', schedule], { cwd: dir.path() });
    expect(again.code).toBe(0);
    expect(stdout).toContain(again.stdout.trimEnd());
    dir.write('lost.ts', text.replace('yield* store(v + 1)', 'yield* load(); yield* store(v + 1)'));
    const later = await pfnmap(['replay', schedule], { cwd: dir.path() });
    expect(later.stderr).toContain('another version of the scenario: it parts at segment');
    expect(later.code).toBe(1);
  });

  test('what init writes type-checks by itself and explores at once', async () => {
    expect((await pfnmap(['init'], { cwd: dir.path() })).code).toBe(0);
    const again = await pfnmap(['init'], { cwd: dir.path() });
    expect(again.stderr).toBe('pfnmap: my-driver.ts exists already and is left as it is\n');
    expect(again.code).toBe(2);
    const { code, stdout } = await pfnmap(['explore', 'my-driver.ts'], { cwd: dir.path() });
    expect(stdout).toMatch(/^my-driver keeps every rule that is an exporter's to keep\.$/m);
    expect(stdout).toMatch(/^ {2}follow-and-keep +corrupts {2}R8 the consumer's own fault: /m);
    expect(stdout).not.toContain('The clearest way');
    expect(code).toBe(0);
    expect(typeErrors('my-driver.ts')).toBe('');
    // The other form, commented out below, works as well.
    const text = readFileSync(join(dir.path(), 'my-driver.ts'), 'utf8');
    const other = text.slice(text.indexOf('// import {')).replace(/^\/\/ ?/gm, '');
    const own = await explore('other.ts', other);
    expect(typeErrors('other.ts')).toBe('');
    expect(own.stdout).toContain('=> an increment is lost');
    expect(own.code).toBe(1);
  });

  test('a driver that breaks its own rules: exit code 1', async () => {
    const { code, stdout } = await explore(
      'bad-driver.ts',
      `import { driver } from 'pfnmap';
export default driver({ exporter: { id: 'bad', takesBack: ['move'], zap: 'never' } });
`,
    );
    expect(stdout).toMatch(/^ {2}cpu +corrupts {2}R4 cpu writes page1, but page 0 of the buffer/m);
    expect(stdout).toMatch(/^bad breaks 1 rule that is an exporter's to keep:$/m);
    expect(stdout).toMatch(/^ {2}R4 move-zaps \(with every consumer\)\n {4}What happens: .*\.$/m);
    expect(stdout).toMatch(/^ {4}What to do: Call unmap_mapping_range/m);
    expect(stdout).toMatch(/^The clearest way to see it, bad\/[a-z-]+ \(\d threads, .* <- R4$/ms);
    expect(code).toBe(1);
  });

  test('what is wrong under no rule of the thread has a remedy, too', async () => {
    const { code, stdout } = await explore(
      'mapped-once.ts',
      `import { driver } from 'pfnmap';
export default driver({ exporter: { id: 'once', inserts: 'mmap-remap-pfn', takesBack: ['move'] } });
`,
    );
    expect(stdout).toMatch(
      /^ {2}sigbus \(with [\s\S]*?\)\n {4}What happens: the user gets SIGBUS/m,
    );
    expect(stdout).toMatch(/^ {4}What to do: Give the VMA a fault handler/m);
    expect(code).toBe(1);
  });

  test('a driver that refuses no private mapping is told so', async () => {
    const { code, stdout } = await explore(
      'private.ts',
      `import { driver } from 'pfnmap';
export default driver({ exporter: { id: 'mine', refusesPrivate: false } });
`,
    );
    expect(code).toBe(1);
    expect(stdout).toMatch(/mine breaks 1 rule that is an exporter's to keep:\s+R14 refuse-cow/);
  });

  test('a driver that sets both flags is told of the BUG_ON that waits for them', async () => {
    const { code, stdout } = await explore(
      'both.ts',
      `import { driver } from 'pfnmap';
export default driver({ exporter: { id: 'both', setsFlags: ['VM_PFNMAP', 'VM_MIXEDMAP'] } });
`,
    );
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /^ {2}cpu +breaks {4}bug sigbus kernel BUG in vmf_insert_pfn_prot: VM_PFNMAP and$/m,
    );
  });

  test('what it prints is no data', async () => {
    const text = `console.log('hello');\n${run('yield* load();')}`;
    const { stdout, stderr } = await explore('prints.ts', text, '--json');
    expect(JSON.parse(stdout).scenarios).toHaveLength(1);
    expect(stderr).toContain('hello');
  });
});

describe('a broken file', () => {
  const cases: [what: string, text: string, message: RegExp][] = [
    [
      'throws',
      run(increment).replace('w.x.get()', '{ if (w.x.get()) throw new Error("boom"); return 0; }'),
      /throws: boom \(throws\.ts:3\)/,
    ],
    [
      'throws-at-once',
      'const a = 1;\nthrow new Error("no");\nexport default a;',
      /throws-at-once\.ts:2:\d+: Error: no/,
    ],
    [
      'never-yields',
      run('const v = yield* load();\nlet n = 0;\nwhile (v === 0) {\n  n++;\n}'),
      /never-yields\.ts:[89]: no step is yielded here/,
    ],
    ['never-ends', 'for (;;);\nexport default 1;', /never-ends\.ts:1: no step is yielded here/],
    [
      'yields-forever',
      run('for (;;) yield* load();'),
      /\(yields-forever\.ts:6\) .*a loop remembers its whole history; put `yield\* again/,
    ],
    [
      'random',
      run('if (Math.random() < 2) yield* load();'),
      /Math\.random is used \(random\.ts:6\)/,
    ],
    [
      'ends-the-program',
      run('yield* load();\nprocess.exit(0);'),
      /ends-the-program\.ts: it ends the program; to end a thread, return from its routine/,
    ],
    ['clock', run('yield* store(Date.now() & 7);'), /Date\.now is used \(clock\.ts:6\)/],
    [
      'new-date',
      run('yield* store(new Date().getDay());'),
      /new Date\(\) is used \(new-date\.ts:6\)/,
    ],
    [
      'hidden-state',
      `let n = 0;\n${run(increment).replace('w.x.get()', '(w.x.get() + n++) & 1')}`,
      /load \(hidden-state\.ts:\d+\) is not deterministic/,
    ],
    [
      'syntax',
      run('const v = = 1;'),
      /syntax\.ts:6:11: Unexpected "="\n {2}6 \| const v = = 1;\n {4}\| {11}\^/,
    ],
    ['import', "import './gone.ts';", /import\.ts:1:8: Could not resolve "\.\/gone\.ts"/],
    [
      'name',
      "import { scenari } from 'pfnmap';\nexport default scenari;",
      /no 'scenari': did you mean 'scenario'\?/,
    ],
    ['nothing', 'const a = 1;', /nothing\.ts: it exports nothing\. A file exports by default/],
    ['no-default', 'export const a = 1;', /it exports a, but nothing by default/],
    ['number', 'export default 1;', /its default export is a number/],
    ['no-prepare', "export default { id: 'x' };", /its default export has no prepare\(\)/],
    [
      'trait',
      "import { driver } from 'pfnmap';\nexport default driver({ exporter: { id: 'x', insert: 1 } });",
      /exporter has no trait 'insert': did you mean 'inserts'\?/,
    ],
    [
      'trait-list',
      "import { driver } from 'pfnmap';\nexport default driver({ exporter: { id: 'x', takesBack: 'move' } });",
      /exporter\.takesBack is a list: \["move"\]/,
    ],
    [
      'trait-flag',
      "import { driver } from 'pfnmap';\nexport default driver({ exporter: { id: 'x', flushes: 'no' } });",
      /exporter\.flushes is "no", but can be true or false/,
    ],
    [
      'trait-value',
      "import { driver } from 'pfnmap';\nexport default driver({ consumer: { id: 'x', lookup: 'pup' } });",
      /consumer\.lookup is 'pup', but can be cpu, gup/,
    ],
  ];
  for (const [what, text, message] of cases) {
    test(what, async () => {
      const { code, stdout, stderr } = await explore(`${what}.ts`, text);
      expect(stderr).toMatch(message);
      expect(stderr).toMatch(/^pfnmap: /);
      expect(stderr).not.toMatch(/^\s+at /m);
      expect(stdout).toBe('');
      expect(code).toBe(1);
    });
  }

  test('leaves the results of others in place', async () => {
    dir.write('fine.ts', run('yield* load();'));
    dir.write('wrong.ts', 'export default 0;');
    const files = ['wrong.ts', 'fine.ts'];
    const { code, stdout, stderr } = await pfnmap(['explore', ...files, '--json'], {
      cwd: dir.path(),
    });
    const { scenarios, errors } = JSON.parse(stdout);
    expect(scenarios.map((s: { id: string }) => s.id)).toEqual(['own/x']);
    expect(errors).toEqual([{ file: 'wrong.ts', message: expect.stringContaining('a number') }]);
    expect(stderr).toContain('wrong.ts: its default export is a number');
    expect(code).toBe(1);
  });

  test('that is not there is bad usage', async () => {
    const { code, stderr } = await pfnmap(['explore', 'gone.ts'], { cwd: dir.path() });
    expect(stderr).toBe('pfnmap: gone.ts: no such file; `pfnmap init` writes one\n');
    expect(code).toBe(2);
  });
});

describe('a state space beyond the limit', () => {
  const endless = run('for (;;) {\nyield* p.again("top");\nyield* store((yield* load()) + 1);\n}');

  test('is unknown: exit code 3', async () => {
    const { code, stdout } = await explore('large.ts', endless, '--max-states', '1000');
    expect(stdout).toContain('unknown: gave up at 1,000 states; --max-states N sets the limit');
    expect(code).toBe(3);
  });

  test('Ctrl-C ends it: exit code 130', async () => {
    // Each step takes a while, so that the limit is far whenever the signal comes.
    const slow =
      '{ let n = 1; for (let i = 0; i < 200_000; i++) n = (n * 3) | 1; w.x.set(0, n ? v : 0); }';
    dir.write('endless.ts', endless.replace('w.x.set(0, v)', slow));
    dir.write('first.ts', run('yield* load();'));
    const { code, stdout, stderr } = await pfnmap(['explore', 'first.ts', 'endless.ts'], {
      cwd: dir.path(),
      onStart: (child) =>
        child.stdout?.once('data', () => setTimeout(() => child.kill('SIGINT'), 500)),
    });
    expect(stdout).toMatch(/^own\/x: safe/);
    expect(stderr).toContain('interrupted');
    expect(code).toBe(130);
  });
});
