// SPDX-License-Identifier: GPL-2.0-or-later
/** The command line program. */

import { Command } from 'commander';
import { version } from '../../package.json';

const program = new Command('pfnmap').version(version);
program
  .command('matrix')
  .description('a placeholder')
  .action(async () => {
    const { placeholder } = await import('../index.ts');
    console.log(placeholder);
  });
await program.parseAsync();
