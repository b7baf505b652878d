// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The other names that a module gives its structs: `typedef struct buf buf_t, *buf_p;`. A kernel's own
 * code has no such names for structs that matter here (Documentation/process/coding-style.rst, 5).
 */
import type { Type } from './ast.ts';
import type { SourceFile } from './skeleton.ts';

/** What a name stands for: the struct's tag, and how many `*` are a part of the name. */
export type Typedefs = ReadonlyMap<string, Type>;

const DECLARED = /\btypedef\s+(?:struct|union)\s+(\w+)\s*((?:\**\s*\w+\s*,\s*)*\**\s*\w+)\s*;/g;

/** The typedefs of structs in the files of a module. */
export function typedefsOf(files: Iterable<SourceFile>): Typedefs {
  const out = new Map<string, Type>();
  const put = (tag: string, names: string) => {
    for (const [, stars, name] of names.matchAll(/(\**)\s*(\w+)/g))
      if (name !== tag) out.set(name!, { base: tag, stars: stars!.length });
  };
  for (const { text, skeleton } of files) {
    if (!text.includes('typedef')) continue;
    for (const [, tag, names] of text.matchAll(DECLARED)) put(tag!, names!);
    for (const { name, at, body, end } of skeleton.structs) {
      const tagged = at < body;
      const before = text.slice(Math.max(0, (tagged ? at : body) - 80), tagged ? at : body);
      const names = /^[^;{}]*/.exec(text.slice(end, end + 200))![0];
      if (/\btypedef\s+(?:struct|union)\s*$/.test(before)) put(name, names);
    }
  }
  return out;
}
