// SPDX-License-Identifier: GPL-2.0-or-later
/** What the commands say of mutants. */
import { describe, expect, test } from 'vitest';
import { pfnmap, useBuild } from './program.ts';

useBuild();

interface Json {
  readonly id: string;
  readonly verdict: string;
  readonly mutants: readonly { removed: string; outcome: string; rules: string[] }[];
}

describe('mutants', () => {
  test('of a safe story are listed by the rule that falls', async () => {
    const { code, stdout } = await pfnmap(['explore', 'kvm/notifier-retry']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/kvm\/notifier-retry: safe, as expected/);
    expect(stdout).toMatch(/mutants: \d+ of \d+ caught/);
    expect(stdout).toMatch(/R8: .*the sequence test in/s);
    expect(stdout).toMatch(/not needed here: /);
  });

  test('of which none is caught leave a story unproven', async () => {
    const { code, stdout } = await pfnmap(['explore', 'kvm/gap-before-fixup']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/safe, unproven, as expected/);
    expect(stdout).toMatch(/mutants: 0 of \d+ caught/);
  });

  test('that hide each other are named together, by the rule that falls without both', async () => {
    const { stdout } = await pfnmap(['explore', 'kvm/honours-read-only']);
    const pair = /R7 without both: the vma_permits_fault test in .*,\s+the pte_write test in/;
    expect(stdout).toMatch(pair);
    const none = await pfnmap(['explore', 'kvm/gap-before-fixup']);
    expect(none.stdout).toMatch(/not needed here, alone or in pairs: /);
    const json = await pfnmap(['explore', 'kvm/honours-read-only', '--json']);
    const { mutants } = JSON.parse(json.stdout).scenarios[0];
    expect(mutants.filter((m: { together?: object | null }) => m.together)).toMatchObject([
      { removed: 'the vma_permits_fault test in fixup_user_fault', together: { rules: ['R7'] } },
    ]);
  });

  test('are part of the JSON, and only of what is safe', async () => {
    const names = ['kvm/notifier-retry', 'kvm/notifier-no-retry'];
    const { stdout } = await pfnmap(['explore', ...names, '--json']);
    const [retry, none] = (JSON.parse(stdout) as { scenarios: Json[] }).scenarios;
    expect([retry.verdict, none.verdict]).toEqual(['safe', 'violated']);
    expect(none.mutants).toEqual([]);
    const outcomes = ['caught', 'not-needed', 'not-reached', 'unknown'];
    for (const { removed, outcome, rules } of retry.mutants) {
      expect(removed).toMatch(/^.+ in [\w>-]+$/);
      expect(outcomes).toContain(outcome);
      expect(rules.length).toBe(outcome === 'caught' ? 1 : 0);
    }
    expect(retry.mutants.some((m) => m.rules.includes('R8'))).toBe(true);
  });

  test('of a cell are run when it is shown', async () => {
    const shown = await pfnmap(['show', 'system-heap/cpu']);
    expect(shown.code).toBe(0);
    expect(shown.stdout).toMatch(/Verdict: safe;.*mutants: \d+ of \d+ caught/s);
    const refused = await pfnmap(['show', 'system-heap/gup-fast', '--json']);
    expect((JSON.parse(refused.stdout) as Json).mutants.length).toBeGreaterThan(5);
  });
});
