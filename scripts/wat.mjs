// SPDX-License-Identifier: GPL-2.0-or-later
// Assembles the WebAssembly routines: `node scripts/wat.mjs` after a .wat file was changed. What it makes
// stands in the TypeScript beside it, so that no other tool is needed to build; a test holds the two together.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import wabt from 'wabt';

const src = join(import.meta.dirname, '../src');

/** Each routine, and the file that carries it. */
export const ROUTINES = [
  { wat: 'check/c/scanner.wat', carrier: 'check/c/scanner.ts' },
  { wat: 'check/scan/search.wat', carrier: 'check/scan/search.ts' },
  { wat: 'explore/states.wat', carrier: 'explore/arena.ts' },
];

/**
 * @param {string} wat relative to src
 * @returns {Promise<string>} the routine, in base64
 */
export async function assemble(wat) {
  const { parseWat } = await wabt();
  const text = readFileSync(join(src, wat), 'utf8');
  const { buffer } = parseWat(wat, text, { simd: true, bulk_memory: true }).toBinary({});
  return Buffer.from(buffer).toString('base64');
}

if (process.argv[1] === import.meta.filename) {
  for (const { wat, carrier } of ROUTINES) {
    const path = join(src, carrier);
    const lines = (await assemble(wat)).match(/.{1,96}/g) ?? [];
    const code = lines.map((line) => `  '${line}'`).join(' +\n');
    const text = readFileSync(path, 'utf8');
    writeFileSync(
      path,
      text.replace(/(export const CODE =\n)( {2}'.*\n)*/, (_, name) => `${name}${code};\n`),
    );
  }
}
