// SPDX-License-Identifier: GPL-2.0-or-later
/** Makes a disagreeing program as short as it gets: ops are left out while it still disagrees. */

/**
 * @param ops a program that `fails`
 * @param fails whether a shorter one still does
 * @returns the shortest found: no op of it can be left out
 */
export async function shrink<T>(
  ops: readonly T[],
  fails: (ops: readonly T[]) => Promise<boolean>,
): Promise<readonly T[]> {
  let best = ops;
  let size = Math.max(1, best.length >> 1);
  for (;;) {
    let shorter = false;
    for (let at = best.length - size; at >= 0; at -= size) {
      const without = [...best.slice(0, at), ...best.slice(at + size)];
      if (without.length === 0 || !(await fails(without))) continue;
      best = without;
      shorter = true;
    }
    if (shorter) continue;
    if (size === 1) return best;
    size >>= 1;
  }
}
