// SPDX-License-Identifier: GPL-2.0-or-later
/** hmm_range_fault over two pages: what is asked of each, and what comes back. */
import { describe, expect, it } from 'vitest';
import type { Run } from '../../src/explore/program.ts';
import { simulate } from '../../src/explore/simulate.ts';
import { exporter } from '../../src/kernel/dma-buf/exporter.ts';
import { EBUSY, EFAULT, EPERM } from '../../src/kernel/errno.ts';
import { Kernel } from '../../src/kernel/kernel.ts';
import { user_access } from '../../src/kernel/mm/access.ts';
import { PTE_WRITE } from '../../src/kernel/mm/flags.ts';
import {
  HMM_PFN_ERROR,
  HMM_PFN_REQ_FAULT,
  HMM_PFN_REQ_WRITE,
  type HmmPfns,
  type HmmRange,
  hmm_range_fault_pages,
} from '../../src/kernel/mm/hmm.ts';
import { PROT_READ, PROT_WRITE, sys_munmap } from '../../src/kernel/mm/mmap.ts';
import {
  mmu_interval_read_begin,
  mmu_notifier_invalidate_range_end,
  mmu_notifier_invalidate_range_start,
  NOTIFIER_INTERVAL,
} from '../../src/kernel/mm/mmu_notifier.ts';
import { mmu_notifier_register } from '../../src/kernel/mm/mmu_subscribe.ts';
import { exporterOf } from '../../src/scenarios/cast.ts';
import { CELL_SIZES } from '../../src/scenarios/cell.ts';

const MM = 0;
const FAULT = HMM_PFN_REQ_FAULT;
const WRITE = HMM_PFN_REQ_FAULT | HMM_PFN_REQ_WRITE;

function mapped(id: string, prot = PROT_READ | PROT_WRITE) {
  const k = new Kernel({ ...CELL_SIZES, linux: '6.12', mirrorPages: 2 });
  const run = <T>(what: () => Run<T>): T => simulate({ mem: k.mem, world: k }, what);
  const built = exporter(exporterOf(id));
  run(() => built.create(MM, 0, 2));
  run(() => built.map(MM, 0, 2, prot));
  run(() => mmu_notifier_register(0, NOTIFIER_INTERVAL, MM, 0, 2));
  const fault = (asked: Partial<HmmRange>, seq = run(() => mmu_interval_read_begin(0, MM))) => {
    const range = { mm: MM, start: 0, n: 2, default_flags: 0, pfn_flags_mask: 0, ...asked };
    return run<HmmPfns>(() => hmm_range_fault_pages(range, 0, seq));
  };
  const touch = (page: number) => run(() => user_access(MM, page, 1, 0, 1, null));
  const there = () => [0, 1].map((page) => (k.pte.get(page) ? 1 : 0));
  return { k, run, fault, touch, there };
}

describe('hmm_range_fault', () => {
  it('faults in all that is wanted', () => {
    const { fault, there } = mapped('anon');
    const { ret, pfns } = fault({ default_flags: WRITE });
    expect(ret).toBe(0);
    expect(pfns.map((pfn) => pfn & PTE_WRITE)).toEqual([PTE_WRITE, PTE_WRITE]);
    expect(there()).toEqual([1, 1]);
  });

  it('only looks where nothing is wanted', () => {
    const { fault, touch, there } = mapped('anon');
    expect(fault({})).toEqual({ ret: 0, pfns: [0, 0] });
    touch(1);
    const { ret, pfns } = fault({});
    expect([ret, pfns[0], pfns[1] & PTE_WRITE]).toEqual([0, 0, PTE_WRITE]);
    expect(there()).toEqual([0, 1]);
  });

  it('takes the wish of each page as far as the mask lets it', () => {
    const wishes = { requests: [FAULT, 0], pfn_flags_mask: FAULT };
    const { fault, touch, there } = mapped('anon');
    touch(1);
    expect(fault({ ...wishes, pfn_flags_mask: 0 }).pfns[0]).toBe(0);
    expect(there()).toEqual([0, 1]);
    expect(fault(wishes).pfns[0]).not.toBe(0);
  });

  it('leaves a page alone of which nothing is asked, where there is a table', () => {
    const { fault, touch, there } = mapped('anon');
    touch(0);
    const { ret, pfns } = fault({ requests: [WRITE, 0], pfn_flags_mask: WRITE });
    expect([ret, pfns[1]]).toEqual([0, 0]);
    expect(there()).toEqual([1, 0]);
  });

  it('faults in a whole hole for one page of it: mm/hmm.c:159', () => {
    const { fault, there } = mapped('anon');
    fault({ requests: [0, WRITE], pfn_flags_mask: WRITE });
    expect(there()).toEqual([1, 1]);
  });

  it('says of memory without a VMA that it is none, or fails if it is wanted', () => {
    const { run, fault, touch } = mapped('anon');
    touch(0);
    run(() => sys_munmap(MM, 1, 1));
    expect(fault({}).pfns[1]).toBe(HMM_PFN_ERROR);
    expect(fault({ default_flags: FAULT }).ret).toBe(-EFAULT);
  });

  it('says the same of VM_PFNMAP memory, mapped or not', () => {
    const { fault, touch } = mapped('ttm');
    touch(0);
    expect(fault({})).toEqual({ ret: 0, pfns: [HMM_PFN_ERROR, HMM_PFN_ERROR] });
    expect(fault({ default_flags: FAULT }).ret).toBe(-EFAULT);
  });

  it('writes to nothing that may not be written to', () => {
    const { fault } = mapped('anon', PROT_READ);
    expect(fault({ default_flags: FAULT }).ret).toBe(0);
    expect(fault({ default_flags: WRITE }).ret).toBe(-EPERM);
  });

  it('looks at nothing once a page of the range was invalidated', () => {
    const { run, fault } = mapped('anon');
    const seq = run(() => mmu_interval_read_begin(0, MM));
    run(() => mmu_notifier_invalidate_range_start(MM, 1, 2));
    run(() => mmu_notifier_invalidate_range_end(MM, 1, 2));
    expect(fault({ default_flags: FAULT }, seq)).toEqual({ ret: -EBUSY, pfns: [] });
  });
});
