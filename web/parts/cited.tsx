// SPDX-License-Identifier: GPL-2.0-or-later
/** A text in which each mail that it names is a link to what the book tells of that mail. */
import type { LinuxVersion } from '../../src/kernel/versions.ts';
import { MAIL_NAME, mailPlace } from '../client/mails.mjs';
import { href } from '../client/route.ts';

export function Cited({ text, linux }: { text: string; linux: LinuxVersion }) {
  const parts = [];
  let from = 0;
  for (const { index, 0: name, 1: author, 2: day, 3: hours, 4: minutes } of text.matchAll(
    MAIL_NAME,
  )) {
    const place = mailPlace(author, day, hours, minutes);
    const keep = { linux: linux === '6.12' ? undefined : linux };
    parts.push(
      text.slice(from, index),
      <a key={index} href={href(`thread/${place}`, keep)}>
        {name}
      </a>,
    );
    from = index + name.length;
  }
  return (
    <>
      {parts}
      {text.slice(from)}
    </>
  );
}
