// SPDX-License-Identifier: GPL-2.0-or-later
// `npm start`: from a fresh clone to the matrix. Arguments after `--` are
// passed on to `pfnmap matrix`, and its exit code is passed back.

import { join } from 'node:path';
import { checkNode, ensureDependencies, exitWith, root, run } from './setup.mjs';

await exitWith(async () => {
  checkNode(20);
  await ensureDependencies();
  const { build } = await import('./build.mjs');
  if (!(await build())) return 1;
  const cli = join(root, 'dist', 'cli.js');
  const args = process.argv.slice(2);
  const { code } = await run(process.execPath, [cli, 'matrix', ...args], { stdin: true });
  return code;
});
