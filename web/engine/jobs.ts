// SPDX-License-Identifier: GPL-2.0-or-later
/** The jobs of a worker. Each runs in slices: between two it yields, so that it can be stopped. */
import { explore } from '../../src/explore/explore.ts';
import type { System } from '../../src/explore/machine.ts';
import type { Violation } from '../../src/explore/memory.ts';
import { MutantRun } from '../../src/explore/mutants.ts';
import { Outlook } from '../../src/explore/outlook.ts';
import { Player } from '../../src/explore/player.ts';
import { type Divergence, encode, type Replay, replay } from '../../src/explore/schedule.ts';
import { Knowledge } from '../../src/explore/space.ts';
import type { LinuxVersion } from '../../src/kernel/versions.ts';
import { formatAddress } from '../../src/report/address.ts';
import { type CellJson, cellJson, scenarioJson } from '../../src/report/json.ts';
import { type MutantJson, mutantsJson } from '../../src/report/mutants.ts';
import type { Face } from '../../src/scenarios/cell.ts';
import { CellRun, matrixCells, SharedFaces } from '../../src/scenarios/matrix.ts';
import type { Choice, Drive, Driven, Progress, Shown, Subject, Step as Turn } from './protocol.ts';
import { type Resolved, resolve, systemOf } from './subject.ts';
import { play, stepView, traceOf, turnsOf } from './trace.ts';

/** Transitions between two looks at the outside world. */
const SLICE = 20_000;
/** A page gives up earlier than the command does. */
const MAX_STATES = 2_000_000;

/** A job yields its progress, or parts of its answer, and returns the whole. */
export type Running<T> = Generator<Progress | { readonly cell: CellJson }, T>;

/** What cells of one matrix have in common, by version. */
const shared = new Map<LinuxVersion, SharedFaces>();

export function* cells(linux: LinuxVersion, names: readonly string[]): Running<null> {
  let common = shared.get(linux);
  if (!common) shared.set(linux, (common = new SharedFaces()));
  for (const cell of matrixCells().filter((c) => names.includes(c.id))) {
    const run = new CellRun(cell, linux, common, MAX_STATES, false);
    for (;;) {
      const result = run.run(SLICE);
      if (result) {
        yield { cell: cellJson(result) };
        break;
      }
      yield { states: run.statesSoFar };
    }
  }
  return null;
}

/** It is not what the command shows by that name. */
const edited = ({ edits, without }: Subject) =>
  without !== null || Object.keys(edits.exporter).length + Object.keys(edits.consumer).length > 0;

export function* show(subject: Subject, schedule: string | null): Running<Shown> {
  const found = resolve(subject);
  if (schedule !== null) return replayed(found, subject, schedule);
  return found.kind === 'cell'
    ? yield* showCell(found, subject)
    : yield* showScenario(found, subject);
}

function* showCell(found: Extract<Resolved, { kind: 'cell' }>, subject: Subject): Running<Shown> {
  const { linux } = subject;
  if (subject.without) return yield* showMutant(found, subject);
  const run = new CellRun(found.cell, linux, undefined, MAX_STATES);
  let result = run.run(SLICE);
  while (!result) {
    yield { states: run.statesSoFar };
    result = run.run(SLICE);
  }
  const { face, counterexample: ce } = result;
  const name = found.about.name;
  const json = cellJson(result, name);
  const address = edited(subject) ? '' : (json.counterexample?.schedule ?? '');
  const { verdict, rules, states, transitions, ms, bound } = json;
  const shown = {
    about: found.about,
    linux,
    result: { verdict, rules, states, transitions, ms, bound, counterexample: json.counterexample },
    face,
    parted: null,
    address,
  };
  if (!ce) return { ...shown, trace: null };
  const title = titleOf(found, linux);
  const ending = { violation: ce.violation, roundFrom: ce.roundFrom, address, title };
  const mail = found.cell.consumer.source;
  return {
    ...shown,
    trace: told(systemOf(found, subject, face), turnsOf(ce.trace), { ...ending, mail }),
  };
}

function* showScenario(
  found: Extract<Resolved, { kind: 'scenario' }>,
  subject: Subject,
): Running<Shown> {
  const { linux } = subject;
  const { scenario } = found;
  const make = systemOf(found, subject, null);
  const began = performance.now();
  const explorer = explore(make, { maxStates: MAX_STATES, strict: scenario.status === 'own' });
  let result = explorer.run(SLICE);
  while (!result) {
    yield { states: explorer.progress.states };
    result = explorer.run(SLICE);
  }
  const ms = performance.now() - began;
  const json = scenarioJson(scenario, scenario.id, result, ms, linux);
  const { verdict, rules, states, transitions, bound, counterexample } = json;
  const ce = result.counterexample;
  const address = edited(subject) ? '' : (counterexample?.schedule ?? '');
  const shown = {
    about: found.about,
    linux,
    result: { verdict, rules, states, transitions, ms, bound, counterexample },
    face: null,
    parted: null,
    address,
  };
  if (!ce) return { ...shown, trace: null };
  const title = titleOf(found, linux);
  const ending = { violation: ce.violation, roundFrom: ce.roundFrom, address, title };
  return { ...shown, trace: told(make, turnsOf(ce.trace), { ...ending, mail: scenario.source }) };
}

/** A cell without one of its guards: the first of its faces in which a rule falls. */
function* showMutant(found: Extract<Resolved, { kind: 'cell' }>, subject: Subject): Running<Shown> {
  const { linux } = subject;
  const { about } = found;
  let states = 0;
  let transitions = 0;
  let bound: string | null = null;
  const began = performance.now();
  for (const face of about.faces) {
    const make = systemOf(found, subject, face);
    const explorer = explore(make, { maxStates: MAX_STATES });
    let result = explorer.run(SLICE);
    while (!result) {
      yield { states: states + explorer.progress.states };
      result = explorer.run(SLICE);
    }
    states += result.states;
    transitions += result.transitions;
    bound ??= result.bound;
    const ce = result.counterexample;
    if (!ce) continue;
    const { violation, roundFrom, threads, switches, steps, minimal } = ce;
    const title = titleOf(found, linux);
    const ending = { violation, roundFrom, address: '', mail: mailOf(found), title };
    const { rule, text, severity } = violation;
    const counterexample = {
      threads,
      switches,
      steps,
      schedule: '',
      rule,
      violation: text,
      minimal,
    };
    const ms = performance.now() - began;
    const rules = [rule];
    return {
      about,
      linux,
      result: { verdict: severity, rules, states, transitions, ms, bound, counterexample },
      face,
      trace: told(make, turnsOf(ce.trace), ending),
      parted: null,
      address: '',
    };
  }
  const ms = performance.now() - began;
  const verdict = bound ? ('unknown' as const) : ('safe' as const);
  return {
    about,
    linux,
    result: { verdict, rules: [], states, transitions, ms, bound, counterexample: null },
    face: null,
    trace: null,
    parted: null,
    address: '',
  };
}

/** Leaves each guard out in turn: of a scenario, or of all faces of a cell together. */
export function* mutants(subject: Subject): Running<MutantJson[]> {
  const found = resolve(subject);
  const faces = found.kind === 'cell' ? found.about.faces : [null];
  const subjects: { make: () => System; knowledge: Knowledge }[] = [];
  for (const face of faces) {
    const make = systemOf(found, { ...subject, without: null }, face);
    const explorer = explore(make, { maxStates: MAX_STATES, counterexample: false });
    while (!explorer.run(SLICE)) yield { states: explorer.progress.states };
    subjects.push({ make, knowledge: explorer.knowledge });
  }
  const run = new MutantRun(subjects, { maxStates: MAX_STATES });
  let result = run.run(SLICE);
  while (!result) {
    const { states, done, of } = run.progress;
    yield { states, of: `mutant ${done + 1} of ${of}` };
    result = run.run(SLICE);
  }
  return mutantsJson(result);
}

function told(make: () => System, turns: readonly Turn[], ending: Parameters<typeof traceOf>[2]) {
  const system = make();
  return traceOf(system, play(system, turns), ending);
}

const titleOf = (found: Resolved, linux: LinuxVersion) => `${found.about.name}, Linux ${linux}`;

const mailOf = (found: Resolved) =>
  found.kind === 'cell' ? found.cell.consumer.source : found.scenario.source;

/** What fell last, in the worst way. */
function fell(violations: readonly Violation[]): Violation | null {
  return violations.find((v) => v.severity === 'corrupts') ?? violations.at(-1) ?? null;
}

function addressOf(found: Resolved, subject: Subject, face: Face | null, schedule: string): string {
  if (edited(subject)) return '';
  return formatAddress({ name: found.about.name, linux: subject.linux, face, schedule });
}

/** The face of a cell that is meant when none is named. */
function faceOf(found: Resolved, { face }: Subject): Face | null {
  return found.kind === 'cell' ? (face ?? found.about.faces.find((f) => !f.idle) ?? null) : null;
}

function replayed(found: Resolved, subject: Subject, schedule: string): Shown {
  const { linux } = subject;
  const face = faceOf(found, subject);
  const make = systemOf(found, subject, face);
  const got: Replay | Divergence = replay(make(), schedule);
  const violations = got.diverged ? got.trace.flatMap((s) => s.violations) : got.violations;
  const address = addressOf(found, subject, face, encode(got.trace));
  const ending = {
    violation: fell(violations),
    roundFrom: null,
    address,
    mail: mailOf(found),
    title: titleOf(found, linux),
  };
  return {
    about: found.about,
    linux,
    result: null,
    face,
    trace: told(make, turnsOf(got.trace), ending),
    parted: got.diverged ? got.text : null,
    address,
  };
}

/** What was found out of the system that is being driven. */
let driven: { key: string; outlook: Outlook } | null = null;

function* outlookOf(subject: Subject, make: () => System): Running<Outlook> {
  const key = JSON.stringify(subject);
  if (driven?.key === key) return driven.outlook;
  const knowledge = new Knowledge();
  const explorer = explore(make, {
    stopAt: 'never',
    counterexample: false,
    livelock: false,
    symmetry: false,
    maxStates: MAX_STATES,
    knowledge,
  });
  while (!explorer.run(SLICE)) yield { states: explorer.progress.states };
  driven = { key, outlook: new Outlook(make, knowledge) };
  return driven.outlook;
}

export function* drive(subject: Subject, { schedule, keep, next }: Drive): Running<Driven> {
  const { linux } = subject;
  const found = resolve(subject);
  const face = faceOf(found, subject);
  const make = systemOf(found, subject, face);
  const outlook = yield* outlookOf({ ...subject, face }, make);
  const got = replay(make(), schedule);
  const before = turnsOf(got.trace).slice(0, keep ?? undefined);
  const system = make();
  const played = play(system, next ? [...before, ...stretch(make, before, next)] : before);
  const { player } = played;
  const turns = turnsOf(player.trace);
  const deadlock = player.ended ? null : player.deadlock();
  const all = [...(system.found ?? []), ...player.trace.flatMap((s) => s.violations)];
  const violation = fell(deadlock ? [...all, deadlock] : all);
  const ended = player.ended || deadlock !== null;
  const address = addressOf(found, subject, face, encode(player.trace));
  const choices: Choice[] = [];
  for (const { thread, way, prospect } of ended ? [] : outlook.after(turns)) {
    const ahead = new Player(make());
    for (const t of turns) ahead.step(t.thread, t.way);
    ahead.step(thread, way);
    const { name, text, changes, violations } = stepView(ahead.trace[ahead.trace.length - 1]);
    const falls = prospect.kind === 'falls' ? prospect : null;
    choices.push({
      thread,
      way,
      name,
      text,
      changes,
      violations,
      prospect: falls ? (falls.now ? 'now' : 'falls') : (prospect.kind as 'clean' | 'unknown'),
      rule: falls?.violation.rule ?? '',
    });
  }
  return {
    about: found.about,
    linux,
    face,
    trace: traceOf(system, played, {
      violation,
      roundFrom: null,
      address,
      mail: mailOf(found),
      title: titleOf(found, linux),
    }),
    choices,
    ended,
    parted: got.diverged ? got.text : null,
  };
}

/** A step of a thread; or all its steps up to the next lock or choice. */
function stretch(
  make: () => System,
  before: readonly Turn[],
  next: Turn & { run: boolean },
): Turn[] {
  const player = new Player(make());
  for (const t of before) player.step(t.thread, t.way);
  const { thread } = next;
  const turns: Turn[] = [];
  let way: number = next.way;
  while (player.step(thread, way)) {
    turns.push({ thread, way });
    way = 0;
    const { state, def } = player.stand(thread);
    const stop = !next.run || player.ended || state !== 'ready';
    if (stop || def?.kind === 'acquire' || def?.kind === 'choice') break;
  }
  return turns;
}
