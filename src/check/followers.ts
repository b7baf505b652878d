// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Followers: functions that take a translation out of somebody else's page table, and what becomes of
 * it: whether it outlives the page-table lock, who retries, whether the read-only bit is obeyed,
 * whether a page reference is taken, whether vm_pgoff passes for a PFN.
 */
import { type Expr, eachStmt, type Stmt, textOf } from './c/ast.ts';
import type { FunctionDef, Program } from './c/program.ts';
import type { SourceFile } from './c/skeleton.ts';
import type { Callers } from './callers.ts';
import { hmm } from './follow/hmm.ts';
import { PgoffUsers } from './follow/pgoff.ts';
import { referenceOf } from './follow/references.ts';
import { Retries } from './follow/retries.ts';
import { type Source, spread } from './follow/spread.ts';
import { usersOf } from './follow/users.ts';
import {
  callsIn,
  LOOKUP,
  type Named,
  REFERENCE,
  UNLOCK,
  UNLOCKED,
  WRITE_TEST,
} from './follow/words.ts';
import type { Mark } from './index/names.ts';
import { isRelevant } from './scan.ts';

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

/** Of a file in which somebody may follow. */
export const MAY_FOLLOW: Mark = {
  pattern: /follow_p|hmm_|pte_pfn|pte_page|pte_val|vm_pgoff/,
  words: ['follow_', 'hmm_', 'pte_pfn', 'pte_page', 'pte_val', 'vm_pgoff'],
};
/** Of a file in which a macro may stand for a lookup; parameters beyond that length are none of one's. */
export const MAY_RENAME: Mark = {
  pattern: /#\s*define\s+\w+\([^)]{0,200}\)\W*\w*(?:follow_|hmm_)\w+\s*\(/,
  words: ['follow_', 'hmm_'],
};

const LOOKS =
  /\b(\w*follow_(?:pte|pfn|phys|pfnmap_start|invalidate_pte)\w*|hmm_range_fault|hmm_vma_\w+)\s*\(/;
/** Reads the entry of a page table. */
const READS = /^(pte|pmd|pud)_(pfn|page)$/;
/** Walks to an entry. */
const OFFSET = /\bpte_offset_(?:map|kernel)\w*\s*\(/;
/** The head of a function that hands on a pointer to one. */
const POINTER = /\bpte_t\s*\*\s*\w+\s*\(/;
/** Directories that hold no consumer: tools, and who owns the page tables. */
const ASIDE = /^(tools|Documentation|scripts)\//;
const OWN = /^(mm|arch\/\w+\/mm|fs)\//;
/** What a macro's body calls first. */
const firstCall = (body: string) => /^\W*(\w+)\s*\(/.exec(body)?.[1] ?? '';

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
  if (ASIDE.test(file.path)) return [];
  const named = () => [...aliasesOf(program).keys()].some((name) => file.text.includes(name));
  if (!program.index.isMarked(file.path, MAY_FOLLOW) && !named()) return [];
  const finder = new Finder(file, callers);
  return program.functionsOf(file).flatMap((def) => finder.of(def));
}

const aliases = new WeakMap<Program, ReadonlyMap<string, string>>();

/** Macros, in whatever file, that stand for a lookup: `#define get(v, a, p) follow_pfn(v, a, p)`. */
export function aliasesOf(program: Program): ReadonlyMap<string, string> {
  let known = aliases.get(program);
  if (!known) {
    const out = new Map<string, string>();
    aliases.set(program, (known = out));
    const { index, files } = program;
    for (const file of files) if (index.isMarked(file.path, MAY_RENAME)) addAliases(file, out);
  }
  return known;
}

function addAliases(file: SourceFile, out: Map<string, string>): void {
  for (const { name, params, body } of file.skeleton.macros)
    if (params !== null && LOOKUP.test(firstCall(body))) out.set(name, firstCall(body));
}

class Finder {
  private readonly program: Program;
  /** The scan of a kernel does not look for walks: they are told of where a file matters otherwise. */
  private readonly walks: boolean;
  private readonly retries: Retries;
  private readonly pgoff: PgoffUsers;
  /** Macros that stand for a lookup. */
  private readonly aliases: Map<string, string>;

  constructor(
    file: SourceFile,
    private readonly callers: Callers,
  ) {
    this.program = callers.program;
    this.walks = callers.everywhere || isRelevant(file.text);
    this.retries = new Retries(this.program);
    this.pgoff = new PgoffUsers(callers);
    this.aliases = new Map(aliasesOf(this.program));
    addAliases(file, this.aliases);
  }

  /** The lookup that a name stands for, by a macro of this file or one that is included. */
  private lookup(name: string, file: SourceFile): string {
    if (LOOKUP.test(name)) return name;
    const known = this.aliases.get(name);
    // Which of a macro and a function there is may be a matter of the version.
    if (known && this.program.findFunctions(name, file).length) return name;
    if (known || !/follow_p/.test(name) || this.program.functions.has(name)) return known ?? name;
    const macro = this.program.findMacro(name, file);
    const to = macro ? firstCall(macro.where.body) : '';
    return LOOKUP.test(to) ? to : name;
  }

  /** What a function does as a follower; those among its callers that keep what it hands on. */
  of(def: FunctionDef): Follower[] {
    const { file, where } = def;
    const body = file.text.slice(where.body, where.end);
    const mayFollow =
      (/follow_|hmm_/.test(body) && LOOKS.test(body)) ||
      [...this.aliases.keys()].some((a) => body.includes(a));
    const mayPgoff = body.includes('vm_pgoff');
    const mayWalk =
      this.walks &&
      /\bpte_(?:pfn|page|val)\s*\(/.test(body) &&
      (OFFSET.test(body) || /\bpte_t\s*\*/.test(body));
    if (!mayFollow && !mayPgoff && !mayWalk) return [];
    if (this.program.conditions.all(where.when) === false || this.isOfOthers(def)) return [];
    const out: Follower[] = [];
    if (mayPgoff) out.push(...this.pgoff.of(def));
    const own = OWN.test(file.path);
    if (mayFollow) out.push(...this.follow(def, own));
    else if (mayWalk && !own && !/^arch\/\w+\/(kernel|include)\//.test(file.path))
      out.push(...this.walk(def));
    return out;
  }

  /**
   * Whether a function is for another kernel: all its lookups are of those that the assumed one lacks, and it
   * has a twin with others. Which of them there is, a configure script decides by what the kernel has.
   */
  private isOfOthers(def: FunctionDef): boolean {
    const { lacks } = this.program.conditions;
    if (lacks.size === 0 || def.where.when.length === 0) return false;
    const absent = (f: FunctionDef) => {
      const names = this.calls(f).flatMap((c) => (LOOKUP.test(c.name) ? c.name : []));
      return names.length === 0 ? null : names.every((name) => lacks.has(name));
    };
    if (absent(def) !== true) return false;
    const twins = this.program.functionsOf(def.file).filter((f) => f.name === def.name);
    return twins.some((f) => absent(f) === false);
  }

  /** The calls of a function by name, macros that stand for a lookup as that. */
  private calls(def: FunctionDef): Named[] {
    return callsIn(def.body).map((c) => ({ ...c, name: this.lookup(c.name, def.file) }));
  }

  private follow(def: FunctionDef, own: boolean): Follower[] {
    const calls = this.calls(def);
    const lookups = calls.filter((c) => LOOKUP.test(c.name));
    if (lookups.length === 0 || LOOKUP.test(def.name)) return [];
    const names = [
      ...new Set(
        calls
          .filter((c) => LOOKUP.test(c.name) || c.name === 'fixup_user_fault')
          .map((c) => c.name),
      ),
    ];
    if (lookups.every((l) => l.name.startsWith('hmm_')))
      return own ? [] : hmm(def, lookups[0]!, this.callers, this.retries, names);
    if (own) {
      const why = "mm's own, for a VMA that it holds";
      return [{ def, calls: names, verdict: 'keeps', falls: [], why }];
    }
    const first = lookups[0]!.e.at;
    const unlock = calls.filter((c) => UNLOCK.test(c.name) && c.e.at > first).map((c) => c.e.at);
    const last = lookups.at(-1)!;
    const until = lookups.some((l) => UNLOCKED.test(l.name))
      ? last.e.at
      : unlock.length
        ? Math.max(...unlock)
        : Number.POSITIVE_INFINITY;
    const falls: FollowerFall[] = [];
    const refused = refusesSpecial(def);
    if (refused !== null)
      falls.push(
        fall(
          'R9',
          refused,
          'every special entry is refused: that ends the static mappings, such as BARs',
          def,
          last,
        ),
      );
    const again = rechecks(lookups, calls);
    return this.judge(def, names, last, sourceOf(lookups, until), falls, again);
  }

  /** The functions that walk for this one: itself, or who hands it a pointer to an entry. */
  private walkers(def: FunctionDef): readonly FunctionDef[] {
    if (OFFSET.test(def.text)) return [def];
    return [...new Set(callsIn(def.body).map((c) => c.name))].flatMap((name) =>
      this.program
        .findFunctions(name, def.file)
        .filter((f) => !OWN.test(f.file.path) && POINTER.test(f.head) && OFFSET.test(f.text)),
    );
  }

  /** A page-table walk written out in a driver. */
  private walk(def: FunctionDef): Follower[] {
    const walkers = this.walkers(def);
    if (walkers.length === 0) return [];
    const text = [def, ...walkers.filter((w) => w !== def)].map((d) => d.text).join('\n');
    const calls = callsIn(def.body);
    const reads = calls.filter((c) => READS.test(c.name) || c.name === 'pte_val');
    const names = [
      ...new Set([...text.matchAll(/\b(pte_offset_\w+|pte_pfn|pte_page)\s*\(/g)].map((m) => m[1]!)),
    ];
    const changes =
      /\b(set_pte\w*|ptep_(get_and_clear|clear|modify|set|test)\w*|pte_clear)\s*\(/.test(text);
    const given = walkers.some((w) =>
      w.params.some((p) => /^(mm_struct|vm_area_struct)$/.test(p.type.base)),
    );
    const users =
      (/\bpte_offset_map\w*\s*\(/.test(text) && (given || /\bfind_vma|\bvma_lookup/.test(text))) ||
      (/\bpgd_offset\s*\(/.test(text) && !/init_mm|pgd_offset_k/.test(text));
    if (reads.length === 0 || (!users && reads.every((r) => r.name === 'pte_val'))) return [];
    if (changes) {
      const why = 'changes the table that it walks';
      return [{ def, calls: names, verdict: 'keeps', falls: [], why }];
    }
    if (!users && !walkers.includes(def)) return [];
    if (!users) {
      const why = 'a walk of a page table written out; whose, and for how long, was not made out';
      return [{ def, calls: names, verdict: 'unknown', falls: [], why }];
    }
    const unlock = calls
      .filter((c) => /^(pte_unmap_unlock|spin_unlock)$/.test(c.name))
      .map((c) => c.e.at);
    const until = unlock.length ? Math.max(...unlock) : 0;
    // Who takes references and leaves special entries alone does what GUP does.
    const likeGup =
      /\b(pte_special|vm_normal_(page|folio))\s*\(/.test(text) && REFERENCE.test(text);
    if (likeGup) {
      const why = 'takes a page reference, and leaves special entries alone';
      return [{ def, calls: names, verdict: 'keeps', falls: [], why }];
    }
    return this.judge(def, names, reads.at(-1)!, sourceOf(reads, until), [], false);
  }

  private judge(
    def: FunctionDef,
    calls: readonly string[],
    last: Named,
    source: Source,
    falls: FollowerFall[],
    again: boolean,
  ): Follower[] {
    const { text } = def;
    const base = { def, calls };
    const here = (rule: string, at: number, why: string) =>
      falls.push(fall(rule, at, why, def, last));
    const from = Math.max(0, text.indexOf(last.name));
    const reference = REFERENCE.exec(text.slice(from));
    if (reference)
      here(
        'R6',
        def.where.declared + from + reference.index,
        'a page reference is taken of a PFN that was followed',
      );
    const s = spread(def, source, this.program, true);
    const elsewhere = reference ? null : referenceOf(def, s, this.callers);
    if (elsewhere)
      falls.push({
        rule: 'R6',
        at: last.e.at,
        why: `a page reference is taken of a PFN that was followed, in ${elsewhere[0]!.def.name}()`,
        chain: [...elsewhere.reverse(), { def, at: last.e.at, callee: last.name }],
      });
    const handed = s.returned || s.params.size > 0;
    const handedTo = handed ? usersOf(def, s, this.callers, this.retries) : null;
    if (handedTo?.idle && s.kept === null && falls.length === 0) {
      const why = 'hands the PFN on, and nobody does more than look at it';
      return [{ ...base, verdict: 'keeps', falls: [], why }];
    }
    const writes = handed || s.kept !== null ? mayWrite(text) : WRITES.test(text);
    if (writes && !testsWrite(def, this.program))
      here('R7', last.e.at, 'whether the entry may be written is not tested');
    const tested = this.retries.in(def) || again;
    if (tested || (!handed && s.kept === null)) {
      // Looked at again before it is used for good, or not used for good.
    } else if (handedTo) {
      const { users, good } = handedTo;
      if (users.length === 0 && good === 0)
        here('R8', s.at ?? last.e.at, 'the PFN is handed on, and nobody tests a sequence');
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
      here('R8', s.kept!, 'the PFN is used after the page-table lock is gone, without a retry');
    if (falls.length)
      return [{ ...base, verdict: 'violates', falls, why: falls.map((f) => f.why).join('; ') }];
    const why =
      handed || s.kept !== null
        ? 'tests again before the translation is used'
        : 'uses the translation under the page-table lock only';
    return [{ ...base, verdict: 'keeps', falls, why }];
  }
}

const fall = (
  rule: string,
  at: number,
  why: string,
  def: FunctionDef,
  last: Named,
): FollowerFall => ({ rule, at, why, chain: [{ def, at: last.e.at, callee: last.name }] });

/** What lookups give: the PFN that they store, or what is read of the entry that they find. */
function sourceOf(lookups: readonly Named[], until: number): Source {
  const args = new Set<string>();
  const filled: Expr[] = [];
  for (const { name, e } of lookups) {
    const [first] = e.args;
    if (name === 'follow_pfnmap_start' && first) {
      args.add(textOf(first.k === 'unary' && first.op === '&' ? first.e : first));
      if (first.k === 'id') filled.push(first);
    } else if (UNLOCKED.test(name)) {
      const to = e.args.at(-1);
      if (to) filled.push(to);
    }
  }
  const is = (e: Expr) =>
    (e.k === 'call' && e.fn.k === 'id' && READS.test(e.fn.name)) ||
    (e.k === 'member' && e.name === 'pfn' && args.has(textOf(e.of))) ||
    // pte_val(pte) & PAGE_MASK
    (e.k === 'binary' &&
      e.op === '&' &&
      /^pte_val\(/.test(textOf(e.l)) &&
      /MASK/.test(textOf(e.r)));
  return { is, filled, from: lookups[0]!.e.at, until };
}

/** Where a special entry, of whatever VMA, makes a function give up. */
function refusesSpecial(def: FunctionDef): number | null {
  let at: number | null = null;
  eachStmt(def.body, (s) => {
    if (s.k !== 'if' || at !== null) return;
    const asked = /(!?)(?:pte_special|pmd_special)\(|(!?)\w+(?:\.|->)special\b/.exec(textOf(s.c));
    if (!asked) return;
    const positive = !asked[1] && !asked[2];
    const refusing = positive ? s.t : s.f;
    if (refusing && fails(refusing)) at = s.at;
  });
  return at;

  function fails(s: Stmt): boolean {
    const last = s.k === 'block' ? s.body.at(-1) : s;
    if (last?.k === 'expr') return last.e.k === 'assign' && isError(last.e.r);
    const failing = /-E[A-Z]+|NULL|false/.test(
      def.file.text.slice(s.at, Math.min(def.where.end, (last?.at ?? s.at) + 40)),
    );
    return (last?.k === 'return' || last?.k === 'goto') && failing;
  }
}

const isError = (e: Expr): boolean =>
  e.k === 'unary' && e.op === '-' && e.e.k === 'id' && /^E[A-Z]/.test(e.e.name);

/** Whether the entry's permission is tested here, or where the entry is handed to. */
function testsWrite(def: FunctionDef, program: Program): boolean {
  if (WRITE_TEST.test(def.text)) return true;
  return callsIn(def.body).some(({ name, e }) => {
    if (!e.args.some((a) => /\bp(te|md)\w*\b/.test(textOf(a)))) return false;
    return program.findNear(name, def.file).some((f) => WRITE_TEST.test(f.text));
  });
}

const WRITES = /copy_from_user|memcpy_toio|\bwrite[bwlq]\s*\(|\biowrite\w*\s*\(|dma_map|iommu_map/;

/** Whether what is followed may be written; a function that only reads it needs no permission. */
const mayWrite = (text: string) =>
  !/copy_to_user|memcpy_fromio|\bread[bwlq]\s*\(|\bioread\w*\s*\(/.test(text) || WRITES.test(text);

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
