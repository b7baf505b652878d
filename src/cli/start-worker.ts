// SPDX-License-Identifier: GPL-2.0-or-later
/** What worker threads start with. */
import { keepCode } from './code-cache.ts';

const keep = keepCode(import.meta.url);
/** Jobs after which code is kept: it takes longer than many a job. */
const KEEP = [1, 4, 16, 64, 256];
let jobs = 0;
const worked = () => {
  jobs++;
  if (KEEP.includes(jobs)) keep();
};
import('./worker.ts').then(({ serve }) => serve((url) => import(url), worked));
