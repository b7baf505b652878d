// SPDX-License-Identifier: GPL-2.0-or-later
// Builds dist/: cli.js and index.js with the chunks they share, the page in
// dist/web, and with --types the declarations in dist/types. Each part is skipped when the hash
// of its inputs is the one it was last built from; --force builds anyway.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DOCS } from './book.mjs';
import { licencesOf } from './licences.mjs';
import { writeLists } from './lists.mjs';
import { exitWith, root, run } from './setup.mjs';
import { webFiles } from './web.mjs';

const dist = join(root, 'dist');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const spdx = '// SPDX-License-Identifier: GPL-2.0-or-later\n';

/**
 * All files under a directory, sorted.
 *
 * @param {string} dir
 * @returns {string[]}
 */
function walk(dir) {
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(dir, entry.name);
      return entry.isDirectory() ? walk(path) : [path];
    });
}

/** @param {string[]} extra */
function hashInputs(extra) {
  const hash = createHash('sha256');
  const fixed = ['package.json', 'package-lock.json', ...extra];
  const scripts = walk(join(root, 'scripts'));
  for (const path of [
    ...fixed.map((name) => join(root, name)),
    ...scripts,
    ...walk(join(root, 'src')),
    ...walk(join(root, 'web')),
    ...DOCS.map((name) => join(root, 'docs', `${name}.md`)),
  ]) {
    const text = readFileSync(path);
    hash.update(`${relative(root, path)}\0${text.length}\0`).update(text);
  }
  return hash.digest('hex');
}

/**
 * A stamp names the inputs' hash and then the files made of them.
 *
 * @param {string} stamp
 * @param {string} hash
 */
function upToDate(stamp, hash) {
  if (!existsSync(stamp)) return false;
  const [was, ...files] = readFileSync(stamp, 'utf8').trimEnd().split('\n');
  return was === hash && files.every((file) => existsSync(join(dist, file)));
}

/**
 * @param {string} stamp
 * @param {string} hash
 * @param {string[]} files
 */
function writeStamp(stamp, hash, files) {
  writeFileSync(stamp, `${[hash, ...files.map((file) => relative(dist, file))].join('\n')}\n`);
}

/**
 * Keeps from commander what it would start subcommands as programs with: ours are none, and that takes
 * longer to load than commander itself.
 *
 * @type {import('esbuild').Plugin}
 */
const startsNoPrograms = {
  name: 'starts-no-programs',
  setup(build) {
    build.onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
      importer.startsWith(join(root, 'node_modules', 'commander'))
        ? { path: 'none', namespace: 'none' }
        : undefined,
    );
    build.onLoad({ filter: /^/, namespace: 'none' }, () => ({ contents: '' }));
  },
};

/** @param {boolean} force */
async function buildCode(force) {
  const stamp = join(dist, '.stamp');
  const hash = hashInputs([]);
  if (!force && upToDate(stamp, hash)) return true;

  const esbuild = await import('esbuild');
  const { straightPlugin } = await import('./straight.mjs');
  const result = await esbuild
    .build({
      absWorkingDir: root,
      entryPoints: {
        cli: 'src/cli/main.ts',
        worker: 'src/cli/start-worker.ts',
        index: 'src/index.ts',
      },
      outdir: dist,
      chunkNames: 'chunks/[name]-[hash]',
      bundle: true,
      splitting: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      external: Object.keys(manifest.dependencies),
      plugins: [straightPlugin(), startsNoPrograms],
      logLevel: 'warning',
      write: false,
      metafile: true,
    })
    // esbuild has printed the errors it found in the sources.
    .catch((error) => {
      if (!Array.isArray(error?.errors)) throw error;
      return undefined;
    });
  if (!result) return false;

  const help = join(dist, 'help.txt');
  const notice = join(dist, 'licences.txt');
  const whole = [join(dist, 'package.json'), help, notice];
  const files = [...result.outputFiles.map((file) => file.path), ...whole];
  rmSync(help, { force: true });
  const { commonjs } = await import('./commonjs.mjs');
  for (const file of result.outputFiles) {
    const isCli = file.path === join(dist, 'cli.js');
    const text = commonjs(relative(dist, file.path), file.text);
    put(file.path, (isCli ? '#!/usr/bin/env node\n' : '') + spdx + text, isCli);
  }
  put(join(dist, 'package.json'), '{ "type": "commonjs" }\n', false);
  put(help, helpText(), false);
  put(notice, licencesOf([result.metafile]), false);
  const web = await webFiles();
  if (!web) return false;
  for (const [name, text] of Object.entries(web)) {
    const path = join(dist, 'web', name);
    files.push(path);
    put(path, text, false);
  }
  for (const dir of ['chunks', 'web']) {
    for (const old of walk(join(dist, dir))) if (!files.includes(old)) rmSync(old);
  }
  writeStamp(stamp, hash, files);
  return true;
}

/**
 * Writes a file as a whole: a process that runs the former build never sees half of one.
 *
 * @param {string} path
 * @param {string} text
 * @param {boolean} executable
 */
function put(path, text, executable) {
  const temporary = `${path}.${process.pid}`;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(temporary, text);
  if (executable) chmodSync(temporary, 0o755);
  renameSync(temporary, path);
}

/** What the program says of itself when asked, by the program that has just been built. */
function helpText() {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(dist, 'cli.js'), '--help']);
  if (status !== 0) throw new Error(`pfnmap --help: ${stderr}`);
  return stdout.toString();
}

/** @param {boolean} force */
async function buildTypes(force) {
  const types = join(dist, 'types');
  const stamp = join(types, '.stamp');
  const hash = hashInputs(['tsconfig.json', 'tsconfig.types.json']);
  if (!force && upToDate(stamp, hash)) return true;
  rmSync(types, { recursive: true, force: true });
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { code } = await run(process.execPath, [tsc, '-p', 'tsconfig.types.json']);
  if (code !== 0) return false;
  writeStamp(stamp, hash, walk(types));
  return true;
}

/**
 * Lets npx find the program here. By itself it would link what package.json names into a cache of its
 * own, once and for all: who calls it before the first build is told ever after that there is none.
 */
function linkProgram() {
  const link = join(root, 'node_modules', '.bin', 'pfnmap');
  if (existsSync(dirname(link)) && !existsSync(link)) {
    rmSync(link, { force: true });
    symlinkSync(join('..', '..', 'dist', 'cli.js'), link);
  }
}

/**
 * Says whether all went well; what did not has been printed.
 *
 * @param {{ types?: boolean, force?: boolean }} [options]
 */
export async function build({ types = false, force = false } = {}) {
  writeLists();
  linkProgram();
  return (await buildCode(force)) && (!types || (await buildTypes(force)));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const args = process.argv.slice(2);
  await exitWith(async () => {
    const done = await build({ types: args.includes('--types'), force: args.includes('--force') });
    return done ? 0 : 1;
  });
}
