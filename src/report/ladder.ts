// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The ladder: a counterexample as kernel people write it in commit messages. One column for each
 * thread, time downward, at most 75 columns wide; from four threads on a list.
 */
import { RULES } from '../contract/rules.ts';
import type { Counterexample } from '../explore/explore.ts';
import { type Line, type Lines, linesOf } from './lines.ts';
import { ascii, paragraph, wrap } from './text.ts';

export const LADDER_WIDTH = 75;
const GAP = 2;
const MARGIN = 1;

export type Told = Pick<Counterexample, 'trace' | 'violation' | 'roundFrom'>;

export interface LadderOptions {
  /** What `pfnmap replay` takes to show this again. */
  readonly schedule?: string;
  /** The mail to quote, by its ref, if the rule has it: the one that the story comes from. */
  readonly mail?: string;
  readonly width?: number;
}

/** A counterexample as plain text, to be pasted in a mail. */
export function ladder(told: Told, options: LadderOptions = {}): string {
  const width = options.width ?? LADDER_WIDTH;
  const found = linesOf(told);
  const body = !found.lines.length
    ? paragraph(told.trace.length ? NOTHING_YET : NO_STEPS, width, MARGIN)
    : found.names.length === 1
      ? single(found, told, width)
      : found.names.length < 4
        ? columns(found, told, width)
        : list(found, told, width);
  const text = [...body, '', ...footer(told, options, width)].join('\n');
  return `${ascii(text)}\n`;
}

const NO_STEPS =
  '(This falls while the buffer is created and mapped, before any thread takes a step.)';

const NOTHING_YET = '(No step so far that another thread could notice.)';

/** Where a livelock begins to go round, said once, between two lines. */
function roundBefore(told: Told, line: Line, previous: Line | undefined): boolean {
  const { roundFrom } = told;
  return roundFrom !== null && line.step >= roundFrom && !(previous && previous.step >= roundFrom);
}
const ROUND = '--- from here on over and over ---';

function single({ names, lines }: Lines, told: Told, width: number): string[] {
  const head = `CPU0 (${names[0]})`;
  const out = [` ${head}`, ` ${'-'.repeat(head.length)}`];
  for (const [i, line] of lines.entries()) {
    if (roundBefore(told, line, lines[i - 1])) out.push(ROUND);
    out.push(...cell(line, 2, width - MARGIN).map((text) => ' '.repeat(MARGIN) + text));
  }
  return out;
}

function cell(line: Line, unit: number, width: number): string[] {
  const indent = line.depth * unit;
  return wrap(' '.repeat(indent) + line.text, width, Math.min(indent + unit, width >> 1));
}

function columns(found: Lines, told: Told, width: number): string[] {
  const { names, lines } = found;
  const heads = names.map((name, i) => `CPU${i} (${name})`);
  const wide = (unit: number) =>
    heads.map((head, column) =>
      Math.max(
        head.length,
        ...lines.filter((l) => l.column === column).map((l) => l.depth * unit + l.text.length),
      ),
    );
  const sum = (a: readonly number[]) => a.reduce((x, y) => x + y, 0);
  const fits = (unit: number) => sum(wide(unit)) + MARGIN + GAP * (heads.length - 1) <= width;
  const unit = heads.length < 3 || fits(2) ? 2 : 1;
  const starts = startsOf(heads, wide(unit), width);
  const out: string[] = [];
  const put = (column: number, text: string) => out.push(' '.repeat(starts[column]) + text);
  const row = (texts: readonly string[]) =>
    texts.reduce((line, text, i) => line.padEnd(starts[i]) + text, '').trimEnd();
  out.push(row(heads), row(heads.map((head) => '-'.repeat(head.length))));
  for (const [i, line] of lines.entries()) {
    const previous = lines[i - 1];
    if (previous && previous.stretch !== line.stretch) out.push('');
    if (roundBefore(told, line, previous)) out.push(ROUND);
    for (const text of cell(line, unit, width - starts[line.column])) put(line.column, text);
  }
  return out;
}

/**
 * Where the columns begin. Only one thread speaks in a row, so a column may reach into the next one
 * when there is no room for both; heads never touch.
 */
function startsOf(heads: readonly string[], wide: readonly number[], width: number): number[] {
  const starts = [MARGIN];
  for (let i = 1; i < heads.length; i++) {
    const behindHead = starts[i - 1] + heads[i - 1].length + GAP;
    // What the columns from here on need at the least.
    const least = heads.slice(i).reduce((n, head) => n + head.length + GAP, -GAP);
    const latest = Math.min(width - wide[i], width - least);
    starts.push(Math.max(behindHead, Math.min(starts[i - 1] + wide[i - 1] + GAP, latest)));
  }
  return starts;
}

function list({ names, lines }: Lines, told: Told, width: number): string[] {
  const out = names.map((name, i) => ` CPU${i} is ${name}`);
  out.push('');
  for (const [i, line] of lines.entries()) {
    const previous = lines[i - 1];
    if (previous && previous.stretch !== line.stretch) out.push('');
    if (roundBefore(told, line, previous)) out.push(ROUND);
    const lead = ` CPU${line.column}: `;
    for (const text of cell(line, 2, width - lead.length)) out.push(lead + text);
  }
  return out;
}

function footer(told: Told, options: LadderOptions, width: number): string[] {
  const { violation } = told;
  const rule = RULES.find(({ id }) => id === violation.rule);
  const out = wrap(`=> ${violation.text}`, width, 3);
  if (rule) {
    out.push('', ...paragraph(`Rule ${rule.id}, ${rule.name}: ${rule.statement}`, width));
    const mail = rule.mails.find(({ ref }) => ref === options.mail) ?? rule.mails[0];
    if (mail) {
      out.push(...paragraph(`"${mail.quote}"`, width, 2));
      out.push(...paragraph(`${mail.from}, ${mail.date.slice(0, 10)} (${mail.ref})`, width, 4));
    }
  }
  if (options.schedule) out.push('', ...replayLine(options.schedule, width));
  return out;
}

/** The command that replays; a long schedule goes on in further words, which the command joins. */
export function replayLine(schedule: string, width: number): string[] {
  const first = 'pfnmap replay ';
  const lines: string[] = [];
  let rest = schedule;
  while (rest) {
    const lead = lines.length ? '  ' : first;
    const last = lead.length + rest.length <= width;
    const n = last ? rest.length : width - lead.length - 2;
    lines.push(`${lead}${rest.slice(0, n)}${last ? '' : ' \\'}`);
    rest = rest.slice(n);
  }
  return lines;
}
