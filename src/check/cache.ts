// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * What an earlier run found in the same files, or explored, kept in the user's cache directory. Safe to
 * delete; a file is written aside and renamed, so two runs or a killed one leave no half of it.
 */
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { cacheDir } from '../cache-dir.ts';
import type { CheckReport } from '../contract/finding.ts';
import { compileLess } from '../tuning.ts';
import type { Base } from './base.ts';
import type { CheckOptions } from './check.ts';
import { difference } from './difference.ts';
import { placeOf } from './place.ts';
import { Helper } from './scan/helper.ts';
import type { TreeState } from './scan/state.ts';
import { isRelevant, type Keeper, scan } from './scan.ts';

/** Reports on trees, scans of trees, indices of their names, what patches go by, and answers of the model. */
export type Kind = 'check' | 'scan' | 'index' | 'base' | 'model';

/** Files kept of a kind; the oldest go first. */
const KEPT: Readonly<Record<Kind, number>> = { check: 40, scan: 10, index: 4, base: 4, model: 400 };

/** What a build's files go by: another build does not read them. */
export function buildStamp(self: string | null): string {
  const s = self ? statSync(new URL(self), { throwIfNoEntry: false }) : undefined;
  return `${s?.mtimeMs} ${s?.size}`;
}

/** The files of the tree that a path is in, as they are now. */
function treeOf({ path, self }: CheckOptions, helper: Helper | null): Promise<TreeState> {
  const { root } = placeOf(path);
  const file = join(cacheDir('scan'), sha1(`${buildStamp(self)} ${root}`));
  return scan(root, helper, keeper('scan', file));
}

const keeper = (kind: Kind, file: string): Keeper => ({
  file,
  load: () => read(file),
  save: (data) => write(kind, file, data),
});

/** Options with what is known of a tree's files, and where their index is. */
function known(options: CheckOptions, scanned: TreeState): KnownTree {
  const { root } = placeOf(options.path);
  const name = sha1(`${scanned.id} ${buildStamp(options.self)} ${options.linux} ${root}`);
  const file = join(cacheDir('index'), name);
  return { ...options, scanned, ...(scanned.id ? { indexed: keeper('index', file) } : {}) };
}

/** Like check(), from the cache when no file has changed. */
export function checkCached(options: CheckOptions): Promise<CheckReport> {
  return Helper.with(options.self, async (helper) =>
    reportOn(known(options, await treeOf(options, helper)), helper),
  );
}

type KnownTree = CheckOptions & { readonly scanned: TreeState };

/** What a report rests on, but for the files of a patch. */
const reportKey = ({ path, linux, self, audit, scanned }: KnownTree) =>
  `${scanned.id} ${buildStamp(self)} ${linux} ${audit} ${resolve(path)}`;

const reportOn = (options: KnownTree, helper: Helper | null): Promise<CheckReport> =>
  kept(reportKey(options), options.scanned.id !== '', () => looked(options, helper));

/** What a look at the tree says; the checker is loaded for it. */
async function looked(options: CheckOptions, helper: Helper | null): Promise<CheckReport> {
  compileLess();
  const { checkWith } = await import('./check.ts');
  const { root, part, kind } = placeOf(options.path);
  if (options.overlay || part !== '' || kind !== 'kernel' || !options.scanned?.id)
    return checkWith(options, helper);
  // What is asked of a whole kernel is kept for patches to it.
  const { packBase } = await import('./base.ts');
  const keep = baseOf(options, root);
  return checkWith({ ...options, leave: (judged) => keep.save(packBase(judged)) }, helper);
}

const baseOf = ({ self, linux }: CheckOptions, root: string): Keeper =>
  keeper('base', join(cacheDir('base'), sha1(`${buildStamp(self)} ${linux} ${root}`)));

/** What an earlier run left of a kernel; null where there is nothing. */
async function leftOf(options: CheckOptions): Promise<Base | null> {
  const { root, version } = placeOf(options.path);
  const data = baseOf(options, root).load();
  const base = data && (await import('./base.ts')).Base.open(data);
  return base?.head.version === version ? base : null;
}

/**
 * What a change of a tree brings in: findings and gaps that were not there before it.
 * @param overlay files that change: their texts, null for removed ones
 * @param first is told before all of the tree is looked at
 */
export async function checkPatch(
  options: CheckOptions,
  overlay: Overlay,
  first: () => void = () => {},
): Promise<CheckReport> {
  const { root, kind } = placeOf(options.path);
  const wholly = async () => {
    const { before, after } = await checkChange(options, overlay);
    return difference(before, after, overlay);
  };
  // Of a module nothing is left; an audit wants to know of all that there is.
  if (kind !== 'kernel' || options.audit) return wholly();
  const quickly = async (base: Base | null) =>
    base && (await import('./rejudge.ts')).broughtIn(root, base, overlay);
  const base = await leftOf(options);
  const quick = await quickly(base);
  if (quick) return quick;
  const anew = await Helper.with(options.self, async (helper) => {
    const tree = known(options, await treeOf(options, helper));
    if (!tree.scanned.id || base?.head.id === tree.scanned.id) return null;
    first();
    const report = await looked(tree, helper);
    remember('check', fileOf(reportKey(tree)), report);
    return quickly(await leftOf(options));
  });
  return anew ?? wholly();
}

type Overlay = ReadonlyMap<string, string | null>;

const fileOf = (key: string) => `${sha1(key)}.json`;

/** A report from the cache, or made now and kept if its key stands for one state of the tree only. */
async function kept(
  key: string,
  sure: boolean,
  make: () => Promise<CheckReport>,
): Promise<CheckReport> {
  const file = fileOf(key);
  const known = sure ? (recall('check', file) as CheckReport | null) : null;
  if (known) return known;
  const report = await make();
  if (sure) remember('check', file, report);
  return report;
}

const sha1 = (text: string) => createHash('sha1').update(text).digest('hex');

/**
 * A tree without a change and with it.
 * @param overlay files that change: their texts, null for removed ones
 */
export function checkChange(
  options: CheckOptions,
  overlay: ReadonlyMap<string, string | null>,
): Promise<{ readonly before: CheckReport; readonly after: CheckReport }> {
  return Helper.with(options.self, async (helper) => {
    const { root } = placeOf(options.path);
    const tree = known(options, await treeOf(options, helper));
    const before = await reportOn(tree, helper);
    const wasRead = new Set(before.read);
    // A file that was not looked into, was there before, and need not be looked into now.
    const idle = ([path, text]: readonly [string, string | null]) =>
      !/\.[ch]$/.test(path) ||
      (text !== null && !wasRead.has(path) && existsSync(join(root, path)) && !isRelevant(text));
    if ([...overlay].every(idle)) return { before, after: before };
    const change = sha1(JSON.stringify([...overlay]));
    const after = await kept(`${reportKey(tree)} ${change}`, tree.scanned.id !== '', () =>
      looked({ ...tree, overlay }, helper),
    );
    return { before, after };
  });
}

/** What was kept under a name; null when it is not there, or not whole. */
export function recall(kind: Kind, file: string): unknown {
  const data = read(join(cacheDir(kind), file));
  try {
    return data && (JSON.parse(data.toString()) as unknown);
  } catch {
    return null;
  }
}

/** Keeps something for later runs, if the directory can be written. */
export function remember(kind: Kind, file: string, what: unknown): void {
  write(kind, join(cacheDir(kind), file), JSON.stringify(what));
}

function read(file: string): Buffer | null {
  try {
    return readFileSync(file);
  } catch {
    return null;
  }
}

function write(kind: Kind, file: string, data: string | Buffer): void {
  const dir = cacheDir(kind);
  try {
    mkdirSync(dir, { recursive: true });
    const aside = `${file}.${process.pid}`;
    writeFileSync(aside, data);
    renameSync(aside, file);
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
