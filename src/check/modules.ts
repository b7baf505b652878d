// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * A directory without a kernel may hold several modules. Files are of one module when one includes
 * a header of the other's or calls a function that it defines, all of them where several do so and none is in a module of the
 * caller's: the configuration chooses. Each module is a program of its own.
 */
import { Program } from './c/program.ts';
import type { SourceFile } from './c/skeleton.ts';
import { typedefsOf } from './c/typedefs.ts';
import { Index } from './index/index.ts';

/** The modules among the files of a program, in the order of their first files. */
export async function modulesOf(program: Program): Promise<Program[]> {
  const { files, index } = program;
  const parent = new Map<SourceFile, SourceFile>();
  const find = (f: SourceFile): SourceFile => {
    let top = f;
    for (let up = parent.get(top); up; up = parent.get(top)) top = up;
    if (top !== f) parent.set(f, top);
    return top;
  };
  const unite = (a: SourceFile, b: SourceFile) => {
    const [x, y] = [find(a), find(b)];
    if (x !== y) parent.set(y, x);
  };
  const defines = new Map<string, SourceFile[]>();
  for (const f of files) {
    for (const g of index.reachedOf(f.path, files, (one) => one.path)) unite(f, g);
    for (const d of f.skeleton.functions) {
      if (d.isStatic) continue;
      const list = defines.get(d.name);
      if (list) list.push(f);
      else defines.set(d.name, [f]);
    }
  }
  const twins: [SourceFile, readonly SourceFile[]][] = [];
  for (const f of files) {
    for (const [name] of f.text.matchAll(/[A-Za-z_]\w*/g)) {
      const there = defines.get(name);
      // Two definitions of one name are two modules', or chosen by the configuration.
      if (there?.length === 1) unite(f, there[0]!);
      else if (there) twins.push([f, there]);
    }
  }
  for (const [f, there] of twins)
    if (!there.some((g) => find(g) === find(f))) for (const g of there) unite(f, g);
  const groups = new Map<SourceFile, string[]>();
  for (const f of files) {
    const top = find(f);
    const list = groups.get(top);
    if (list) list.push(f.path);
    else groups.set(top, [f.path]);
  }
  const { sources, conditions } = program;
  const named = (its: Index, paths: readonly string[]) => {
    const typedefs = typedefsOf(paths.map((path) => sources.get(path)!));
    const one = new Program(sources, conditions, its, typedefs);
    one.noteAll();
    return one;
  };
  if (groups.size < 2) return [named(index, index.files)];
  return Promise.all(
    [...groups.values()].map(async (paths) =>
      named(await Index.of(sources, paths, index.marks, '', null), paths),
    ),
  );
}
