// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * What came of a user's own driver: its row or column of the matrix with a reason in each line, the
 * rules that are its own to keep and fell, and the clearest way to see it.
 */
import { ruleById } from '../contract/rules.ts';
import { REMEDY } from '../contract/words.ts';
import type { Paint } from '../report/table.ts';
import { count, paragraph, wrap } from '../report/text.ts';
import type { Outcome } from './run.ts';
import { ownRules, size } from './told.ts';

const WIDTH = 98;
const ORDER = ['corrupts', 'breaks', 'unknown', 'refused', 'safe'];

/** The cells of one driver: an exporter met by consumers, or a consumer that meets exporters. */
interface Group {
  readonly driver: string;
  readonly side: 'exporter' | 'consumer';
  readonly met: Outcome[];
}

function groupsOf(outcomes: readonly Outcome[]): Group[] {
  const groups = new Map<string, Group>();
  for (const outcome of outcomes) {
    const { cell } = outcome;
    if (!cell) continue;
    const side = outcome.side === 'consumer' ? 'consumer' : 'exporter';
    const driver = cell[side];
    const key = `${side} ${driver}`;
    const group = groups.get(key) ?? { driver, side, met: [] };
    groups.set(key, group);
    group.met.push(outcome);
  }
  return [...groups.values()];
}

const other = ({ side }: Group) => (side === 'exporter' ? 'consumer' : 'exporter');
const verdictOf = ({ cell }: Outcome) => cell?.verdict ?? 'unknown';
const isOwn = (outcome: Outcome) => ownRules(outcome).length > 0;

/** What to show of a cell: of the driver's own rules if one fell, else of the worst. */
function reasonOf(outcome: Outcome): string {
  const { counterexample: ce, bound } = outcome.json;
  const own = ownRules(outcome);
  if (ce && (!own.length || own.includes(ce.rule))) return ce.violation;
  const found = outcome.findings.find((f) => own.includes(f.rule)) ?? outcome.findings[0];
  return found?.text ?? (verdictOf(outcome) === 'unknown' ? (bound ?? '') : '');
}

function lineOf(outcome: Outcome, group: Group, wide: number, paint: Paint): string[] {
  const { cell } = outcome;
  if (!cell) return [];
  const verdict = verdictOf(outcome);
  const name = cell[other(group)];
  const rules = cell.rules.join(' ');
  const whose = !rules || isOwn(outcome) ? '' : `the ${other(group)}'s own fault: `;
  const lead = `  ${name.padEnd(wide)}  ${verdict.padEnd(8)}  `;
  const text = [rules, `${whose}${reasonOf(outcome)}`].filter(Boolean).join('  ');
  const [first, ...more] = wrap(text, WIDTH - lead.length);
  return [
    `  ${name.padEnd(wide)}  ${paint(verdict.padEnd(8), verdict)}  ${first}`.trimEnd(),
    ...more.map((line) => ' '.repeat(lead.length) + line),
  ];
}

/** The driver's own rules that fell, each with what happens, in how many cells, and what to do. */
function ownText(group: Group): string[] {
  const wrong = group.met.filter(isOwn);
  const keeps = group.side === 'exporter' ? "an exporter's" : "a consumer's";
  if (!wrong.length) {
    return paragraph(`${group.driver} keeps every rule that is ${keeps} to keep.`, WIDTH);
  }
  const rules = [...new Set(wrong.flatMap(ownRules))].sort((a, b) =>
    a.localeCompare(b, 'en', { numeric: true }),
  );
  const text = paragraph(
    `${group.driver} breaks ${count(rules.length, 'rule')} that ${rules.length === 1 ? 'is' : 'are'} ${keeps} to keep:`,
    WIDTH,
  );
  for (const id of rules) {
    const cells = wrong.filter((o) => o.json.rules.includes(id));
    const rule = ruleById(id);
    const shown = cells.map((o) => o.json.counterexample).find((ce) => ce?.rule === id);
    const finding = cells.flatMap((o) => o.findings).find((f) => f.rule === id);
    const what = shown?.violation ?? finding?.text;
    const where =
      cells.length === group.met.length
        ? `every ${other(group)}`
        : cells.map((o) => o.cell?.[other(group)]);
    text.push(
      '',
      ...paragraph(
        `${id}${rule ? ` ${rule.name}` : ''} (with ${[where].flat().join(', ')})`,
        WIDTH,
        2,
      ),
    );
    if (what) text.push(...paragraph(`What happens: ${what}.`, WIDTH, 4));
    const fix = rule?.fix ?? REMEDY[id];
    if (fix) text.push(...paragraph(`What to do: ${fix}`, WIDTH, 4));
  }
  return text;
}

/** The clearest counterexample to the driver itself. */
function clearest(group: Group): Outcome | undefined {
  const rank = (o: Outcome) => ORDER.indexOf(verdictOf(o));
  const ce = (o: Outcome) => o.json.counterexample;
  return group.met
    .filter((o) => ownRules(o).includes(ce(o)?.rule ?? ''))
    .sort((a, b) => {
      const [x, y] = [ce(a), ce(b)];
      const shape =
        x && y ? x.threads - y.threads || x.switches - y.switches || x.steps - y.steps : 0;
      return rank(a) - rank(b) || shape;
    })[0];
}

/** What is to be said of a file with a driver, after all of its cells. */
export function driverReport(outcomes: readonly Outcome[], paint: Paint): string {
  const text: string[] = [];
  for (const group of groupsOf(outcomes)) {
    const wide = Math.max(...group.met.map((o) => o.cell?.[other(group)].length ?? 0));
    const how = group.side === 'exporter' ? 'an exporter, met by' : 'a consumer, meets';
    if (text.length) text.push('');
    text.push(`${group.driver}, ${how} ${count(group.met.length, other(group))}`);
    for (const outcome of group.met) text.push(...lineOf(outcome, group, wide, paint));
    text.push('', ...ownText(group));
    const others = group.met.filter((o) => o.json.verdict === 'violated' && !isOwn(o));
    if (others.length) {
      const rules = [...new Set(others.flatMap((o) => o.json.rules))].sort((a, b) =>
        a.localeCompare(b, 'en', { numeric: true }),
      );
      text.push(
        ...paragraph(
          `${count(others.length, other(group))} of ${group.met.length} break only rules that are ` +
            `the ${other(group)}s' to keep (${rules.join(', ')}): those are not counted against it.`,
          WIDTH,
        ),
      );
    }
    // Exporters differ in how they take memory back, so a consumer has a bound with each.
    const bounds = new Set(group.met.map((o) => o.json.bound));
    if (bounds.size === 1) text.push(...paragraph(`Bound: ${[...bounds][0]}.`, WIDTH));
    const worst = clearest(group);
    if (!worst?.ladder || !worst.json.counterexample) continue;
    const { id, counterexample } = worst.json;
    text.push('', `The clearest way to see it, ${id} (${size(counterexample)}):`, '', worst.ladder);
  }
  return text.join('\n');
}
