// SPDX-License-Identifier: GPL-2.0-or-later
/** The ladder as a picture: SVG text that stands on its own, for a document or a slide. */
import type { Told } from './ladder.ts';
import { type Line, linesOf } from './lines.ts';
import { wrap } from './text.ts';

export interface SvgOptions {
  readonly dark?: boolean;
  /** What stands above it. */
  readonly title?: string;
}

const CHAR = 7.2;
const ROW = 17;
const SIZE = 12;
const PAD = 16;
const MAX_CHARS = 110;
const FOLD = 62;

const LIGHT = {
  ground: '#ffffff',
  ink: '#1b1d20',
  soft: '#565b61',
  line: '#dcdcd6',
  fell: '#a02c10',
};
const DARK = {
  ground: '#14171a',
  ink: '#d8dbde',
  soft: '#9ea5ac',
  line: '#2d3339',
  fell: '#e2785a',
};

const escaped = (text: string) =>
  text.replace(/[&<>"]/g, (c) => `&${{ '&': 'amp', '<': 'lt', '>': 'gt', '"': 'quot' }[c]};`);

/** A counterexample as an SVG document. */
export function ladderSvg(told: Told, options: SvgOptions = {}): string {
  const { names, lines } = linesOf(told);
  const colours = options.dark ? DARK : LIGHT;
  const heads = names.map((name, i) => `CPU${i} (${name})`);
  const textOf = (line: Line) =>
    wrap(' '.repeat(line.depth * 2) + line.text, FOLD, line.depth * 2 + 2);
  const widest = (column: number) =>
    Math.max(
      heads[column].length,
      ...lines.filter((l) => l.column === column).flatMap((l) => textOf(l).map((t) => t.length)),
    );
  const starts: number[] = [];
  let x = 0;
  for (let c = 0; c < heads.length; c++) {
    starts.push(x);
    // A column may reach below the head of the next: only one thread speaks in a row.
    x += Math.max(
      heads[c].length + 3,
      Math.min(widest(c) + 3, c === heads.length - 1 ? MAX_CHARS : 34),
    );
  }
  const chars = Math.max(x, ...heads.map((_, c) => starts[c] + widest(c)));
  const out: string[] = [];
  const at = (column: number) => PAD + starts[column] * CHAR;
  let y = PAD + SIZE;
  const put = (px: number, text: string, fill: string, bold = false) => {
    const lead = text.length - text.trimStart().length;
    const weight = bold ? ' font-weight="700"' : '';
    out.push(
      `<text x="${(px + lead * CHAR).toFixed(1)}" y="${y}" fill="${fill}"${weight}>${escaped(text.trimStart())}</text>`,
    );
  };
  if (options.title) {
    put(PAD, options.title, colours.ink, true);
    y += ROW * 1.5;
  }
  for (const [c, head] of heads.entries()) put(at(c), head, colours.ink, true);
  const top = y + 6;
  y += ROW * 1.4;
  for (const [i, line] of lines.entries()) {
    if (i > 0 && lines[i - 1].stretch !== line.stretch) y += ROW * 0.7;
    for (const text of textOf(line)) {
      const fell = /<- (R\d+|waits)/.test(text);
      put(
        at(line.column) + 8,
        text,
        fell ? colours.fell : line.kind === 'call' ? colours.soft : colours.ink,
        fell,
      );
      y += ROW;
    }
  }
  const bottom = y - ROW * 0.5;
  y += ROW * 0.5;
  for (const text of wrap(`=> ${told.violation.text}`, Math.max(40, chars), 3)) {
    put(PAD, text, colours.fell, true);
    y += ROW;
  }
  const lanes = heads.map(
    (_, c) =>
      `<line x1="${at(c).toFixed(1)}" x2="${at(c).toFixed(1)}" y1="${top}" y2="${bottom}" stroke="${colours.line}"/>`,
  );
  const width = Math.ceil(chars * CHAR + PAD * 2 + 8);
  const height = Math.ceil(y + PAD - ROW * 0.5);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" font-family="ui-monospace, 'Liberation Mono', 'DejaVu Sans Mono', monospace" font-size="${SIZE}">`,
    `<title>${escaped(options.title ?? told.violation.text)}</title>`,
    `<rect width="${width}" height="${height}" fill="${colours.ground}"/>`,
    ...lanes,
    ...out,
    '</svg>',
    '',
  ].join('\n');
}
