// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * What is known and accepted: a file of findings by rule, function and chain, never by line; and
 * comments in the source, `pfnmap: allow R2 (reason)`, on the line of a finding or the one above.
 */
import type { Finding } from '../contract/finding.ts';

export interface Baseline {
  readonly version: 1;
  readonly accepted: readonly { readonly key: string; readonly reason: string }[];
}

export class BadBaseline extends Error {}

export function readBaseline(text: string): Baseline {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new BadBaseline(`is no JSON: ${error instanceof Error ? error.message : error}`);
  }
  const { version, accepted } = (value ?? {}) as { version?: unknown; accepted?: unknown };
  if (version !== 1 || !Array.isArray(accepted))
    throw new BadBaseline('has no "version": 1 and "accepted": [...]');
  for (const [i, a] of accepted.entries()) {
    if (typeof a?.key !== 'string' || typeof a?.reason !== 'string')
      throw new BadBaseline(`entry ${i + 1} has no key and reason`);
  }
  return value as Baseline;
}

/** The findings that a baseline does not accept, and its entries that nothing matched. */
export function applyBaseline(
  findings: readonly Finding[],
  baseline: Baseline,
): { fresh: Finding[]; stale: string[] } {
  const keys = new Set(baseline.accepted.map((a) => a.key));
  const found = new Set(findings.map((f) => f.key));
  return {
    fresh: findings.filter((f) => !keys.has(f.key)),
    stale: [...keys].filter((k) => !found.has(k)),
  };
}

/** A baseline of these findings; reasons that were given before stay. */
export function makeBaseline(findings: readonly Finding[], before: Baseline | null): Baseline {
  const reasons = new Map(before?.accepted.map((a) => [a.key, a.reason]));
  const keys = [...new Set(findings.map((f) => f.key))].sort();
  return { version: 1, accepted: keys.map((key) => ({ key, reason: reasons.get(key) ?? '' })) };
}

const ALLOW = /pfnmap:\s*allow\s+([\w,\s-]+)(?:\(([^)]*)\))?/;

/** Whether the source accepts a finding; a comment without a reason does not. */
export function allowedBy(
  lines: readonly string[],
  line: number,
  rule: string,
  name: string,
): 'yes' | 'no' | 'no-reason' {
  for (const text of [lines[line - 1], lines[line - 2]]) {
    const m = text === undefined ? null : ALLOW.exec(text);
    if (!m) continue;
    const names = m[1]!.split(/[\s,]+/).map((n) => n.toLowerCase());
    if (!names.includes(rule.toLowerCase()) && !names.includes(name)) continue;
    return m[2]?.trim() ? 'yes' : 'no-reason';
  }
  return 'no';
}
