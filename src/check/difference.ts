// SPDX-License-Identifier: GPL-2.0-or-later
/** What is in a report and was not in the one before. */
import type { CheckReport, Finding, NotAnalysed } from '../contract/finding.ts';

/** What tells a finding, or a gap, from others in a comparison of two states of a tree: no lines. */
export const findingKey = (f: Finding) => `${f.key} ${f.certainty}`;
export const lostKey = (n: NotAnalysed) => `${n.path} ${n.why}`;

export function difference(before: CheckReport, after: CheckReport): CheckReport {
  const known = new Set(before.findings.map(findingKey));
  const lost = new Set(before.not_analysed.map(lostKey));
  return {
    ...after,
    tree: { ...after.tree, kind: 'patch' },
    findings: after.findings.filter((f) => !known.has(findingKey(f))),
    not_analysed: after.not_analysed.filter((n) => !lost.has(lostKey(n))),
  };
}
