// SPDX-License-Identifier: GPL-2.0-or-later
/** `pfnmap conform`: recorded answers of real kernels, held against the model. */
import { readFileSync } from 'node:fs';
import { CorpusError } from '../conform/program.ts';
import { type Comparison, emptyComparison, runCorpus, runFacts } from '../conform/run.ts';
import { tenths } from '../report/json.ts';
import { count, duration, number, paragraph } from '../report/text.ts';
import type { Context } from './commands.ts';
import type { BootOptions } from './conform-boot.ts';
import { breathe, EXIT, type ExitCode, Failure, note, out, outJson, ProgressLine } from './io.ts';

export async function conform(options: BootOptions, context: Context): Promise<ExitCode> {
  const { corpus, facts, linux, json } = options;
  const { signal } = context;
  if (corpus !== undefined && facts !== undefined) {
    throw new Failure('--corpus and --facts are two runs: give one of them');
  }
  if (options.race !== undefined) return race({ ...options, race: options.race }, context);
  const file = corpus ?? facts;
  const { boot, fuzz, record } = options;
  const boots = [boot, fuzz, record].some((option) => option !== undefined);
  if (file === undefined || boots) {
    return (await import('./conform-boot.ts')).conformBoot(options, context);
  }
  const text = read(file);
  const line = new ProgressLine();
  const result = emptyComparison(linux);
  let broken: string | null = null;
  const lines = text.split('\n');
  // A table's first line names its columns and belongs to every batch.
  const head = corpus === undefined ? lines.slice(0, 1) : [];
  for (let at = head.length; at < Math.max(lines.length, 1) && !signal.aborted; at += BATCH) {
    line.show(`${number(at)} of ${count(lines.length, 'line')}`);
    const compare = (to: number) => {
      const batch = [...head, ...lines.slice(at, to)].join('\n');
      const run = corpus === undefined ? runFacts : runCorpus;
      add(result, run(batch, { linux, file, fromLine: at + 1 }));
    };
    try {
      compare(at + BATCH);
    } catch (error) {
      if (!(error instanceof CorpusError)) throw error;
      broken = error.message;
      // What stands before the broken line is good: keep it.
      const place = Number(/:(\d+)$/.exec(error.where)?.[1] ?? 0) - 1;
      if (place > at) compare(place);
      break;
    }
    await breathe();
  }
  line.clear();
  if (!result.programs && !result.programs_left_out && !broken && !signal.aborted) {
    broken = `${file}: there is nothing in it to compare`;
  }
  if (json) outJson({ ...result, ms: tenths(result.ms) });
  else if (result.programs || !broken) out(told(result));
  if (broken) throw new Failure(broken);
  if (signal.aborted) {
    note(`pfnmap: interrupted after ${count(result.programs, 'program')}`);
    return EXIT.interrupted;
  }
  return result.ops_mismatched ? EXIT.notSo : EXIT.ok;
}

/** Races are a run of their own. */
async function race(
  options: BootOptions & { readonly race: string },
  context: Context,
): Promise<ExitCode> {
  const { corpus, facts, fuzz, record } = options;
  const other = Object.entries({ corpus, facts, fuzz, record }).find(([, v]) => v !== undefined);
  if (other) throw new Failure(`--race and --${other[0]} are two runs: give one of them`);
  return (await import('./conform-race.ts')).conformRace(options, context);
}

/** Lines between two looks at the outside world. */
const BATCH = 64;

function add(sum: Comparison, part: Comparison): void {
  sum.programs += part.programs;
  sum.programs_left_out += part.programs_left_out;
  sum.ops += part.ops;
  sum.programs_mismatched += part.programs_mismatched;
  sum.ops_mismatched += part.ops_mismatched;
  sum.ms += part.ms;
  sum.mismatches.push(...part.mismatches);
  for (const [name, n] of Object.entries(part.unsupported_ops)) {
    sum.unsupported_ops[name] = (sum.unsupported_ops[name] ?? 0) + n;
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Failure(code === 'ENOENT' ? `${file}: no such file` : `${file}: ${message}`);
  }
}

/** Every disagreement, then the sums. */
function told(c: Comparison): string {
  const text: string[] = [];
  for (const { id, op, text: what, recorded, model } of c.mismatches) {
    text.push(`${id}: op ${op}: ${what}`, `    recorded ${recorded || '(nothing)'}`);
    text.push(`    model    ${model || '(nothing)'}`);
  }
  if (text.length) text.push('');
  const missing = Object.entries(c.unsupported_ops).sort((a, b) => b[1] - a[1]);
  if (missing.length) {
    const list = missing.map(([name, n]) => `${name} ${number(n)}`).join(', ');
    text.push(...paragraph(`not modelled: ${list}`, 98), '');
  }
  const good = c.ops - c.ops_mismatched;
  const share = c.ops ? ((100 * good) / c.ops).toFixed(1) : '100.0';
  const whole = c.programs - c.programs_mismatched;
  text.push(
    `Linux ${c.linux}: ${number(good)} of ${count(c.ops, 'op')} agree (${share} %), ` +
      `${number(whole)} of ${count(c.programs, 'program')} wholly; ` +
      `${number(c.programs_left_out)} left out; ${duration(c.ms)}`,
  );
  return text.join('\n');
}
