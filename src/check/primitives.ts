// SPDX-License-Identifier: GPL-2.0-or-later
/** The insertion primitives and helpers of a kernel, and what each leaves behind, as derived. */
import type { AuditedPrimitive } from '../contract/finding.ts';
import type { Program } from './c/program.ts';
import { bitNames, VM } from './flow/values.ts';
import { entryStates, recordKernel } from './recorded.ts';

const TOLD = VM.VM_PFNMAP! | VM.VM_MIXEDMAP! | VM.VM_IO! | VM.VM_DONTEXPAND! | VM.VM_DONTDUMP!;

export function primitivesOf(program: Program): AuditedPrimitive[] {
  const { functions } = recordKernel(program, '');
  const states = entryStates();
  const out: AuditedPrimitive[] = [];
  for (const [name, fn] of Object.entries(functions)) {
    // Successful ends for a shared mapping, with and without the flags that a caller may have set.
    const ends = states
      .flatMap((s, i) => (s.set & VM.VM_SHARED! ? fn.ends[fn.at[i]!]! : []))
      .filter((e) => /^(0|V|NOPAGE|LOCKED)$/.test(e.v));
    const entries = ends.flatMap((e) => (e.e ?? []).filter((x) => x[0] === 'entry'));
    const pages = ends.some((e) => e.page);
    if (entries.length === 0 && !pages) continue;
    const making = ends.filter((e) => e.page || e.e?.some((x) => x[0] === 'entry'));
    // What it sets itself shows where nothing was set before.
    const bare = (fn.ends[fn.at[0]!] ?? []).filter((e) => making.includes(e));
    let sets = bare.length ? TOLD : 0;
    for (const e of bare) sets &= e.s ?? 0;
    const special = pages ? [0] : [...new Set(entries.map((x) => x[1]))];
    const via = [...new Set(entries.map((x) => x[4]))].filter((v) => v && v !== name);
    out.push({
      name,
      path: fn.path,
      line: fn.line,
      sets: bitNames(sets),
      special: special.length > 1 ? 'depends' : special[0] ? 'yes' : 'no',
      takes_page_ref: entries.some((x) => x[2] === 1) || pages,
      why: pages
        ? 'names a page in vmf->page'
        : via.length
          ? `through ${via.join(', ')}`
          : `${[...new Set(entries.map((x) => x[3]))].join(', ')} entries of its own`,
    });
  }
  return out.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : a.line - b.line));
}
