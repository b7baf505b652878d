// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Calls whose meaning is part of the kernel's language rather than of a driver: setters of vm_flags,
 * constructors of page-table entries, assertions, error pointers, container_of.
 */
import { type Expr, textOf } from '../c/ast.ts';
import { forward } from './calls.ts';
import { testAll } from './conditions.ts';
import type { Frame, Machine, Outcome } from './machine.ts';
import type { State } from './state.ts';
import { ALL_BITS, ERROR, keyOf, type Site, sym, type Value, VMA, ZERO } from './values.ts';

type Call = Expr & { readonly k: 'call' };

/** Runs a builtin; null when the call is none. */
export function builtin(m: Machine, e: Call, st: State, frame: Frame): Outcome[] | null {
  if (e.fn.k !== 'id') return null;
  const { name } = e.fn;
  const first = (): Outcome[] => m.eval(e.args[0]!, st, frame);
  const site = (callee: string): Site => m.site(frame, e.at, callee, frame.def.file.path);
  switch (name) {
    case 'likely':
    case 'unlikely':
    case 'READ_ONCE':
    case 'rcu_dereference':
    case 'smp_load_acquire':
    case 'ACCESS_PRIVATE':
      if (name === 'ACCESS_PRIVATE' && e.args.length === 2) {
        return m.eval(
          { k: 'member', of: e.args[0]!, name: textOf(e.args[1]!), arrow: true, at: e.at },
          st,
          frame,
        );
      }
      return e.args.length ? first() : null;
    case 'WRITE_ONCE':
    case 'rcu_assign_pointer':
    case 'smp_store_release':
      return e.args.length === 2
        ? m.eval({ k: 'assign', op: '', l: e.args[0]!, r: e.args[1]!, at: e.at }, st, frame)
        : null;
    case 'vm_flags_set':
    case 'vm_flags_clear':
    case 'vm_flags_init':
    case 'vm_flags_reset':
    case 'vm_flags_reset_once': {
      const op = name === 'vm_flags_set' ? '|' : name === 'vm_flags_clear' ? '&~' : '';
      return flags(m, e, st, frame, [[op, e.args[1]]]);
    }
    case 'vm_flags_mod':
    case '__vm_flags_mod':
      return flags(m, e, st, frame, [
        ['|', e.args[1]],
        ['&~', e.args[2]],
      ]);
    case 'is_cow_mapping': {
      if (m.program.functions.has(name) || !e.args[0]) return null;
      // (flags & (VM_SHARED | VM_MAYWRITE)) == VM_MAYWRITE, 6.12 include/linux/mm.h:1595
      const { at } = e;
      const id = (n: string): Expr => ({ k: 'id', name: n, at });
      const two: Expr = { k: 'binary', op: '|', l: id('VM_SHARED'), r: id('VM_MAYWRITE'), at };
      const masked: Expr = { k: 'binary', op: '&', l: e.args[0], r: two, at };
      return m.eval({ k: 'binary', op: '==', l: masked, r: id('VM_MAYWRITE'), at }, st, frame);
    }
    case 'vma_set_anonymous':
      st.mem.set('vma->vm_ops', ZERO);
      return [{ value: ZERO, st }];
    case 'IS_ERR':
    case 'IS_ERR_OR_NULL':
    case 'IS_ERR_VALUE': {
      const out: Outcome[] = [];
      for (const { value, st: s } of first()) {
        if (value.k === 'err') out.push({ value: { k: 'num', n: 1 }, st: s });
        else if (value.k === 'num')
          out.push({
            value: { k: 'num', n: name === 'IS_ERR_OR_NULL' && value.n === 0 ? 1 : 0 },
            st: s,
          });
        else if (value.k !== 'sym') out.push({ value: ZERO, st: s });
        else out.push({ value: sym(`${name}(${value.key})`), st: s });
      }
      return out;
    }
    case 'PTR_ERR':
    case 'PTR_ERR_OR_ZERO':
      return first().map((o) =>
        name === 'PTR_ERR' || o.value.k === 'err'
          ? { value: ERROR, st: o.st }
          : {
              value: o.value.k === 'sym' ? sym(`PTR_ERR_OR_ZERO(${o.value.key})`) : ZERO,
              st: o.st,
            },
      );
    case 'ERR_PTR':
    case 'ERR_CAST':
      return first().map((o) => ({
        value: o.value.k === 'num' && o.value.n === 0 ? ZERO : ERROR,
        st: o.st,
      }));
    case 'vmf_error':
    case 'vmf_fs_error':
      return first().map((o) => ({ value: { k: 'fault', bad: true, name: 'ERROR' }, st: o.st }));
    case 'BUG':
    case 'unreachable':
    case '__builtin_unreachable':
    case 'panic':
      return [];
    case 'BUG_ON':
    case 'VM_BUG_ON':
    case 'VM_BUG_ON_VMA':
    case 'GEM_BUG_ON': {
      if (!e.args.length) return null;
      const { t, f } = testAll(m, e.args[0]!, [st], frame);
      const out: Outcome[] = f.map((s) => ({ value: ZERO, st: s }));
      if (name === 'BUG_ON' && /vm_flags/.test(textOf(e.args[0]!))) {
        // Whoever gets here dies; what that takes is kept for R14.
        for (const s of t) {
          s.add({
            kind: 'bug',
            special: false,
            ref: false,
            level: '',
            what: textOf(e.args[0]!),
            chain: [site('BUG_ON')],
          });
          frame.returns.push({ value: { k: 'fault', bad: true, name: 'BUG' }, st: s });
        }
      }
      return out;
    }
    case 'IS_ENABLED':
    case 'IS_REACHABLE':
    case 'IS_BUILTIN': {
      const known = m.program.conditions.holds(`IS_ENABLED(${e.args[0] ? textOf(e.args[0]) : ''})`);
      if (known !== null) return [{ value: { k: 'num', n: known ? 1 : 0 }, st }];
      return [{ value: m.settle(sym(`config: ${e.args[0] ? textOf(e.args[0]) : ''}`), st), st }];
    }
    case 'dma_buf_mmap':
      return forward(m, site('dma_buf_mmap'), st);
    case 'container_of':
    case 'container_of_const': {
      if (e.args.length !== 3) return null;
      const type = e.args[1]!;
      const field = textOf(e.args[2]!);
      const struct = type.k === 'type' ? type.type.base : textOf(type);
      return first().map((o) => {
        const key = keyOf(o.value);
        const down =
          key.startsWith('&') && key.endsWith(`.${field}`)
            ? `&${key.slice(1, -field.length - 1)}`
            : key.startsWith('&') && key.endsWith(`->${field}`)
              ? key.slice(1, -field.length - 2)
              : `${key}^${field}`;
        return { value: sym(down, struct), st: o.st };
      });
    }
    case 'page_to_pfn':
    case 'is_zero_pfn':
    case 'is_zero_folio':
    case 'is_huge_zero_pmd':
    case 'pfn_t_devmap':
    case 'pfn_t_special':
    case 'pte_devmap':
      // The shared zero page and device-dax pages back no dma-buf.
      if (name.startsWith('is_') || name.startsWith('pfn_t_')) return [{ value: ZERO, st }];
      return null;
    case 'pte_mkspecial':
    case 'pmd_mkspecial':
    case 'pud_mkspecial':
      return first().map((o) => ({ value: { k: 'pte', special: true }, st: o.st }));
    case 'mk_pte':
    case 'pfn_pte':
    case 'pfn_t_pte':
    case 'pfn_pmd':
    case 'pfn_t_pmd':
    case 'pfn_pud':
    case 'pfn_t_pud':
    case 'mk_pmd':
    case 'mk_huge_pmd':
    case 'folio_mk_pte':
    case 'folio_mk_pmd':
      return first().map((o) => ({ value: { k: 'pte', special: false }, st: o.st }));
    case 'maybe_mkwrite':
    case 'maybe_pmd_mkwrite':
    case 'maybe_pud_mkwrite':
      return first();
    case 'set_pte_at':
    case 'set_ptes':
    case 'set_pmd_at':
    case 'set_pud_at':
      return setEntry(m, e, st, frame, site);
    case 'get_page':
    case 'folio_get':
    case 'try_get_page':
    case 'folio_try_get':
    case 'get_page_unless_zero':
    case 'page_ref_add':
    case 'folio_ref_add':
      st.ref = true;
      return [{ value: { k: 'num', n: 1 }, st }];
    case 'mmap_assert_write_locked':
    case 'vma_start_write':
    case 'vma_assert_write_locked':
      return [{ value: ZERO, st }];
  }
  if (/WARN(_ON)?(_ONCE)?$|^(VM_)?WARN_ON/.test(name) && e.args.length) {
    const condition = e.args.find((a) => a.k !== 'id' && a.k !== 'str') ?? e.args[0]!;
    const { t, f } = testAll(
      m,
      /drm_|dev_/.test(name) && e.args[1] ? e.args[1] : condition,
      [st],
      frame,
    );
    return [
      ...t.map((s) => ({ value: { k: 'num', n: 1 } as Value, st: s })),
      ...f.map((s) => ({ value: ZERO, st: s })),
    ];
  }
  if (/^p(te|md|ud)_(mk|modify|wrprotect|clear|sw_mk)/.test(name) && e.args.length) {
    const out = first();
    if (out.some((o) => o.value.k === 'pte')) return out;
  }
  return null;
}

function flags(
  m: Machine,
  e: Call,
  st: State,
  frame: Frame,
  ops: [string, Expr | undefined][],
): Outcome[] {
  let now = [st];
  for (const [op, arg] of ops) {
    if (!arg) continue;
    now = m.evalAll(arg, now, frame).map(({ value, st: s }) => {
      const site = m.site(frame, e.at, 'vm_flags');
      if (op === '&~') {
        const mask = value.k === 'bits' ? value.mask : 0;
        m.storeFlags('&', { k: 'bits', mask: ~mask & ALL_BITS }, s, site);
      } else m.storeFlags(op, value, s, site);
      return s;
    });
  }
  return now.map((s) => ({ value: ZERO, st: s }));
}

/** The page table is written: an entry is made if the value is one. */
function setEntry(
  m: Machine,
  e: Call,
  st: State,
  frame: Frame,
  site: (callee: string) => Site,
): Outcome[] {
  const arg = e.args[3];
  if (!arg) return [{ value: ZERO, st }];
  return m.eval(arg, st, frame).map(({ value, st: s }) => {
    if (value.k === 'pte') {
      const called = (e.fn as Expr & { k: 'id' }).name;
      const level = called.startsWith('set_pm')
        ? 'pmd'
        : called.startsWith('set_pu')
          ? 'pud'
          : 'pte';
      s.add({
        kind: 'entry',
        special: value.special,
        ref: s.ref,
        level,
        what: '',
        chain: [site(called)],
      });
      s.ref = false;
    }
    return { value: ZERO as Value, st: s };
  });
}

export { VMA };
