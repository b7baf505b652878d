// SPDX-License-Identifier: GPL-2.0-or-later
/** The package as its users get it: packed, installed elsewhere, and run there. */

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** The environment without what an npm that runs these tests added to it. */
const env = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) =>
      !/^npm_(package|lifecycle|command|node|execpath)|^npm_config_(local_prefix|global_prefix|prefix)$|^INIT_CWD$|^VITEST|^NODE_ENV$/.test(
        name,
      ),
  ),
);
const windows = process.platform === 'win32';

function run(cwd: string, command: string, ...args: string[]): string {
  const { error, status, stdout, stderr } = spawnSync(command, args, {
    cwd,
    env,
    encoding: 'utf8',
    shell: windows,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (error) throw error;
  const said = `${[command, ...args].join(' ')}: exit code ${status}\n${stdout}${stderr}`;
  if (status !== 0) throw new Error(said);
  return stdout;
}

describe('the manifest', () => {
  test('names exact versions only', () => {
    const all = { ...manifest.dependencies, ...manifest.devDependencies };
    expect(Object.keys(all).length).toBeGreaterThan(0);
    for (const [name, version] of Object.entries(all)) {
      expect(version, name).toMatch(/^\d+\.\d+\.\d+(-[\w.]+)?$/);
    }
  });

  test('needs few packages at run time', () => {
    expect(Object.keys(manifest.dependencies)).toEqual(['esbuild', 'picocolors']);
  });
});

test('the lock file names no host that packages come from', () => {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  // Where to give money is part of a package's own manifest; npm copies it.
  const text = JSON.stringify(lock, (key, value) => (key === 'funding' ? undefined : value));
  expect(text).not.toContain('"resolved"');
  expect(text).not.toMatch(/[a-z+]+:\/\//);
  expect(lock.version).toBe(manifest.version);
});

test('the lock file is complete for every platform', () => {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  interface Locked {
    dependencies?: Record<string, string>;
    optionalDependencies?: Record<string, string>;
  }
  const packages = Object.entries<Locked>(lock.packages);
  const missing = packages.flatMap(([place, { dependencies, optionalDependencies }]) =>
    // `npm ci` refuses to install when an optional package of another platform is left out.
    Object.keys({ ...dependencies, ...optionalDependencies })
      .filter((name) => !packages.some(([other]) => other.endsWith(`node_modules/${name}`)))
      .map((name) => `${place}: ${name}`),
  );
  expect(missing).toEqual([]);
});

describe('the tarball', () => {
  let temporary: string;
  let project: string;

  beforeAll(() => {
    temporary = mkdtempSync(join(tmpdir(), 'pfnmap-package-'));
    run(root, 'npm', 'pack', '--pack-destination', temporary);
    const tarball = readdirSync(temporary).find((name) => name.endsWith('.tgz'))!;
    project = join(temporary, 'project');
    mkdirSync(project);
    writeFileSync(join(project, 'package.json'), '{ "name": "user", "private": true }\n');
    const quiet = ['--prefer-offline', '--no-audit', '--no-fund'];
    run(project, 'npm', 'install', ...quiet, join(temporary, tarball));
  });

  afterAll(() => {
    rmSync(temporary, { recursive: true, force: true });
  });

  test('holds what is needed and nothing else', () => {
    const installed = join(project, 'node_modules', 'pfnmap');
    const names = readdirSync(installed).sort();
    expect(names).toEqual(['LICENSE', 'README.md', 'dist', 'docs', 'guest', 'package.json']);
    const dist = readdirSync(join(installed, 'dist'), { recursive: true }).map(String);
    expect(dist).toEqual(
      expect.arrayContaining(['cli.js', 'index.js', join('types', 'index.d.ts')]),
    );
    const page = ['index.html', 'licences.txt', 'pfnmap.css', 'sandbox.html'].map((name) =>
      join('web', name),
    );
    const other = dist.filter((name) => /\.[^.\\/]+$/.test(name) && !/\.(js|d\.ts)$/.test(name));
    expect(other.sort()).toEqual(['help.txt', 'licences.txt', 'package.json', ...page]);
  });

  test('brings the licences of what is bundled', () => {
    const read = (...path: string[]) =>
      readFileSync(
        join(project, 'node_modules', 'pfnmap', 'dist', ...path, 'licences.txt'),
        'utf8',
      );
    expect(read()).toContain(`commander ${manifest.devDependencies.commander}\n`);
    expect(read('web')).toContain(`preact ${manifest.devDependencies.preact}\n`);
    expect(read('web')).toContain('Permission is hereby granted, free of charge');
  });

  test('gives the program', () => {
    expect(run(project, 'npx', '--no-install', 'pfnmap', '--version').trim()).toBe(
      manifest.version,
    );
    expect(run(project, 'npx', '--no-install', 'pfnmap', '--help')).toMatch(/^Usage: pfnmap/);
  });

  test('gives the library', () => {
    const code = "import('pfnmap').then((all) => console.log(Object.keys(all).length))";
    expect(Number(run(project, 'node', '-e', code))).toBeGreaterThan(0);
  });

  test('gives types that a strict user can compile with', () => {
    writeFileSync(
      join(project, 'user.mts'),
      "import * as pfnmap from 'pfnmap';\nexport const names: string[] = Object.keys(pfnmap);\n",
    );
    writeFileSync(
      join(project, 'tsconfig.json'),
      JSON.stringify({
        compilerOptions: {
          strict: true,
          noEmit: true,
          target: 'es2022',
          module: 'nodenext',
          types: [],
        },
        files: ['user.mts'],
      }),
    );
    const output = run(project, 'node', join(root, 'node_modules', 'typescript', 'bin', 'tsc'));
    expect(output).toBe('');
  });
});
