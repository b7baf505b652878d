// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * What a change of files touches: names that mean something else after it, and parts of the tree whose
 * code differs. Lines that move, and comments between functions, touch nothing.
 */
import type { Skeleton } from './c/skeleton.ts';
import { dirOf, distance } from './c/tree.ts';
import type { Index } from './index/index.ts';
import { marksOf, type Names, namesOf, numberOf, Part } from './index/names.ts';
import { inScope } from './moves/scope.ts';

export interface Touched {
  readonly names: ReadonlySet<number>;
  /** Functions and macros among them. */
  readonly words: ReadonlySet<string>;
  /** Files whose includes differ. */
  readonly including: readonly string[];
  /** Files whose code differs, and those whose text does. */
  readonly files: readonly string[];
  readonly edited: ReadonlySet<string>;
  /** The names that files have now. */
  readonly now: ReadonlyMap<string, Names>;
  /** Fields that changed functions assign, and where. */
  readonly assigned: readonly (readonly [field: string, path: string])[];
  /** Why everything has to be looked at again; null: it has not. */
  readonly all: string | null;
}

/** One thing that a file defines: what it is called, and all that it says. */
interface Item {
  readonly part: Part;
  readonly name: string;
  readonly text: string;
}

function itemsOf(text: string, s: Skeleton): Item[] {
  const out: Item[] = [];
  for (const f of s.functions)
    out.push({
      part: Part.Function,
      name: f.name,
      text: `${f.when.join()} ${f.isStatic} ${text.slice(f.declared, f.end)}`,
    });
  for (const t of s.tables) {
    const body = t.body < 0 ? '' : text.slice(t.at, t.end);
    const said = `${t.when.join()} ${t.isStatic} ${t.type} ${body}`;
    out.push({ part: Part.Table, name: t.name, text: said });
    out.push({ part: Part.TableType, name: t.type, text: said });
  }
  for (const m of s.macros)
    out.push({ part: Part.Macro, name: m.name, text: `${m.params?.join()} ${m.body}` });
  for (const one of s.structs)
    out.push({ part: Part.Struct, name: one.name, text: text.slice(one.at, one.end) });
  return out;
}

/** Names by part, with what is said of each. */
function byName(items: readonly Item[]): Map<number, string> {
  const out = new Map<number, string>();
  for (const { part, name, text } of items) {
    const key = numberOf(part, name);
    out.set(key, `${out.get(key) ?? ''}\0${text}`);
  }
  return out;
}

const usesIn = (text: string, s: Skeleton) =>
  s.uses.map((u) => text.slice(u.at, u.close + 1)).join('\n');

/** The order in which a file defines things. */
const orderOf = (items: readonly Item[]) => items.map((i) => `${i.part}${i.name}`).join();

/**
 * @param index of the tree as it was
 * @param changed texts before and after, null for files that are not there
 */
export function touchedBy(
  index: Index,
  changed: ReadonlyMap<string, readonly [before: string | null, after: string | null]>,
): Touched {
  const names = new Set<number>();
  const words = new Set<string>();
  const including: string[] = [];
  const files: string[] = [];
  const assigned: [string, string][] = [];
  const now = new Map<string, Names>();
  let all: string | null = null;
  for (const [path, [before, after]] of changed) {
    if (path.endsWith('.h') && (before === null || after === null)) all = 'a header comes or goes';
    const [a, b] = [before ?? '', after ?? ''];
    // Calls and assignments are read from what differs.
    const [x, y] = [namesOf(a, null), namesOf(b, index.marks)];
    now.set(path, y);
    const [old, fresh] = [itemsOf(a, x.skeleton), itemsOf(b, y.skeleton)];
    const whole =
      before === null ||
      after === null ||
      !index.matters(path) ||
      marksOf(a, index.marks) !== y.marks ||
      orderOf(old) !== orderOf(fresh);
    const [said, says] = [byName(old), byName(fresh)];
    const differs = (i: Item) => {
      const key = numberOf(i.part, i.name);
      return whole || said.get(key) !== says.get(key);
    };
    const different = [...old, ...fresh].filter(differs);
    for (const i of different) {
      names.add(numberOf(i.part, i.name));
      if (i.part === Part.Function || i.part === Part.Macro) words.add(i.name);
      if (i.part === Part.Function) {
        for (const [, callee] of i.text.matchAll(/\b(\w+)\s*\(/g))
          names.add(numberOf(Part.Call, callee!));
        for (const [, field] of i.text.matchAll(/(?:->|\.)\s*(\w+)\s*=[^=]/g))
          assigned.push([field!, path]);
      } else if (i.part === Part.Struct) {
        for (const [, type] of i.text.matchAll(/\b(\w+)\s+\w+\s*[;[]/g))
          names.add(numberOf(Part.MemberType, type!));
      } else if (i.part === Part.Macro && i.text.includes('{')) {
        if (index.filesWith(Part.Use, i.name).length)
          all ??= `the macro ${i.name} is used at top levels`;
      }
    }
    const usesDiffer = usesIn(a, x.skeleton) !== usesIn(b, y.skeleton);
    const includesDiffer = x.includes.join() !== y.includes.join();
    if (includesDiffer) {
      including.push(path);
      if (y.includes.some((i) => !x.includes.includes(i) && !reaches(index, path, i)))
        all ??= `${path} includes what nobody has included`;
    }
    const made = [...x.uses, ...y.uses].filter((u) => makes(index, u, [...old, ...fresh]));
    // What macros make at the top level is known of files that are new to the checker only.
    const differently = usesDiffer || includesDiffer || after === null;
    if (made.length && differently && index.matters(path)) all ??= `${made[0]}() in ${path}`;
    if (different.length || usesDiffer || lostIn(x) !== lostIn(y)) files.push(path);
  }
  return { names, words, including, files, edited: new Set(changed.keys()), now, assigned, all };
}

const lostIn = ({ lost }: { readonly lost: readonly { readonly why: string }[] }) =>
  lost.map((l) => l.why).join();

/** Whether the tree's index knows what an #include means. */
const reaches = (index: Index, path: string, include: string): boolean => {
  const found = index.resolve(dirOf(path), include);
  return found === null || index.has(found);
};

/** Whether a macro with braces goes by that name. */
const makes = (index: Index, name: string, items: readonly Item[]): boolean =>
  index.filesWith(Part.Macro, name).length > 0 ||
  items.some((i) => i.part === Part.Macro && i.name === name && i.text.includes('{'));

/** Whether a key that is text names something that was touched. */
export function concerns(key: string, t: Touched): boolean {
  const space = key.indexOf(' ');
  const kind = key.slice(0, space);
  const rest = key.slice(space + 1);
  if (kind === 'file') return t.edited.has(rest);
  if (kind === 'scope') {
    const [home = '', ...helping] = rest.split(' ');
    return t.files.some((p) => inScope(dirOf(p), home, helping));
  }
  if (kind === 'tables') return t.files.some((p) => distance(rest, dirOf(p)) <= 1);
  // assigned FIELD WHERE
  const [field = '', where = '', ...more] = rest.split(' ');
  return t.assigned.some(([f, path]) => {
    if (f !== field) return false;
    if (where === 'near')
      return path === more[2] || distance(more[1] ?? '', dirOf(path)) <= Number(more[0]);
    if (where === 'in') return path === more[0];
    // In a scope: that is a key of its own.
    return where !== 'scope';
  });
}
