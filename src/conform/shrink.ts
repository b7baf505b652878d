// SPDX-License-Identifier: GPL-2.0-or-later
/** Makes a disagreeing program, or race, as short as it gets: ops are left out while it still disagrees. */
import { CorpusError } from './program.ts';
import { parseRace, type Race } from './race.ts';

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

/**
 * @param race one that `disagrees`
 * @param disagrees whether a shorter one still does
 * @returns the shortest found, with at least one op in each list
 */
export async function shrinkRace(
  race: Race,
  disagrees: (race: Race) => Promise<boolean>,
): Promise<Race> {
  const parts = [race.setup, ...race.lists, race.end];
  const all = parts.flatMap((ops, part) => ops.map(({ text }) => ({ part, text })));
  const raceOf = (some: typeof all): Race =>
    parseRace(
      race.id,
      parts
        .map((_, i) => some.flatMap(({ part, text }) => (part === i ? [text] : [])).join('; '))
        .join(' | '),
    );
  const fails = async (some: readonly (typeof all)[number][]) => {
    try {
      const shorter = raceOf([...some]);
      return shorter.lists.every((list) => list.length) && (await disagrees(shorter));
    } catch (error) {
      // Without an op that another needs it is no race.
      if (error instanceof CorpusError) return false;
      throw error;
    }
  };
  return raceOf([...(await shrink(all, fails))]);
}
