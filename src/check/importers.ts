// SPDX-License-Identifier: GPL-2.0-or-later
/** R12: importers that reach for the struct pages behind an sg_table they got from a dma-buf. */
import { type Expr, eachIn, eachStmt, textOf } from './c/ast.ts';
import type { FunctionDef, Program } from './c/program.ts';
import type { SourceFile } from './c/skeleton.ts';
import { dirOf } from './c/tree.ts';
import type { FollowerFall } from './followers.ts';

const MAPS = /^dma_buf_map_attachment(_unlocked)?$|^drm_gem_map_dma_buf$/;
const READS =
  /^(sg_page|sg_virt|sg_phys|drm_prime_sg_to_page_array|drm_prime_sg_to_page_addr_arrays|sg_page_iter_page|for_each_sg_page|for_each_sgtable_page|sg_copy_to_buffer|sg_copy_from_buffer|sg_miter_start|sg_pcopy_\w+|dma_sync_\w+_noop)$/;

export interface Importer {
  readonly def: FunctionDef;
  readonly fall: FollowerFall;
}

/** Of a file in which somebody may import. */
export const MAY_IMPORT = /\bdma_buf_map_attachment/;

/** One of several of the same function and rule. */
export const mergeImporters = <T extends Importer>(list: readonly T[]): T[] => [
  ...new Map(list.map((i) => [`${i.fall.rule} ${i.def.id}`, i])).values(),
];

/** Functions of a file that import. */
export function importersIn(program: Program, file: SourceFile): Importer[] {
  if (/^(tools|Documentation)\//.test(file.path) || !program.index.isMarked(file.path, MAY_IMPORT))
    return [];
  return program.functionsOf(file).flatMap((def) => {
    if (!MAY_IMPORT.test(file.text.slice(def.where.body, def.where.end))) return [];
    return reads(program, def, mapped(def), [], 0) ?? [];
  });
}

/** Functions to which PRIME hands an imported table. */
export function primeImporters(program: Program): Importer[] {
  const out: Importer[] = [];
  for (const t of program.tables.get('drm_driver') ?? []) {
    const e = t.fields.get('gem_prime_import_sg_table');
    const target = e && (e.k === 'unary' ? e.e : e);
    if (target?.k !== 'id') continue;
    for (const def of program.functions.has(target.name)
      ? program.findFunctions(target.name, t.file)
      : []) {
      const sgt = def.params.find((p) => p.type.base === 'sg_table');
      const found = sgt && reads(program, def, new Set([sgt.name]), [], 0);
      if (found) out.push(found);
    }
  }
  return out;
}

/** Locals that hold a mapped table. */
function mapped(def: FunctionDef): Set<string> {
  const held = new Set<string>();
  const isMap = (e: Expr) => e.k === 'call' && e.fn.k === 'id' && MAPS.test(e.fn.name);
  eachStmt(def.body, (s) => {
    if (s.k === 'decl' && s.init && isMap(s.init)) held.add(s.name);
  });
  eachIn(def.body, (e) => {
    if (e.k === 'assign' && isMap(e.r)) held.add(textOf(e.l));
  });
  return held;
}

/** Follows the table through locals, scatterlist entries and functions of the same file. */
function reads(
  program: Program,
  def: FunctionDef,
  held: Set<string>,
  chain: FollowerFall['chain'],
  depth: number,
): Importer | null {
  if (held.size === 0 || depth > 4) return null;
  const derives = (e: Expr) => {
    const text = textOf(e);
    return [...held].some(
      (h) =>
        text === h ||
        text.startsWith(`${h}->`) ||
        text.startsWith(`${h}.`) ||
        text.includes(`(${h}`) ||
        text.includes(`&${h}`) ||
        text.includes(`,${h}->`) ||
        text.includes(`,${h})`),
    );
  };
  for (let round = 0; round < 2; round++) {
    eachIn(def.body, (e) => {
      if (
        e.k === 'assign' &&
        derives(e.r) &&
        (held.has(textOf(e.r)) || /^(sg\w*|\w*sgt\w*|\w+->\w*sg\w*|iter\w*)$/.test(textOf(e.l)))
      )
        held.add(textOf(e.l));
      // for_each_sg(sgt->sgl, sg, nents, i)
      if (
        e.k === 'call' &&
        e.fn.k === 'id' &&
        /^for_each_(sg|sgtable)/.test(e.fn.name) &&
        e.args[0] &&
        derives(e.args[0])
      ) {
        for (const a of e.args.slice(1, 2)) held.add(textOf(a).replace(/^&/, ''));
      }
    });
    eachStmt(def.body, (s) => {
      if (s.k === 'decl' && s.init && derives(s.init) && /sg/.test(s.name)) held.add(s.name);
    });
  }
  let found: Importer | null = null;
  eachIn(def.body, (e) => {
    if (found || e.k !== 'call' || e.fn.k !== 'id') return;
    const { name } = e.fn;
    if (!e.args.some(derives)) return;
    const step = { def, at: e.at, callee: name };
    if (READS.test(name)) {
      const why = `${name}() reaches for the struct pages of an imported sg_table`;
      found = { def, fall: { rule: 'R12', at: e.at, why, chain: [...chain, step] } };
      return;
    }
    const callee = program.functions.has(name)
      ? (program
          .findFunctions(name, def.file)
          .find((f) => dirOf(f.file.path) === dirOf(def.file.path)) ?? null)
      : null;
    if (!callee || callee === def) return;
    const passed = new Set<string>();
    for (const [i, a] of e.args.entries())
      if (derives(a) && /sg/.test(textOf(a)) && callee.params[i]?.name)
        passed.add(callee.params[i]!.name);
    found = reads(program, callee, passed, [...chain, step], depth + 1);
  });
  return found;
}
