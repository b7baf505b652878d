// SPDX-License-Identifier: GPL-2.0-or-later
/** What worker threads start with. */
import { keepCode } from './code-cache.ts';

const keep = keepCode(import.meta.url);
let jobs = 0;
/** After the jobs 1, 2, 4, 8 ...: to look what was compiled takes longer than many a job. */
const worked = () => {
  jobs++;
  if ((jobs & (jobs - 1)) === 0) keep();
};
import('./worker.ts').then(({ serve }) => serve((url) => import(url), worked));
