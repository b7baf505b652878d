// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Starts the program with the code that V8 compiled when it ran before. Half of what a short command
 * takes is compiling; V8 can give out what it compiled and take it back if the source, its own
 * version and its flags are the same. Nothing depends on it: what cannot be read or written is
 * compiled anew.
 */
import { isAscii } from 'node:buffer';
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire, Module } from 'node:module';
import { basename, dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';
import { isMainThread } from 'node:worker_threads';
import { crc32 } from 'node:zlib';
import { cacheDir } from '../cache-dir.ts';
import { asUsual } from '../tuning.ts';

/** Code that has not been written for so long is not kept. */
const DAYS = 30;

interface Loaded {
  readonly script: Script;
  /** Where its code is kept. */
  readonly kept: string;
  /** What it was compiled from. */
  readonly stamp: string;
}

/**
 * From now on, what this thread requires is compiled with the code that is kept. Functions are compiled when
 * they are first called: what has been when the process ends is kept after the runs 1, 2, 4, 8 ... of one
 * kind. To ask V8 whether there is more of it takes as long as it saves.
 * @param here URL of a file of the program
 * @returns keeps it at once if it is time to, for a thread that is going to be ended
 */
export function keepCode(here: string): () => void {
  const outside = createRequire(here);
  const dir = cacheDir('code', `${process.version}-${process.arch}`);
  const loaded: Loaded[] = [];
  let missing = false;
  const counted = join(dir, `runs ${kind(process.argv.slice(2))}`);
  const due = isPower(sizeOf(counted) + 1);
  const program = dirname(fileURLToPath(here)) + sep;
  // What a file of the program asks for by a relative name is such a file. Node would look through
  // directories and packages to find that out.
  const requireFrom = (file: string) => {
    if (!file.startsWith(program)) return createRequire(file);
    const at = dirname(file);
    return (name: string): unknown => {
      if (!name.startsWith('.')) return outside(name);
      const wanted = join(at, name);
      const known = outside.cache[wanted];
      // What an ES module asked for in vain stands there too, not loaded.
      if (known) return known.loaded ? known.exports : outside(wanted);
      const module = new Module(wanted);
      outside.cache[wanted] = module;
      load(module, wanted);
      module.loaded = true;
      return module.exports;
    };
  };
  const load = (module: Module, file: string) => {
    const { size, mtimeMs } = statSync(file);
    const stamp = `${file} ${size} ${mtimeMs}`;
    const kept = join(dir, `${basename(file)}-${file.length}`);
    const cachedData = read(kept, stamp);
    const bytes = readFileSync(file);
    // V8 is quicker with what it knows to be a byte a character.
    const source = bytes.toString(isAscii(bytes) ? 'latin1' : 'utf8');
    const script = asUsual(
      () =>
        new Script(`(function (exports, require, module, __filename, __dirname) { ${source}\n})`, {
          filename: file,
          cachedData,
        }),
    );
    if (!cachedData || script.cachedDataRejected) missing = true;
    loaded.push({ script, kept, stamp });
    script.runInThisContext()(module.exports, requireFrom(file), module, file, module.path);
  };
  outside.extensions['.js'] = load;
  const keep = () => {
    if (!missing && !due) return;
    try {
      mkdirSync(dir, { recursive: true });
      for (const { script, kept, stamp } of loaded)
        write(
          kept,
          stamp,
          asUsual(() => script.createCachedData()),
        );
      const old = Date.now() - DAYS * 86_400_000;
      for (const name of readdirSync(dir)) {
        if (statSync(join(dir, name)).mtimeMs < old) rmSync(join(dir, name), { force: true });
      }
    } catch {
      // A cache that cannot be written is no reason to tell anybody.
    }
  };
  process.on('exit', () => {
    keep();
    if (!isMainThread) return;
    try {
      if (missing) writeFileSync(counted, '.');
      else appendFileSync(counted, '.');
    } catch {
      // As above.
    }
  });
  return keep;
}

/** Commands of one kind run much the same functions: the command and the names of its options. */
function kind([command = '', ...rest]: readonly string[]): string {
  const words = [command, ...rest.filter((word) => word.startsWith('-')).sort()];
  return words
    .map((word) => word.replace(/[^a-z-].*/, ''))
    .join(' ')
    .slice(0, 100);
}

const isPower = (n: number) => (n & (n - 1)) === 0;

function sizeOf(file: string): number {
  try {
    return statSync(file).size;
  } catch {
    return 0;
  }
}

/** V8 itself does not look whether code is what it gave out. Node before 20.15 has no CRC, and keeps no code. */
const sum = (code: Buffer) => crc32(code).toString(16);

/** A line that says what it was compiled from and what it must add up to; then the code. */
function read(kept: string, stamp: string): Buffer | undefined {
  try {
    const data = readFileSync(kept);
    const code = data.subarray(data.indexOf('\n') + 1);
    const head = data.toString('utf8', 0, data.length - code.length);
    if (head === `${stamp} ${sum(code)}\n`) return code;
  } catch {
    // Not there yet.
  }
  return undefined;
}

/** Written aside and renamed, so that nobody reads half of it. */
function write(kept: string, stamp: string, code: Buffer): void {
  const aside = `${kept}.${process.pid}-${process.hrtime.bigint()}`;
  writeFileSync(aside, Buffer.concat([Buffer.from(`${stamp} ${sum(code)}\n`), code]));
  renameSync(aside, kept);
}
