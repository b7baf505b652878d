// SPDX-License-Identifier: GPL-2.0-or-later
/** One scenario or cell: its story, its verdict, the interleaving step by step, its traits. */
import { useEffect, useMemo } from 'preact/hooks';
import { RULES } from '../../src/contract/rules.ts';
import { MEANING, type Verdict } from '../../src/contract/words.ts';
import type { LinuxVersion } from '../../src/kernel/versions.ts';
import { count, duration, number } from '../../src/report/text.ts';
import { CATALOGUE } from '../../src/scenarios/catalogue/index.ts';
import { type Channel, driveSubject, Refused, showSubject } from '../client/engine.ts';
import { pack } from '../client/pack.ts';
import { go, href, type Route, replaceWith } from '../client/route.ts';
import {
  asCode,
  editsOf,
  editsQuery,
  faceText,
  faceWords,
  type Side,
  subjectOf,
  type Value,
  valueText,
} from '../client/subject.ts';
import { useJob } from '../client/use-job.ts';
import type { About, Driven, Shown, Subject, Trace } from '../engine/protocol.ts';
import { resolve } from '../engine/subject.ts';
import { Choices } from '../parts/choices.tsx';
import { Cited } from '../parts/cited.tsx';
import { StoryCode } from '../parts/code.tsx';
import { Mutants, theGuard } from '../parts/mutants.tsx';
import { Share } from '../parts/share.tsx';
import { Stepper } from '../parts/stepper.tsx';
import { Traits } from '../parts/traits.tsx';
import { VerdictMark } from '../parts/verdict.tsx';

interface Props {
  readonly name: string;
  readonly route: Route;
  readonly linux: LinuxVersion;
  /** Where it is explored; default: the page's own worker. */
  readonly channel?: Channel;
  /** What the addresses of this view begin with. */
  readonly base?: string;
}

export function Show({ name, route, linux, channel, base = 'show' }: Props) {
  const { query } = route;
  const { wrong } = editsOf(query);
  const subject = subjectOf(name, linux, query);
  const schedule = query.get('schedule');
  const driving = query.has('drive');
  const about = useMemo(
    () => JSON.stringify([name, linux, subject.face, subject.edits, subject.without]),
    [name, linux, subject.face, subject.edits, subject.without],
  );

  // A schedule is shown at once; the verdict is explored beside it.
  const replayed = useJob<Shown>(
    `${about} ${schedule}`,
    schedule && !driving ? (o) => showSubject(subject, schedule, o, channel) : null,
  );
  const explored = useJob<Shown>(about, (o) =>
    showSubject({ ...subject, face: null }, null, o, channel),
  );
  const driven = useJob<Driven>(
    `${about} ${driving ? schedule : null}`,
    driving
      ? (o) =>
          driveSubject(subject, { schedule: schedule ?? '', keep: null, next: null }, o, channel)
      : null,
  );
  useEffect(() => {
    document.title = `${name} - pfnmap`;
  }, [name]);

  const error = explored.error ?? replayed.error ?? driven.error;
  const whole = explored.value;
  const shown = driving ? null : schedule ? replayed.value : whole;
  const trace: Trace | null = driving ? (driven.value?.trace ?? null) : (shown?.trace ?? null);
  // What the page has itself is known before it is explored, so that nothing moves then.
  const known =
    whole?.about ?? shown?.about ?? driven.value?.about ?? (channel ? undefined : aboutOf(subject));
  const ready = whole?.result != null && (!driving || driven.value !== null);

  const to = (change: Record<string, string | undefined>) =>
    href(`${base}/${name}`, { ...Object.fromEntries(query), ...change });
  const step = query.get('step');
  const end = trace?.steps.length ?? 0;
  const at = step === null ? end : Math.max(0, Math.min(end, Number(step) || 0));
  const move = (steps: number) => replaceWith(to({ step: String(steps) }));

  const change = (side: Side, key: string, value: Value | undefined) => {
    const prefix = side === 'exporter' ? 'x.' : 'c.';
    const fresh = Object.fromEntries(query);
    for (const k of ['schedule', 'step', 'face', 'drive']) delete fresh[k];
    if (value === undefined) delete fresh[prefix + key];
    else fresh[prefix + key] = valueText(value);
    replaceWith(href(`${base}/${name}`, fresh));
  };
  const edit = async ({ exporter, consumer }: Shown['about']) => {
    const code = asCode({ exporter: exporter ?? undefined, consumer: consumer ?? undefined });
    go(href('edit', { linux: query.get('linux') ?? undefined, code: await pack(code) }));
  };
  const drive = (line: string, face: string | undefined) =>
    go(to({ drive: '1', schedule: line || undefined, step: undefined, face }));

  if (error && !whole) return <Gone error={error} name={name} linux={linux} query={query} />;
  const face = driving ? driven.value?.face : shown?.face;
  const edited = Object.keys(editsQuery(subject.edits)).length > 0;
  return (
    <main id="content" class="page show" tabIndex={-1}>
      <header>
        <h1>
          <code>{name}</code> {edited && <span class="soft">with traits changed</span>}
        </h1>
        <p class="title">{known?.title ?? ' '}</p>
        <Outcome shown={whole} states={explored.states} />
        {wrong.length > 0 && (
          <p class="error" role="alert">
            This link changes traits in a way that this version does not know ({wrong.join('; ')});
            these changes are left out.
          </p>
        )}
        {shown?.parted && (
          <p class="error" role="alert">
            {shown.parted}. What could be replayed is shown;{' '}
            <a href={to({ schedule: undefined, step: undefined, face: undefined })}>
              the clearest counterexample of today
            </a>{' '}
            is another.
          </p>
        )}
        {subject.without && (
          <p class="without">
            Without <b>{theGuard(subject.without)}</b>.{' '}
            <a
              href={to({
                without: undefined,
                schedule: undefined,
                step: undefined,
                face: undefined,
              })}
            >
              Put it back
            </a>
          </p>
        )}
        {known?.story && (
          <p class="story">
            <Cited text={known.story} linux={linux} />
          </p>
        )}
        {known && (
          <p class="soft">
            <Cited text={known.status} linux={linux} />. Source:{' '}
            <Cited text={known.source} linux={linux} />.
          </p>
        )}
        {known?.kind === 'scenario' && <Rules ids={rulesOf(name, whole)} linux={linux} />}
      </header>
      <nav class="modes" aria-label="Watch or drive">
        <a
          class="mode"
          aria-current={!driving ? 'true' : undefined}
          href={to({ drive: undefined, schedule: undefined, step: undefined, face: undefined })}
        >
          {whole?.result && !whole.result.counterexample
            ? 'What was covered'
            : 'Watch the counterexample'}
        </a>
        <a
          class="mode"
          aria-current={driving ? 'true' : undefined}
          href={driving ? location.hash : to({ drive: '1', step: undefined, schedule: undefined })}
        >
          You drive
        </a>
        {driving && known && known.faces.length > 1 && (
          <label>
            the exporter’s way{' '}
            <select
              value={face ? faceText(face) : ''}
              onChange={(e) =>
                go(to({ face: e.currentTarget.value, schedule: undefined, step: undefined }))
              }
            >
              {known.faces.map((f) => (
                <option key={faceText(f)} value={faceText(f)}>
                  {faceWords(f)}
                </option>
              ))}
            </select>
          </label>
        )}
        {!driving && face && known && known.faces.length > 1 && (
          <span class="soft">explored here: {faceWords(face)}</span>
        )}
      </nav>
      {driving && (
        <Choices
          driven={driven.value}
          states={driven.states}
          at={at}
          take={(next, keep) =>
            driveSubject(subject, { schedule: schedule ?? '', keep, next }, {}, channel).then((d) =>
              go(to({ schedule: d.trace.schedule || undefined, step: undefined })),
            )
          }
        />
      )}
      {trace && (trace.steps.length > 0 || driving) ? (
        <Stepper trace={trace} at={at} go={move} linux={linux} />
      ) : (
        !driving && (
          <Nothing shown={whole} states={explored.states} drive={() => drive('', undefined)} />
        )
      )}
      {known?.kind === 'cell' && whole?.result && <Rules ids={whole.result.rules} linux={linux} />}
      {trace && !driving && trace.steps.length > 0 && (
        <p>
          <button
            type="button"
            onClick={() => drive(prefix(trace.schedule, at), face ? faceText(face) : undefined)}
          >
            Drive on from this step
          </button>
        </p>
      )}
      {whole?.result && GOOD.includes(whole.result.verdict) && !subject.without && !driving && (
        <Mutants
          key={about}
          subject={{ ...subject, face: null }}
          channel={channel}
          see={(without) => to({ without, schedule: undefined, step: undefined, face: undefined })}
        />
      )}
      {known && ready && (
        <Share
          trace={trace}
          about={known}
          address={driving || channel ? '' : (shown?.address ?? '')}
          json={jsonOf(whole, shown)}
        />
      )}
      {known?.kind === 'scenario' && ready && !channel && (
        <>
          <p>
            <a href={href(`edit/${known.name}`, { linux: query.get('linux') ?? undefined })}>
              Edit this story
            </a>
          </p>
          <StoryCode name={known.name} />
        </>
      )}
      {known?.kind === 'cell' && ready && known.exporter && known.consumer && (
        <section class="cast" aria-label="Traits">
          <h2>What they are</h2>
          {!channel && (
            <p>
              <button type="button" onClick={() => edit(known)}>
                Edit them as code
              </button>
            </p>
          )}
          <p class="soft">
            A mark stands where one differs from an exporter or consumer that keeps the contract.
            Change anything: the pair is explored again at once.
          </p>
          <div class="both">
            <Traits
              side="exporter"
              traits={known.exporter as unknown as Record<string, unknown>}
              changed={subject.edits.exporter}
              change={(key, value) => change('exporter', key, value)}
            />
            <Traits
              side="consumer"
              traits={known.consumer as unknown as Record<string, unknown>}
              changed={subject.edits.consumer}
              change={(key, value) => change('consumer', key, value)}
            />
          </div>
        </section>
      )}
    </main>
  );
}

/** Verdicts whose worth the mutants show. */
const GOOD: readonly string[] = ['safe', 'refused'];

/** The first steps of a schedule, as a schedule. */
function prefix(schedule: string, steps: number): string {
  const out: string[] = [];
  let left = steps;
  for (const part of schedule.split('-')) {
    const match = /^([A-Za-z])(\d+)\.([0-9A-Za-z]*)((?:\.\d+)*)$/.exec(part);
    if (!match || left <= 0) break;
    const [, letter, n, checks] = match;
    if (Number(n) <= left) {
      out.push(part);
      left -= Number(n);
      continue;
    }
    out.push(`${letter}${left}.${checks.slice(0, left)}`);
    left = 0;
  }
  return out.join('-');
}

const jsonOf = (whole: Shown | null, shown: Shown | null) => ({
  name: whole?.about.name,
  linux: whole?.linux,
  ...whole?.result,
  face: shown?.face ?? null,
  schedule: shown?.address,
  steps: shown?.trace?.steps,
});

function Outcome({ shown, states }: { shown: Shown | null; states: number | null }) {
  const result = shown?.result;
  if (!result || states !== null) {
    return (
      <p class="outcome" role="status">
        <span class="soft">exploring every interleaving: {number(states ?? 0)} states</span>
      </p>
    );
  }
  const { verdict, bound, ms } = result;
  const ce = result.counterexample;
  const word = verdict === 'violated' ? null : MEANING[verdict as Verdict];
  return (
    <p class="outcome" role="status" title={word ?? undefined}>
      <VerdictMark verdict={verdict} /> {result.rules.join(', ')}{' '}
      <span class="soft">
        {count(result.states, 'state')}, {duration(ms)}
        {ce
          ? `; ${ce.threads} threads, ${ce.switches} switches, ${ce.steps} steps${ce.minimal ? ', and there is no clearer one' : ''}`
          : ''}
        {bound ? `. Bound: ${bound}.` : ''}
      </span>
    </p>
  );
}

function aboutOf(subject: Subject): About | undefined {
  try {
    return resolve(subject).about;
  } catch {
    // The worker says what is wrong with the name, and what was perhaps meant.
    return undefined;
  }
}

/** The rules that a story is about, and those that fall in it. */
const rulesOf = (name: string, whole: Shown | null): readonly string[] => [
  ...(CATALOGUE.find((s) => s.id === name)?.rules ?? []),
  ...(whole?.result?.rules ?? []),
];

function Rules({ ids, linux }: { ids: readonly string[]; linux: LinuxVersion }) {
  const rules = RULES.filter((r) => ids.includes(r.id));
  if (!rules.length) return null;
  return (
    <ul class="fell-rules">
      {rules.map((r) => (
        <li key={r.id}>
          <a href={href(`rules/${r.id}`, { linux: linux === '6.12' ? undefined : linux })}>
            {r.id} {r.name}
          </a>
          : {r.statement}
        </li>
      ))}
    </ul>
  );
}

function Nothing({
  shown,
  states,
  drive,
}: {
  shown: Shown | null;
  states: number | null;
  drive: () => void;
}) {
  const result = shown?.result;
  if (!result || states !== null) return <div class="nothing waiting" />;
  return (
    <div class="nothing">
      <p>
        {result.verdict === 'unknown'
          ? `The page gave up: ${result.bound}. The command has a higher limit.`
          : result.counterexample
            ? `${result.counterexample.violation}. This falls while the buffer is created and mapped, before any thread takes a step.`
            : `No interleaving breaks a rule: all ${count(result.states, 'state')} were looked at.`}
      </p>
      <button type="button" onClick={drive}>
        Drive it yourself
      </button>
    </div>
  );
}

/** A stale or broken link: what is wrong, and the nearest thing there is. */
function Gone({
  error,
  name,
  linux,
  query,
}: {
  error: Error;
  name: string;
  linux: LinuxVersion;
  query: URLSearchParams;
}) {
  const near = error instanceof Refused ? error.nearest : null;
  const kept = Object.fromEntries(query);
  delete kept.schedule;
  delete kept.step;
  return (
    <main id="content" class="page" tabIndex={-1}>
      <h1>
        <code>{name}</code> cannot be shown
      </h1>
      <p role="alert">{error.message}.</p>
      {near && (
        <p>
          Did you mean <a href={href(`show/${near}`, kept)}>{near}</a>? A schedule in the link
          belongs to what it was made from, and is not carried over.
        </p>
      )}
      <p>
        <a href={href('scenarios', { linux: linux === '6.12' ? undefined : linux })}>
          All scenarios
        </a>
        , <a href="#/">the matrix</a>.
      </p>
    </main>
  );
}
