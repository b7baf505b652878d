// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * copy_from_user and copy_to_user: the kernel touches user memory as the program itself would, faults
 * included, on any kind of mapping; a signal becomes -EFAULT. arch/x86/lib/copy_user_64.S
 */
import type { Run } from '../../explore/program.ts';
import { EFAULT } from '../errno.ts';
import { user_access } from './access.ts';
import { BUS_ADRERR } from './fault.ts';

/** One word that a call moved; `value` counts only where `err` is 0. */
export interface Word {
  readonly err: number;
  readonly value: number;
}

/** get_user of one word: one attempt. A part of its caller, for the sake of the pair. */
export function* get_user_word(mm: number, addr: number, word: number): Run<Word> {
  return yield* attempt(mm, addr, 0, word, 0);
}

/**
 * Copies one word from (or with `write` to) the user. Where that faults for good, what is left is tried
 * byte by byte, so the exporter is asked twice (6.12 arch/x86/lib/copy_user_64.S:42, 6.1 :193), unless
 * the CPU copies by a fast `rep movsb`. A part of its caller.
 */
export function* copy_user_word(
  mm: number,
  addr: number,
  write: number,
  word: number,
  value: number,
): Run<Word> {
  const got = yield* attempt(mm, addr, write, word, value);
  return got.err ? yield* attempt(mm, addr, write, word, value) : got;
}

function* attempt(mm: number, addr: number, write: number, word: number, value: number): Run<Word> {
  const got = yield* user_access(mm, addr, write, word, value, null);
  const signal = got < 0 && got >= BUS_ADRERR;
  return signal ? { err: -EFAULT, value: 0 } : { err: 0, value: got };
}
