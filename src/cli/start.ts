// SPDX-License-Identifier: GPL-2.0-or-later
/** Starts the program. Commands are loaded when they are called. */
import { keepCode } from './code-cache.ts';

/** @param here URL of the program's file */
export async function start(here: string): Promise<void> {
  keepCode(here);
  const { main } = await import('./commands.ts');
  await main(new URL('./worker.js', here).href);
}
