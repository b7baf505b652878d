// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * What the verdict on a consumer is read off: whether it ever got hold of a page, whether it was ever
 * turned away from one that was there, and which rule a page reference broke. No CPU does any of this.
 */
import { type Run, step } from '../../explore/program.ts';
import { type Kernel, MARK_REFUSED, MARK_TRANSLATED } from '../kernel.ts';
import type { UserPage } from '../mm/access.ts';
import { VM_PFNMAP } from '../mm/flags.ts';

/**
 * What a consumer's thread does with page `addr` of the user: looks it up, writes, reads, lets go.
 * @param h the holder that its translation stands in, where others can take it away
 */
export type ConsumerProgram = (mm: number, addr: number, h: number, user: UserPage) => Run<void>;

/**
 * Notes how a lookup ended. Who gets nothing while an entry is present has been refused; with no
 * entry there was nothing to refuse.
 */
export const note_lookup = step(
  'note_lookup',
  (k: Kernel, mm: number, addr: number, got: number) => {
    if (got) {
      k.mem.marks |= MARK_TRANSLATED;
      return;
    }
    const { vpages, ptrsPerPmd } = k.config;
    const blocks = Math.ceil(vpages / ptrsPerPmd);
    const pmd = k.pmd.get(mm * blocks + Math.floor(addr / ptrsPerPmd));
    if (pmd || k.pte.get(mm * vpages + addr)) k.mem.marks |= MARK_REFUSED;
  },
  { atomic: 'bookkeeping of the search' },
);

export const HUGE = 3;

/** Which rule lets a page reference be taken here: R13 past the flag, R3 through a huge entry, else R2. */
export const why_gup_worked = step('why_gup_worked', (k: Kernel, mm: number, addr: number) => {
  const { vpages, ptrsPerPmd, vmas } = k.config;
  const blocks = Math.ceil(vpages / ptrsPerPmd);
  if (k.pmd.peek(mm * blocks + Math.floor(addr / ptrsPerPmd))) return HUGE;
  for (let v = mm * vmas; v < (mm + 1) * vmas; v++) {
    if (k.vm_start.peek(v) <= addr && addr < k.vm_end.peek(v)) {
      return k.vm_flags.peek(v) & VM_PFNMAP ? 13 : 2;
    }
  }
  return 2;
});

/** A rule that falls by what is done, whether or not data goes wrong. */
export const break_rule = step('contract', (k: Kernel, rule: string, text: string) =>
  k.mem.report({ severity: 'breaks', rule, text }),
);

/** R7: what is written to had a read-only entry. */
export const writes_read_only = (user: UserPage): Run<number> =>
  break_rule('R7', `${user.who} writes through a read-only entry`);
