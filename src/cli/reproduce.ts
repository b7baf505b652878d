// SPDX-License-Identifier: GPL-2.0-or-later
/** `pfnmap reproduce`: a failure on a real kernel, step by step, beside the model's prediction. */
import { MAPPING_KINDS } from '../conform/mappings.ts';
import { runOps } from '../conform/model.ts';
import { parseOp } from '../conform/program.ts';
import { textOf, versionOf } from '../conform/real/campaign.ts';
import { Machine } from '../conform/real/machine.ts';
import type { Kernel } from '../conform/real/packages.ts';
import { REPRODUCTIONS, type Reproduction } from '../conform/reproductions.ts';
import type { Line } from '../conform/staged.ts';
import type { Address } from '../report/address.ts';
import type { Context } from './commands.ts';
import { EXIT, type ExitCode, Failure, note, out, outJson } from './io.ts';
import { doing, kernelsToBoot, withMeans } from './kernel.ts';
import { resolveOne } from './names.ts';
import { addressOf } from './replay.ts';
import { type Staged, stageNamed, stageSchedule } from './reproduce-model.ts';

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
  | { readonly kind: 'schedule'; readonly address: Address; readonly staged: Staged };

/** What names stand for. Throws Failure, before anything is booted. */
function chosen(names: readonly string[]): Subject[] {
  if (names.length === 0) return REPRODUCTIONS.map((program) => ({ kind: 'program', program }));
  // A long schedule is printed in several words; one that lacks its version is one all the same.
  if (/[@:]/.test(names[0])) {
    const address = addressOf(names);
    return [{ kind: 'schedule', address, staged: stageSchedule(address) }];
  }
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

/** Reproduces one thing; null if it is of another kernel, or was stopped. */
async function onMachine(
  machine: Machine,
  subject: Subject,
  signal: AbortSignal,
): Promise<Reproduced | null> {
  const linux = versionOf(machine.kernel.release);
  switch (subject.kind) {
    case 'program':
      return reproduceOne(machine, subject.program);
    case 'named': {
      const staged = await stageNamed(subject.name, linux, signal);
      return signal.aborted ? null : reproduceStaged(machine, subject.name, staged);
    }
    case 'schedule': {
      const { address, staged } = subject;
      return address.linux === linux ? reproduceStaged(machine, address.name, staged) : null;
    }
  }
}

export async function reproduce(
  names: readonly string[],
  options: ReproduceOptions,
  { signal }: Context,
): Promise<ExitCode> {
  const subjects = chosen(names);
  const all: Reproduced[] = [];
  /** Runs on a machine of its own: some leave it wrong for all that come after. */
  const show = async (
    kernel: Kernel,
    what: (machine: Machine) => Promise<Reproduced | null>,
  ): Promise<void> => {
    if (signal.aborted) return;
    const machine = new Machine(kernel, doing(signal));
    try {
      const one = await what(machine);
      if (!one) return;
      all.push(one);
      if (!options.json) out(told(one));
    } finally {
      await machine.close();
    }
  };
  await withMeans(async () => {
    for (const kernel of await kernelsToBoot(options.boot, signal)) {
      if (options.patch) await show(kernel, patchWarnings);
      else for (const one of subjects) await show(kernel, (m) => onMachine(m, one, signal));
    }
  });
  if (options.json) outJson({ reproduced: all });
  if (signal.aborted) {
    note('pfnmap: interrupted; what was run until then is above');
    return EXIT.interrupted;
  }
  const [subject] = subjects;
  if (subject.kind === 'schedule' && all.length === 0) {
    const { linux } = subject.address;
    throw new Failure(`the schedule is of Linux ${linux}, and that is not among --boot`);
  }
  if (all.some((one) => one.agrees === false)) return EXIT.notSo;
  return all.some((one) => one.cannot) ? EXIT.unknown : EXIT.ok;
}
