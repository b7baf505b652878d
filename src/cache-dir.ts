// SPDX-License-Identifier: GPL-2.0-or-later
/** The user's cache, below which everything of ours lies; all of it may be deleted. */
import { homedir } from 'node:os';
import { join } from 'node:path';

/** @param parts of the path below our directory */
export const cacheDir = (...parts: string[]): string =>
  join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'pfnmap', ...parts);
