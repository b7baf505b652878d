// SPDX-License-Identifier: GPL-2.0-or-later
/** A report as one file: the page with everything in it that it needs to show the report. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/**
 * The page with a report of `pfnmap check` inside, to be opened from the disk or attached to a mail.
 * @param self URL of this program, beside which the page's files lie
 */
export function reportPage(report: object, self: string): string {
  const read = (name: string) => readFileSync(new URL(`./web/${name}`, self), 'utf8');
  const program = read('pfnmap.js');
  const places = read('places.js');
  const style = read('pfnmap.css');
  const hash = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  // In a script no `<` of the data may begin a tag.
  const data = JSON.stringify(report).replaceAll('<', '\\u003c');
  const parts: readonly (readonly [place: RegExp, instead: string])[] = [
    [/script-src 'self'/, `script-src ${hash(places)} ${hash(program)}`],
    [/style-src 'self'/, `style-src ${hash(style)}`],
    [/<link rel="stylesheet"[^>]*>/, `<style>${style}</style>`],
    [/<script src="pfnmap.js"[^>]*><\/script>\n?/, ''],
    [
      /<\/body>/,
      `<script type="application/json" id="pfnmap-report">${data}</script>\n` +
        `<script>${places}</script>\n<script>${program}</script>\n</body>`,
    ],
  ];
  let html = read('index.html');
  for (const [place, instead] of parts) {
    if (!place.test(html)) throw new Error(`the page has no ${place.source}`);
    html = html.replace(place, () => instead);
  }
  return html;
}
