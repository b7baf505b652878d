// SPDX-License-Identifier: GPL-2.0-or-later
// The book's pages, from Markdown to what web/lazy/book.ts imports. A paragraph
// `figure: NAME` stands for a scenario or a cell that the reader can step
// through; R6, S4 and the names of mails become links; [6.12 mm/gup.c:1277] and
// [Vetter 22/17:08] say where a claim comes from.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MAIL_NAME, mailPlace } from '../web/client/mails.mjs';
import { root } from './setup.mjs';

/** A place in a named version of the kernel. */
export const CITE = /\[(6\.1|6\.12) ([\w./-]+\.(?:c|h|rst|S)|[\w./-]*Kconfig):(\d+)\]/g;
/** A mail of the thread. */
export const MAIL = /\[(Vetter|Gunthorpe|König|Zimmermann|Patchwork) (2[23]\/\d\d:\d\d)\]/g;
export const FIGURE = /^figure: (\S+)$/gm;

/** Pages of the documentation that are pages of the book as well. */
export const DOCS = ['limits', 'answers'];

/** Pages of the book: where their text is, by the address that they have. */
export function bookFiles() {
  const dir = join(root, 'web', 'book');
  /** @type {Record<string, string>} */
  const files = Object.fromEntries(
    DOCS.map((name) => [`book/${name}`, join(root, 'docs', `${name}.md`)]),
  );
  for (const name of readdirSync(dir)) {
    if (name.endsWith('.md')) files[name.replace(/\.md$/, '')] = join(dir, name);
  }
  for (const name of readdirSync(join(dir, 'systems'))) {
    files[`systems/${name.replace(/\.md$/, '')}`] = join(dir, 'systems', name);
  }
  return files;
}

/**
 * Rules, systems and mails become links, but for those in code, in links and in headings; a heading that
 * is a mail's name is the place that such links lead to.
 *
 * @param {string} html
 */
function linked(html) {
  const names = new RegExp(
    `<(code|a|h[12])\\b[^>]*>.*?</\\1>|\\b([RS]\\d{1,2})\\b|${MAIL_NAME.source}`,
    'gs',
  );
  return html
    .replace(names, (all, tag, id, ...mail) => {
      if (tag) return all;
      if (id) return `<a href="#/${id[0] === 'R' ? 'rules' : 'systems'}/${id}">${id}</a>`;
      const [author, day, hours, minutes] = mail;
      return `<a href="#/thread/${mailPlace(author, day, hours, minutes)}">${all}</a>`;
    })
    .replace(new RegExp(`<h2>${MAIL_NAME.source}</h2>`, 'g'), (all, author, day, hours, minutes) =>
      all.replace('<h2>', `<h2 id="${mailPlace(author, day, hours, minutes)}" tabindex="-1">`),
    );
}

/**
 * Tables in a frame that scrolls and that the keyboard reaches; of links to other files of docs/ those that
 * are pages of the book lead there, the others are names of files.
 *
 * @param {string} html
 */
const framed = (html) =>
  html
    .replaceAll(
      '<table>',
      '<div class="wide" tabindex="0" role="region" aria-label="Table"><table>',
    )
    .replaceAll('</table>', '</table></div>')
    .replace(/<a href="([\w-]+)\.md(?:#[^"]*)?">(.*?)<\/a>/g, (_, name, text) =>
      DOCS.includes(name) ? `<a href="#/book/${name}">${text}</a>` : `<code>docs/${name}.md</code>`,
    );

/**
 * One page: its title, and parts that are text or figures in turn.
 *
 * @param {string} markdown
 * @param {(text: string) => string} render
 */
function page(markdown, render) {
  const title = /^# (.+)$/m.exec(markdown)?.[1] ?? '';
  const body = markdown.replace(/^# .+\n/, '').replace(/^<!--[\s\S]*?-->\n/, '');
  const text = body.replace(CITE, '<cite>$1 $2:$3</cite>').replace(MAIL, '<cite>$1 $2</cite>');
  /** @type {object[]} */
  const parts = [];
  for (const [i, part] of text.split(FIGURE).entries()) {
    if (i % 2) parts.push({ figure: part });
    else if (part.trim()) parts.push({ html: linked(framed(render(part))) });
  }
  return { title, parts };
}

/** @type {import('esbuild').Plugin} */
export const bookPlugin = {
  name: 'book',
  setup(build) {
    build.onResolve({ filter: /^book:pages$/ }, () => ({ path: 'pages', namespace: 'book' }));
    build.onLoad({ filter: /.*/, namespace: 'book' }, async () => {
      const { marked } = await import('marked');
      const render = (/** @type {string} */ text) => String(marked.parse(text, { async: false }));
      const files = bookFiles();
      const pages = Object.fromEntries(
        Object.entries(files).map(([name, path]) => [
          name,
          page(readFileSync(path, 'utf8'), render),
        ]),
      );
      return { contents: JSON.stringify(pages), loader: 'json', watchFiles: Object.values(files) };
    });
  },
};
