// SPDX-License-Identifier: GPL-2.0-or-later
/** Verdicts: a word, a sign and a colour, so that no one of them is needed. */
import type { Verdict } from '../../src/contract/words.ts';

export type Word = Verdict | 'violated';

export const SIGN: Readonly<Record<Word, string>> = {
  corrupts: '✕',
  violated: '✕',
  breaks: '!',
  refused: '⊘',
  safe: '✓',
  unknown: '?',
};

export function VerdictMark({ verdict }: { verdict: Word }) {
  return (
    <span class={`verdict v-${verdict}`}>
      <span class="sign" aria-hidden="true">
        {SIGN[verdict]}
      </span>{' '}
      {verdict}
    </span>
  );
}
