// SPDX-License-Identifier: GPL-2.0-or-later
/** What is in a report and was not in the one before. */
import type { CheckReport, Finding, NotAnalysed } from '../contract/finding.ts';

/** What tells a finding, or a gap, from others in a comparison of two states of a tree: no lines. */
export const findingKey = (f: Finding) => `${f.key} ${f.certainty}`;
export const lostKey = (n: NotAnalysed) => `${n.path} ${n.why}`;

type Overlay = ReadonlyMap<string, string | null>;

/** Keys of what was there before a change, by the names that removed files may have now. */
export function knownAfter(keys: Iterable<string>, overlay: Overlay): Set<string> {
  const known = new Set(keys);
  const [gone, left] = [[...overlay].filter(([, text]) => text === null), [...overlay.keys()]];
  for (const [from] of gone)
    for (const key of [...known])
      if (key.includes(from))
        for (const to of left) if (overlay.get(to) !== null) known.add(key.replaceAll(from, to));
  return known;
}

/** @param overlay the files that differ */
export function difference(before: CheckReport, after: CheckReport, overlay: Overlay): CheckReport {
  const known = knownAfter(before.findings.map(findingKey), overlay);
  const lost = knownAfter(before.not_analysed.map(lostKey), overlay);
  return {
    ...after,
    tree: { ...after.tree, kind: 'patch' },
    findings: after.findings.filter((f) => !known.has(findingKey(f))),
    not_analysed: after.not_analysed.filter((n) => !lost.has(lostKey(n))),
  };
}
