// SPDX-License-Identifier: GPL-2.0-or-later
/** Finds the text of a routine or a step in the sources of the kernel model. */
import type { StepView } from '../engine/protocol.ts';

export interface Excerpt {
  readonly path: string;
  /** The first line's number. */
  readonly line: number;
  readonly code: string;
}

const escaped = (name: string) => name.replace(/[^\w]/g, (c) => `\\${c}`);

/** `ttm_vm_fault` is written as `${traits.id}_vm_fault`. */
function definition(name: string): RegExp {
  const at = name.indexOf('_');
  const tail = at > 0 ? `|\`\\$\\{[\\w.]+\\}${escaped(name.slice(name.indexOf('_')))}\`` : '';
  return new RegExp(`\\b(?:routine|step|choice)\\(\\s*(?:['\`]${escaped(name)}['\`]${tail})`);
}

/** From the statement that the name stands in to its end, comment included. */
function excerptAt(path: string, text: string, index: number): Excerpt {
  const lines = text.split('\n');
  let first = text.slice(0, index).split('\n').length - 1;
  const indent = /^ */.exec(lines[first])?.[0] ?? '';
  let last = first;
  const ends = (line: string) =>
    line.startsWith(indent) && line[indent.length] !== ' ' && line.endsWith(';');
  while (last < lines.length - 1 && !ends(lines[last])) last++;
  while (
    first > 0 &&
    /^\s*(?:\*|\/\*\*|\/\/)/.test(lines[first - 1]) &&
    lines[first - 1].startsWith(indent)
  )
    first--;
  const code = lines.slice(first, last + 1).map((l) => l.slice(indent.length));
  return { path, line: first + 1, code: code.join('\n') };
}

/** The routine that makes a step, or the step itself where no routine of the model does. */
export function excerptOf(
  step: StepView,
  sources: Readonly<Record<string, string>>,
): Excerpt | null {
  const names = [...step.routines.map((r) => r.name).reverse(), step.name];
  for (const name of names) {
    const pattern = definition(name);
    for (const [path, text] of Object.entries(sources)) {
      const match = pattern.exec(text);
      if (match) return excerptAt(path, text, match.index);
    }
  }
  return null;
}
