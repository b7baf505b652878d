// SPDX-License-Identifier: GPL-2.0-or-later
/** `pfnmap reproduce`: a failure on a real kernel, step by step, beside the model's prediction. */
import { MAPPING_KINDS } from '../conform/kinds.ts';
import { parseOp } from '../conform/program.ts';
import { textOf, versionOf } from '../conform/real/campaign.ts';
import { Machine } from '../conform/real/machine.ts';
import type { Kernel } from '../conform/real/packages.ts';
import { REPRODUCTIONS, type Reproduction } from '../conform/reproductions.ts';
import { runOps } from '../conform/run.ts';
import type { Line } from '../conform/staged.ts';
import type { Address } from '../report/address.ts';
import type { Context } from './commands.ts';
import { EXIT, type ExitCode, Failure, out, outJson } from './io.ts';
import { kernelsToBoot, say, withMeans } from './kernel.ts';
import { resolveOne } from './names.ts';
import { addressOf, type Staged, stageNamed, stageSchedule } from './reproduce-model.ts';

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
  /** null: it was not run, see `cannot`. */
  readonly agrees: boolean | null;
  /** Why it cannot be run on a kernel, or null. */
  readonly cannot: string | null;
  /** The interleaving of the model that it stands for, if it was made from one. */
  readonly schedule?: string | null;
  /** In what the program is not that interleaving, or null. */
  readonly note?: string | null;
  readonly steps: readonly Step[];
  readonly log: readonly string[];
}

/** Runs lines on a machine and lays the answers beside the model's. */
async function reproduceLines(
  machine: Machine,
  name: string,
  title: string,
  lines: readonly Line[],
): Promise<Reproduced> {
  const { release } = machine.kernel;
  const { results, log } = await machine.runOne(lines.map(({ text }) => text));
  const steps = lines.map(({ text, model }, i) => ({
    op: text.replace(/^0 /, ''),
    kernel: results[i] ?? '',
    model,
  }));
  const agrees = steps.every((step) => step.kernel === step.model);
  return { name, title, release, agrees, cannot: null, steps, log };
}

/** One of the programs that are written out. */
function reproduceOne(machine: Machine, { name, title, rule, ops }: Reproduction) {
  const parsed = ops.map((text) => parseOp(text));
  const model = runOps(versionOf(machine.kernel.release), parsed);
  const lines = parsed.map((op, i) => ({ text: textOf(op), model: model[i] ?? '' }));
  return reproduceLines(machine, name, `${title} (${rule})`, lines);
}

/** An interleaving of the model. */
async function reproduceStaged(
  machine: Machine,
  name: string,
  { schedule, rule, violation, lines, note, cannot }: Staged,
): Promise<Reproduced> {
  const { release } = machine.kernel;
  const title = violation ? `${violation} (${rule})` : '';
  if (cannot) {
    return { name, title, release, agrees: null, cannot, schedule, steps: [], log: [] };
  }
  return { ...(await reproduceLines(machine, name, title, lines)), schedule, note };
}

function told(one: Reproduced): string {
  const { name, title, release, agrees, cannot, schedule, note, steps, log } = one;
  const model = schedule ? [`  in the model: pfnmap replay ${schedule}`] : [];
  if (note) model.push(`  ${note}`);
  if (cannot) {
    return [
      `${name}: ${title}`.replace(/: $/, ''),
      ...model,
      '',
      `=> not run on ${release}: ${cannot}`,
      '',
    ].join('\n');
  }
  const width = Math.max(...steps.map((s) => s.op.length), 4);
  const said = Math.max(...steps.map((s) => s.kernel.length), release.length);
  const text = [`${name}: ${title}`, ...model, ''];
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
  return { name: 'patch', title, release, agrees, cannot: null, steps, log: [] };
}

/** What is to be reproduced: a program that is written out, a name of the model's, or a schedule. */
type Subject =
  | { readonly kind: 'program'; readonly program: Reproduction }
  | { readonly kind: 'named'; readonly name: string }
  | { readonly kind: 'schedule'; readonly address: Address };

function chosen(names: readonly string[]): Subject[] {
  if (names.length === 0) return REPRODUCTIONS.map((program) => ({ kind: 'program', program }));
  // A long schedule is printed in several words.
  if (names[0].includes('@')) return [{ kind: 'schedule', address: addressOf(names) }];
  return names.map((name) => {
    const program = REPRODUCTIONS.find((r) => r.name === name);
    if (program) return { kind: 'program', program };
    if (!name.includes('/')) {
      const known = REPRODUCTIONS.map((r) => r.name).join(' ');
      throw new Failure(
        `nothing to reproduce is called '${name}'; there are: ${known}; ` +
          'and scenarios, cells and schedules of the model',
      );
    }
    resolveOne(name);
    return { kind: 'named', name };
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
  const linux = versionOf(kernel.release);
  // Each on a machine of its own: some leave it wrong for all that come after.
  for (const subject of options.patch ? [] : chosen(names)) {
    if (signal.aborted) break;
    const machine = new Machine(kernel, say);
    try {
      if (subject.kind === 'program') show(await reproduceOne(machine, subject.program));
      else if (subject.kind === 'named') {
        const staged = await stageNamed(subject.name, linux, signal);
        if (!signal.aborted) show(await reproduceStaged(machine, subject.name, staged));
      } else if (subject.address.linux === linux) {
        const { address } = subject;
        show(await reproduceStaged(machine, address.name, stageSchedule(address)));
      }
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
  const [subject] = chosen(names);
  if (subject.kind === 'schedule' && all.length === 0) {
    const { linux } = subject.address;
    throw new Failure(`the schedule is of Linux ${linux}, and that is not among --boot`);
  }
  if (all.some((one) => one.agrees === false)) return EXIT.notSo;
  return all.some((one) => one.cannot) ? EXIT.unknown : EXIT.ok;
}
