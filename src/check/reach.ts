// SPDX-License-Identifier: GPL-2.0-or-later
/** Whether anybody can get at a table: one that no code mentions is no buffer's. */
import type { FunctionDef, Program, Table } from './c/program.ts';

/** Functions asked on the way from a table to somebody outside. */
const DEEP = 6;

/**
 * Whether a table was left behind: no code leads to it, though some leads to another one of its type in
 * the same file. Where none is led to, the code that exports is not at hand.
 */
export function isLeftBehind(program: Program, table: Table): boolean {
  if (isMentioned(program, table)) return false;
  return program
    .tablesIn(table.file)
    .some((t) => t.type === table.type && t.fields.size > 0 && isMentioned(program, t));
}

function isMentioned(program: Program, { name: full, file, isStatic, at }: Table): boolean {
  if (!isStatic || file.path.endsWith('.h')) return true;
  const functions = program.functionsOf(file).filter((f) => f.file === file);
  const seen = new Set<string>();
  const mentioned = (name: string, itself: readonly number[], depth: number): boolean => {
    if (depth > DEEP) return true;
    if (seen.has(name)) return false;
    seen.add(name);
    for (const m of file.text.matchAll(new RegExp(`\\b${name}\\b`, 'g'))) {
      if (itself.includes(m.index) || isDeclaration(file.text, m.index)) continue;
      const by = functions.find((f) => f.where.declared <= m.index && m.index < f.where.end);
      if (!by?.where.isStatic) return true;
      if (mentioned(by.name, namesOf(functions, by), depth + 1)) return true;
    }
    return false;
  };
  return mentioned(full.split(/[.[]/)[0]!, [at], 0);
}

/** Where the function's own name stands: both branches of an #if may define it. */
const namesOf = (functions: readonly FunctionDef[], def: FunctionDef) =>
  functions.filter((f) => f.name === def.name).map((f) => f.where.at);

/** `static const struct x name;`, `static int name(int);`: at the start of a line, up to a semicolon. */
function isDeclaration(text: string, at: number): boolean {
  const line = text.slice(text.lastIndexOf('\n', at) + 1, at);
  return /^static\b[^=(;]*$/.test(line) && /^\w+\s*(\([^{}()]*\))?[^={}()]*;/.test(text.slice(at));
}
