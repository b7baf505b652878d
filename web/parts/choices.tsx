// SPDX-License-Identifier: GPL-2.0-or-later
/** You drive: which threads can go next here, and which of them can still break a rule. */
import { useState } from 'preact/hooks';
import { number } from '../../src/report/text.ts';
import type { Choice, Driven, Step } from '../engine/protocol.ts';

interface Props {
  readonly driven: Driven | null;
  readonly states: number | null;
  /** Steps taken, if the reader has stepped back. */
  readonly at: number;
  readonly take: (next: (Step & { run: boolean }) | null, keep: number | null) => Promise<void>;
}

const SIGNS: Readonly<Record<Choice['prospect'], string>> = {
  now: '✕',
  falls: '!',
  clean: '✓',
  unknown: '?',
};

function prospectWords({ prospect, rule }: Choice): string {
  const what = /^R\d/.test(rule) ? rule : rule || 'a rule';
  switch (prospect) {
    case 'now':
      return `breaks ${what} now`;
    case 'falls':
      return `can lead to ${what}`;
    case 'clean':
      return 'nothing can fall after it';
    default:
      return 'not known: too many states follow';
  }
}

export function Choices({ driven, states, at, take }: Props) {
  const [error, setError] = useState('');
  const [busy, setBusy] = useState(false);
  if (!driven) {
    return (
      <section class="choices" aria-label="Choices">
        <p class="soft" role="status">
          exploring, to know what each choice can lead to: {number(states ?? 0)} states
        </p>
      </section>
    );
  }
  const { trace, choices, ended, parted } = driven;
  const end = trace.steps.length;
  const act = (next: (Step & { run: boolean }) | null, keep: number | null) => {
    setBusy(true);
    setError('');
    take(next, keep)
      .catch((e: Error) => setError(e.message))
      .finally(() => setBusy(false));
  };
  const last = trace.states.at(-1);
  const stands = last?.find((t) => t.id === 'threads')?.rows ?? [];
  return (
    <section class="choices" aria-label="Choices" aria-busy={busy}>
      {parted && (
        <p class="error" role="alert">
          {parted}. You stand where it parted.
        </p>
      )}
      {at < end ? (
        <p>
          You look at step {at} of {end}.{' '}
          <button type="button" onClick={() => act(null, at)}>
            Go another way from here
          </button>
        </p>
      ) : (
        <ul>
          {trace.threads.map((name, thread) => {
            const mine = choices.filter((c) => c.thread === thread);
            const [, how, next] = stands[thread]?.cells ?? [];
            return (
              <li key={name}>
                <b>{name}</b>
                {mine.length === 0 && (
                  <span class="soft">
                    {ended ? 'it ends here' : how === 'waits' ? `waits in ${next}` : how}
                  </span>
                )}
                {mine.map((c) => (
                  <span key={c.way} class="choice">
                    <button
                      type="button"
                      disabled={busy}
                      onClick={() => act({ thread, way: c.way, run: false }, null)}
                      aria-label={`${name}: ${textOf(c)}; ${prospectWords(c)}`}
                    >
                      <code>{textOf(c)}</code>
                    </button>
                    {c === mine[0] && (
                      <button
                        type="button"
                        class="run"
                        disabled={busy}
                        onClick={() => act({ thread, way: c.way, run: true }, null)}
                        aria-label={`${name}: go on to its next lock or choice`}
                        title="Go on to its next lock or choice"
                      >
                        ▸▸
                      </button>
                    )}
                    <span class={`prospect f-${c.prospect}`}>
                      <span class="sign" aria-hidden="true">
                        {SIGNS[c.prospect]}
                      </span>{' '}
                      {prospectWords(c)}
                    </span>
                  </span>
                ))}
              </li>
            );
          })}
        </ul>
      )}
      <p class="tools">
        <button type="button" disabled={busy || end === 0} onClick={() => act(null, end - 1)}>
          Take a step back
        </button>
        <button type="button" disabled={busy || end === 0} onClick={() => act(null, 0)}>
          Start again
        </button>
        {ended && (
          <span role="status">
            {trace.violation ? trace.violation.text : 'Everybody has finished.'}
          </span>
        )}
        {!ended && choices.length === 0 && (
          <span role="status">Everybody has finished; nothing fell.</span>
        )}
        {error && (
          <span class="error" role="alert">
            {error}
          </span>
        )}
      </p>
    </section>
  );
}

/** A step as one reads it before it is taken: what it will change, or what it is. */
function textOf({ name, text, changes }: Choice): string {
  if (!changes.length) return text === name ? `${name}()` : text;
  const [first] = changes;
  const more = changes.length > 1 ? `, ${changes.length - 1} more` : '';
  return `${text === name ? `${name}(): ` : `${text}: `}${first.name} ${first.before} → ${first.after}${more}`;
}
