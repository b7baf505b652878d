// SPDX-License-Identifier: GPL-2.0-or-later
/** `pfnmap conform`: recorded answers of real kernels, held against the model. */
import type { CommonOptions, Context } from './commands.ts';
import { EXIT, type ExitCode, Failure } from './io.ts';

interface ConformOptions extends CommonOptions {
  readonly corpus?: string;
  readonly facts?: string;
}

export async function conform(options: ConformOptions, _context: Context): Promise<ExitCode> {
  if (options.corpus === undefined && options.facts === undefined) {
    throw new Failure(
      'booting real kernels is not there yet: name recorded answers with --corpus FILE.jsonl or ' +
        '--facts FILE.tsv',
      EXIT.unknown,
    );
  }
  throw new Failure('running recorded answers is not there yet', EXIT.unknown);
}
