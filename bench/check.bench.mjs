// SPDX-License-Identifier: GPL-2.0-or-later
// The source checker over a whole kernel: with a cold cache of its own and a warm page cache, again
// with nothing changed, and a patch. Coccinelle's same-file rule over the same tree is the peer, if
// spatch is installed.

import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fetchLinux } from '../scripts/linux-source.mjs';
import { inTemporaryDirectory, median } from './measure.mjs';

const cli = join(import.meta.dirname, '..', 'dist', 'cli.js');
const RUNS = 3;

const RULE = `@m@
identifier f, vma;
@@
f(..., struct vm_area_struct *vma, ...) { <+... \\(vm_insert_page\\|vm_map_pages\\)(vma, ...) ...+> }
@@
identifier m.f, t;
@@
* struct dma_buf_ops t = { .mmap = f, };
`;

/**
 * @param {string} command
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env
 */
function seconds(command, args, env) {
  const began = performance.now();
  const { status, error } = spawnSync(command, args, {
    env: { ...process.env, ...env },
    stdio: 'ignore',
  });
  if (error || (status !== 0 && status !== 1))
    throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? status}`);
  return (performance.now() - began) / 1000;
}

export default () =>
  inTemporaryDirectory(async (dir) => {
    const tree = fetchLinux('6.12');
    const cache = join(dir, 'cache');
    const env = { XDG_CACHE_HOME: cache };
    mkdirSync(cache);
    const cold = [];
    const warm = [];
    const patch = [];
    const peer = [];
    const rule = join(dir, 'rule.cocci');
    writeFileSync(rule, RULE);
    const file = 'drivers/dma-buf/udmabuf.c';
    const line = readFileSync(join(tree, file), 'latin1').split('\n')[0];
    writeFileSync(
      join(dir, 'x.patch'),
      `--- a/${file}\n+++ b/${file}\n@@ -1,1 +1,2 @@\n ${line}\n+/* */\n`,
    );
    const hasPeer = spawnSync('spatch', ['--version']).status === 0;
    for (let i = 0; i <= RUNS; i++) {
      rmSync(cache, { recursive: true });
      mkdirSync(cache);
      const c = seconds(process.execPath, [cli, 'check', tree], env);
      const w = seconds(process.execPath, [cli, 'check', tree], env);
      const p = seconds(
        process.execPath,
        [cli, 'check', '--patch', join(dir, 'x.patch'), '--tree', tree],
        env,
      );
      const s = hasPeer
        ? seconds(
            'spatch',
            [
              '--no-show-diff',
              '--very-quiet',
              '--use-coccigrep',
              '-j',
              '2',
              '--sp-file',
              rule,
              '--dir',
              tree,
            ],
            {},
          )
        : undefined;
      if (i === 0) continue;
      cold.push(c);
      warm.push(w);
      patch.push(p);
      if (s !== undefined) peer.push(s);
    }
    const cocci = hasPeer
      ? `spatch, same-file rule: ${median(peer).toFixed(2)} s`
      : 'spatch is not installed';
    return [
      {
        name: 'pfnmap check, 6.12, cold cache',
        value: median(cold),
        unit: 's',
        atMost: 3,
        peer: cocci,
      },
      { name: 'pfnmap check, 6.12, again', value: median(warm), unit: 's', atMost: 0.4 },
      { name: 'pfnmap check --patch, warm', value: median(patch), unit: 's', atMost: 0.3 },
    ];
  });
