// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The tokens of one function body with its #if lines resolved: a condition that is known takes its
 * branch; one that is not becomes a choice between statements where both branches are whole
 * statements, and its first branch where they are not (in the middle of an expression).
 */
import type { Conditions } from './conditions.ts';
import { Kind, lex } from './lex.ts';

export interface Token {
  readonly kind: Kind;
  readonly s: string;
  readonly at: number;
}

/** Stands for `if` in a choice made by the configuration; the condition follows as one token. */
export const CHOICE = '#choice';

interface Branch {
  readonly when: string;
  tokens: Token[];
}

const punct = (s: string, at: number): Token => ({ kind: Kind.Punct, s, at });

/** Brackets match and it ends where a statement ends. */
function whole(tokens: readonly Token[]): boolean {
  let depth = 0;
  for (const t of tokens) {
    if (t.kind !== Kind.Punct) continue;
    if (t.s === '{' || t.s === '(' || t.s === '[') depth++;
    else if (t.s === '}' || t.s === ')' || t.s === ']') {
      if (--depth < 0) return false;
    }
  }
  const last = tokens.at(-1);
  if (tokens[0]?.s === 'else' || tokens[0]?.s === 'case' || tokens[0]?.s === 'default')
    return false;
  return depth === 0 && (!last || last.s === ';' || last.s === '}');
}

/** Tokens of text[from, to), offsets counted from the start of `text`. */
export function tokensOf(text: string, from: number, to: number, conditions: Conditions): Token[] {
  const t = lex(text, from, to);
  let i = 0;

  const sequence = (top: boolean): Token[] => {
    const out: Token[] = [];
    while (i < t.n) {
      const at = t.start[i]!;
      const s = text.slice(at, t.end[i]!);
      if (t.kind[i] !== Kind.Directive) {
        out.push({ kind: t.kind[i]!, s, at });
        i++;
        continue;
      }
      const word = /^#\s*(\w+)/.exec(s)?.[1] ?? '';
      if (word === 'if' || word === 'ifdef' || word === 'ifndef') {
        const chosen = conditional(s, at, out.at(-1));
        for (const token of chosen) out.push(token);
      } else if (word === 'else' || word === 'elif' || word === 'endif') {
        if (!top) return out;
        i++;
        // The #if was before the body: another beginning of it follows.
        if (word !== 'endif') skipBranch();
      } else i++;
    }
    return out;
  };

  const skipBranch = () => {
    for (let depth = 0; i < t.n; i++) {
      if (t.kind[i] !== Kind.Directive) continue;
      const word = /^#\s*(\w+)/.exec(text.slice(t.start[i]!, t.start[i]! + 20))?.[1] ?? '';
      if (word.startsWith('if')) depth++;
      else if (word === 'endif' && depth-- === 0) return;
    }
  };

  const conditional = (line: string, at: number, before: Token | undefined): Token[] => {
    const condition = (s: string): string => {
      const m = /^#\s*(\w+)\s*([\s\S]*)$/.exec(s)!;
      const rest = m[2]!.trim();
      return m[1] === 'ifdef' ? `defined(${rest})` : m[1] === 'ifndef' ? `!defined(${rest})` : rest;
    };
    const branches: Branch[] = [];
    let when = condition(line);
    i++;
    for (;;) {
      branches.push({ when, tokens: sequence(false) });
      if (i >= t.n) break;
      const s = text.slice(t.start[i]!, t.end[i]!);
      i++;
      if (/^#\s*endif/.test(s)) break;
      when = /^#\s*else/.test(s) ? '1' : condition(s);
    }
    // Known conditions first.
    const open: Branch[] = [];
    for (const branch of branches) {
      const known = conditions.holds(branch.when);
      if (known === false) continue;
      open.push(branch);
      if (known === true) break;
    }
    const first = open[0];
    if (!first) return [];
    if (open.length === 1 && conditions.holds(first.when) === true) return first.tokens;
    const boundary = !before || /^[;{}:)]$/.test(before.s) || before.s === 'else';
    if (!boundary || !open.every((b) => whole(b.tokens))) return first.tokens;
    const out: Token[] = [];
    for (const [n, branch] of open.entries()) {
      if (n > 0) out.push({ kind: Kind.Ident, s: 'else', at });
      if (branch.when !== '1') {
        out.push({ kind: Kind.Ident, s: CHOICE, at }, { kind: Kind.String, s: branch.when, at });
      }
      out.push(punct('{', at), ...branch.tokens, punct('}', at));
    }
    return out;
  };

  return sequence(true);
}
