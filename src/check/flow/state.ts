// SPDX-License-Identifier: GPL-2.0-or-later
/** What is known at one point of one path. */
import { Shared } from './shared.ts';
import { type Event, eventKey, keyOf, type Site, type Value, VM } from './values.ts';

/** `z`: zero; `nz`: not zero; `neg`: negative. */
export type Fact = 'z' | 'nz' | 'neg';

const assigned = (key: string, v: Value) => `${key}=${keyOf(v)};`;

/** What the platform decides is told apart to the end. */
const decided = (key: string, fact: Fact) =>
  key.startsWith('platform: ') && !key.includes('=') && !key.includes('@') ? `${key}${fact};` : '';

export class State {
  /** Bits of vm_flags known to be set, and known to be clear. */
  set = 0;
  clear = 0;
  events: readonly Event[] = [];
  /** Where vmf->page was given a page. */
  page: Site | null = null;
  locks: readonly string[] = [];
  /** A page reference was taken since the last entry. */
  ref = false;

  constructor(
    /** Locals of the current function. */
    public env = Shared.empty(assigned),
    /** Fields that were assigned on this path, by key. */
    public mem = Shared.empty(assigned),
    /** What was learned of symbols. */
    readonly facts = Shared.empty(decided),
  ) {}

  /** @param mem what is to be kept of fields that were assigned, if not the same */
  clone(mem: Shared<Value> = this.mem): State {
    const s = new State(this.env.copy(), mem.copy(), this.facts.copy());
    s.set = this.set;
    s.clear = this.clear;
    s.events = this.events;
    s.page = this.page;
    s.locks = this.locks;
    s.ref = this.ref;
    return s;
  }

  /** Changes bits of vm_flags. */
  setBits(mask: number): void {
    this.set |= mask;
    this.clear &= ~mask;
  }
  clearBits(mask: number): void {
    this.clear |= mask;
    this.set &= ~mask;
  }

  /**
   * What do_mmap() guarantees of bits that are only learned, not changed: VM_SHARED comes with
   * VM_MAYSHARE; VM_MAYSHARE alone is a file opened for reading, without VM_MAYWRITE
   * (6.12 mm/mmap.c:368). False: no VMA is like that.
   */
  consistent(): boolean {
    if (this.set & VM.VM_SHARED!) {
      if (this.clear & VM.VM_MAYSHARE!) return false;
      this.set |= VM.VM_MAYSHARE!;
    }
    if (this.clear & VM.VM_MAYSHARE!) {
      this.clear |= VM.VM_SHARED!;
    }
    if (this.set & VM.VM_MAYSHARE! && this.clear & VM.VM_SHARED!) {
      if (this.set & VM.VM_MAYWRITE!) return false;
      this.clear |= VM.VM_MAYWRITE!;
    }
    return true;
  }

  add(event: Event): void {
    const key = eventKey(event);
    if (this.events.some((e) => eventKey(e) === key)) return;
    this.events = [...this.events, event];
  }

  /** Learns a fact; false when it contradicts what is known. */
  learn(key: string, fact: Fact): boolean {
    const known = this.facts.get(key);
    if (known === undefined || (known === 'nz' && fact === 'neg')) {
      this.facts.set(key, fact);
      return true;
    }
    return known === fact || (known === 'neg' && fact === 'nz');
  }

  /** All but the facts and the locals. */
  effects(): string {
    let s = `${this.set},${this.clear},${this.page ? this.page.at : ''},${this.ref},${this.locks.join()}|`;
    for (const e of this.events) s += `${eventKey(e)};`;
    return s + this.mem.text + this.facts.text;
  }
  locals(): string {
    return this.env.text;
  }
}

/** Joins states that differ in what they learned only. */
export function join(states: readonly State[], coarse: boolean): State[] {
  if (states.length < 2) return [...states];
  const groups = new Map<string, State>();
  const own = new Set<State>();
  for (const s of states) {
    const key = coarse ? `${s.effects()}#${errors(s)}` : `${s.effects()}#${s.locals()}`;
    let other = groups.get(key);
    if (!other) {
      groups.set(key, s);
      continue;
    }
    // Others may still hold the one that was first.
    if (!own.has(other)) {
      own.add((other = other.clone()));
      groups.set(key, other);
    }
    for (const [k, fact] of other.facts.is(s.facts) ? [] : other.facts) {
      const here = s.facts.get(k);
      if (here === fact) continue;
      if (here && here !== 'z' && fact !== 'z') other.facts.set(k, 'nz');
      else other.facts.delete(k);
    }
    if (coarse && !other.env.is(s.env)) {
      for (const [k, v] of other.env) {
        const here = s.env.get(k);
        if (!here || keyOf(here) !== keyOf(v))
          other.env.set(k, { k: 'sym', key: `${k}?`, struct: v.k === 'sym' ? v.struct : '' });
      }
    }
  }
  return [...groups.values()];
}

/** Which locals hold an error, a zero, the VMA: what coarse joining keeps apart. */
function errors(s: State): string {
  let out = '';
  for (const [k, v] of s.env) {
    if (v.k === 'err' || v.k === 'fault') out += `${k}!${keyOf(v)};`;
    else if (v.k === 'num') out += v.n === 0 ? `${k}0;` : `${k}1;`;
    else if (v.k !== 'sym') out += `${k}${v.k};`;
    else {
      const fact = s.facts.get(v.key);
      if (fact) out += `${k}${fact};`;
    }
  }
  return out;
}

/** Whether a private mapping that may be written is still possible: is_cow_mapping(). */
export function mayBeCow(s: State): boolean {
  return !(s.set & VM.VM_SHARED!) && !(s.clear & VM.VM_MAYWRITE!);
}
