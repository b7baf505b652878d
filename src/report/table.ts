// SPDX-License-Identifier: GPL-2.0-or-later
/** The matrix as a table for a terminal, in blocks of columns that fit its width. */
import type { Verdict } from '../contract/words.ts';
import type { CellJson } from './json.ts';
import { wrap } from './text.ts';

/** Marks a piece of text, for instance with a colour; never the only sign of anything. */
export type Paint = (text: string, verdict: Verdict) => string;

export interface TableOptions {
  /** Columns of the terminal. */
  readonly width: number;
  readonly paint?: Paint;
}

/** Stands in a cell that is not known yet. */
const PENDING = '.';

/** `corrupts R8`; a plus for more rules than one. */
export function cellText(cell: CellJson | undefined): string {
  if (!cell) return PENDING;
  const { verdict, rule, rules } = cell;
  if (verdict !== 'corrupts' && verdict !== 'breaks') return verdict;
  return rule ? `${verdict} ${rule}${rules.length > 1 ? '+' : ''}` : verdict;
}

/** Rows are exporters, columns consumers; a cell that is missing is not finished. */
export function table(
  exporters: readonly string[],
  consumers: readonly string[],
  cells: ReadonlyMap<string, CellJson>,
  { width, paint = (text) => text }: TableOptions,
): string {
  const left = Math.max(...exporters.map((id) => id.length));
  const cellWidth = 'corrupts R16+'.length;
  const fit = Math.max(1, Math.floor((width - left) / (cellWidth + 1)));
  const blocks = Math.ceil(consumers.length / fit);
  const size = Math.ceil(consumers.length / blocks);
  const out: string[] = [];
  for (let b = 0; b < consumers.length; b += size) {
    const ids = consumers.slice(b, b + size);
    const heads = ids.map((id) => wrap(id.replace(/-/g, '- '), cellWidth).map(joinDashes));
    const tall = Math.max(...heads.map((h) => h.length));
    if (b > 0) out.push('');
    for (let r = 0; r < tall; r++) {
      // Heads stand on the line, however tall.
      const texts = heads.map((h) => h[r - (tall - h.length)] ?? '');
      out.push(row('', texts, left, cellWidth));
    }
    out.push('-'.repeat(left + ids.length * (cellWidth + 1)));
    for (const exporter of exporters) {
      const line = ids.map((id) => {
        const cell = cells.get(`${exporter}/${id}`);
        const text = cellText(cell);
        const space = ' '.repeat(Math.max(0, cellWidth - text.length));
        return (cell ? paint(text, cell.verdict) : text) + space;
      });
      out.push(row(exporter, line, left, cellWidth));
    }
  }
  return out.join('\n');
}

const joinDashes = (text: string) => text.replace(/- /g, '-');

function row(head: string, texts: readonly string[], left: number, width: number): string {
  return [head.padEnd(left), ...texts.map((t) => t.padEnd(width))].join(' ').trimEnd();
}
