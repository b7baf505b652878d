// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * What an earlier run found in the same files, kept in the user's cache directory. Safe to delete; a
 * report is written aside and renamed, so two runs or a killed one leave no half of it.
 */
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
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { CheckReport } from '../contract/finding.ts';
import { type CheckOptions, check, placeOf } from './check.ts';
import { fingerprint } from './scan.ts';

const directory = () =>
  join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'pfnmap', 'check');

/** Reports kept; the oldest go first. */
const KEPT = 40;

/** The file that a build's reports go by: another build does not read them. */
function buildStamp(self: string | null): string {
  const s = self ? statSync(new URL(self), { throwIfNoEntry: false }) : undefined;
  return `${s?.mtimeMs} ${s?.size}`;
}

/** Like check(), from the cache when no file has changed. */
export async function checkCached(options: CheckOptions): Promise<CheckReport> {
  const place = placeOf(options.path);
  const salt = `${buildStamp(options.self)} ${options.linux} ${options.audit} ${resolve(options.path)}`;
  const name = createHash('sha1').update(resolve(options.path)).digest('hex').slice(0, 16);
  const dir = directory();
  const key = fingerprint(place.root, salt);
  const file = join(dir, `${name}-${key}.json`);
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as CheckReport;
  } catch {
    // Not there, or not whole: made anew.
  }
  const report = await check(options);
  try {
    mkdirSync(dir, { recursive: true });
    const aside = `${file}.${process.pid}`;
    writeFileSync(aside, JSON.stringify(report));
    renameSync(aside, file);
    const all = readdirSync(dir).map((f) => ({
      f,
      at: statSync(join(dir, f), { throwIfNoEntry: false })?.mtimeMs ?? 0,
    }));
    for (const { f } of all.sort((a, b) => b.at - a.at).slice(KEPT))
      rmSync(join(dir, f), { force: true });
  } catch {
    // A cache that cannot be written is no cache; the report stands.
  }
  return report;
}
