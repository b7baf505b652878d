// SPDX-License-Identifier: GPL-2.0-or-later
/** What worker threads start with. */
import { keepCode } from './code-cache.ts';

const keep = keepCode(import.meta.url);
import('./worker.ts').then(({ serve }) => serve((url) => import(url), keep));
