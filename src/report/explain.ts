// SPDX-License-Identifier: GPL-2.0-or-later
/** A rule of the contract as text: what it says, why, what to do, and where that comes from. */
import { type Rule, SOURCES } from '../contract/rules.ts';
import { paragraph } from './text.ts';

const WIDTH = 75;

/** One line a rule. */
export function ruleList(rules: readonly Rule[]): string {
  const wide = Math.max(...rules.map((r) => r.name.length));
  return rules
    .flatMap(({ id, name, statement }) => {
      const lead = `${id.padEnd(4)}${name.padEnd(wide + 2)}`;
      return paragraph(statement, 100 - lead.length).map((line, i) =>
        i ? ' '.repeat(lead.length) + line : lead + line,
      );
    })
    .join('\n');
}

/** Everything about one rule. */
export function explainRule(rule: Rule): string {
  const out = [`${rule.id} ${rule.name}`, '', ...paragraph(rule.statement, WIDTH, 2)];
  const part = (head: string, text: string) => out.push('', head, ...paragraph(text, WIDTH, 2));
  part('What goes wrong', rule.wrong);
  part('Why', rule.why);
  part('What to do', rule.fix);
  if (rule.mails.length) {
    out.push('', 'Who said so');
    for (const { from, date, ref, quote } of rule.mails) {
      out.push(...paragraph(`"${quote}"`, WIDTH, 2), `    ${from}, ${date.slice(0, 10)} (${ref})`);
    }
  }
  if (rule.kernel.length) {
    out.push('', 'In the kernel');
    for (const { version, file, line, what } of rule.kernel) {
      const { version: exact } = SOURCES[version];
      out.push(`  ${exact} ${file}:${line}`, ...paragraph(what, WIDTH, 6));
    }
  }
  return out.join('\n');
}
