// SPDX-License-Identifier: GPL-2.0-or-later
/** Tests of vm_flags: the states in which they hold and those in which they do not. */
import type { State } from './state.ts';
import { VM } from './values.ts';

export type Split = { t: State[]; f: State[] };

export const CORE_BITS =
  VM.VM_PFNMAP! |
  VM.VM_MIXEDMAP! |
  VM.VM_IO! |
  VM.VM_SHARED! |
  VM.VM_MAYWRITE! |
  VM.VM_WRITE! |
  VM.VM_MAYSHARE!;

/** (vm_flags & and) | or, as a truth value. */
export function flagsTruth(and: number, or: number, st: State): Split {
  if (or || st.set & and) return { t: [st], f: [] };
  const open = and & ~st.clear;
  if (!open) return { t: [], f: [st] };
  if (!(open & CORE_BITS)) return { t: [st], f: [st.clone()] };
  const f = st.clone();
  f.clearBits(open);
  return { t: oneOf(open, st, true), f: f.consistent() ? [f] : [] };
}

/** States in which at least one of these bits has the value. */
function oneOf(mask: number, st: State, value: boolean): State[] {
  const out: State[] = [];
  let before = 0;
  for (let bit = 1; bit && bit <= mask; bit <<= 1) {
    if (!(mask & bit)) continue;
    if (out.length >= 4) break;
    const s = st.clone();
    if (value) {
      s.clearBits(before);
      s.setBits(bit);
    } else {
      s.setBits(before);
      s.clearBits(bit);
    }
    if (s.consistent()) out.push(s);
    before |= bit;
  }
  return out;
}

export function flagsEqual(v: { and: number; or: number }, mask: number, st: State): Split {
  const want = mask;
  const wrong =
    (st.set & v.and & ~want) | (v.or & ~want) | (st.clear & want & ~v.or) | (want & ~v.and & ~v.or);
  if (wrong) return { t: [], f: [st] };
  const open = v.and & ~(st.set | st.clear) & ~v.or;
  if (!open) return { t: [st], f: [] };
  const t = st.clone();
  t.setBits(want & open);
  t.clearBits(open & ~want);
  const f: State[] = [];
  let sure = st;
  for (let bit = 1; bit && bit <= open; bit <<= 1) {
    if (!(open & bit)) continue;
    const s = sure.clone();
    const on = (want & bit) !== 0;
    if (on) s.clearBits(bit);
    else s.setBits(bit);
    if (s.consistent()) f.push(s);
    sure = sure.clone();
    if (on) sure.setBits(bit);
    else sure.clearBits(bit);
    if (f.length >= 4) break;
  }
  return { t: t.consistent() ? [t] : [], f };
}
