// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Followers: functions that take a translation out of somebody else's page table, and what becomes of
 * it: whether it outlives the page-table lock, who retries, whether the read-only bit is obeyed,
 * whether a page reference is taken, whether vm_pgoff passes for a PFN.
 */
import { type Expr, eachIn, eachStmt, type Stmt, textOf } from './c/ast.ts';
import type { FunctionDef, Program } from './c/program.ts';
import type { SourceFile } from './c/skeleton.ts';
import { dirOf } from './c/tree.ts';
import type { Callers } from './callers.ts';
import { whole } from './index/asked.ts';

export interface FollowerFall {
  readonly rule: string;
  readonly at: number;
  readonly why: string;
  /** Callers on the way to the place, the follower last. */
  readonly chain: readonly {
    readonly def: FunctionDef;
    readonly at: number;
    readonly callee: string;
  }[];
}

export interface Follower {
  readonly def: FunctionDef;
  readonly calls: readonly string[];
  readonly verdict: 'keeps' | 'violates' | 'unknown';
  readonly falls: readonly FollowerFall[];
  readonly why: string;
}

/** Lookups that leave a translation with the caller; with a lock that ends it, or without any. */
const LOOKUP =
  /^(follow_pte|follow_pte_pmd|follow_invalidate_pte|follow_pfn|unsafe_follow_pfn|follow_phys|follow_pfnmap_start|hmm_range_fault|hmm_vma_fault|hmm_vma_get_pfns)$/;
const UNLOCKED = /^(follow_pfn|unsafe_follow_pfn|follow_phys)$/;
const UNLOCK = /^(pte_unmap_unlock|follow_pfnmap_end|spin_unlock|pte_unmap)$/;
/** Tests a notifier's sequence, or says that the whole scheme does. */
const RETRY =
  /\b(mmu_(?:invalidate|notifier|interval_read)_retry\w*|mmu_interval_check_retry|hmm_vma_range_done|hmm_range_valid|kvm_mmu_invalidate_retry\w*|mmu_interval_read_retry|is_page_fault_stale)\s*\(/;
const REFERENCE =
  /\b(?:get_page|try_get_page|get_page_unless_zero|folio_get|folio_try_get|page_ref_inc|try_grab_page|kvm_get_pfn|\w*try_get_pfn|get_pfn_ref\w*)\s*\(/;
const WRITE_TEST =
  /\b(?:pte_write|pmd_write|pte_access_permitted|huge_pte_write)\s*\(|(?:\.|->)writable\b|\bpgprot_val\b|vm_flags\s*&\s*[^;]*VM_(?:MAY)?(?:WRITE|READ)|vm_flags\s*&\s*access|HMM_PFN_(?:REQ_)?WRITE|\bfollow_phys\s*\([^;]*&prot\b/;

/** Of a file in which somebody may follow. */
export const MAY_FOLLOW = /follow_p|hmm_|pte_pfn|pte_page|vm_pgoff/;

/** Followers of several files, each function once. */
export function mergeFollowers(list: readonly Follower[]): Follower[] {
  const out = new Map<string, Follower>();
  for (const f of list) {
    const other = out.get(f.def.id);
    if (!other) out.set(f.def.id, f);
    else {
      const falls = [
        ...other.falls,
        ...f.falls.filter((x) => !other.falls.some((y) => y.rule === x.rule)),
      ];
      const worse = other.verdict === 'violates' || f.verdict === 'keeps' ? other : f;
      out.set(f.def.id, { ...worse, calls: [...new Set([...other.calls, ...f.calls])], falls });
    }
  }
  return [...out.values()].sort((a, b) =>
    a.def.file.path < b.def.file.path
      ? -1
      : a.def.file.path > b.def.file.path
        ? 1
        : a.def.line - b.def.line,
  );
}

/** Functions of a file that follow, and those in any file that use what these hand on. */
export function followersIn(file: SourceFile, callers: Callers): Follower[] {
  const { program } = callers;
  if (/^(tools|Documentation|scripts)\//.test(file.path)) return [];
  if (!program.index.isMarked(file.path, MAY_FOLLOW)) return [];
  const out: Follower[] = [];
  for (const def of program.functionsOf(file)) {
    const { where } = def;
    const body = file.text.slice(where.body, where.end);
    const mayFollow =
      /\b(\w*follow_(?:pte|pfn|phys|pfnmap_start|invalidate_pte)\w*|hmm_range_fault|hmm_vma_\w+)\s*\(/.test(
        body,
      );
    const mayPgoff = /vm_pgoff/.test(body) && /VM_PFNMAP/.test(body);
    const mayWalk =
      /\bpte_(?:pfn|page)\s*\(/.test(body) && /\bpte_offset_(?:map|kernel)\w*\s*\(/.test(body);
    if (!mayFollow && !mayPgoff && !mayWalk) continue;
    if (program.conditions.all(where.when) === false) continue;
    if (mayPgoff) {
      const f = pgoffAsPfn(def);
      if (f) out.push(f);
    }
    const own = /^(mm|arch\/\w+\/mm|fs)\//.test(file.path);
    if (mayFollow) out.push(...follow(def, callers, own));
    else if (mayWalk && !own && !/^arch\/\w+\/(kernel|include)\//.test(file.path))
      out.push(...walk(def, callers));
  }
  return out;
}

/** Names and offsets of the calls in a body, in program order. */
function callsIn(body: Stmt): { name: string; e: Expr & { k: 'call' } }[] {
  const out: { name: string; e: Expr & { k: 'call' } }[] = [];
  eachIn(body, (e) => {
    if (e.k === 'call' && e.fn.k === 'id') out.push({ name: e.fn.name, e });
  });
  return out.sort((a, b) => a.e.at - b.e.at);
}

function follow(def: FunctionDef, callers: Callers, own: boolean): Follower[] {
  const calls = callsIn(def.body);
  const lookups = calls.filter((c) => LOOKUP.test(c.name));
  if (lookups.length === 0 || LOOKUP.test(def.name)) return [];
  const names = [
    ...new Set(
      calls.filter((c) => LOOKUP.test(c.name) || c.name === 'fixup_user_fault').map((c) => c.name),
    ),
  ];
  const base = { def, calls: names };
  const last = lookups.at(-1)!;
  const text = def.text;
  const falls: FollowerFall[] = [];
  const here = (rule: string, at: number, why: string) =>
    falls.push({ rule, at, why, chain: [{ def, at: last.e.at, callee: last.name }] });
  if (lookups.every((l) => l.name.startsWith('hmm_')))
    return own ? [] : hmm(def, lookups[0]!, callers, names);
  if (own) return [{ ...base, verdict: 'keeps', falls, why: "mm's own, for a VMA that it holds" }];
  const uses = usesOf(
    def,
    lookups.map((l) => l.e),
    calls,
  );
  const reference = REFERENCE.exec(text.slice(text.indexOf(last.name)));
  if (reference)
    here(
      'R6',
      def.where.declared + text.indexOf(last.name) + reference.index,
      'a page reference is taken of a PFN that was followed',
    );
  if (!testsWrite(def, calls, callers.program) && mayWrite(text))
    here('R7', last.e.at, 'whether the entry may be written is not tested');
  const refused = refusesSpecial(def);
  if (refused !== null)
    here(
      'R9',
      refused,
      'every special entry is refused: that ends the static mappings, such as BARs',
    );
  if (uses.afterUnlock) {
    if (RETRY.test(text) || rechecks(lookups, calls)) {
      // Looked at again before it is used for good.
    } else if (uses.passedOn) {
      const { users, good } = usersOf(def, callers);
      if (users.length === 0 && good === 0)
        here('R8', last.e.at, 'the PFN is handed on, and nobody tests a sequence');
      else if (users.length > 0 && good === 0) {
        const { user, chain } = users[0]!;
        falls.push({
          rule: 'R8',
          at: last.e.at,
          why: `the PFN outlives the page-table lock, and no caller retries: ${user.name}() keeps it`,
          chain: [...chain, { def, at: last.e.at, callee: last.name }],
        });
      } else {
        const followers = users.map(
          ({ user, chain }): Follower => ({
            def: user,
            calls: [chain[0]!.callee],
            verdict: 'violates',
            falls: [
              {
                rule: 'R8',
                at: chain[0]!.at,
                why: `the PFN that ${def.name}() followed is kept without a notifier's retry`,
                chain: [...chain, { def, at: last.e.at, callee: last.name }],
              },
            ],
            why: `keeps what ${def.name}() followed without a retry; other callers retry`,
          }),
        );
        const why = falls.length
          ? falls.map((f) => f.why).join('; ')
          : 'hands the PFN on; who uses it is judged';
        return [
          { ...base, verdict: falls.length ? 'violates' : 'keeps', falls, why },
          ...followers,
        ];
      }
    } else
      here(
        'R8',
        uses.at ?? last.e.at,
        'the PFN is used after the page-table lock is gone, without a retry',
      );
  }
  if (falls.length)
    return [{ ...base, verdict: 'violates', falls, why: falls.map((f) => f.why).join('; ') }];
  return [
    {
      ...base,
      verdict: 'keeps',
      falls,
      why: uses.afterUnlock
        ? 'tests again before the translation is used'
        : 'uses the translation under the page-table lock only',
    },
  ];
}

/** Where a special entry, of whatever VMA, makes a function give up. */
function refusesSpecial(def: FunctionDef): number | null {
  let at: number | null = null;
  eachStmt(def.body, (s) => {
    if (
      s.k !== 'if' ||
      at !== null ||
      !/pte_special\(|pmd_special\(|args\.special/.test(textOf(s.c))
    )
      return;
    if (/!(pte_special|pmd_special|args\.special)/.test(textOf(s.c))) return;
    const last = s.t.k === 'block' ? s.t.body.at(-1) : s.t;
    const fails = /-E[A-Z]+|NULL|false/.test(
      def.file.text.slice(s.at, Math.min(def.where.end, (last?.at ?? s.at) + 40)),
    );
    if ((last?.k === 'return' || last?.k === 'goto') && fails) at = s.at;
  });
  return at;
}

/** Whether the entry's permission is tested here, or where the entry is handed to. */
function testsWrite(
  def: FunctionDef,
  calls: readonly { name: string; e: Expr & { k: 'call' } }[],
  program: Program,
): boolean {
  if (WRITE_TEST.test(def.text)) return true;
  return calls.some(({ name, e }) => {
    if (!e.args.some((a) => /\bp(te|md)\w*\b/.test(textOf(a))) || !program.functions.has(name))
      return false;
    return program
      .findFunctions(name, def.file)
      .some((f) => dirOf(f.file.path) === dirOf(def.file.path) && WRITE_TEST.test(f.text));
  });
}

/** Whether what is followed may be written; a function that only reads it needs no permission. */
const mayWrite = (text: string) =>
  !/copy_to_user|memcpy_fromio|\bread[bwlq]\s*\(|\bioread\w*\s*\(/.test(text) ||
  /copy_from_user|memcpy_toio|\bwrite[bwlq]\s*\(|\biowrite\w*\s*\(|dma_map|iommu_map/.test(text);

/** A second lookup after the use, with a comparison: the check that closes the window. */
function rechecks(
  lookups: readonly { e: Expr }[],
  calls: readonly { name: string; e: Expr }[],
): boolean {
  if (lookups.length < 2) return false;
  const between = calls.filter((c) => c.e.at > lookups[0]!.e.at && c.e.at < lookups.at(-1)!.e.at);
  return (
    between.some((c) => /^(ioremap|memremap|ioremap_prot)/.test(c.name)) &&
    calls.some((c) => c.name === 'pte_same' || /^pgprot_/.test(c.name) || c.name === 'iounmap')
  );
}

/** Where the value that was looked up goes. */
function usesOf(
  def: FunctionDef,
  lookups: readonly (Expr & { k: 'call' })[],
  calls: readonly { name: string; e: Expr & { k: 'call' } }[],
) {
  const first = lookups[0]!;
  const unlocked = lookups.some((l) => l.fn.k === 'id' && UNLOCKED.test(l.fn.name));
  const lastLookup = lookups.at(-1)!.at;
  const unlock = calls.filter((c) => UNLOCK.test(c.name) && c.e.at > first.at).map((c) => c.e.at);
  const end = unlocked
    ? lastLookup
    : unlock.length
      ? Math.max(...unlock)
      : Number.POSITIVE_INFINITY;
  // Variables that hold the PFN or what is made of it.
  const held = new Set<string>();
  const params = new Set(def.params.map((p) => p.name));
  let passedOn = false;
  let stored: number | undefined;
  for (const l of lookups) {
    if (l.fn.k === 'id' && /^(follow_pfn|unsafe_follow_pfn|follow_phys)$/.test(l.fn.name)) {
      for (const a of l.args.slice(2)) {
        if (a.k === 'unary' && a.op === '&') {
          held.add(textOf(a.e));
          // &vec->pfns[i]: it lies where others find it.
          if (a.e.k === 'member' || (a.e.k === 'index' && outlives(def, a.e.of))) stored ??= l.at;
        } else if (a.k === 'id') held.add(a.name);
        if (a.k === 'id' && params.has(a.name) && /pfn|phys|addr/.test(a.name)) passedOn = true;
      }
    }
  }
  const derives = (e: Expr): boolean => {
    let yes = false;
    // What a function makes of it is its own matter, but for conversions.
    if (e.k === 'call' && e.fn.k === 'id' && !/pfn|phys|page|va$|PFN|min|max/i.test(e.fn.name))
      return false;
    const visit = (x: Expr) => {
      if (x.k === 'call' && x.fn.k === 'id' && /^(pte|pmd|pud)_(pfn|page)$/.test(x.fn.name))
        yes = true;
      if (x.k === 'member' && x.name === 'pfn' && /args|map/.test(textOf(x.of))) yes = true;
      if (x.k === 'id' && held.has(x.name)) yes = true;
    };
    visitExpr(e, visit);
    return yes;
  };
  for (let round = 0; round < 3; round++) {
    eachIn(def.body, (e) => {
      if (e.k !== 'assign' || !derives(e.r)) return;
      const target = textOf(e.l);
      if (e.l.k === 'id') held.add(e.l.name);
      else {
        const root = /^[*(&]*(\w+)/.exec(target)?.[1] ?? '';
        if (params.has(root) && e.l.k === 'unary') passedOn = true;
        if (e.l.k === 'unary') held.add(target);
        else if (params.has(root) && e.at > first.at) stored ??= e.at;
        else if (!params.has(root)) held.add(root);
      }
    });
    eachStmt(def.body, (s) => {
      if (s.k === 'decl' && s.init && derives(s.init)) held.add(s.name);
    });
  }
  let at: number | undefined = stored;
  const look = (e: Expr) => {
    if (e.at > end && e.k === 'id' && held.has(e.name))
      at = at === undefined ? e.at : Math.min(at, e.at);
  };
  eachIn(def.body, look);
  eachStmt(def.body, (s) => {
    if (s.k === 'return' && s.e && s.at > first.at && derives(s.e)) passedOn = true;
  });
  return { afterUnlock: at !== undefined || passedOn, passedOn, at };
}

/** Whether an array is not a local of the function: reached through a pointer. */
function outlives(def: FunctionDef, e: Expr): boolean {
  if (e.k !== 'id') return e.k === 'member';
  if (def.params.some((p) => p.name === e.name)) return true;
  let pointer = false;
  eachStmt(def.body, (s) => {
    if (s.k === 'decl' && s.name === e.name) pointer = s.init !== null && s.type.stars > 0;
  });
  return pointer;
}

function visitExpr(e: Expr, visit: (e: Expr) => void): void {
  eachIn({ k: 'expr', e, at: e.at }, visit);
}

type Step = { def: FunctionDef; at: number; callee: string };

interface Users {
  /** Those that keep what they got without a retry, with the calls in between. */
  readonly users: { user: FunctionDef; chain: Step[] }[];
  /** How many test a notifier's sequence. */
  readonly good: number;
}

/** Who uses what a function hands on, and how many of them test a notifier's sequence. */
function usersOf(root: FunctionDef, callers: Callers): Users {
  const users: Users['users'] = [];
  const seen = new Set<string>();
  let good = 0;
  const up = (def: FunctionDef, below: Step[]): void => {
    if (seen.has(def.id) || below.length > 8) return;
    seen.add(def.id);
    for (const caller of callers.of(def)) {
      if (tests(caller, callers.program)) {
        good++;
        continue;
      }
      const call = callsIn(caller.body).find((c) => c.name === def.name);
      if (!call) continue;
      const chain: Step[] = [{ def: caller, at: call.e.at, callee: def.name }, ...below];
      if (neverReaches(chain, root)) continue;
      if (handsOn(caller, def.name)) {
        up(caller, chain);
        continue;
      }
      // One or two levels up may hold the test: `fault()` around `map()`.
      if (retriedAbove(caller, callers, 0)) good++;
      else if (keepsResult(caller, call.e)) users.push({ user: caller, chain });
    }
  };
  up(root, []);
  return { users, good };
}

/** Whether a function, or one that it calls in its own directory, tests a notifier's sequence. */
function tests(def: FunctionDef, program: Program): boolean {
  if (RETRY.test(def.text)) return true;
  return callsIn(def.body).some(({ name }) => {
    if (!program.functions.has(name)) return false;
    return program
      .findFunctions(name, def.file)
      .some(
        (f) =>
          dirOf(f.file.path) === dirOf(def.file.path) &&
          RETRY.test(f.text) &&
          f.params.length < 12 &&
          /seq/.test(f.head),
      );
  });
}

function retriedAbove(def: FunctionDef, callers: Callers, depth: number): boolean {
  const above = callers.of(def);
  return (
    above.length > 0 &&
    above.every((a) => RETRY.test(a.text) || (depth < 2 && retriedAbove(a, callers, depth + 1)))
  );
}

/** Whether the result of a call is returned, or stored through a parameter that is a plain pointer. */
function handsOn(def: FunctionDef, callee: string): boolean {
  let yes = false;
  const vars = new Set<string>();
  const isCall = (e: Expr): boolean => e.k === 'call' && e.fn.k === 'id' && e.fn.name === callee;
  const plain = new Set(
    def.params
      .filter((p) => p.type.stars === 1 && /pfn|_t$|long|u64|unsigned/.test(p.type.base))
      .map((p) => p.name),
  );
  eachStmt(def.body, (s) => {
    if (s.k === 'decl' && s.init && isCall(s.init)) vars.add(s.name);
  });
  eachIn(def.body, (e) => {
    if (e.k === 'assign' && isCall(e.r)) {
      if (e.l.k === 'id') vars.add(e.l.name);
      const root = /^\*?(\w+)/.exec(textOf(e.l))?.[1] ?? '';
      if (e.l.k === 'unary' && plain.has(root)) yes = true;
      // fault->pfn = f(): the struct of a fault travels up to who handles it.
      if (e.l.k === 'member' && e.l.name === 'pfn' && /fault/.test(textOf(e.l.of))) yes = true;
    }
    if (e.k === 'call' && isCall(e)) {
      for (const a of e.args) {
        if (a.k === 'id' && plain.has(a.name)) yes = true;
        if (a.k === 'unary' && a.op === '&' && a.e.k === 'id') vars.add(a.e.name);
      }
    }
  });
  eachStmt(def.body, (s) => {
    if (s.k !== 'return' || !s.e) return;
    if (isCall(s.e)) yes = true;
    if (s.e.k === 'id' && vars.has(s.e.name) && /pfn|page|phys/.test(def.returns.base + s.e.name))
      yes = true;
  });
  return yes;
}

/**
 * Whether a flag passed as `true` on the way down makes a function return before it goes on:
 * `if (atomic) return ...;`
 */
function neverReaches(chain: readonly Step[], root: FunctionDef): boolean {
  let sure = new Set<string>();
  for (const [i, step] of chain.entries()) {
    const body = step.def.body.k === 'block' ? step.def.body.body : [];
    for (const s of body) {
      if (s.at > step.at) break;
      if (s.k !== 'if' || s.c.k !== 'id' || !sure.has(s.c.name)) continue;
      const then = s.t.k === 'block' ? s.t.body.at(-1) : s.t;
      if (then?.k === 'return') return true;
    }
    const next = chain[i + 1]?.def ?? root;
    const call = callsIn(step.def.body).find((c) => c.e.at === step.at);
    const passed = new Set<string>();
    for (const [k, a] of (call?.e.args ?? []).entries()) {
      const yes = a.k === 'id' && (a.name === 'true' || sure.has(a.name));
      if (yes && next.params[k]?.name) passed.add(next.params[k]!.name);
    }
    sure = passed;
  }
  return false;
}

/** Whether a result is used for more than a test or a release. */
function keepsResult(def: FunctionDef, call: Expr & { k: 'call' }): boolean {
  const vars = new Set<string>();
  let yes = false;
  eachStmt(def.body, (s) => {
    if (s.k === 'decl' && s.init === call) vars.add(s.name);
  });
  eachIn(def.body, (e) => {
    if (e.k === 'assign' && e.r === call) {
      if (e.l.k === 'id') vars.add(e.l.name);
      else yes = true;
    }
    if (e === call) {
      for (const a of call.args)
        if (a.k === 'unary' && a.op === '&' && a.e.k === 'id') vars.add(a.e.name);
    } else if (e.k === 'call') {
      for (const a of e.args) if (a === call) yes ||= !LETS_GO.test(textOf(e.fn));
    }
  });
  const onlyAsks = (e: Expr) => e.k === 'call' && e.fn.k === 'id' && /^Page[A-Z]/.test(e.fn.name);
  eachIn(def.body, (e) => {
    if (e.k === 'call' && e !== call && !LETS_GO.test(textOf(e.fn)) && !onlyAsks(e)) {
      for (const a of e.args) visitExpr(a, (x) => (yes ||= x.k === 'id' && vars.has(x.name)));
    }
    if (e.k === 'assign' && e.r !== call && !onlyAsks(e.r))
      visitExpr(e.r, (x) => (yes ||= x.k === 'id' && vars.has(x.name)));
  });
  return yes;
}

const LETS_GO =
  /pfn_to_page|release|put_|unpin|is_error|is_noslot|pfn_valid|WARN|IS_ERR|likely|pr_|trace/;

function hmm(
  def: FunctionDef,
  lookup: { name: string; e: Expr },
  callers: Callers,
  calls: readonly string[],
): Follower[] {
  const base = { def, calls };
  const retries = (d: FunctionDef, depth: number): boolean =>
    RETRY.test(d.text) ||
    (depth < 3 && callers.of(d).length > 0 && callers.of(d).every((c) => retries(c, depth + 1)));
  if (retries(def, 0))
    return [
      { ...base, verdict: 'keeps', falls: [], why: 'tests the sequence after hmm_range_fault()' },
    ];
  // Some hand the sequence out in a struct: whoever calls through a table cannot be followed.
  // A range of its own whose sequence it gives to nobody is not handed on.
  const local = /\bstruct\s+hmm_range\s+\w+\s*[=;{]/.test(def.text);
  const given = /(->|\*)\s*\w*seq\w*\s*=[^=]/.test(
    def.text.replace(/\w+(\.|->)notifier_seq\s*=/g, ''),
  );
  const handed =
    /\brange\b/.test(def.head) ||
    (callers.of(def).length === 0 && !(local && !given)) ||
    callers.of(def).some((c) => retries(c, 1));
  if (handed)
    return [{ ...base, verdict: 'keeps', falls: [], why: 'hands the range on, sequence included' }];
  const fall: FollowerFall = {
    rule: 'R8',
    at: lookup.e.at,
    why: 'the sequence is never tested after hmm_range_fault()',
    chain: [{ def, at: lookup.e.at, callee: lookup.name }],
  };
  return [{ ...base, verdict: 'violates', falls: [fall], why: fall.why }];
}

/** A page-table walk written out in a driver. */
function walk(def: FunctionDef, callers: Callers): Follower[] {
  const text = def.text;
  const at = def.where.declared + /\bpte_(?:pfn|page)\s*\(/.exec(text)!.index;
  const calls = [
    ...new Set([...text.matchAll(/\b(pte_offset_\w+|pte_pfn|pte_page)\s*\(/g)].map((m) => m[1]!)),
  ];
  const base = { def, calls };
  const chain = [{ def, at, callee: 'pte_pfn' }];
  const falls: FollowerFall[] = [];
  callers.program.index.asked.note(whole.file(def.file.path));
  const module = def.file.text;
  if (/\bpte_page\s*\(/.test(text) && REFERENCE.test(text) && !/pte_special\s*\(/.test(text))
    falls.push({
      rule: 'R6',
      at,
      why: 'a page reference is taken through an entry that may be special',
      chain,
    });
  if (!WRITE_TEST.test(text) && /write/i.test(text))
    falls.push({ rule: 'R7', at, why: 'whether the entry may be written is not tested', chain });
  const guarded =
    RETRY.test(text) ||
    callers
      .of(def)
      .some((c) => RETRY.test(c.text) || /mmu_notifier|range_active|ms_range/.test(c.text)) ||
    /mmu_notifier_(register|get)|mmu_interval_notifier_insert/.test(module);
  if (!guarded && !/set_pte_at|ptep_/.test(text)) {
    return [
      {
        ...base,
        verdict: falls.length ? 'violates' : 'unknown',
        falls,
        why: falls.length
          ? falls.map((f) => f.why).join('; ')
          : 'a walk of a page table written out; whose, and for how long, was not made out',
      },
    ];
  }
  return [
    {
      ...base,
      verdict: falls.length ? 'violates' : 'keeps',
      falls,
      why: falls.map((f) => f.why).join('; ') || 'walks under a notifier',
    },
  ];
}

const CONVERTS =
  /^(PFN_PHYS|__pfn_to_phys|pfn_to_(page|online_page|phys|dma|hpa)|pfn_t?o_kaddr|pfn_to_virt|__va|phys_to_\w+|pfn_valid|ioremap\w*|memremap)$/;

/** vm_pgoff of a VMA that was looked up, taken for the PFN because VM_PFNMAP is set. */
function pgoffAsPfn(def: FunctionDef): Follower | null {
  const text = def.text;
  if (/^(mm|fs|tools)\//.test(def.file.path)) return null;
  if (
    !/\b(find_vma|vma_lookup|find_vma_intersection|find_extend_vma|find_exact_vma|for_each_vma|vma_next)\w*\s*\(/.test(
      text,
    )
  )
    return null;
  let at = 0;
  const holds = (e: Expr): boolean => {
    let yes = false;
    visitExpr(e, (x) => {
      if (x.k === 'member' && x.name === 'vm_pgoff') yes = true;
    });
    return yes;
  };
  // PFN_PHYS(vma->vm_pgoff), pfn_to_page(vma->vm_pgoff + n)
  const converts = (e: Expr): boolean => {
    let yes = false;
    visitExpr(e, (x) => {
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
      if (!at && s.k === 'return' && s.e && holds(s.e) && (converts(s.e) || returnsAddress))
        at = s.at;
    });
  }
  if (!at) return null;
  const why = 'vm_pgoff of a VM_PFNMAP VMA is taken for the PFN';
  return {
    def,
    calls: [],
    verdict: 'violates',
    falls: [{ rule: 'R15', at, why, chain: [{ def, at, callee: 'vm_pgoff' }] }],
    why,
  };
}
