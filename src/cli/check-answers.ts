// SPDX-License-Identifier: GPL-2.0-or-later
/** The model's answers to findings, each set of traits explored once and kept; the model is loaded for it. */
import { createHash } from 'node:crypto';
import { buildStamp, recall, remember } from '../check/cache.ts';
import type { Finding, ModelAnswer } from '../contract/finding.ts';
import type { LinuxVersion } from '../kernel/versions.ts';

/** The version that the model behaves as for a tree. */
export function modelVersion(linux: string): LinuxVersion {
  const [major = 0, minor = 0] = linux.split('.').map(Number);
  return major > 6 || (major === 6 && minor >= 12) ? '6.12' : '6.1';
}

/** Rules of which a cell can say nothing: its mappings are shared, its buffers are freed by release alone, and its kernel has no such checks. */
export const BEYOND: readonly string[] = ['R10', 'R11', 'R14', 'R16'];

/** An answer under a name that stands for every subject with the same traits. */
const ANYBODY = 'pfnmap-subject';

/** How long to look: for the worst, or until something goes wrong that is the subject's own doing. */
export type Until = 'worst' | 'wrong';

/** Answers by traits, whoever has them. */
export type Answers = ReadonlyMap<string, ModelAnswer | null>;

function keyOf(f: Finding, linux: LinuxVersion): string {
  const { id, title, source, status, ...traits } = f.traits;
  return JSON.stringify([f.subject.kind, BEYOND.includes(f.rule), traits, linux]);
}

/**
 * The model's answers to findings. A set of traits is explored once, until it corrupts, and kept for
 * later runs.
 * @param until how long it is explored
 * @param self URL of the program: another build explores anew; null keeps nothing
 * @param known answers that need not be looked for
 */
export async function answers(
  findings: readonly Finding[],
  linux: LinuxVersion,
  signal: { readonly aborted: boolean },
  self: string | null,
  until: Until,
  known: Answers = new Map(),
): Promise<Answers> {
  const out = new Map(known);
  for (const f of findings) {
    const key = keyOf(f, linux);
    if (out.has(key) || signal.aborted) continue;
    const stamp = `${self && buildStamp(self)} ${until} ${key}`;
    const file = `${createHash('sha1').update(stamp).digest('hex')}.json`;
    const kept = self && (recall('model', file) as ModelAnswer | null);
    const { id, title, source, status, ...traits } = f.traits;
    const anybody = { rule: f.rule, subject: f.subject, traits: { ...traits, id: ANYBODY } };
    const answer =
      kept || (await (await import('./check-model.ts')).explored(anybody, linux, signal, until));
    out.set(key, answer);
    if (self && !kept && answer && !signal.aborted) remember('model', file, answer);
  }
  return out;
}

/** Findings with the model's answers. */
export async function withModel(
  findings: readonly Finding[],
  linux: LinuxVersion,
  signal: { readonly aborted: boolean },
  self: string | null,
  until: Until = 'worst',
  known?: Answers,
): Promise<Finding[]> {
  const found = await answers(findings, linux, signal, self, until, known);
  return findings.map((f) => {
    const answer = found.get(keyOf(f, linux));
    const mine = (s: string) => s.replaceAll(ANYBODY, String(f.traits.id));
    return {
      ...f,
      model: answer
        ? { ...answer, scenario: mine(answer.scenario), schedule: mine(answer.schedule) }
        : null,
    };
  });
}
