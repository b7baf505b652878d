// SPDX-License-Identifier: GPL-2.0-or-later
/** What protects in the kernel model is found by running it, and is needed where it should be. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { explore } from '../../src/explore/explore.ts';
import { type Mutant, MutantRun } from '../../src/explore/mutants.ts';
import { CATALOGUE } from '../../src/scenarios/catalogue/index.ts';
import { CellMutants } from '../../src/scenarios/cell-mutants.ts';
import { matrixCells } from '../../src/scenarios/matrix.ts';

const kernel = join(import.meta.dirname, '../../src/kernel');

function explored(id: string) {
  const scenario = CATALOGUE.find((s) => s.id === id);
  if (!scenario) throw new Error(`no scenario ${id}`);
  const make = scenario.prepare('6.12');
  const explorer = explore(make);
  expect(explorer.run()?.outcome).toBe('safe');
  return { make, knowledge: explorer.knowledge };
}

const mutantsOf = (id: string) => new MutantRun([explored(id)]).run() ?? [];

/** `what` parts of the removed guards, by what came of them. */
function caught(mutants: readonly Mutant[], rule: string): string[] {
  return mutants.filter((m) => m.rules.includes(rule)).map((m) => m.guard.what);
}

describe('removing', () => {
  test('a guard of a notified consumer lets R8 fall', () => {
    const mutants = mutantsOf('kvm/notifier-retry');
    expect(caught(mutants, 'R8').sort()).toEqual([
      'MMU notifier',
      'mmu_lock',
      'mmu_lock',
      'the sequence test',
      'the zap of the secondary PTE',
    ]);
    expect(caught(mutants, 'R4')).toContain('unmap_mapping_range');
    expect(caught(mutants, 'R4')).toContain('dma_resv_lock');
  });

  test('a guard of a move lets R4 fall', () => {
    const mutants = mutantsOf('ttm/move');
    expect(new Set(caught(mutants, 'R4'))).toEqual(
      new Set(['dma_resv_lock', 'unmap_mapping_range', 'TLB flush']),
    );
    const places = mutants.filter((m) => m.guard.what === 'dma_resv_lock' && m.rules.length);
    expect(places.map((m) => m.guard.where).sort()).toEqual(['ttm_move', 'ttm_vm_fault']);
  });

  test('a guard of a cell is tried in all of its explorations', () => {
    const [cell] = matrixCells({ exporter: 'udmabuf', consumer: 'cpu' });
    const run = new CellMutants(cell, '6.12');
    let slices = 1;
    while (!run.run(500)) slices++;
    expect(slices).toBeGreaterThan(3);
    const mutants = run.run() ?? [];
    expect(caught(mutants, 'use-after-free').sort()).toEqual(['mmap_read_lock', 'mmap_write_lock']);
    expect(caught(mutants, 'R11')).toEqual(['TLB flush']);
  });
});

describe('nothing is listed by hand', () => {
  const safe = CATALOGUE.filter((s) => s.expected === 'safe');

  test('every lock, flush and notifier of every safe story is a guard', () => {
    const whole = /flush_tlb|mmu_notifier_invalidate|unmap_mapping_range/;
    const missing = new Set<string>();
    const locks = new Set<string>();
    for (const { id } of safe) {
      const { knowledge } = explored(id);
      const { control } = knowledge;
      if (!control) throw new Error('no control graph');
      for (let node = 1; node < control.size; node++) {
        const def = control.def[node];
        const stack = control.stack(node);
        if (def?.kind === 'acquire' || def?.kind === 'try') {
          const text = `${def.guard} in ${stack.at(-1)?.name}`;
          if (!knowledge.guards.has(text)) missing.add(text);
          locks.add(def.guard ?? '');
        }
        for (const [i, routine] of stack.entries()) {
          if (i === 0 || !whole.test(routine.name)) continue;
          const text = `${routine.guard} in ${stack[i - 1].name}`;
          if (!knowledge.guards.has(text)) missing.add(text);
        }
      }
    }
    expect([...missing]).toEqual([]);
    expect(locks.size).toBeGreaterThan(5);
  });

  test('locks are made by lockSteps, and tests that refuse a page by its flags are guards', () => {
    const wrong: string[] = [];
    for (const name of readdirSync(kernel, { recursive: true }) as string[]) {
      if (!name.endsWith('.ts')) continue;
      const text = readFileSync(join(kernel, name), 'utf8');
      if (/kind: '(acquire|try|release)'/.test(text))
        wrong.push(`${name}: a lock without lockSteps`);
      if (!/mm.(gup|follow|hmm|zap)\.ts$/.test(name)) continue;
      for (const [i, line] of text.split('\n').entries()) {
        const refuses = /if \(.*(VM_PFNMAP|PTE_SPECIAL).*\) return/.test(line);
        if (refuses && !line.includes('guard(')) wrong.push(`${name}:${i + 1}: ${line.trim()}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});
