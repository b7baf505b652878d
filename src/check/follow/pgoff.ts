// SPDX-License-Identifier: GPL-2.0-or-later
/** R15: vm_pgoff of a VMA that was looked up, taken for the PFN because VM_PFNMAP is set. */
import { type Expr, eachExpr, eachIn, eachStmt, type Stmt, textOf } from '../c/ast.ts';
import type { FunctionDef } from '../c/program.ts';
import type { Callers } from '../callers.ts';
import type { Follower } from '../followers.ts';
import { callsIn } from './words.ts';

const CONVERTS =
  /^(PFN_PHYS|__pfn_to_phys|pfn_to_(page|online_page|phys|dma|hpa)|pfn_t?o_kaddr|pfn_to_virt|__va|phys_to_\w+|pfn_valid|ioremap\w*|memremap)$/;

const FINDS =
  /\b(find_vma|vma_lookup|find_vma_intersection|find_extend_vma|find_exact_vma|for_each_vma|vma_next)\w*\s*\(/;

export class PgoffUsers {
  constructor(private readonly callers: Callers) {}

  /** A function that takes vm_pgoff for the PFN, of a VMA that it, or whoever calls it, looked up. */
  of(def: FunctionDef): Follower[] {
    const { text } = def;
    if (/^(mm|fs|tools)\//.test(def.file.path)) return [];
    const given = def.params.some((p) => p.type.base === 'vm_area_struct');
    const looking = FINDS.test(text) ? [def] : given ? this.above(def) : [];
    const user = looking.find((f) => f.text.includes('VM_PFNMAP') || text.includes('VM_PFNMAP'));
    const at = user ? takenAt(def) : 0;
    if (!at || !user) return [];
    const why = 'vm_pgoff of a VM_PFNMAP VMA is taken for the PFN';
    const here = { def, at, callee: 'vm_pgoff' };
    const call = callsIn(user.body).find((c) => c.name === def.name);
    const chain = call ? [{ def: user, at: call.e.at, callee: def.name }, here] : [here];
    return [{ def, calls: [], verdict: 'violates', falls: [{ rule: 'R15', at, why, chain }], why }];
  }

  /** Callers, up to two levels up, that look the VMA up. */
  private above(def: FunctionDef): FunctionDef[] {
    const first = this.callers.byName(def);
    return [...first, ...first.flatMap((f) => this.callers.byName(f))].filter((f) =>
      FINDS.test(f.text),
    );
  }
}

/** Where the function takes vm_pgoff for a PFN or an address; 0: nowhere. */
function takenAt(def: FunctionDef): number {
  let at = 0;
  const holds = (e: Expr): boolean => {
    let yes = false;
    eachExpr(e, (x) => {
      if (x.k === 'member' && x.name === 'vm_pgoff') yes = true;
    });
    return yes;
  };
  // base = vma->vm_pgoff << PAGE_SHIFT; ... return base + offset
  const held = new Set<string>();
  eachStmt(def.body, (s) => {
    if (s.k === 'decl' && s.init && holds(s.init)) held.add(s.name);
    if (s.k === 'expr' && s.e.k === 'assign' && s.e.l.k === 'id' && holds(s.e.r))
      held.add(s.e.l.name);
  });
  const leads = (e: Expr): boolean => {
    let yes = holds(e);
    eachExpr(e, (x) => {
      yes ||= x.k === 'id' && held.has(x.name);
    });
    return yes;
  };
  // PFN_PHYS(vma->vm_pgoff), pfn_to_page(vma->vm_pgoff + n)
  const converts = (e: Expr): boolean => {
    let yes = false;
    eachExpr(e, (x) => {
      if (x.k === 'call' && x.fn.k === 'id' && CONVERTS.test(x.fn.name) && x.args.some(holds))
        yes = true;
    });
    return yes;
  };
  const named = /pfn|pa\b|phys|addr|start|hpa/;
  const returnsAddress = /phys|pfn|_pa(_|$)|_hpa/.test(`${def.name} ${def.returns.base}`);
  const look = (s: Stmt) => {
    eachIn(s, (e) => {
      if (at || e.k !== 'assign' || !holds(e.r)) return;
      const target = textOf(e.l);
      if (converts(e.r) || (named.test(target) && !/pgoff|off$/.test(target))) at = e.at;
    });
    eachStmt(s, (x) => {
      if (!at && x.k === 'return' && x.e && holds(x.e) && (converts(x.e) || returnsAddress))
        at = x.at;
      if (!at && x.k === 'decl' && x.init && holds(x.init) && /^(pfn|pa|phys|hpa)/.test(x.name))
        at = x.at;
    });
  };
  // Under a test of VM_PFNMAP, vm_pgoff becomes an address or a PFN.
  eachStmt(def.body, (s) => {
    if (s.k === 'if' && /VM_PFNMAP/.test(textOf(s.c))) look(s.t);
  });
  // if (!(flags & VM_PFNMAP)) return ...; pa = vm_pgoff << PAGE_SHIFT
  if (!at) {
    eachIn(def.body, (e) => {
      if (e.k !== 'assign' || at || !holds(e.r)) return;
      if (converts(e.r) || /^\*?(pfn|pa|phys|hpa)/.test(textOf(e.l))) at = e.at;
    });
    eachStmt(def.body, (s) => {
      if (!at && s.k === 'return' && s.e && leads(s.e) && (converts(s.e) || returnsAddress))
        at = s.at;
      const address =
        s.k === 'decl' && /^(phys_addr_t|dma_addr_t|resource_size_t)$/.test(s.type.base);
      if (!at && address && s.init && holds(s.init)) at = s.at;
    });
  }
  return at;
}
