// SPDX-License-Identifier: GPL-2.0-or-later
/** `pfnmap explain`: the rules of the contract. */
import { RULES } from '../contract/rules.ts';
import { explainRule, ruleList } from '../report/explain.ts';
import { nearest } from '../scenarios/nearest.ts';
import { EXIT, type ExitCode, Failure, out, outJson } from './io.ts';

export async function explain(
  name: string | undefined,
  { json }: { json?: boolean },
): Promise<ExitCode> {
  if (name === undefined) {
    if (json) outJson({ rules: RULES });
    else out(`${ruleList(RULES)}\n\npfnmap explain R6 tells more of a rule.`);
    return EXIT.ok;
  }
  const wanted = name.toLowerCase();
  const rule = RULES.find((r) => r.id.toLowerCase() === wanted || r.name === wanted);
  if (!rule) {
    const near = nearest(
      name,
      RULES.flatMap((r) => [r.name, r.id]),
    );
    throw new Failure(
      `no rule '${name}'${near ? `: did you mean '${near}'?` : '; `pfnmap explain` lists them'}`,
    );
  }
  if (json) outJson(rule);
  else out(explainRule(rule));
  return EXIT.ok;
}
