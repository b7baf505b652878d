// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Which functions can matter to a mapping: those that change or test the vm_flags that count, set
 * vm_ops or vmf->page, make page-table entries, or hand the VMA on, themselves or in what they call.
 * All others are not followed. Decided by name, so cheap and on the safe side.
 */
import type { Program } from '../c/program.ts';
import { numberOf, Part } from '../index/names.ts';

/** Changes vm_flags. */
const WRITES = /vm_flags_(set|clear|mod|init|reset)|vm_flags\s*(?:[|&^]\s*)?=[^=]|__vm_flags\b/;
/** Tests those that count. */
const TESTS =
  /vm_flags[^;]*\bVM_(PFNMAP|MIXEDMAP|IO|SHARED|MAYSHARE|WRITE|MAYWRITE)\b|\bVM_(PFNMAP|MIXEDMAP|IO|SHARED|MAYSHARE|MAYWRITE|WRITE)\b[^;]*(vm_)?flags|is_cow_mapping/;
/** A question that mm asks of a VMA, not a procedure of its own. */
const SHORT = 700;
const EFFECT =
  /->\s*vm_ops\s*=[^=]|\b(vmf|\w*fault\w*)->page\s*=[^=]|\bvma_set_anonymous\b|->\s*(mmap|fault|huge_fault|map_pages)\s*\(/;
const ENTRY = /\bset_(pte_at|ptes|pmd_at|pud_at)\s*\(/;
const MADE =
  /\b(mk_pte|pfn_pte|pfn_t_pte|pfn_pmd|pfn_t_pmd|pfn_pud|pfn_t_pud|mk_pmd|mk_huge_pmd|folio_mk_p..)\s*\(/;

const direct = (text: string) =>
  WRITES.test(text) || EFFECT.test(text) || (ENTRY.test(text) && MADE.test(text));

interface Node {
  index: number;
  low: number;
  result: boolean;
}

/** What a name's own text says, and which names it leads to. */
export interface Fact {
  /** Whether it matters by itself; else the names that it calls decide. */
  readonly direct: boolean;
  readonly calls: readonly string[];
  /** Names passed on, that were looked into to tell. */
  readonly passed: readonly string[];
  /** Whether there is a function or macro of that name at all. */
  readonly defined: boolean;
}

/** What an earlier run found out of names. */
export interface Recalled {
  fact(name: string): Fact | undefined;
  /** Whether the name matters, if nothing that it leads to has changed. */
  matters(name: string): boolean | undefined;
  asks(name: string): boolean | undefined;
}

const NOTHING: Recalled = {
  fact: () => undefined,
  matters: () => undefined,
  asks: () => undefined,
};

export class Relevance {
  readonly known = new Map<string, boolean>();
  readonly questions = new Map<string, boolean>();
  readonly facts = new Map<string, Fact>();
  /** Names under way, in the order in which they were met (Tarjan's components). */
  private readonly open = new Map<string, Node>();
  private readonly stack: string[] = [];
  private count = 0;
  constructor(
    private readonly program: Program,
    /** Without a kernel at hand nothing is left out: an unknown call must be seen. */
    private readonly all = false,
    private readonly recalled: Recalled = NOTHING,
  ) {}

  /** Whether a function or macro of that name can matter. */
  matters(name: string): boolean {
    if (this.all) return true;
    const { asked } = this.program.index;
    if (asked.on) asked.note(numberOf(Part.Relevance, name));
    return asked.aside(() => this.leads(name) || this.asks(name));
  }

  /** Whether a name matters by itself or by what it calls. */
  leads(name: string): boolean {
    const known = this.known.get(name) ?? this.recalled.matters(name);
    if (known !== undefined) return known;
    this.visit(name);
    return this.known.get(name)!;
  }

  /** Forgets what it has found out, but for what names say. */
  forget(): void {
    this.known.clear();
    this.questions.clear();
  }

  /** A question that mm asks of a VMA itself; whoever asks it does not matter for that. */
  asks(name: string): boolean {
    let known = this.questions.get(name) ?? this.recalled.asks(name);
    if (known === undefined) {
      known = this.textsOf(name).some((t) => t.core && t.text.length < SHORT && TESTS.test(t.text));
      this.questions.set(name, known);
    }
    return known;
  }

  private visit(name: string): Node {
    const node: Node = { index: this.count, low: this.count++, result: false };
    this.open.set(name, node);
    this.stack.push(name);
    const fact = this.factOf(name);
    node.result = fact.direct;
    if (!node.result) {
      for (const callee of fact.calls) {
        if (callee === name) continue;
        const known = this.known.get(callee) ?? this.recalled.matters(callee);
        if (known !== undefined) node.result ||= known;
        else {
          const other = this.open.get(callee);
          const seen = other ?? this.visit(callee);
          if (this.known.has(callee)) node.result ||= this.known.get(callee)!;
          else node.low = Math.min(node.low, other ? other.index : seen.low);
        }
        if (node.result) break;
      }
    }
    if (node.result) {
      // Whatever is under way above and reaches this name will see the result.
      this.known.set(name, true);
    }
    if (node.low === node.index) {
      // A whole component: what one of it reaches, all of it reach.
      const members = this.stack.splice(this.stack.indexOf(name));
      const any = members.some((m) => this.open.get(m)!.result);
      for (const m of members) {
        this.known.set(m, any || (this.known.get(m) ?? false));
        this.open.delete(m);
      }
    }
    return node;
  }

  /** Whether there is a function or macro of that name; asked with less work where it is known. */
  defines(name: string): boolean {
    const fact = this.facts.get(name) ?? this.recalled.fact(name);
    if (!fact) return this.program.defines(name);
    const { asked } = this.program.index;
    if (asked.on) {
      asked.note(numberOf(Part.Function, name));
      asked.note(numberOf(Part.Macro, name));
    }
    return fact.defined;
  }

  /** What the texts of a name say. */
  factOf(name: string): Fact {
    let fact = this.facts.get(name);
    if (fact) return fact;
    fact = this.recalled.fact(name);
    if (!fact) {
      const texts = this.textsOf(name);
      const passed: string[] = [];
      const yes =
        name === 'dma_buf_mmap' ||
        texts.some(
          (t) => direct(t.text) || this.passes(t.text, passed) || (!t.core && TESTS.test(t.text)),
        );
      const defined = this.program.defines(name);
      fact = { direct: yes, calls: yes ? [] : this.callsOf(texts), passed, defined };
    }
    this.facts.set(name, fact);
    return fact;
  }

  /** Whether a function that makes entries is passed on as a callback. */
  private passes(text: string, passed: string[]): boolean {
    if (!/range\s*\(/.test(text)) return false;
    for (const m of text.matchAll(/[(,]\s*([A-Za-z_]\w*)\s*(?=[,)])/g)) {
      passed.push(m[1]!);
      const defs = this.program.functions.get(m[1]!);
      if (defs?.some((d) => ENTRY.test(d.text) && MADE.test(d.text))) return true;
    }
    return false;
  }

  private textsOf(name: string): { text: string; core: boolean }[] {
    const out: { text: string; core: boolean }[] = [];
    for (const def of this.program.functions.get(name) ?? []) {
      if (/^arch\/(?!x86\/)/.test(def.file.path) && !/mmap|map_page|remap/.test(name)) continue;
      out.push({
        text: def.text,
        core: /^(mm|kernel|fs|arch|include\/(linux|asm-generic))\//.test(def.file.path),
      });
    }
    for (const body of this.program.macroBodies(name)) out.push({ text: body, core: false });
    return out;
  }

  private callsOf(texts: readonly { text: string; core: boolean }[]): string[] {
    const found = new Set<string>();
    for (const { text, core } of texts) {
      for (const m of text.matchAll(/\b([A-Za-z_]\w*)\s*\(/g)) {
        const callee = m[1]!;
        if (found.has(callee) || KEYWORD.test(callee)) continue;
        // In mm only the way that leads down the page table of this VMA.
        if (core && !OF_THE_VMA.test(argumentsAt(text, m.index + m[0].length))) continue;
        found.add(callee);
      }
      // A macro that is another function's name.
      const alias = text.trim();
      if (/^[A-Za-z_]\w*$/.test(alias)) found.add(alias);
    }
    return [...found];
  }
}

const KEYWORD = /^(?:if|for|while|switch|return|sizeof|defined)$/;
const OF_THE_VMA = /\b(vma|vmf|p(te|md|ud|4d|gd)p?)\b/;

/** The text between the brackets of a call. */
function argumentsAt(text: string, from: number): string {
  let depth = 1;
  for (let i = from; i < text.length && i < from + 400; i++) {
    const c = text.charCodeAt(i);
    if (c === 40) depth++;
    else if (c === 41 && --depth === 0) return text.slice(from, i);
  }
  return text.slice(from, from + 400);
}
