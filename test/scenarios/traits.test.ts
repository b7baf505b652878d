// SPDX-License-Identifier: GPL-2.0-or-later
/** Every trait matters: turned the wrong way on an exporter that keeps the contract, it shows. */
import { describe, expect, it } from 'vitest';
import { type ExporterTraits, KEEPS_CONTRACT } from '../../src/contract/traits.ts';
import { CONSUMERS } from '../../src/kernel/consumers/index.ts';
import { EXPORTERS } from '../../src/kernel/exporters/index.ts';
import { CellRun, makeCell } from '../../src/scenarios/matrix.ts';

const good: ExporterTraits = {
  ...KEEPS_CONTRACT,
  id: 'good',
  title: 'keeps the contract and moves',
  status: 'hypothetical',
  source: 'test',
  takesBack: ['move'],
};

const bar = { memory: 'bar', object: 'device' } as const;
const mixed = { inserts: 'fault-mixed', setsFlags: ['VM_MIXEDMAP'], takesBack: [] } as const;

function outcome(traits: ExporterTraits, consumer: string): string {
  const found = CONSUMERS.find((c) => c.id === consumer);
  if (!found) throw new Error(consumer);
  const result = new CellRun(makeCell(traits, found), '6.12').run();
  return `${result?.verdict} ${result?.rules.join(',')}`.trim();
}

describe('traits of an exporter', () => {
  it('are safe with another CPU as they should be', () => {
    expect(outcome(good, 'cpu')).toBe('safe');
  });

  const wrong: readonly (readonly [string, Partial<ExporterTraits>, string, string])[] = [
    ['flushes', { flushes: false }, 'cpu', 'corrupts R4'],
    ['zap never', { zap: 'never' }, 'cpu', 'corrupts R4'],
    ['zap after the switch', { zap: 'after-switch' }, 'cpu', 'corrupts R4'],
    ['sharesMapping', { sharesMapping: false }, 'cpu', 'corrupts R4'],
    ['zapOffsetMatches', { zapOffsetMatches: false }, 'cpu', 'corrupts R4'],
    ['faultLocks', { faultLocks: 'looks-before-locking' }, 'cpu', 'corrupts R5'],
    ['setsFlags', { setsFlags: [], inserts: 'fault-vmf-page' }, 'gup', 'corrupts R1,R2,R4,R5'],
    ['oldPage', { oldPage: 'kept' }, 'cpu', 'breaks leak'],
    ['inserts at mmap', { inserts: 'mmap-remap-pfn', setsFlags: [] }, 'cpu', 'breaks sigbus'],
    ['evict, zapped late', { takesBack: ['evict'], zap: 'after-switch' }, 'cpu', 'corrupts R4'],
    [
      'disable, never zapped',
      { ...bar, takesBack: ['disable'], zap: 'never' },
      'cpu',
      'corrupts R4',
    ],
    ['disable', { ...bar, takesBack: ['disable'] }, 'follow-with-ref', 'corrupts R9'],
    ['checksRefs', { checksRefs: 'after-unmap' }, 'follow-with-ref', 'corrupts R6,R10'],
    ['checksRefs', { checksRefs: 'at-free' }, 'follow-with-ref', 'corrupts R6,R10'],
    ['pageRefs', { pageRefs: 'zero' }, 'kvm-guest-fault-6.1', 'refused'],
    ['inserts mixed', mixed, 'gup', 'breaks R1'],
    ['no special', { ...mixed, kernelOfItsDay: { pte_special: false } }, 'gup', 'breaks R1,R2'],
  ];
  for (const [name, change, consumer, expected] of wrong) {
    it(`${name}, ${consumer}: ${expected}`, () => {
      expect(outcome({ ...good, ...change }, consumer)).toBe(expected);
    });
  }
});

it('what is real says in which version, where, and with which configuration', () => {
  for (const { id, status, source } of [...EXPORTERS, ...CONSUMERS]) {
    if (status !== 'real') continue;
    expect(source, id).toMatch(/^6\.1(2)? [\w/-]+\.c:\d+/);
    expect(source, id).toMatch(/; CONFIG_\w+/);
  }
});
