// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The names of a file by the part they play in it, as numbers: enough to tell which files a question
 * about a name has to be put to. A number may stand for two names; then a file is asked in vain.
 */
import { Kind, lex } from '../c/lex.ts';
import { type Skeleton, skeletonOf } from '../c/skeleton.ts';

/** The part that a name plays. */
export const enum Part {
  Function = 1,
  Macro = 2,
  Struct = 3,
  /** A variable of a struct type, and that type. */
  Table = 4,
  TableType = 5,
  /** What stands before a bracket. */
  Call = 6,
  /** A member that is assigned. */
  Field = 7,
  /** The type of a struct that is a member of another, and of one that a macro makes. */
  MemberType = 8,
  MacroType = 9,
  /** A macro that is used at the top level. */
  Use = 10,
  /** What is asked of a name as a whole, not of a file: whether it can matter to a mapping. */
  Relevance = 11,
}

/** The number of a name in a part. */
export function numberOf(part: Part, text: string, from = 0, to = text.length): number {
  let h = 0x811c9dc5 ^ part;
  for (let i = from; i < to; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  // FNV mixes its last characters badly.
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  return (h ^ (h >>> 13)) >>> 0;
}

/** What is known of a file without looking into its bodies. */
export interface FileNames {
  readonly numbers: Uint32Array;
  /** What is included, `"` or `<` before the name. */
  readonly includes: readonly string[];
  /** Macros used at the top level that may make tables or functions. */
  readonly uses: readonly string[];
  /** What could not be made out. */
  readonly lost: readonly { readonly line: number; readonly why: string }[];
  /** Which of the patterns asked for the text holds, one bit each. */
  readonly marks: number;
}

/** With the skeleton that they were read from. */
export type Names = FileNames & { readonly skeleton: Skeleton };

/** A pattern by which files are picked, and words of which one is in each text that it fits. */
export interface Mark {
  readonly pattern: RegExp;
  readonly words: readonly string[];
}

/**
 * Which patterns a text holds.
 * @param has whether a word is in it, where that is known
 */
export const marksOf = (
  text: string,
  marks: readonly Mark[],
  has: (word: string) => boolean = () => true,
): number =>
  marks.reduce(
    (bits, { pattern, words }, i) => bits | (words.some(has) && pattern.test(text) ? 1 << i : 0),
    0,
  );

export const INCLUDE = /^#\s*include\s*(["<][^">\n]+)[">]/;
/** Macros at the top level that make nothing that is looked for. */
export const PLAIN =
  /^(MODULE_|EXPORT_|DEFINE_(MUTEX|SPINLOCK|IDA|IDR|PER_CPU|STATIC|RATE|RAW|HASHTABLE|(SHOW|SIMPLE|DEBUGFS)_ATTRIBUTE)|DECLARE_|module_|late_|early_|__setup|subsys_|arch_|core_|fs_|device_|TRACE_|(__)?ATTRIBUTE_GROUPS|RB_DECLARE_|BTF_|(\w+_)?_?initcall)/;

/** @param marks patterns that are tried on the text; null: calls and assignments do not matter either */
export function namesOf(text: string, marks: readonly Mark[] | null): Names {
  const t = lex(text);
  const skeleton = skeletonOf(text, t);
  const numbers = new Set<number>();
  const add = (part: Part, name: string) => numbers.add(numberOf(part, name));
  const includes: string[] = [];
  for (let i = 0; i < t.n; i++) {
    const kind = t.kind[i];
    if (kind === Kind.Directive) {
      const m = INCLUDE.exec(text.slice(t.start[i]!, Math.min(t.end[i]!, t.start[i]! + 200)));
      if (m) includes.push(m[1]!);
    } else if (marks && kind === Kind.Ident && i + 1 < t.n && t.kind[i + 1] === Kind.Punct) {
      const next = text.charCodeAt(t.start[i + 1]!);
      if (next === 40) numbers.add(numberOf(Part.Call, text, t.start[i]!, t.end[i]!));
      else if (next === 61 && t.end[i + 1]! - t.start[i + 1]! === 1 && i > 0) {
        const before = t.kind[i - 1] === Kind.Punct ? text.charCodeAt(t.start[i - 1]!) : 0;
        // `.` or `->`
        if (before === 46 || (before === 45 && t.end[i - 1]! - t.start[i - 1]! === 2))
          numbers.add(numberOf(Part.Field, text, t.start[i]!, t.end[i]!));
      }
    }
  }
  for (const f of skeleton.functions) add(Part.Function, f.name);
  for (const m of skeleton.macros) {
    add(Part.Macro, m.name);
    if (m.body.includes('{'))
      for (const [, type] of m.body.matchAll(/\bstruct\s+(\w+)/g)) add(Part.MacroType, type!);
  }
  for (const s of skeleton.structs) {
    add(Part.Struct, s.name);
    for (const [, type] of text.slice(s.body, s.end).matchAll(/\b(\w+)\s+\w+\s*[;[]/g))
      add(Part.MemberType, type!);
  }
  for (const v of skeleton.tables) {
    add(Part.Table, v.name);
    add(Part.TableType, v.type);
  }
  const uses: string[] = [];
  for (const u of skeleton.uses) {
    if (PLAIN.test(u.name)) continue;
    uses.push(u.name);
    add(Part.Use, u.name);
  }
  let line = 1;
  let seen = 0;
  const lost = skeleton.lost.map(({ at, why }) => {
    for (; seen < at; seen++) if (text.charCodeAt(seen) === 10) line++;
    return { line, why };
  });
  return {
    numbers: Uint32Array.from(numbers),
    includes,
    uses: [...new Set(uses)],
    lost,
    marks: marksOf(text, marks ?? []),
    skeleton,
  };
}
