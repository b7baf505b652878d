// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The command line program. Commands are loaded when they are called, so that `--help` is quick; the
 * same file is what worker threads start with.
 */
import { isMainThread } from 'node:worker_threads';

if (isMainThread) {
  const { main } = await import('./commands.ts');
  await main(import.meta.url);
} else {
  const { serve } = await import('./worker.ts');
  await serve();
}
