// SPDX-License-Identifier: GPL-2.0-or-later
// The source checker over a whole kernel: with a cold cache of its own and a warm page cache, again
// with nothing changed, and a patch. Coccinelle's same-file rule over the same tree is the peer, if
// spatch is installed.

import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
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
 * Seconds of a whole process.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env
 */
function run(command, args, env) {
  const began = performance.now();
  const { status, error } = spawnSync(command, args, {
    env: { ...process.env, ...env },
    stdio: 'ignore',
  });
  if (error || (status !== 0 && status !== 1))
    throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? status}`);
  return (performance.now() - began) / 1000;
}

/**
 * A patch to three drivers: a comment goes in before a function, a flag goes from an exporter's mmap, a
 * number changes.
 *
 * @param {string} tree
 */
function patchTo(tree) {
  /** @type {[string, RegExp, string][]} */
  const edits = [
    ['drivers/gpu/drm/xe/xe_bo.c', /^(#include "xe_bo\.h")$/m, '$1\n/* a word */'],
    ['drivers/dma-buf/udmabuf.c', /VM_PFNMAP \| (VM_DONTEXPAND)/, '$1'],
    ['drivers/gpu/drm/vgem/vgem_drv.c', /(DRIVER_MINOR\s+)0/, '$17'],
  ];
  return edits
    .map(([file, from, to]) => {
      const before = readFileSync(join(tree, file), 'latin1').split('\n');
      const after = before.join('\n').replace(from, to).split('\n');
      const at = after.findIndex((line, i) => line !== before[i]);
      if (at < 3) throw new Error(`${file} is not as it was when this benchmark was written`);
      const more = after.length - before.length;
      const lines = [
        ...before.slice(at - 3, at).map((l) => ` ${l}`),
        ...(more ? [] : [`-${before[at]}`]),
        `+${after[at]}`,
        ...after.slice(at + 1, at + 4).map((l) => ` ${l}`),
      ];
      const [minus, plus] = ['+', '-'].map((c) => lines.filter((l) => l[0] !== c).length);
      return `--- a/${file}\n+++ b/${file}\n@@ -${at - 2},${minus} +${at - 2},${plus} @@\n${lines.join('\n')}\n`;
    })
    .join('');
}

/**
 * The most memory of a run, in MB, and the processors' time that it took, in seconds, which says more
 * than the clock where others are at work; undefined where /usr/bin/time is not.
 *
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env
 */
function spent(args, env) {
  const format = ['-f', '%M %U %S', process.execPath];
  const { status, stderr } = spawnSync('/usr/bin/time', [...format, ...args], {
    env: { ...process.env, ...env },
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (status !== 0 && status !== 1) return undefined;
  const [most = 0, user = 0, system = 0] =
    stderr.trim().split('\n').at(-1)?.split(' ').map(Number) ?? [];
  return { most: most / 1024, cpu: user + system };
}

export default () =>
  inTemporaryDirectory(async (dir) => {
    const tree = fetchLinux('6.12');
    const cache = join(dir, 'cache');
    const env = { XDG_CACHE_HOME: cache };
    const rule = join(dir, 'rule.cocci');
    const patch = join(dir, 'x.patch');
    writeFileSync(rule, RULE);
    writeFileSync(patch, patchTo(tree));
    const ours = [cli, 'check', tree];
    const patched = [cli, 'check', '--patch', patch, '--tree', tree];
    const theirs = ['--no-show-diff', '--very-quiet', '--use-coccigrep', '-j', '2'];
    const hasPeer = spawnSync('spatch', ['--version']).status === 0;
    /** @type {Record<'cold' | 'warm' | 'patch' | 'peer', number[]>} */
    const times = { cold: [], warm: [], patch: [], peer: [] };
    for (let i = 0; i <= RUNS; i++) {
      rmSync(cache, { recursive: true, force: true });
      mkdirSync(cache);
      const cold = run(process.execPath, ours, env);
      const warm = run(process.execPath, ours, env);
      const peer = hasPeer
        ? run('spatch', [...theirs, '--sp-file', rule, '--dir', tree], {})
        : Number.NaN;
      const one = run(process.execPath, patched, env);
      // The first round warms the page cache.
      if (i === 0) continue;
      times.cold.push(cold);
      times.warm.push(warm);
      times.patch.push(one);
      times.peer.push(peer);
    }
    rmSync(cache, { recursive: true, force: true });
    mkdirSync(cache);
    const once = spent(ours, env);
    const oncePatched = spent(patched, env);
    const [load = 0] = loadavg();
    const cold = median(times.cold);
    const peer = median(times.peer);
    const cocci = `spatch, same-file rule: ${peer.toFixed(2)} s`;
    return [
      {
        name: `pfnmap check, 6.12, cold cache (load ${load.toFixed(1)})`,
        value: cold,
        unit: 's',
        atMost: 3,
        peer: hasPeer ? cocci : 'spatch is not installed',
      },
      ...(hasPeer
        ? [
            {
              name: 'the same, of the peer',
              value: cold / peer,
              unit: 'x',
              atMost: 0.7,
              peer: cocci,
            },
          ]
        : []),
      { name: 'pfnmap check, 6.12, again', value: median(times.warm), unit: 's', atMost: 0.4 },
      {
        name: 'pfnmap check --patch of three files, warm',
        value: median(times.patch),
        unit: 's',
        atMost: 0.3,
      },
      ...(once && oncePatched
        ? [
            { name: 'memory of the cold run', value: once.most, unit: 'MB', atMost: 700 },
            { name: 'processor time of the cold run', value: once.cpu, unit: 's' },
            { name: 'processor time of the patch', value: oncePatched.cpu, unit: 's' },
          ]
        : []),
    ];
  });
