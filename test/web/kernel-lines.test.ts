// SPDX-License-Identifier: GPL-2.0-or-later
/** Each step and routine is answered for: by a line of each kernel, or by why there is none. */
import { describe, expect, test } from 'vitest';
import { modelNames } from '../../scripts/kernel-lines.mjs';
import { NAMES } from '../../scripts/kernel-names.mjs';
import { SOURCES } from '../../src/contract/rules.ts';
import { explore } from '../../src/explore/explore.ts';
import type { Step } from '../../src/explore/player.ts';
import { EXPORTERS } from '../../src/kernel/exporters/index.ts';
import type { LinuxVersion } from '../../src/kernel/versions.ts';
import { CATALOGUE } from '../../src/scenarios/catalogue/index.ts';
import { CellRun, matrixCells } from '../../src/scenarios/matrix.ts';
import { whereInKernel } from '../../web/client/kernel-lines.ts';
import lines from '../../web/data/kernel-lines.json' with { type: 'json' };
import { stepView } from '../../web/engine/trace.ts';

const HOW = 'say what it models in scripts/kernel-names.mjs, and run scripts/kernel-lines.mjs';
const answers: Readonly<Record<string, Readonly<Record<string, string>>>> = lines;
const versions = Object.keys(SOURCES) as LinuxVersion[];
/** Of a function of Linux, or `file:line what`; anything else is words. */
const PLACE = /^(?:[\w.-]+\/)+[\w.-]+:[1-9]\d*(?: \S.*)?$/;

test('no name of the model is without an answer, in either version', () => {
  const names = [...modelNames().keys()];
  expect(names.length).toBeGreaterThan(450);
  const without = names.flatMap((n) =>
    versions.flatMap((v) => (answers[n]?.[v] ? [] : [`${n} in ${v}`])),
  );
  expect(without, HOW).toEqual([]);
});

test('an answer is a place, or words that say whose it is', () => {
  const odd = Object.entries(answers).flatMap(([name, by]) =>
    versions
      .filter((v) => {
        const text = by[v];
        if (PLACE.test(text)) return false;
        return (
          !name.startsWith('*') &&
          !/^(?:bookkeeping|hardware)\b|’s own\b|^6\.1 |^6\.12 |^no kernel|no kernel has|^a driver that|instruction|load or store/.test(
            text,
          )
        );
      })
      .map((v) => `${name} in ${v}: ${by[v]}`),
  );
  expect(odd).toEqual([]);
});

test('what is said by hand is of names that the model has', () => {
  const known = modelNames();
  // Names that a program is given with its traits stand in no call.
  const given = ['follow_fault_pfn', 'vaddr_get_pfns'];
  expect(
    Object.keys(NAMES).filter((n) => !known.has(n.replace(/^\*(?!_)/, '')) && !given.includes(n)),
  ).toEqual([]);
});

describe('on the page', () => {
  (globalThis as { pfnmapPlaces?: unknown }).pfnmapPlaces = answers;

  /** Steps of which nothing is said, and what is said of an exporter's own code without a source. */
  function unanswered(trace: readonly Step[], linux: LinuxVersion, where: string): string[] {
    return trace.flatMap((step) => {
      const { own, within, exporter } = whereInKernel(stepView(step), linux, answers);
      if (exporter && !exporter.source) return [`${where}: ${step.def.name}, whose exporter?`];
      return own || within || exporter ? [] : [`${where}: ${step.def.name}`];
    });
  }

  test.each(versions)('something is said of every step of every story, on %s', (linux) => {
    const missing = CATALOGUE.flatMap((story) => {
      const found = explore(story.prepare(linux), { maxStates: 300_000 }).run();
      return unanswered(found?.counterexample?.trace ?? [], linux, story.id);
    });
    expect([...new Set(missing)], HOW).toEqual([]);
  });

  test('and of every step of every exporter that a page reference or a follower breaks', () => {
    const cells = EXPORTERS.flatMap(({ id: exporter }) =>
      ['cpu', 'gup', 'follow-and-keep'].flatMap((consumer) => matrixCells({ exporter, consumer })),
    );
    const missing = cells.flatMap((cell) => {
      const found = new CellRun(cell, '6.12', undefined, 300_000).run();
      return unanswered(found?.counterexample?.trace ?? [], '6.12', cell.id);
    });
    expect([...new Set(missing)], HOW).toEqual([]);
  });

  test('a name that Linux has too is not taken for it in an exporter’s own code', () => {
    const routines = [
      { name: 'ttm', cite: '' },
      { name: 'ttm_move', cite: '6.12 drivers/gpu/drm/ttm/ttm_bo_vm.c:181' },
      { name: 'replace_page', cite: '' },
    ];
    const step = {
      thread: 0,
      text: '',
      name: 'placement',
      routines,
      way: 0,
      changes: [],
      violations: [],
    };
    expect(whereInKernel(step, '6.12', answers)).toMatchObject({
      own: { why: expect.stringContaining('own record') },
      within: null,
      exporter: {
        does: 'how it moves one page',
        source: expect.stringContaining('ttm_bo_vm.c:181'),
      },
    });
    const mmap = { ...step, routines: [{ name: 'dma_buf_mmap', cite: '' }] };
    expect(whereInKernel(mmap, '6.12', answers)).toMatchObject({
      exporter: null,
      within: { line: 1472 },
    });
    const ksm = {
      ...step,
      name: 'set_pte_at',
      routines: [{ name: 'replace_page', cite: 'mm/ksm.c' }],
    };
    expect(whereInKernel(ksm, '6.12', answers).within?.file).toBe('mm/ksm.c');
  });
});
