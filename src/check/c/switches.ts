// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The switches of a module: macros that its own files define by the kernel's version, for conditions of
 * their own to ask. Each file's directives are followed in order; what cannot be told stays unknown.
 */
import { Conditions, type Known, type Switch, type Switches } from './conditions.ts';

interface Source {
  readonly path: string;
  readonly text: string;
}

/** Switches that ask for switches. */
const ROUNDS = 4;
const DIRECTIVE = /^[ \t]*#[ \t]*(if|ifdef|ifndef|elif|else|endif|define|undef)\b(.*)$/gm;
const DEFINE = /^\s*([A-Za-z_]\w*)(?:\(([^)]*)\))?(.*)$/;

type Directive = readonly [kind: string, rest: string];

/** What a file makes of a name: a definition, none where all of its own are left out, null: not known. */
type Made = Switch | 'none' | null;

/** @param version the kernel's, as `6.12`; null when it is not known */
export function switchesOf(files: readonly Source[], version: string | null): Switches {
  const all = thatMatter(files.map(({ path, text }) => ({ path, directives: directivesOf(text) })));
  let switches: Switches = new Map();
  const asked = new Map<string, boolean>();
  for (let round = 0; round < ROUNDS; round++) {
    const made = new Map<string, { path: string; made: Made }[]>();
    for (const { path, directives } of all)
      for (const [name, one] of run(directives, new Conditions(version, switches))) {
        const list = made.get(name);
        if (list) list.push({ path, made: one });
        else made.set(name, [{ path, made: one }]);
      }
    const next = new Map<string, Switch | null>();
    const none = new Set<string>();
    for (const [name, list] of made) {
      // One file's own, or what everybody includes.
      if (list.length > 1 && !list.every(({ path }) => path.endsWith('.h'))) continue;
      const [first] = list;
      if (first!.made === null || !list.every((l) => same(l.made, first!.made))) continue;
      if (first!.made === 'none') none.add(name);
      else next.set(name, first!.made);
    }
    const fresh = new Set([...none].filter((name) => !asked.has(name)));
    const only = onlyAsked(files, fresh);
    for (const name of fresh) asked.set(name, only.has(name));
    for (const name of none) if (asked.get(name)) next.set(name, null);
    if (next.size === switches.size) return next;
    switches = next;
  }
  return switches;
}

const same = (a: Made, b: Made) =>
  a === b ||
  (a !== null &&
    b !== null &&
    a !== 'none' &&
    b !== 'none' &&
    a.body === b.body &&
    a.params?.join() === b.params?.join());

function directivesOf(text: string): Directive[] {
  if (!text.includes('#')) return [];
  const plain = text
    .replace(/\/\*[\s\S]*?\*\//g, ' ')
    .replace(/\/\/.*$/gm, '')
    .replace(/\\\r?\n/g, ' ');
  return [...plain.matchAll(DIRECTIVE)].map((m) => [m[1]!, m[2]!.trim()]);
}

interface Read {
  readonly path: string;
  readonly directives: readonly Directive[];
}

/** Without the definitions of what no condition asks for: headers of registers have a hundred thousand. */
function thatMatter(files: readonly Read[]): Read[] {
  const names = new Set<string>();
  const add = (text: string) => {
    for (const [name] of text.matchAll(/[A-Za-z_]\w*/g)) names.add(name);
  };
  for (const { directives } of files)
    for (const [kind, rest] of directives) if (/if/.test(kind) && kind !== 'endif') add(rest);
  for (let before = -1; before !== names.size; ) {
    before = names.size;
    for (const { directives } of files)
      for (const [kind, rest] of directives)
        if (kind === 'define' && names.has(nameIn(rest))) add(rest);
  }
  const matters = ([kind, rest]: Directive) => !/def(ine)?$/.test(kind) || names.has(nameIn(rest));
  return files.map(({ path, directives }) => ({ path, directives: directives.filter(matters) }));
}

const nameIn = (rest: string) => /^\w*/.exec(rest)![0];

/** What a file makes of each name that it defines or undefines. */
function run(directives: readonly Directive[], conditions: Conditions): Map<string, Made> {
  const made = new Map<string, Made>();
  /** For each open #if: whether its branch is taken, and whether one was before. */
  const open: { now: Known; before: Known }[] = [];
  const guard = guardOf(directives);
  const holds = (text: string): Known => conditions.holdsWith(text, (name) => made.get(name));
  const enter = (now: Known) => open.push({ now, before: now });
  const taken = (): Known =>
    open.some((o) => o.now === false) ? false : open.some((o) => o.now === null) ? null : true;
  for (const [i, [kind, rest]] of directives.entries()) {
    const top = open.at(-1);
    if (kind === 'if') enter(holds(rest));
    else if (kind === 'ifdef') enter(holds(`defined(${rest})`));
    else if (kind === 'ifndef')
      enter(sets(directives[i]!, directives[i + 1]) || holds(`!defined(${rest})`));
    else if (kind === 'elif' || kind === 'else') {
      if (!top) continue;
      const next = kind === 'else' ? true : holds(rest);
      top.now = top.before === true ? false : top.before === null && next !== false ? null : next;
      if (next !== false) top.before = top.before === true ? true : top.now;
    } else if (kind === 'endif') open.pop();
    else if (kind === 'define') {
      const [, name = '', params, body = ''] = DEFINE.exec(rest) ?? [];
      if (!name) continue;
      // A header's guard is set by whoever includes it, and is not while it is read.
      const now = name === guard ? null : taken();
      const before = made.get(name);
      if (now === true)
        made.set(name, {
          params: params?.split(',').map((p) => p.trim()) ?? null,
          body: body.trim(),
        });
      else if (now === null) made.set(name, null);
      else if (before === undefined) made.set(name, 'none');
    } else if (taken() !== false) made.set(rest, null);
  }
  return made;
}

/** `#ifndef NAME`, `#define NAME`: after which it is defined. */
const sets = (first: Directive | undefined, next: Directive | undefined): boolean =>
  first?.[0] === 'ifndef' && next?.[0] === 'define' && nameIn(next[1]) === nameIn(first[1]);

/** The NAME of a file that is all between `#ifndef NAME`, `#define NAME` and `#endif`: a header's guard. */
function guardOf(directives: readonly Directive[]): string | null {
  if (!sets(directives[0], directives[1])) return null;
  let depth = 0;
  const end = directives.findIndex(([kind]) => {
    if (kind.startsWith('if')) depth++;
    else if (kind === 'endif') depth--;
    return depth === 0;
  });
  return end === directives.length - 1 ? nameIn(directives[0]![1]) : null;
}

/** Those of the names that no code mentions, conditions apart: others may be the kernel's own. */
function onlyAsked(files: readonly Source[], names: ReadonlySet<string>): Set<string> {
  const left = new Set(names);
  if (left.size === 0) return left;
  for (const { text } of files) {
    const code = text.replace(
      /^[ \t]*#[ \t]*(?:if|ifdef|ifndef|elif|define|undef)\b.*(?:\\\r?\n.*)*$/gm,
      '',
    );
    for (const [word] of code.matchAll(/[A-Za-z_]\w*/g)) left.delete(word);
    if (left.size === 0) break;
  }
  return left;
}
