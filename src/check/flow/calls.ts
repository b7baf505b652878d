// SPDX-License-Identifier: GPL-2.0-or-later
/** Calls: which are followed, which are symbols, and which lead out of reach. */
import { type Expr, eachExpr, textOf } from '../c/ast.ts';
import { Parser } from '../c/parse.ts';
import { type FunctionDef, substitute, type Table } from '../c/program.ts';
import { tokensOf } from '../c/tokens.ts';
import { builtin } from './builtins.ts';
import { tableField } from './lookup.ts';
import { type Frame, MAX_DEPTH, MAX_WORK, type Machine, type Outcome } from './machine.ts';
import type { State } from './state.ts';
import { exec } from './statements.ts';
import { ERROR, type Event, keyOf, type Site, sym, type Value, VM, VMA, ZERO } from './values.ts';

/** Something that gets the VMA and could not be followed. */
export function unknownEvent(site: Site, what: string): Event {
  return { kind: 'unknown', special: false, ref: false, level: '', what, chain: [site] };
}

/** Calls that get a VMA and cannot change it or its page table in a way that matters here. */
const HARMLESS =
  /^(trace_|pr_|dev_|drm_(dbg|err|warn|info)|DRM_|NV_|printk|WARN|BUG|lockdep_|might_|vma_(pages|start|end|iter|lookup|is|assert|kernel|mmu|vmu)|vm_(get_page_prot|private)|vma_set_file$|pgprot_|track_pfn|untrack_pfn|security_|perf_|flush_|update_mmu|arch_|mmap_assert|cond_resched|phys_mem|tlb_|__?raw_|atomic|refcount|kref|get_file|fput|count_vm|ptep?_|pmdp?_|pudp?_|p4d_|pgd_|zap_|unmap_|mmu_notifier|file_accessed|sigbus|find_vma|userfaultfd|mem_cgroup|vmf_(orig|can|anon|allow|address|to)|try_|lock_|unlock_|cache_|outer_|io_schedule|memcpy|memset|memcmp|sizeof|print|dump|ERR_CAST|io_mapping|pfn_|linear_|is_|khugepaged|hugepage|transparent_|huge_|release_|rwsem|down_|up_|mmap_(read|write)_|debug|copy_(from|to)|xa_|idr_|kasan|kmsan|set_memory|dma_resv|list_|fault_|validate_|__?check_|assert|vma$|thp_|get_vma|init_|setup_|hugetlb|page_vma|folio|page_)/;

function callsItself(e: Expr, name: string): boolean {
  return textOf(e).includes(`${name}(`);
}

/** Evaluates the arguments, then follows the call or makes a symbol of it. */
export function callOf(m: Machine, e: Expr & { k: 'call' }, st: State, frame: Frame): Outcome[] {
  const done = builtin(m, e, st, frame);
  if (done) return done;
  const jumps = e.fn.k === 'id' && !st.env.has(e.fn.name) && jumping(m, e.fn.name, e, st, frame);
  if (jumps) return expand(m, jumps, e, st, frame);
  // Arguments, left to right.
  let now: { args: Value[]; st: State }[] = [{ args: [], st }];
  for (const a of e.args) {
    const next: typeof now = [];
    for (const one of now) {
      for (const o of m.eval(a, one.st, frame))
        next.push({ args: [...one.args, o.value], st: o.st });
    }
    now = next;
  }
  const out: Outcome[] = [];
  for (const { args, st: s } of now) for (const o of callWith(m, e, args, s, frame)) out.push(o);
  for (const a of e.args)
    if (a.k === 'unary' && a.op === '&' && a.e.k === 'id') mayChange(m, a.e.name, out, frame);
  return out;
}

/** Macros that stand for each other. */
const MACROS_DEEP = 3;
const JUMPS = /\b(?:goto|return)\b/;

/**
 * A macro that runs what it is given and leaves if that fails: `CHECK(map(obj, vma));`. In a kernel only those
 * count that are given a call with the VMA.
 */
function jumping(m: Machine, name: string, e: Expr & { k: 'call' }, st: State, frame: Frame) {
  const carries = (x: Expr): boolean => {
    let yes = false;
    eachExpr(x, (one) => {
      if (one.k !== 'call') return;
      yes ||= one.args.some((a) => a.k === 'id' && /^vm[af]$/.test(st.env.get(a.name)?.k ?? ''));
    });
    return yes;
  };
  if (!(m.recorded || e.args.some(carries)) || m.program.functions.has(name)) return null;
  const first = m.program.findMacro(name, frame.def.file);
  for (let macro = first, i = 0; macro && i < MACROS_DEEP; i++) {
    const { body } = macro.where;
    if (macro.where.params !== null && JUMPS.test(body)) return first!.where;
    const next = /^\s*(\w+)\s*\(/.exec(body)?.[1];
    macro = next ? m.program.findMacro(next, frame.def.file) : null;
  }
  return null;
}

/** A local whose address was passed holds what the callee stored there. */
export function mayChange(
  m: Machine,
  name: string,
  outcomes: readonly Outcome[],
  frame: Frame,
): void {
  const type = frame.types.get(name);
  if (!type) return;
  const key = `${name}@${frame.def.name}`;
  for (const { st } of outcomes) {
    const stored = st.mem.get(key);
    if (!stored) continue;
    st.mem.delete(key);
    st.env.set(name, m.typed(stored, type));
  }
}

/** A call that is not followed may have stored anything where it got the address of a local. */
export function opaque(
  m: Machine,
  name: string,
  args: readonly Value[],
  e: Expr & { k: 'call' },
  st: State,
  frame: Frame,
): Outcome[] {
  for (const a of e.args) {
    if (a.k !== 'unary' || a.op !== '&' || a.e.k !== 'id') continue;
    const type = frame.types.get(a.e.name);
    const key = `${a.e.name}@${frame.def.name}`;
    if (type && st.mem.has(key)) st.mem.set(key, sym(`${a.e.name}@${e.at}`, type.base));
  }
  return [{ value: result(m, name, args, e, st, frame), st }];
}

/** A call with its arguments known. */
export function callWith(
  m: Machine,
  e: Expr & { k: 'call' },
  args: Value[],
  st: State,
  frame: Frame,
): Outcome[] {
  const { file } = frame.def;
  const leads = args.some((a) => concerns(m, a, st));
  if (e.fn.k === 'id') {
    const { name } = e.fn;
    const local = st.env.get(name);
    if (local && local.k === 'fn') return follow(m, local.def, args, st, frame, e.at);
    // These take entries away.
    if (!local && /^(zap|unmap|untrack)_/.test(name)) return opaque(m, name, args, e, st, frame);
    if (!local) {
      const inside = /^mm\//.test(file.path) || args.some((a) => a.k === 'flags');
      if ((!leads && !inside) || (!m.relevance.matters(name) && m.relevance.defines(name))) {
        return opaque(m, name, args, e, st, frame);
      }
      const fns = m.program.findFunctions(name, file);
      if (fns.length === 1) return follow(m, fns[0]!, args, st, frame, e.at);
      if (fns.length > 1) return several(m, fns, `config: which ${name}()`, args, st, frame, e.at);
      const macro = m.program.findMacro(name, file);
      if (macro && macro.where.params !== null) return expand(m, macro.where, e, st, frame);
      if (macro) {
        const to = macro.where.body.trim();
        if (/^\w+$/.test(to) && to !== name)
          return callOf(m, { ...e, fn: { k: 'id', name: to, at: e.at } }, st, frame);
      }
      if (!leads) return opaque(m, name, args, e, st, frame);
      if (m.recorded && GEM_MMAP.test(name)) {
        const funcs = m.binding.fields.get(GEM_FUNCS);
        if (funcs?.k === 'table') return gemMmap(m, funcs.table, e, args, st, frame);
        const driver = m.binding.fields.get('drm_device.driver');
        const ops = driver?.k === 'table' ? tableField(m, driver.table, 'gem_vm_ops') : ZERO;
        if (ops.k !== 'num') return gemMapped(ops, st);
      }
      if (FILE_MMAP.test(name)) {
        const known = mmapOfFile(m, args[0], st, m.site(frame, e.at, name, 'fs/'));
        if (known) return known;
      }
      if (m.recorded?.has(name)) {
        return m.recorded.call(name, st, m.site(frame, e.at, name, 'mm/'));
      }
      return lost(m, name, args, e, st, frame);
    }
  }
  const out: Outcome[] = [];
  for (const { value: f, st: s } of m.eval(e.fn, st, frame)) {
    if (f.k === 'fn') {
      out.push(...follow(m, f.def, args, s, frame, e.at));
      continue;
    }
    if (f.k === 'num') continue;
    if (!leads) {
      out.push({ value: sym(`${keyOf(f)}(${args.map(keyOf).join()})@${e.at}`), st: s });
      continue;
    }
    const site = m.site(frame, e.at, textOf(e.fn));
    const member =
      e.fn.k === 'member' ? e.fn : e.fn.k === 'unary' && e.fn.e.k === 'member' ? e.fn.e : null;
    if (!member) {
      out.push(...lost(m, textOf(e.fn), args, e, s, frame));
      continue;
    }
    const base = m.eval(member.of, s, frame)[0]?.value;
    const struct =
      base?.k === 'sym' ? m.program.meant(base.struct) : base?.k === 'table' ? base.table.type : '';
    if (struct === 'dma_buf_ops') {
      out.push(...forward(m, site, s));
      continue;
    }
    // Of a table that is recorded: they count who has the VMA.
    if (
      struct === 'vm_operations_struct' &&
      /^(open|close)$/.test(member.name) &&
      base?.k === 'table'
    ) {
      out.push(...opaque(m, member.name, args, e, s, frame));
      continue;
    }
    if (struct === 'file_operations') {
      const known = mmapOfFile(m, base, s, m.site(frame, e.at, 'mmap', 'fs/'));
      if (known) {
        out.push(...known);
        continue;
      }
    }
    const backing = struct === 'file_operations' && base ? backingOf(m, keyOf(base)) : null;
    const all = backing ? [backing] : m.targets.of(struct, member.name, file);
    // Whoever is being followed dispatches to the others.
    const found = all.length > 1 ? all.filter((f) => !m.stack.includes(f.id)) : all;
    if (found.length === 1) out.push(...follow(m, found[0]!, args, s, frame, e.at));
    else if (found.length > 1) {
      const label = struct === 'dma_map_ops' ? 'platform: dma_map_ops' : `via ${struct || '?'}`;
      out.push(...several(m, found, `${label}.${member.name}`, args, s, frame, e.at));
    } else out.push(...lost(m, `${struct ? `${struct}.` : ''}${member.name}`, args, e, s, frame));
  }
  return out;
}

const GEM_MMAP = /^drm_gem_(mmap|mmap_obj|prime_mmap)$/;
const GEM_FUNCS = 'drm_gem_object.funcs';

/** What drm_gem_mmap_obj() does with a driver's own table (6.12 drivers/gpu/drm/drm_gem.c:1091). */
function gemMmap(
  m: Machine,
  funcs: Table,
  e: Expr & { k: 'call' },
  args: readonly Value[],
  st: State,
  frame: Frame,
): Outcome[] {
  const ops = tableField(m, funcs, 'vm_ops');
  const slot = tableField(m, funcs, 'mmap');
  if (slot.k === 'num') return ops.k === 'num' ? [{ value: ERROR, st }] : gemMapped(ops, st);
  if (ops.k !== 'num') st.mem.set('vma->vm_ops', ops);
  if (slot.k === 'fn') {
    // drm_gem_mmap() has a file, and finds the object by its offset.
    const given = textOf(e.fn) === 'drm_gem_mmap' ? undefined : args.find((a) => a.k === 'sym');
    const object = given ?? sym('obj', 'drm_gem_object');
    return follow(m, slot.def, [object, VMA], st, frame, e.at);
  }
  if (slot.k === 'sym' && m.recorded?.has(slot.key))
    return m.recorded.call(slot.key, st, m.site(frame, e.at, slot.key, 'mm/'));
  return [{ value: ERROR, st }];
}

/**
 * A GEM object without an mmap of its own. Until 5.11 its vm_ops could stand in the driver's table, as
 * drm_driver.gem_vm_ops, and objects had no table of functions.
 */
function gemMapped(ops: Value, st: State): Outcome[] {
  const failed = { value: ERROR, st: st.clone() };
  st.mem.set('vma->vm_ops', ops);
  st.setBits(VM.VM_IO! | VM.VM_PFNMAP! | VM.VM_DONTEXPAND! | VM.VM_DONTDUMP!);
  return [{ value: ZERO, st }, failed];
}

/** Both names of the call of a file's mmap: the second is that of newer kernels. */
const FILE_MMAP = /^(call|vfs)_mmap$/;

/** What the mmap of a file of the kernel's does, given the file or its table; null: nothing is recorded. */
function mmapOfFile(m: Machine, file: Value | undefined, st: State, site: Site): Outcome[] | null {
  const { recorded } = m;
  const shmem = file && isGemFile(m, keyOf(file)) && recorded?.table('shmem_vm_ops');
  // A file of somebody else's: what any file system may do.
  if (!shmem) return recorded?.has('call_mmap') ? recorded.call('call_mmap', st, site) : null;
  // shmem_mmap() sets nothing else that counts (6.1 mm/shmem.c:2309, 6.12 mm/shmem.c:2806).
  const failed = { value: ERROR, st: st.clone() };
  st.mem.set('vma->vm_ops', { k: 'table', table: shmem });
  return [{ value: ZERO, st }, failed];
}

/** Whether it is the file of drm_gem_object_init() (6.12 drivers/gpu/drm/drm_gem.c:136), or of shmem again. */
function isGemFile(m: Machine, key: string): boolean {
  const origin = m.origins.get(key.replace(/->f_op$/, ''));
  if (origin?.struct !== 'drm_gem_object' || origin.field !== 'filp') return false;
  return m.targets.makers(origin.struct, origin.field).every((by) => /^shmem_/.test(by ?? ''));
}

/** The mmap of a file that some field holds, by the call that made that file. */
export function backingOf(m: Machine, key: string): FunctionDef | null {
  const origin = m.origins.get(key.replace(/->f_op$/, ''));
  return origin ? m.targets.madeBy(origin.struct, origin.field) : null;
}

/** The mapping becomes another dma-buf's: it is judged by that. */
export function forward(_m: Machine, site: Site, st: State): Outcome[] {
  const failed = st.clone();
  // As its exporter has to leave it.
  st.setBits(VM.VM_PFNMAP!);
  st.add({
    kind: 'forward',
    special: false,
    ref: false,
    level: '',
    what: '',
    chain: [{ ...site, callee: 'another dma-buf' }],
  });
  return [
    { value: ZERO, st },
    { value: ERROR, st: failed },
  ];
}

/** Whether a value leads to the VMA. */
export function concerns(m: Machine, v: Value, st: State): boolean {
  if (v.k === 'vma' || v.k === 'vmf') return true;
  if (v.k === 'fn') return m.relevance.matters(v.def.name);
  if (v.k !== 'sym') return false;
  if (
    /^&?(vma|vmf)\b(?!->(vm_(start|end|pgoff|file|private_data|page_prot|mm|flags)|address|pgoff|flags|gfp_mask))/.test(
      v.key,
    )
  )
    return true;
  // A struct on the stack that holds it.
  const base = v.key.startsWith('&') ? v.key.slice(1) : v.key;
  if (!base.includes('@')) return false;
  for (const [k, held] of st.mem)
    if (k.startsWith(`${base}.`) && (held.k === 'vma' || held.k === 'vmf')) return true;
  return false;
}

/** The value of a call that is not followed. */
export function result(
  m: Machine,
  name: string,
  args: readonly Value[],
  e: Expr,
  st: State,
  frame: Frame,
): Value {
  const def = m.program.findFunctions(name, frame.def.file)[0];
  const keys = args.map(keyOf).join();
  let struct = def?.returns.base ?? '';
  if (!struct && args[0]?.k === 'sym' && /^to_|_to_/.test(name)) struct = '';
  if (/^(int|void|bool|long|unsigned|size_t)$/.test(struct)) struct = '';
  // A question asked twice has the same answer; anything else may change.
  const question =
    /^(is|has|can|need|use|test|to|get|want|should|may)_|_(is|has|can|to|needs?|get|supports?)_|^IS_|^HAS_|_(direct|enabled|coherent|addr|valid|imported|supported|dev|device|obj|bo|priv|ops)$|^(dma|container|kvm)_/.test(
      name,
    );
  const platform =
    args.length > 0 && args.every((a) => a.k === 'sym' && /^(device|dma_map_ops)$/.test(a.struct));
  const key = `${platform ? 'platform: ' : ''}${name}(${keys})${question ? '' : `@${e.at}`}`;
  return m.settle(sym(key, struct), st);
}

/** Follows a call and puts it in front of the chains of what happened there. */
export function follow(
  m: Machine,
  def: FunctionDef,
  args: readonly Value[],
  st: State,
  frame: Frame,
  at: number,
): Outcome[] {
  const here = new Set(st.events);
  const site = m.site(frame, at, def.name, def.file.path);
  return m.run(def, args, st).map((o) => {
    if (o.st.page && o.st.page !== st.page && !o.st.mem.has('pagechain'))
      o.st.page = { ...o.st.page };
    o.st.events = o.st.events.map((ev) =>
      here.has(ev) ? ev : { ...ev, chain: [site, ...ev.chain] },
    );
    return o;
  });
}

export function several(
  m: Machine,
  defs: readonly FunctionDef[],
  label: string,
  args: readonly Value[],
  st: State,
  frame: Frame,
  at: number,
): Outcome[] {
  const out: Outcome[] = [];
  for (const def of defs) {
    const s = st.clone();
    let possible = true;
    for (const other of defs)
      possible &&= s.learn(`${label}=${other.name}@${other.file.path}`, other === def ? 'nz' : 'z');
    if (possible) out.push(...follow(m, def, args, s, frame, at));
  }
  return out;
}

/** A call with the VMA whose target is not known. */
export function lost(
  m: Machine,
  name: string,
  args: readonly Value[],
  e: Expr & { k: 'call' },
  st: State,
  frame: Frame,
): Outcome[] {
  if (HARMLESS.test(name) || m.recorded?.isInert(name)) return opaque(m, name, args, e, st, frame);
  const site = m.site(frame, e.at, name);
  m.gap(site, `${name}() is not defined here`);
  st.add(unknownEvent(site, name));
  return [{ value: sym(`${name}(${args.map(keyOf).join()})@${e.at}`), st }];
}

export function expand(
  m: Machine,
  macro: { name: string; params: readonly string[] | null; body: string },
  e: Expr & { k: 'call' },
  st: State,
  frame: Frame,
): Outcome[] {
  const text = substitute(macro as Parameters<typeof substitute>[0], e.args.map(textOf));
  const tokens = tokensOf(text, 0, text.length, m.program.conditions).map((t) => ({
    ...t,
    at: e.at,
  }));
  if (frame.depth > MAX_DEPTH || m.work > MAX_WORK) return [{ value: sym(text), st }];
  const expression = new Parser(tokens).expression();
  const again = expression && callsItself(expression, macro.name);
  if (expression && !again) return m.eval(expression, st, frame);
  if (again) return lost(m, macro.name, [], e, st, frame);
  const end = exec(m, new Parser(tokens).statements(), [st], frame);
  return end.map((s) => ({ value: sym('void'), st: s }));
}
