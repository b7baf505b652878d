// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * From a trace to the few lines that explain it: which steps are worth one, in which calls they
 * stand, and where threads take turns.
 *
 * A step is worth a line when it changes state that has a name, when it reads something and is
 * overtaken before the call that read it returns, and when it is a lookup, an access or an
 * outcome (wording.ts). Of locks only those are shown that matter to the interleaving: held while
 * another thread runs, or taken in a call in the middle of which another thread had it. Lines about
 * pages that the violation is not about are left out.
 */
import type { Counterexample } from '../explore/explore.ts';
import type { Change, Step } from '../explore/player.ts';
import { type Calls, callsOf, type Frame, inside } from './frames.ts';
import { failedTry, isLock, locksThatMatter } from './locks.ts';
import { CALLBACK, LANDMARKS, LOOKUPS, leftOut, NAMED, PLUMBING, tidy, WORDS } from './wording.ts';

export interface Line {
  /** Number of the column: threads in the order in which they come in. */
  readonly column: number;
  readonly depth: number;
  readonly text: string;
  /** Number of the stretch without a switch. */
  readonly stretch: number;
  /** Number of the step in the trace; for a call that of the first step shown in it. */
  readonly step: number;
  readonly kind: 'call' | 'step';
}

export interface Lines {
  /** Names of the threads, by column. */
  readonly names: readonly string[];
  readonly lines: readonly Line[];
}

type Told = Pick<Counterexample, 'trace' | 'violation'>;

/** The lines that explain a counterexample, or any trace. */
export function linesOf(told: Told): Lines {
  return new Teller(told).tell();
}

class Teller {
  private readonly calls: Calls;
  private readonly columns: number[];
  /** What each step says; empty when it is folded. */
  private readonly said: string[][];
  private readonly weight = new Map<Frame, number>();
  private readonly entered = new Set<Frame>();

  constructor(private readonly told: Told) {
    const { trace } = told;
    this.calls = callsOf(trace);
    this.columns = [...new Set(trace.map((s) => s.thread))];
    this.said = this.sayAll();
    for (const root of this.calls.roots.values()) this.weigh(root);
  }

  tell(): Lines {
    const { trace } = this.told;
    const lines: Line[] = [];
    for (const [i, step] of trace.entries()) {
      const frame = this.calls.frameOf[i];
      const path = this.shownPath(frame);
      const landmark = path.filter((f) => f.def && LANDMARKS.has(f.def.name)).at(-1);
      const marks = this.rulesAt(i);
      if (!this.said[i].length && !marks.length && (!landmark || this.entered.has(landmark))) {
        continue;
      }
      const at = {
        column: this.columns.indexOf(step.thread),
        stretch: this.calls.stretch[i],
        step: i,
      };
      for (const [depth, f] of path.entries()) {
        if (this.entered.has(f)) continue;
        this.entered.add(f);
        lines.push({ ...at, depth, text: `${f.def?.name}()${this.inVain(f)}`, kind: 'call' });
      }
      const depth = path.length;
      const said = [...this.said[i]];
      const last = lines.at(-1);
      if (marks.length && !said.length && last?.stretch === at.stretch) {
        lines[lines.length - 1] = { ...last, text: [last.text, ...marks].join('  ') };
      } else if (marks.length) {
        said.push([said.pop(), ...marks].filter(Boolean).join('  '));
      }
      for (const text of said) lines.push({ ...at, depth, text, kind: 'step' });
    }
    const names = this.columns.map((t) => this.nameOf(t));
    return { names, lines: [...lines, ...this.waiting(names, lines)] };
  }

  /** At the end of a deadlock: what each thread waits in. */
  private waiting(names: readonly string[], lines: readonly Line[]): Line[] {
    const { violation, trace } = this.told;
    if (violation.rule !== 'deadlock') return [];
    const found = [...violation.text.matchAll(/([^\s;]+) waits in ([^;]*)/g)];
    return found.flatMap(([, name, where], i) => {
      const column = names.indexOf(name);
      const depth = lines.filter((l) => l.column === column).at(-1)?.depth;
      if (depth === undefined) return [];
      const text = `${where.split(' > ').at(-1)}()  <- waits`;
      const stretch = this.calls.stretch[trace.length - 1] + 1 + i;
      return [{ column, depth, text, stretch, step: trace.length, kind: 'step' }];
    });
  }

  /** A zap that found no entry is worth as much as one that did. */
  private inVain(f: Frame): string {
    return f.def?.name === 'unmap_mapping_range' && !this.anySaid(f) ? ' finds nothing' : '';
  }

  private anySaid(f: Frame): boolean {
    return f.items.some((item) =>
      typeof item === 'number' ? this.said[item].length > 0 : this.anySaid(item),
    );
  }

  private nameOf(thread: number): string {
    return this.told.trace.find((s) => s.thread === thread)?.threadName ?? '';
  }

  /** Rules that fall on the way, before the one that the ladder is about. */
  private rulesAt(i: number): string[] {
    const { trace, violation } = this.told;
    // What was wrong from the start is reported with the first step; it has no place here.
    if (i === 0 && trace.length > 1) return [];
    return trace[i].violations
      .filter((v) => i === trace.length - 1 || v.text !== violation.text)
      .map((v) => `<- ${v.rule}`);
  }

  // Which steps say something.

  private sayAll(): string[][] {
    const { trace, violation } = this.told;
    const locks = locksThatMatter(this.told, this.calls);
    const out = leftOut(trace);
    // A program without any texts and shown values is shown as it is.
    const bare = !trace.some(
      (s) => s.def.text || s.changes.some((c) => c.shown && !isLock(s)) || s.def.name in WORDS,
    );
    const pages = new Set([...violation.text.matchAll(/\bpage(\d+)/g)].map((m) => m[1]));
    const about = (line: string) => {
      const named = [...line.matchAll(/\bpage(\d+)/g)].map((m) => m[1]);
      return !pages.size || !named.length || named.some((p) => pages.has(p));
    };
    return trace.map((step, i) => {
      if (failedTry(step)) return [`${step.def.name}() = 0`];
      if (isLock(step)) {
        const name = step.changes[0]?.name ?? step.def.name;
        return locks.has(name) ? [`${step.def.name}()`] : [];
      }
      if (out(step)) return [];
      return (bare ? this.sayPlainly(step) : this.say(step, i)).filter(about);
    });
  }

  private say(step: Step, i: number): string[] {
    const words = WORDS[step.def.name];
    const changes = words?.changes === false ? [] : this.showChanges(step);
    const { when } = words ?? { when: 'always' };
    const frame = this.calls.frameOf[i];
    const worth =
      when === 'always' ||
      (when !== 'never' && this.interrupted(i)) ||
      (when === 'lookup' && inside(frame, LOOKUPS)) ||
      (step.def.kind === 'choice' && step.way !== 0);
    if (words) {
      const text = worth ? (words.text ? words.text(step) : step.def.text ? step.text : '') : '';
      return text && !(changes.length && !words.text) ? [tidy(text), ...changes] : changes;
    }
    if (changes.length) return changes;
    return step.def.text && this.interrupted(i) ? [step.text] : step.def.text ? [step.text] : [];
  }

  private sayPlainly(step: Step): string[] {
    const what = step.changes.map((c) => `${c.name}: ${c.beforeText} -> ${c.afterText}`);
    if (what.length) return what.map((w) => `${call(step)}: ${w}`);
    return [step.def.text ? step.text : `${call(step)} = ${step.value}`];
  }

  /** Another thread runs before the call that made this step returns. */
  private interrupted(i: number): boolean {
    return this.calls.frameOf[i].lastStretch > this.calls.stretch[i];
  }

  private showChanges(step: Step): string[] {
    return step.changes.flatMap((c) => {
      if (!c.shown) return [];
      const before = tidy(c.beforeText);
      const after = tidy(c.afterText);
      if (before === after || (/^vm_flags/.test(c.name) && after === '0')) return [];
      return [`${this.slotName(c, step)}: ${before} -> ${withoutPrefix(before, after)}`];
    });
  }

  /** `tlb2[0]` is the TLB of the thread numbered 2: said as the ladder numbers its CPUs. */
  private slotName({ name }: Change, step: Step): string {
    const tlb = /^tlb(\d+)(\[.*)$/.exec(name);
    if (!tlb) return name;
    if (Number(tlb[1]) === step.thread) return `tlb${tlb[2]}`;
    const column = this.columns.indexOf(Number(tlb[1]));
    return `${column < 0 ? 'other CPU' : `CPU${column}`} tlb${tlb[2]}`;
  }

  // Which calls are shown.

  /** Counts the lines and calls that stand directly in each call. */
  private weigh(frame: Frame): number {
    let n = 0;
    for (const item of frame.items) {
      if (typeof item === 'number') n += this.said[item].length || this.rulesAt(item).length;
      else {
        const inner = this.weigh(item);
        if (inner > 0) n += item.def && PLUMBING.has(item.def.name) ? inner : 1;
      }
    }
    if (!n && frame.def && LANDMARKS.has(frame.def.name)) n = 1;
    this.weight.set(frame, n);
    return n;
  }

  /** The calls around a step that are worth naming, outermost first. */
  private shownPath(frame: Frame): Frame[] {
    const path: Frame[] = [];
    for (let f: Frame | null = frame; f?.parent; f = f.parent) path.push(f);
    path.reverse();
    const shown: Frame[] = [];
    for (const [depth, f] of path.entries()) {
      const { def } = f;
      if (!def || PLUMBING.has(def.name) || this.isThread(f, depth)) continue;
      const above = shown.at(-1);
      // The only thing its caller does, in the same file: one name is enough.
      const only =
        above &&
        this.weight.get(above) === 1 &&
        above.def?.cite === def.cite &&
        !LANDMARKS.has(def.name);
      // It calls one other, and that is all: not worth a line, but for well-known names.
      const passes = above && this.passes(f) && !NAMED.has(def.name) && !CALLBACK.test(def.name);
      if (!only && !passes) shown.push(f);
    }
    return shown;
  }

  private passes(f: Frame): boolean {
    if (this.weight.get(f) !== 1 || (f.def && LANDMARKS.has(f.def.name))) return false;
    const next = f.items.find((item) => typeof item !== 'number' && this.weight.get(item));
    if (next === undefined || typeof next === 'number') return false;
    return next.def && PLUMBING.has(next.def.name) ? this.passes(next) : true;
  }

  /** The outermost calls, where they are but the thread under its own name. */
  private isThread(f: Frame, depth: number): boolean {
    const root = [...this.calls.roots].find(([, r]) => r === rootOf(f));
    return depth < 2 && root !== undefined && f.def?.name === this.nameOf(root[0]);
  }
}

function rootOf(frame: Frame): Frame {
  let f = frame;
  while (f.parent) f = f.parent;
  return f;
}

/** `store(2)`: only numbers are of interest among the arguments. */
const call = ({ def, args }: Step) => {
  const numbers = args.filter((a) => typeof a === 'number');
  return `${def.name}(${numbers.join(', ')})`;
};

/** `refcount 1 -> 0` rather than `refcount 1 -> refcount 0`. */
function withoutPrefix(before: string, after: string): string {
  const word = /^([a-z_]+ )\S+$/.exec(before)?.[1];
  return word && after.startsWith(word) ? after.slice(word.length) : after;
}
