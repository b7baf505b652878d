// SPDX-License-Identifier: GPL-2.0-or-later
/** A question to a worker as a component sees it: how far it is, then the answer or what went wrong. */
import { useEffect, useState } from 'preact/hooks';
import type { AskOptions } from './engine.ts';

export interface JobState<T> {
  readonly value: T | null;
  readonly error: Error | null;
  /** States so far while it runs, else null. */
  readonly states: number | null;
  readonly of?: string;
}

/**
 * Asks again when `key` changes; what was asked before is stopped. The former answer stays until the
 * next one is there, so that nothing jumps.
 */
export function useJob<T>(
  key: string,
  ask: ((options: AskOptions) => Promise<T>) | null,
): JobState<T> {
  const [state, setState] = useState<JobState<T>>({
    value: null,
    error: null,
    states: ask ? 0 : null,
  });
  useEffect(() => {
    if (!ask) return;
    const stop = new AbortController();
    let told = 0;
    setState((s) => ({ ...s, error: null, states: 0 }));
    ask({
      signal: stop.signal,
      onProgress: ({ states, of }) => {
        const now = Date.now();
        if (now - told < 100) return;
        told = now;
        setState((s) => ({ ...s, states, of }));
      },
    }).then(
      (value) => {
        if (!stop.signal.aborted) setState({ value, error: null, states: null });
      },
      (error: Error) => {
        if (!stop.signal.aborted) setState({ value: null, error, states: null });
      },
    );
    return () => stop.abort();
  }, [key]);
  return state;
}
