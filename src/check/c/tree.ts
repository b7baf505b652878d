// SPDX-License-Identifier: GPL-2.0-or-later
/** The files of a tree, by path relative to its root, read when first asked for. */
import { SourceFile } from './skeleton.ts';

export interface Tree {
  /** Every path that may be read. */
  readonly paths: { has(path: string): boolean };
  /** The text of a file; null when it cannot be read. */
  read(path: string): string | null;
  /**
   * The bytes of a file with two zeros behind, good until the next call, where they are to be had without
   * making a string of them; null where they are not, or cannot be read.
   */
  bytes?(path: string): Buffer | null;
}

/** Files of a tree as source, each parsed once. */
export class Sources {
  private readonly files = new Map<string, SourceFile | null>();
  constructor(readonly tree: Tree) {}

  /** A file of the tree; one that cannot be read is empty. Null: there is none. */
  get(path: string): SourceFile | null {
    let file = this.files.get(path);
    if (file === undefined) {
      const { tree } = this;
      file = tree.paths.has(path) ? new SourceFile(path, () => tree.read(path) ?? '') : null;
      this.files.set(path, file);
    }
    return file;
  }

  /** By the #include, then by directory. */
  private readonly included = new Map<string, Map<string, string | null>>();
  /** Names below the directories where every #include of `<name>` is looked for first. */
  private readonly common = new Map<string, string | null>();

  /** The path that an #include of `"name` or `<name` means in a directory; null when the tree has none. */
  include(here: string, include: string): string | null {
    if (include[0] !== '"') {
      const found = this.anywhere(include.slice(1));
      if (found !== null) return found;
    }
    let by = this.included.get(include);
    if (!by) this.included.set(include, (by = new Map()));
    let found = by.get(here);
    if (found === undefined) by.set(here, (found = this.resolve(here, include)));
    return found;
  }

  private anywhere(name: string): string | null {
    let found = this.common.get(name);
    if (found === undefined) {
      const dirs = ['include/', 'arch/x86/include/', 'include/uapi/'];
      const dir = dirs.find((d) => this.tree.paths.has(d + name));
      this.common.set(name, (found = dir === undefined ? null : dir + name));
    }
    return found;
  }

  private resolve(here: string, include: string): string | null {
    const name = include.slice(1);
    const { paths } = this.tree;
    const local = include[0] === '"';
    if (local) {
      const path = join(here, name);
      if (paths.has(path)) return path;
    }
    if (!local || name.includes('/')) {
      const path = this.anywhere(name);
      if (path !== null) return path;
    }
    // -I of a parent directory, or its include/.
    for (let dir = here; dir; dir = dirOf(dir)) {
      for (const path of [join(dir, name), join(dir, `include/${name}`)])
        if (paths.has(path)) return path;
    }
    for (const path of [`include/${name}`, name]) if (paths.has(path)) return path;
    return null;
  }
}

export function dirOf(path: string): string {
  const at = path.lastIndexOf('/');
  return at < 0 ? '' : path.slice(0, at);
}

function join(dir: string, name: string): string {
  if (!name.includes('./')) return dir ? `${dir}/${name}` : name;
  const parts = dir ? dir.split('/') : [];
  for (const part of name.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.' && part !== '') parts.push(part);
  }
  return parts.join('/');
}

/** Steps from one directory to another in the tree: up to the common parent, and down. */
export function distance(a: string, b: string): number {
  const [x, y] = [a ? a.split('/') : [], b ? b.split('/') : []];
  let same = 0;
  while (same < x.length && same < y.length && x[same] === y[same]) same++;
  return x.length - same + (y.length - same);
}

/** Some of a tree's files, by a name that says which. */
export interface Wanted {
  readonly name: string;
  has(path: string): boolean;
}

/** Files no further than some steps from a directory, and one more. */
export const near = (home: string, within: number, also = ''): Wanted => ({
  name: `near ${within} ${home} ${also}`,
  has: (path) => path === also || distance(home, dirOf(path)) <= within,
});
export const EVERYWHERE: Wanted = { name: 'everywhere', has: () => true };
export const onlyIn = (file: string): Wanted => ({
  name: `in ${file}`,
  has: (path) => path === file,
});
