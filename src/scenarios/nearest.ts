// SPDX-License-Identifier: GPL-2.0-or-later
/** For messages about a name that nobody has: the names that were perhaps meant. */

/** Number of insertions, deletions, replacements and swaps of neighbours between two words. */
export function distance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let d = Math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        d = Math.min(d, before[j - 2] + 1);
      }
      row.push(d);
    }
    before = last;
    last = row;
  }
  return last[b.length];
}

/** The name nearest to a mistyped one, or null when none is near. */
export function nearest(name: string, names: readonly string[]): string | null {
  const wanted = name.toLowerCase();
  let best: string | null = null;
  let least = Math.max(2, Math.ceil(name.length / 3)) + 1;
  for (const candidate of names) {
    const lower = candidate.toLowerCase();
    // Part of a name is as good as a small slip.
    const d = lower.includes(wanted) && wanted.length > 2 ? 1 : distance(wanted, lower);
    if (d < least) {
      least = d;
      best = candidate;
    }
  }
  return best;
}
