// SPDX-License-Identifier: GPL-2.0-or-later
/** Plain text: what can be pasted in a mail is ASCII, of limited width, without trailing spaces. */

const SPELLED: Readonly<Record<string, string>> = {
  ä: 'ae',
  ö: 'oe',
  ü: 'ue',
  Ä: 'Ae',
  Ö: 'Oe',
  Ü: 'Ue',
  ß: 'ss',
  '‘': "'",
  '’': "'",
  '“': '"',
  '”': '"',
  '…': '...',
  '–': '-',
  '—': '-',
};

/** The same text in ASCII: umlauts are spelled out, what is unknown becomes `?`. */
export function ascii(text: string): string {
  let out = '';
  for (const c of text) out += c < '\u0080' ? c : (SPELLED[c] ?? '?');
  return out;
}

/**
 * Breaks text at spaces into lines of at most `width`; a longer word is cut.
 * @param hang spaces before every line but the first
 */
export function wrap(text: string, width: number, hang = 0): string[] {
  const lines: string[] = [];
  let line = '';
  const room = () => width - (lines.length ? hang : 0);
  const push = () => {
    lines.push(' '.repeat(lines.length ? hang : 0) + line);
    line = '';
  };
  const lead = /^ */.exec(text)?.[0] ?? '';
  line = lead;
  for (let word of text.slice(lead.length).split(/ +/)) {
    const gap = line.trim() === '' ? '' : ' ';
    if (line.length + gap.length + word.length <= room()) {
      line += gap + word;
      continue;
    }
    if (line.trim() !== '') push();
    while (line.length + word.length > room()) {
      const fits = room() - line.length;
      line += word.slice(0, fits);
      word = word.slice(fits);
      push();
    }
    line += word;
  }
  if (line.trim() !== '' || !lines.length) push();
  return lines.map((l) => l.trimEnd());
}

/** Indents and wraps a paragraph. */
export function paragraph(text: string, width: number, indent = 0): string[] {
  const lead = ' '.repeat(indent);
  return wrap(text, width - indent).map((line) => (lead + line).trimEnd());
}

/** `1 state`, `2,277 states`. */
export function count(n: number, noun: string): string {
  return `${number(n)} ${noun}${n === 1 ? '' : 's'}`;
}

/** `2,277` */
export function number(n: number): string {
  return String(n).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `83 ms`, `1.2 s` */
export function duration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
