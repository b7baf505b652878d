// SPDX-License-Identifier: GPL-2.0-or-later
/** A text in which each mail and each rule that it names is a link to what the book tells of it. */

import { RULES } from '../../src/contract/rules.ts';
import type { LinuxVersion } from '../../src/kernel/versions.ts';
import { MAIL_NAME, mailPlace } from '../client/mails.mjs';
import { href } from '../client/route.ts';

const NAMES = new RegExp(`\\b(R\\d{1,2})\\b|${MAIL_NAME.source}`, 'g');

/** The book's page of what a name stands for. */
function pageOf([name, rule, ...mail]: RegExpExecArray): string | null {
  if (rule) return RULES.some((r) => r.id === rule) ? `rules/${name}` : null;
  const [author, day, hours, minutes] = mail;
  return `thread/${mailPlace(author, day, hours, minutes)}`;
}

export function Cited({ text, linux }: { text: string; linux: LinuxVersion }) {
  const keep = { linux: linux === '6.12' ? undefined : linux };
  const parts = [];
  let from = 0;
  for (const match of text.matchAll(NAMES)) {
    const page = pageOf(match);
    if (!page) continue;
    parts.push(
      text.slice(from, match.index),
      <a key={match.index} href={href(page, keep)}>
        {match[0]}
      </a>,
    );
    from = match.index + match[0].length;
  }
  return (
    <>
      {parts}
      {text.slice(from)}
    </>
  );
}
