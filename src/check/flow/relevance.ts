// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Which functions can matter to a mapping: those that change or test the vm_flags that count, set
 * vm_ops or vmf->page, make page-table entries, or hand the VMA on, themselves or in what they call.
 * All others are not followed. Decided by name, so cheap and on the safe side.
 */
import type { Program } from '../c/program.ts';

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

export class Relevance {
  private readonly known = new Map<string, boolean>();
  private readonly questions = new Map<string, boolean>();
  /** Names under way, in the order in which they were met (Tarjan's components). */
  private readonly open = new Map<string, Node>();
  private readonly stack: string[] = [];
  private count = 0;
  constructor(
    private readonly program: Program,
    /** Without a kernel at hand nothing is left out: an unknown call must be seen. */
    private readonly all = false,
  ) {}

  /** Whether a function or macro of that name can matter. */
  matters(name: string): boolean {
    if (this.all) return true;
    if (!this.known.has(name)) this.visit(name);
    return this.known.get(name)! || this.asks(name);
  }

  /** A question that mm asks of a VMA itself; whoever asks it does not matter for that. */
  private asks(name: string): boolean {
    let known = this.questions.get(name);
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
    const texts = this.textsOf(name);
    node.result =
      name === 'dma_buf_mmap' ||
      texts.some((t) => direct(t.text) || this.passes(t.text) || (!t.core && TESTS.test(t.text)));
    if (!node.result) {
      for (const callee of this.callsOf(texts)) {
        if (callee === name) continue;
        const known = this.known.get(callee);
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

  /** Whether a function that makes entries is passed on as a callback. */
  private passes(text: string): boolean {
    if (!/range\s*\(/.test(text)) return false;
    for (const m of text.matchAll(/[(,]\s*([A-Za-z_]\w*)\s*(?=[,)])/g)) {
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
        if (found.has(callee) || !this.program.defines(callee)) continue;
        // In mm only the way that leads down the page table of this VMA.
        if (core && !OF_THE_VMA.test(argumentsAt(text, m.index + m[0].length))) continue;
        found.add(callee);
      }
      // A macro that is another function's name.
      if (!text.includes('(') && this.program.defines(text.trim())) found.add(text.trim());
    }
    return [...found];
  }
}

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
