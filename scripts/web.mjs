// SPDX-License-Identifier: GPL-2.0-or-later
// The page as files: one script that is both the page and its workers, others
// that are loaded when they are asked for, and what the browser loads as it is.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { licencesOf } from './licences.mjs';
import { root } from './setup.mjs';

const spdx = 'SPDX-License-Identifier: GPL-2.0-or-later';

/** Scripts that the page loads when they are asked for; each leaves what it is in a global. */
const LAZY = ['editor', 'book', 'places', 'sources'];

/**
 * A worker is made of the program's own text where it cannot be loaded again, so the program is a
 * function that can be asked for its text. Stacks name it, so that the engine knows its own lines.
 *
 * @param {string} code
 */
const program = (code) =>
  `/* ${spdx} */\nfunction pfnmapProgram(){\n${code}}\npfnmapProgram();\n//# sourceURL=dist/web/pfnmap.js\n`;

/** @type {import('esbuild').Plugin} The text of the kernel model, by path. */
const modelPlugin = {
  name: 'model',
  setup(build) {
    build.onResolve({ filter: /^model:sources$/ }, () => ({ path: 'sources', namespace: 'model' }));
    build.onLoad({ filter: /.*/, namespace: 'model' }, () => {
      const dir = join(root, 'src', 'kernel');
      const paths = readdirSync(dir, { recursive: true, encoding: 'utf8' })
        .filter((path) => path.endsWith('.ts') && !path.endsWith('.gen.ts'))
        .sort();
      const texts = Object.fromEntries(
        paths.map((path) => [
          `src/kernel/${path.split(sep).join('/')}`,
          readFileSync(join(dir, path), 'utf8'),
        ]),
      );
      return { contents: JSON.stringify(texts), loader: 'json' };
    });
  },
};

/** @param {string} html of the sandbox: its one script is named by its hash */
function sandbox(html) {
  const script = /<script>([\s\S]*?)<\/script>/.exec(html)?.[1] ?? '';
  return html.replace('HASH', createHash('sha256').update(script).digest('base64'));
}

/**
 * The page's files by name; undefined when esbuild has printed errors.
 *
 * @returns {Promise<Record<string, string> | undefined>}
 */
export async function webFiles() {
  const esbuild = await import('esbuild');
  const { bookPlugin } = await import('./book.mjs');
  const options = /** @type {const} */ ({
    absWorkingDir: root,
    bundle: true,
    minify: true,
    legalComments: 'none',
    format: 'iife',
    platform: 'browser',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    logLevel: 'warning',
    write: false,
    metafile: true,
  });
  try {
    const [main, style, ...lazy] = await Promise.all([
      esbuild.build({ ...options, entryPoints: ['web/main.tsx'] }),
      esbuild.build({ ...options, entryPoints: ['web/style/index.css'] }),
      ...LAZY.map((name) =>
        esbuild.build({
          ...options,
          entryPoints: [`web/lazy/${name}.ts`],
          plugins: [bookPlugin, modelPlugin],
        }),
      ),
    ]);
    const read = (/** @type {string} */ name) => readFileSync(join(root, 'web', name), 'utf8');
    return {
      // A browser asks for an icon again and again, so it is in the page.
      'licences.txt': licencesOf([main, style, ...lazy].map(({ metafile }) => metafile)),
      'index.html': read('index.html').replace(
        'icon.svg',
        `data:image/svg+xml,${encodeURIComponent(read('icon.svg').trim())}`,
      ),
      'sandbox.html': sandbox(read('sandbox.html')),
      'pfnmap.js': program(main.outputFiles[0].text),
      'pfnmap.css': `/* ${spdx} */\n${style.outputFiles[0].text}`,
      ...Object.fromEntries(
        LAZY.map((name, i) => [`${name}.js`, `/* ${spdx} */\n${lazy[i].outputFiles[0].text}`]),
      ),
    };
  } catch (error) {
    // esbuild has printed the errors it found in the sources.
    if (!Array.isArray(/** @type {{ errors?: unknown }} */ (error)?.errors)) throw error;
    return undefined;
  }
}
