// SPDX-License-Identifier: GPL-2.0-or-later
/** A user's file and what it imports as one ES module, with errors that name line and column. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Message, Plugin } from 'esbuild';
import { EXIT, Failure } from './io.ts';

export interface Bundle {
  /** With the source map inside. */
  readonly code: string;
  /** The source map alone, as JSON. */
  readonly map: string;
}

/**
 * @param outfile where the code will be: paths in the source map are relative to it
 * @param self URL of this program, beside which the library lies
 * @throws Failure for a file that is missing or has a syntax error
 */
export async function bundle(file: string, outfile: string, self: string): Promise<Bundle> {
  if (!existsSync(file)) throw new Failure(`${file}: no such file`);
  const library = new URL('./index.js', self).href;
  // `pfnmap` is this very installation, wherever the file lies.
  const ours: Plugin = {
    name: 'pfnmap',
    setup(build) {
      build.onResolve({ filter: /^pfnmap$/ }, () => ({ path: library, external: true }));
    },
  };
  const esbuild = await import('esbuild');
  const result = await esbuild
    .build({
      entryPoints: [resolve(file)],
      outfile,
      bundle: true,
      write: false,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      sourcemap: 'external',
      logLevel: 'silent',
      plugins: [ours],
    })
    .catch((error: { errors?: Message[] }) => {
      if (!error.errors?.length) throw error;
      const [first] = error.errors;
      const rest = error.errors.length - 1;
      const more = rest ? `\n(and ${rest} more error${rest > 1 ? 's' : ''})` : '';
      throw new Failure(`${described(first, file)}${more}`, EXIT.notSo);
    });
  const code = result.outputFiles.find((f) => !f.path.endsWith('.map'))?.text ?? '';
  const map = result.outputFiles.find((f) => f.path.endsWith('.map'))?.text ?? '{}';
  const inline = Buffer.from(map).toString('base64');
  return {
    code: `${code}\n//# sourceMappingURL=data:application/json;base64,${inline}\n`,
    map,
  };
}

function described({ text, location }: Message, file: string): string {
  if (!location) return `${file}: ${text}`;
  const { line, column, lineText, length } = location;
  const number = String(line);
  return [
    `${location.file}:${line}:${column + 1}: ${text}`,
    `  ${number} | ${lineText}`,
    `  ${' '.repeat(number.length)} | ${' '.repeat(column)}${'^'.repeat(Math.max(1, length))}`,
  ].join('\n');
}
