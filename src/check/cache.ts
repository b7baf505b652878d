// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * What an earlier run found in the same files, or explored, kept in the user's cache directory. Safe to
 * delete; a file is written aside and renamed, so two runs or a killed one leave no half of it.
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

/** Where things of one kind are kept. */
const directory = (kind: Kind) =>
  join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'pfnmap', kind);

/** Reports on trees, and answers of the model. */
export type Kind = 'check' | 'model';

/** Files kept of a kind; the oldest go first. */
const KEPT: Readonly<Record<Kind, number>> = { check: 40, model: 400 };

/** What a build's files go by: another build does not read them. */
export function buildStamp(self: string | null): string {
  const s = self ? statSync(new URL(self), { throwIfNoEntry: false }) : undefined;
  return `${s?.mtimeMs} ${s?.size}`;
}

/** Like check(), from the cache when no file has changed. */
export async function checkCached(options: CheckOptions): Promise<CheckReport> {
  const place = placeOf(options.path);
  const salt = `${buildStamp(options.self)} ${options.linux} ${options.audit} ${resolve(options.path)}`;
  const name = createHash('sha1').update(resolve(options.path)).digest('hex').slice(0, 16);
  const file = `${name}-${fingerprint(place.root, salt)}.json`;
  const known = recall('check', file) as CheckReport | null;
  if (known) return known;
  const report = await check(options);
  remember('check', file, report);
  return report;
}

/** What was kept under a name; null when it is not there, or not whole. */
export function recall(kind: Kind, file: string): unknown {
  try {
    return JSON.parse(readFileSync(join(directory(kind), file), 'utf8')) as unknown;
  } catch {
    return null;
  }
}

/** Keeps something for later runs, if the directory can be written. */
export function remember(kind: Kind, file: string, what: unknown): void {
  const dir = directory(kind);
  try {
    mkdirSync(dir, { recursive: true });
    const aside = join(dir, `${file}.${process.pid}`);
    writeFileSync(aside, JSON.stringify(what));
    renameSync(aside, join(dir, file));
    const all = readdirSync(dir).map((f) => ({
      f,
      at: statSync(join(dir, f), { throwIfNoEntry: false })?.mtimeMs ?? 0,
    }));
    for (const { f } of all.sort((a, b) => b.at - a.at).slice(KEPT[kind]))
      rmSync(join(dir, f), { force: true });
  } catch {
    // A cache that cannot be written is no cache; what was found stands.
  }
}
