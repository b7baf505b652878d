// SPDX-License-Identifier: GPL-2.0-or-later
/** State counts of the yardstick; `npm run bench` asserts that Spin has the same. */

import { describe, expect, test } from 'vitest';
import { yardstick } from '../../bench/yardstick.ts';
import { explore } from '../../src/explore/explore.ts';
import { Search } from '../../src/explore/search.ts';

function states(users: number, kvm: boolean, reduce = false): number | undefined {
  const make = yardstick({ users, kvm, notified: true });
  return new Search(make, { reduce, livelock: false, stopAt: 'never' }).run()?.states;
}

describe('the yardstick', () => {
  test.each([
    [1, 773, 5_682],
    [2, 3_522, 26_176],
    [3, 16_798, 126_249],
  ])('N=%i has %i states, and %i with KVM', (users, safe, withKvm) => {
    expect(states(users, false)).toBe(safe);
    expect(states(users, true)).toBe(withKvm);
    expect(states(users, true, true)).toBeLessThan(withKvm);
  });

  test('without KVM it is safe, livelock included', () => {
    const r = explore(yardstick({ users: 2, kvm: false, notified: true })).run();
    expect(r).toMatchObject({ outcome: 'safe', bound: null, counterexample: null });
  });

  test('with KVM a freed page is used: the clearest way has two threads and two switches', () => {
    const r = explore(yardstick({ users: 3, kvm: true, notified: true })).run();
    expect(r?.outcome).toBe('violated');
    expect(r?.counterexample).toMatchObject({ threads: 2, switches: 2, minimal: true });
    expect(r?.counterexample?.steps).toMatchInlineSnapshot(`14`);
  });
});
