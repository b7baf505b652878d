// SPDX-License-Identifier: GPL-2.0-or-later
// The licences of packages whose code is in a bundle: they ask that their text goes with it.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './setup.mjs';

/**
 * The notice for what esbuild has put into bundles.
 *
 * @param {readonly { inputs: Record<string, unknown> }[]} metafiles
 */
export function licencesOf(metafiles) {
  const inputs = metafiles.flatMap(({ inputs }) => Object.keys(inputs));
  const names = inputs.flatMap(
    (path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? [],
  );
  const notices = [...new Set(names)].sort().map((name) => {
    const dir = join(root, 'node_modules', name);
    const { version } = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8'));
    const file = readdirSync(dir).find((f) => /^licen[cs]e/i.test(f));
    if (!file) throw new Error(`${name} is bundled, and brings no file LICENSE`);
    return `${name} ${version}\n\n${readFileSync(join(dir, file), 'utf8').trim()}\n`;
  });
  return `The files beside this one contain code of these packages.\n\n${notices.join('\n\n')}`;
}
