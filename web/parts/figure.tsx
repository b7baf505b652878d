// SPDX-License-Identifier: GPL-2.0-or-later
/** A figure of the book: a scenario or cell, explored when it comes into view, to be stepped through. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { LinuxVersion } from '../../src/kernel/versions.ts';
import { count, duration } from '../../src/report/text.ts';
import { showSubject } from '../client/engine.ts';
import { href } from '../client/route.ts';
import { useJob } from '../client/use-job.ts';
import { NO_EDITS, type Shown } from '../engine/protocol.ts';
import { Stepper } from './stepper.tsx';
import { VerdictMark } from './verdict.tsx';

export function Figure({ name, linux }: { name: string; linux: LinuxVersion }) {
  const [seen, setSeen] = useState(false);
  const [at, setAt] = useState<number | null>(null);
  const box = useRef<HTMLElement>(null);
  useEffect(() => {
    if (!box.current) return;
    const watch = new IntersectionObserver(
      (entries) => {
        if (!entries.some((e) => e.isIntersecting)) return;
        setSeen(true);
        watch.disconnect();
      },
      { rootMargin: '200px' },
    );
    watch.observe(box.current);
    return () => watch.disconnect();
  }, []);
  const { value, error } = useJob<Shown>(
    `${seen} ${name} ${linux}`,
    seen
      ? (o) => showSubject({ name, linux, face: null, edits: NO_EDITS, without: null }, null, o)
      : null,
  );
  const trace = value?.trace;
  const result = value?.result;
  const steps = trace?.steps.length ?? 0;
  return (
    <figure class="figure" ref={box} aria-label={`Figure: ${name}`}>
      <figcaption>
        <a href={href(`show/${name}`, { linux: linux === '6.12' ? undefined : linux })}>{name}</a>{' '}
        {value?.about.title}{' '}
        {result ? (
          <span class="outcome">
            <VerdictMark verdict={result.verdict} /> {result.rules.join(', ')}{' '}
            <span class="soft">
              {count(result.states, 'state')}, {duration(result.ms)}
            </span>
          </span>
        ) : (
          <span class="soft">{error ? error.message : 'exploring'}</span>
        )}
      </figcaption>
      {trace && steps > 0 ? (
        <Stepper trace={trace} at={Math.min(at ?? steps, steps)} go={setAt} linux={linux} small />
      ) : (
        <p class="room soft">
          {result && !trace && `No interleaving breaks a rule. Bound: ${result.bound ?? 'none'}.`}
        </p>
      )}
    </figure>
  );
}
