// SPDX-License-Identifier: GPL-2.0-or-later
/** R12: importers that reach for the struct pages behind an sg_table they got from a dma-buf. */
import { type Expr, eachIn, eachStmt, textOf } from './c/ast.ts';
import type { FunctionDef, Program } from './c/program.ts';
import type { SourceFile } from './c/skeleton.ts';
import { dirOf } from './c/tree.ts';
import type { FollowerFall } from './followers.ts';
import { whole } from './index/asked.ts';
import type { Mark } from './index/names.ts';

const MAPS = /^dma_buf_map_attachment(_unlocked)?$|^drm_gem_map_dma_buf$/;
const READS =
  /^(sg_page|sg_virt|sg_phys|drm_prime_sg_to_page_array|drm_prime_sg_to_page_addr_arrays|sg_page_iter_page|for_each_sg_page|for_each_sgtable_page|sg_copy_to_buffer|sg_copy_from_buffer|sg_miter_start|sg_pcopy_\w+|dma_sync_\w+_noop)$/;

const READ_AT_ALL = /\bsg_|sg_page|sgtable|drm_prime_sg/;

export interface Importer {
  readonly def: FunctionDef;
  readonly fall: FollowerFall;
}

/** Of a file in which somebody may import. */
export const MAY_IMPORT: Mark = { pattern: /dma_buf_map_attachment/, words: ['dma_buf'] };

/** One of several of the same function and rule. */
export const mergeImporters = <T extends Importer>(list: readonly T[]): T[] => [
  ...new Map(list.map((i) => [`${i.fall.rule} ${i.def.id}`, i])).values(),
];

/** Functions of a file that import. */
export function importersIn(program: Program, file: SourceFile): Importer[] {
  if (/^(tools|Documentation)\//.test(file.path) || !program.index.isMarked(file.path, MAY_IMPORT))
    return [];
  return program.functionsOf(file).flatMap((def) => {
    if (!MAY_IMPORT.pattern.test(def.file.text.slice(def.where.body, def.where.end))) return [];
    return [reads(program, def, mapped(def), [], 0) ?? [], laterUsers(program, def)].flat();
  });
}

/** Functions to which PRIME hands an imported table. */
export function primeImporters(program: Program): Importer[] {
  const out: Importer[] = [];
  for (const t of program.tables.get('drm_driver') ?? []) {
    const e = t.fields.get('gem_prime_import_sg_table');
    const target = e && (e.k === 'unary' ? e.e : e);
    if (target?.k !== 'id') continue;
    for (const def of program.findFunctions(target.name, t.file)) {
      const sgt = def.params.find((p) => p.type.base === 'sg_table');
      const found = sgt && reads(program, def, new Set([sgt.name]), [], 0);
      if (found) out.push(found);
    }
  }
  return out;
}

/** A table that is kept in a field, read by another function of the same driver. */
function laterUsers(program: Program, def: FunctionDef): Importer[] {
  const held = mapped(def);
  const isMapped = (e: Expr): boolean => isMap(e) || held.has(textOf(e));
  const home = dirOf(def.file.path);
  program.index.asked.note(whole.scope(home, []));
  const near = { name: 'scope', has: (path: string) => dirOf(path) === home };
  const out: Importer[] = [];
  eachIn(def.body, (e) => {
    if (e.k !== 'assign' || e.l.k !== 'member' || !isMapped(e.r)) return;
    const { name } = e.l;
    const field = fieldOf(program, def, e.l);
    if (!field) return;
    // A field that holds tables of the driver's own as well says nothing.
    const all = program
      .assignments(name, near)
      .filter((a) => fieldOf(program, a.fn, a.left) === field);
    if (
      fillers(program, def, name) ||
      !all.every((a) => isNothing(a.right) || isMap(a.right) || mapped(a.fn).has(textOf(a.right)))
    )
      return;
    const step = { def, at: e.r.at, callee: 'dma_buf_map_attachment' };
    for (const user of usersOfField(program, def, name)) {
      if (user === def || !READ_AT_ALL.test(user.text)) continue;
      const texts = new Set<string>();
      eachIn(user.body, (x) => {
        if (x.k === 'member' && x.name === name && fieldOf(program, user, x) === field)
          texts.add(textOf(x));
      });
      const one = reads(program, user, texts, [step], 0);
      if (one) out.push(one);
    }
  });
  return out;
}

/** A field and whose it is, with those without a type's name that it lies in: `struct.union.field`. */
function fieldOf(program: Program, fn: FunctionDef, e: Expr): string | null {
  const names: string[] = [];
  for (let at = e; at.k === 'member'; at = at.of) {
    names.unshift(at.name);
    const { base } = program.typeIn(fn, at.of);
    if (base) return `${base}.${names.join('.')}`;
  }
  return null;
}

/** Whether some function gets a field's address, to put there what it will. */
const fillers = (program: Program, def: FunctionDef, name: string) =>
  usersOfField(program, def, name).some((f) =>
    new RegExp(`&[\\w>.()-]+${name}\\s*[,)]`).test(f.text),
  );

/** The functions in a driver's directory whose text names a field. */
function usersOfField(program: Program, def: FunctionDef, name: string): FunctionDef[] {
  const home = dirOf(def.file.path);
  const word = new RegExp(`(?:->|\\.)\\s*${name}\\b`);
  return program.files
    .filter((f) => dirOf(f.path) === home && f.text.includes(name))
    .flatMap((f) => program.functionsOf(f))
    .filter((f) => word.test(f.text));
}

const isMap = (e: Expr) => e.k === 'call' && e.fn.k === 'id' && MAPS.test(e.fn.name);
const isNothing = (e: Expr) => e.k === 'num' || textOf(e) === 'NULL';

/** Locals that hold a mapped table. */
function mapped(def: FunctionDef): Set<string> {
  const held = new Set<string>();
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
      if (s.k === 'decl' && s.init && derives(s.init))
        if (/sg/.test(s.name) || held.has(textOf(s.init))) held.add(s.name);
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
    const callee = program.findNear(name, def.file)[0];
    if (!callee || callee === def) return;
    const passed = new Set<string>();
    for (const [i, a] of e.args.entries())
      if (derives(a) && (/sg/.test(textOf(a)) || held.has(textOf(a))) && callee.params[i]?.name)
        passed.add(callee.params[i]!.name);
    found = reads(program, callee, passed, [...chain, step], depth + 1);
  });
  return found;
}
