// SPDX-License-Identifier: GPL-2.0-or-later
/** `pfnmap reproduce`: a failure on a real kernel, step by step, beside the model's prediction. */
import { MAPPING_KINDS } from '../conform/kinds.ts';
import { parseOp } from '../conform/program.ts';
import { textOf, versionOf } from '../conform/real/campaign.ts';
import { Machine } from '../conform/real/machine.ts';
import type { Kernel } from '../conform/real/packages.ts';
import { REPRODUCTIONS } from '../conform/reproductions.ts';
import { runOps } from '../conform/run.ts';
import type { Context } from './commands.ts';
import { EXIT, type ExitCode, Failure, out, outJson } from './io.ts';
import { kernelsToBoot, say, withMeans } from './kernel.ts';

export interface ReproduceOptions {
  readonly boot: string;
  readonly patch?: boolean;
  readonly json?: boolean;
}

interface Step {
  readonly op: string;
  readonly kernel: string;
  readonly model: string;
}

/** What a kernel and the model said to one program. */
interface Reproduced {
  readonly name: string;
  readonly title: string;
  readonly release: string;
  readonly agrees: boolean;
  readonly steps: readonly Step[];
  readonly log: readonly string[];
}

async function reproduceOne(
  machine: Machine,
  name: string,
  title: string,
  texts: readonly string[],
): Promise<Reproduced> {
  const { release } = machine.kernel;
  const ops = texts.map((text) => parseOp(text));
  const { results, log } = await machine.runOne(ops.map(textOf));
  const model = runOps(versionOf(release), ops);
  const steps = ops.map((op, i) => ({
    op: op.text,
    kernel: results[i] ?? '',
    model: model[i] ?? '',
  }));
  const agrees = steps.every((step) => step.kernel === step.model);
  return { name, title, release, agrees, steps, log };
}

function told({ name, title, release, agrees, steps, log }: Reproduced): string {
  const width = Math.max(...steps.map((s) => s.op.length), 4);
  const said = Math.max(...steps.map((s) => s.kernel.length), release.length);
  const text = [`${name}: ${title}`, ''];
  text.push(`  ${''.padEnd(width)}  ${release.padEnd(said)}  model`);
  for (const { op, kernel, model } of steps) {
    const mark = kernel === model ? '' : '  <- differs';
    text.push(`  ${op.padEnd(width)}  ${kernel.padEnd(said)}  ${model}${mark}`.trimEnd());
  }
  const words = log.filter((line) => /BUG|WARN|Oops|RIP:|panic/.test(line));
  if (words.length) text.push('', ...words.slice(0, 8).map((line) => `  ${line}`));
  text.push('', agrees ? '=> the kernel does what the model predicts' : '=> they differ', '');
  return text.join('\n');
}

/** What the posted patch would have warned about: a probe on return of the unmodified callback. */
async function patchWarnings(machine: Machine): Promise<Reproduced> {
  const { release } = machine.kernel;
  const steps: Step[] = [];
  const verdict = (all: readonly string[]): string => {
    const [okNoPfn, failNoPfn] = [/ok_nopfn(\d+)/, /fail_nopfn(\d+)/].map((pattern) =>
      Number(pattern.exec(all.at(-1) ?? '')?.[1] ?? 0),
    );
    if (all.slice(0, -1).some((result) => result !== 'ok') && !failNoPfn) return 'not here';
    return okNoPfn || failNoPfn ? 'WARNING' : 'quiet';
  };
  for (const [kind, setup] of Object.entries(MAPPING_KINDS)) {
    const ops = [...setup, 'pwarn'].map((text) => parseOp(text));
    const { results } = await machine.runOne(ops.map(textOf));
    const model = runOps(versionOf(release), ops);
    // Without a callback the patch's line is not reached, though the probe counts the return.
    const none = kind === 'nommap' ? 'no callback' : null;
    steps.push({ op: kind, kernel: none ?? verdict(results), model: none ?? verdict(model) });
  }
  const agrees = steps.every((step) => step.kernel === step.model);
  const title = 'what the posted patch would have warned about, by return probes';
  return { name: 'patch', title, release, agrees, steps, log: [] };
}

function chosen(names: readonly string[]): typeof REPRODUCTIONS {
  if (names.length === 0) return REPRODUCTIONS;
  return names.map((name) => {
    const found = REPRODUCTIONS.find((r) => r.name === name);
    if (!found) {
      const known = REPRODUCTIONS.map((r) => r.name).join(' ');
      throw new Failure(`nothing to reproduce is called '${name}'; there are: ${known}`);
    }
    return found;
  });
}

async function onKernel(
  kernel: Kernel,
  names: readonly string[],
  options: ReproduceOptions,
  signal: AbortSignal,
): Promise<Reproduced[]> {
  const all: Reproduced[] = [];
  const show = (one: Reproduced) => {
    all.push(one);
    if (!options.json) out(told(one));
  };
  // Each on a machine of its own: some leave it wrong for all that come after.
  for (const { name, title, rule, ops } of options.patch ? [] : chosen(names)) {
    if (signal.aborted) break;
    const machine = new Machine(kernel, say);
    try {
      show(await reproduceOne(machine, name, `${title} (${rule})`, ops));
    } finally {
      await machine.close();
    }
  }
  if (options.patch) {
    const machine = new Machine(kernel, say);
    try {
      show(await patchWarnings(machine));
    } finally {
      await machine.close();
    }
  }
  return all;
}

export async function reproduce(
  names: readonly string[],
  options: ReproduceOptions,
  { signal }: Context,
): Promise<ExitCode> {
  chosen(names);
  const all: Reproduced[] = [];
  await withMeans(async () => {
    for (const kernel of await kernelsToBoot(options.boot)) {
      if (!signal.aborted) all.push(...(await onKernel(kernel, names, options, signal)));
    }
  });
  if (options.json) outJson({ reproduced: all });
  if (signal.aborted) return EXIT.interrupted;
  return all.every((one) => one.agrees) ? EXIT.ok : EXIT.notSo;
}
