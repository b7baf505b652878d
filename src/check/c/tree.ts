// SPDX-License-Identifier: GPL-2.0-or-later
/** The files of a tree, by path relative to its root, read when first asked for. */
import { SourceFile } from './skeleton.ts';

export interface Tree {
  /** Every path that may be read. */
  readonly paths: ReadonlySet<string>;
  /** The text of a file; null when it cannot be read. */
  read(path: string): string | null;
}

/** Files of a tree as source, each parsed once. */
export class Sources {
  private readonly files = new Map<string, SourceFile | null>();
  constructor(readonly tree: Tree) {}

  get(path: string): SourceFile | null {
    let file = this.files.get(path);
    if (file === undefined) {
      const text = this.tree.paths.has(path) ? this.tree.read(path) : null;
      file = text === null ? null : new SourceFile(path, text);
      this.files.set(path, file);
    }
    return file;
  }

  /** The files that were asked for, there or not. */
  get asked(): string[] {
    return [...this.files.keys()];
  }

  private readonly included = new Map<string, SourceFile | null>();

  /** The file that an #include in `from` means; null when the tree has none. */
  include(from: SourceFile, name: string, local: boolean): SourceFile | null {
    const here = dirOf(from.path);
    const key = `${here} ${local} ${name}`;
    let found = this.included.get(key);
    if (found === undefined) this.included.set(key, (found = this.resolve(here, name, local)));
    return found;
  }

  private resolve(here: string, name: string, local: boolean): SourceFile | null {
    const tried: string[] = [];
    if (local) tried.push(join(here, name));
    if (!local || name.includes('/')) {
      tried.push(`include/${name}`, `arch/x86/include/${name}`, `include/uapi/${name}`);
    }
    // -I of a parent directory, or its include/.
    for (let dir = here; dir; dir = dirOf(dir))
      tried.push(join(dir, name), join(dir, `include/${name}`));
    tried.push(`include/${name}`, name);
    for (const path of tried) {
      if (this.tree.paths.has(path)) return this.get(path);
    }
    return null;
  }
}

export function dirOf(path: string): string {
  const at = path.lastIndexOf('/');
  return at < 0 ? '' : path.slice(0, at);
}

function join(dir: string, name: string): string {
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
