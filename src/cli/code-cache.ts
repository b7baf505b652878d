// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Starts the program with the code that V8 compiled when it ran before. Half of what a short command
 * takes is compiling; V8 can give out what it compiled and take it back if the source, its own
 * version and its flags are the same. Nothing depends on it: what cannot be read or written is
 * compiled anew.
 */
import { isAscii } from 'node:buffer';
import { createHash } from 'node:crypto';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { getHeapCodeStatistics } from 'node:v8';
import { Script } from 'node:vm';
import { cacheDir } from '../cache-dir.ts';
import { asUsual } from '../tuning.ts';

/** Functions are compiled when they are first called. So many bytes of them are worth keeping too. */
const WORTH = 200_000;

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
 * From now on, what this thread requires is compiled with the code that is kept. When the process ends,
 * what has been compiled since is kept.
 * @param here URL of a file of the program
 * @returns keeps it at once, for a thread that is going to be ended
 */
export function keepCode(here: string): () => void {
  const { extensions } = createRequire(here);
  const dir = cacheDir('code', `${process.version}-${process.arch}`);
  const loaded: Loaded[] = [];
  let missing = false;
  let known = 0;
  let counting = false;
  const count = () => {
    known = compiled();
    counting = false;
  };
  extensions['.js'] = (module, file) => {
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
    script.runInThisContext()(module.exports, createRequire(file), module, file, module.path);
    // Once for all that is required in one go: it takes long.
    if (!counting) queueMicrotask(count);
    counting = true;
  };
  const keep = () => {
    if (!missing && compiled() - known < WORTH) return;
    missing = false;
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
    count();
  };
  process.on('exit', keep);
  return keep;
}

/** Bytes of compiled code, all in all. */
const compiled = () => getHeapCodeStatistics().bytecode_and_metadata_size;

/** V8 itself does not look whether code is what it gave out. */
const sum = (code: Buffer) => createHash('sha1').update(code).digest('hex');

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
