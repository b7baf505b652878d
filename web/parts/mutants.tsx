// SPDX-License-Identifier: GPL-2.0-or-later
/** What a "safe" is worth: each lock, flush and test left out in turn, and the rule that falls then. */
import { number } from '../../src/report/text.ts';
import { type Channel, mutantsOf } from '../client/engine.ts';
import { useJob } from '../client/use-job.ts';
import type { Subject } from '../engine/protocol.ts';
import { VerdictMark } from './verdict.tsx';

interface Props {
  readonly subject: Subject;
  readonly channel: Channel | undefined;
  /** The address at which the guard is left out. */
  readonly see: (guard: string) => string;
}

const WORDS = {
  caught: 'falls without it',
  'not-needed': 'not needed here',
  'not-reached': 'not reached',
  unknown: 'unknown: a limit was reached',
} as const;

export function Mutants({ subject, channel, see }: Props) {
  const { value, error, states, of } = useJob(JSON.stringify(subject), (o) =>
    mutantsOf(subject, o, channel),
  );
  const run = value?.filter((m) => m.outcome !== 'not-reached') ?? [];
  const caught = run.filter((m) => m.outcome === 'caught');
  return (
    <section class="mutants" aria-label="Guards left out">
      <h2>Is this worth anything?</h2>
      <p class="soft" role="status">
        {error
          ? error.message
          : value
            ? caught.length
              ? `Each guard was left out in turn: ${caught.length} of ${run.length} make a rule fall. The exploration would have noticed.`
              : 'Safe, unproven: none of its guards, left out alone, makes a rule fall.'
            : `leaving each guard out in turn: ${of ?? 'exploring'}, ${number(states ?? 0)} states`}
      </p>
      {value && value.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col">left out</th>
              <th scope="col">then</th>
              <th scope="col">what falls</th>
            </tr>
          </thead>
          <tbody>
            {[...caught, ...value.filter((m) => m.outcome !== 'caught')].map((m) => (
              <tr key={m.removed}>
                <td>
                  <code>{m.removed}</code>
                </td>
                <td>
                  {m.outcome === 'caught' ? (
                    <>
                      <VerdictMark verdict="violated" /> {m.rules.join(', ')}{' '}
                      <a
                        href={see(m.removed)}
                        aria-label={`See it fall without ${theGuard(m.removed)}`}
                      >
                        see it fall
                      </a>
                    </>
                  ) : (
                    <span class="soft">{WORDS[m.outcome]}</span>
                  )}
                </td>
                <td class="soft">
                  {m.together
                    ? `${m.together.rules.join(', ')} without ${theGuard(m.together.with)} as well: ${m.together.text}`
                    : m.text}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

/** A guard in a sentence: some are called "the sequence test", others by the name of a function. */
export const theGuard = (guard: string) => (guard.startsWith('the ') ? guard : `the ${guard}`);
