// SPDX-License-Identifier: GPL-2.0-or-later
/** `pfnmap explore`: scenarios in every interleaving. */
import { existsSync } from 'node:fs';
import { count } from '../report/text.ts';
import { CATALOGUE } from '../scenarios/catalogue/index.ts';
import { compileLess } from '../tuning.ts';
import { Ahead } from './ahead.ts';
import type { CommonOptions, Context } from './commands.ts';
import { driverReport } from './driver.ts';
import { EXIT, type ExitCode, Failure, note, out, outJson, ProgressLine, painter } from './io.ts';
import { type Named, resolve } from './names.ts';
import { type Outcome, type RunOptions, runNamed } from './run.ts';
import { isWrong, summary, told } from './told.ts';

type Job = Named | { readonly kind: 'file'; readonly file: string };

export const isFile = (name: string) => /\.[cm]?[jt]s$/.test(name);

const nameOf = (job: Job) =>
  job.kind === 'file' ? job.file : job.kind === 'cell' ? job.cell.id : job.scenario.id;

/** @throws Failure before anything is explored */
function jobsOf(names: readonly string[]): Job[] {
  if (!names.length) return CATALOGUE.map((scenario) => ({ kind: 'scenario', scenario }));
  return names.flatMap((name): Job[] => {
    if (!isFile(name)) return resolve(name);
    if (!existsSync(name)) throw new Failure(`${name}: no such file; \`pfnmap init\` writes one`);
    return [{ kind: 'file', file: name }];
  });
}

export async function exploreCommand(
  names: readonly string[],
  options: CommonOptions,
  context: Context,
): Promise<ExitCode> {
  compileLess();
  const { linux, json, maxStates } = options;
  const { signal } = context;
  const jobs = jobsOf(names);
  const paint = await painter();
  const line = new ProgressLine();
  const began = performance.now();
  const outcomes: Outcome[] = [];
  const errors: { file: string; message: string }[] = [];

  const tell = (outcome: Outcome, own: boolean) => {
    line.clear();
    outcomes.push(outcome);
    if (!json) out(told(outcome, own, paint));
  };
  /** @returns what is wrong with the file, or null */
  const own = async (file: string, run: RunOptions) => {
    const { exploreFile } = await import('./own.ts');
    const met: Outcome[] = [];
    const failed = await exploreFile(file, run, context.self, (outcome, driver) => {
      if (!driver) return tell(outcome, true);
      outcomes.push(outcome);
      met.push(outcome);
    }).catch((error: unknown) => {
      // A file that cannot be read leaves the others their turn.
      if (!(error instanceof Failure)) throw error;
      return error.message;
    });
    line.clear();
    if (met.length && !json) out(driverReport(met, paint));
    return failed;
  };
  const ahead = new Ahead(
    jobs.map((job) => (job.kind === 'file' ? null : nameOf(job))),
    { linux, maxStates },
    context.self,
    signal,
  );
  try {
    for (const [i, job] of jobs.entries()) {
      if (signal.aborted) break;
      const name = nameOf(job);
      const onProgress = (states: number, of = '') =>
        line.show(`${outcomes.length} of ${jobs.length}; ${name} (${count(states, 'state')}${of})`);
      const run: RunOptions = { linux, maxStates, signal, onProgress };
      if (job.kind === 'file') {
        const failed = await own(job.file, run);
        if (!failed) continue;
        line.clear();
        note(`pfnmap: ${failed}`);
        errors.push({ file: job.file, message: failed });
      } else {
        let outcome: Outcome | null;
        try {
          outcome = await (ahead.outcome(i) ?? runNamed(job, run));
        } catch (error) {
          // A fault of the model itself: the other scenarios are none the worse for it.
          line.clear();
          const message = error instanceof Error ? error.message : String(error);
          note(`pfnmap: ${name}: the model fails: ${message}`);
          errors.push({ file: name, message });
          continue;
        }
        if (!outcome || (outcome.interrupted && outcome.json.verdict === 'unknown')) break;
        tell(outcome, job.kind === 'cell' && names.length === 1);
      }
    }
  } finally {
    await ahead.end();
  }
  line.clear();

  if (json) {
    const scenarios = outcomes.map((o) => o.json);
    outJson({ linux, scenarios, ...(errors.length ? { errors } : {}) });
  } else if (outcomes.length > 1) out(`\n${summary(outcomes, performance.now() - began)}`);
  if (signal.aborted) {
    note(`pfnmap: interrupted; ${count(outcomes.length, 'result')} so far`);
    return EXIT.interrupted;
  }
  if (errors.length || outcomes.some((o) => isWrong(o))) return EXIT.notSo;
  return outcomes.some((o) => o.json.verdict === 'unknown') ? EXIT.unknown : EXIT.ok;
}
