// SPDX-License-Identifier: GPL-2.0-or-later
/** An interleaving to be stepped through: the ladder, where the kernel does this, and the state. */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { LinuxVersion } from '../../src/kernel/versions.ts';
import { type Place, type Said, useKernelLines, whereInKernel } from '../client/kernel-lines.ts';
import { typing } from '../client/keys.ts';
import type { StepView, Trace } from '../engine/protocol.ts';
import { Cited } from './cited.tsx';
import { ModelCode } from './code.tsx';
import { currentLine, Ladder, stepsTo } from './ladder.tsx';
import { StatePanels } from './state.tsx';

interface Props {
  readonly trace: Trace;
  /** Steps taken. */
  readonly at: number;
  readonly go: (steps: number) => void;
  readonly linux: LinuxVersion;
  /** One of several on a page: listens to keys when it has the focus, and folds the state away. */
  readonly small?: boolean;
}

const BEAT_MS = 700;

export function Stepper({ trace, at, go, linux, small = false }: Props) {
  const [every, setEvery] = useState(false);
  const [playing, setPlaying] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const [pointed, setPointed] = useState<number | null>(null);
  const lines = every || !trace.lines.lines.length ? trace.every : trace.lines;
  const end = trace.steps.length;
  const by = (d: 1 | -1) => go(stepsTo(lines, at, d, end));

  useEffect(() => {
    if (!playing) return;
    if (at >= end) {
      setPlaying(false);
      return;
    }
    const timer = setTimeout(() => by(1), BEAT_MS);
    return () => clearTimeout(timer);
  });
  const play = () => {
    if (!playing && at >= end) go(0);
    setPlaying(!playing);
  };
  // With what is shown: the next key may follow at once, and steps on from here.
  useLayoutEffect(() => {
    const press = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (event.ctrlKey || event.metaKey || event.altKey || typing(event)) return;
      if (small && !box.current?.contains(target)) return;
      const inLadder = target.closest('.ladder') !== null;
      const { key } = event;
      if (key === 'ArrowRight' || (key === 'ArrowDown' && inLadder)) by(1);
      else if (key === 'ArrowLeft' || (key === 'ArrowUp' && inLadder)) by(-1);
      else if (key === 'Home' && inLadder) go(0);
      else if (key === 'End' && inLadder) go(end);
      else if (key === ' ' && (inLadder || !target.closest('button, a, summary'))) play();
      else return;
      event.preventDefault();
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  });

  const stops = stepsTo(lines, at, -1, end);
  const current = currentLine(lines, at);
  const said = current < 0 ? 'before the first step' : lines.lines[current].text;
  const about = pointed ?? (at > 0 ? at - 1 : null);
  const panels = (
    <StatePanels tables={trace.states[at] ?? []} before={at > 0 ? trace.states[stops] : null} />
  );
  return (
    <div class={small ? 'stepper small' : 'stepper'} ref={box}>
      <div class="controls" role="toolbar" aria-label="Step through the interleaving">
        <button type="button" onClick={() => go(0)} disabled={at === 0} aria-label="To the start">
          |◂
        </button>
        <button
          type="button"
          onClick={() => by(-1)}
          disabled={at === 0}
          aria-label="Step back"
          aria-keyshortcuts="ArrowLeft"
        >
          ◂
        </button>
        <button
          type="button"
          onClick={play}
          disabled={end === 0}
          aria-label={playing ? 'Pause' : 'Play'}
          aria-keyshortcuts="Space"
        >
          {playing ? '❚❚' : '▶'}
        </button>
        <button
          type="button"
          onClick={() => by(1)}
          disabled={at >= end}
          aria-label="Step forward"
          aria-keyshortcuts="ArrowRight"
        >
          ▸
        </button>
        <button type="button" onClick={() => go(end)} disabled={at >= end} aria-label="To the end">
          ▸|
        </button>
        <input
          type="range"
          min={0}
          max={end}
          value={at}
          aria-label="Step"
          aria-valuetext={`${at} of ${end}: ${said}`}
          onInput={(e) => go(Number(e.currentTarget.value))}
        />
        <span class="count">
          {at} / {end}
        </span>
        <label>
          <input
            type="checkbox"
            checked={every}
            onChange={(e) => setEvery(e.currentTarget.checked)}
          />{' '}
          every step
        </label>
        <span class="keys soft">← → step, space plays</span>
        <span class="hidden" role="status">
          {`Step ${at} of ${end}: ${said}`}
        </span>
      </div>
      <Where
        step={about === null ? null : trace.steps[about]}
        thread={about === null ? '' : trace.threads[trace.steps[about]?.thread]}
        linux={linux}
      />
      <div class="split">
        <div class="left">
          <Ladder lines={lines} at={at} roundFrom={trace.roundFrom} go={go} point={setPointed} />
          {trace.violation && at >= end && (
            <p class={`end v-${trace.violation.severity}`}>
              <span class="verdict">
                <span class="sign" aria-hidden="true">
                  {trace.violation.severity === 'corrupts' ? '✕' : '!'}
                </span>{' '}
                {trace.violation.rule}
              </span>{' '}
              {trace.violation.text}
            </p>
          )}
          {!small && <ModelCode step={about === null ? null : (trace.steps[about] ?? null)} />}
        </div>
        {small ? (
          <details>
            <summary>State after this step</summary>
            {panels}
          </details>
        ) : (
          panels
        )}
      </div>
    </div>
  );
}

/** What the step is in Linux: the routines it is made in, and the innermost one's place. */
function Where({
  step,
  thread,
  linux,
}: {
  step: StepView | undefined | null;
  thread: string;
  linux: LinuxVersion;
}) {
  const lines = useKernelLines();
  if (!step) return <p class="where soft">Before the first step: the buffer is made and mapped.</p>;
  return (
    <p class="where">
      <b>{thread}</b>{' '}
      {step.routines
        .filter((r, i, all) => r.name !== thread && r.name !== all[i - 1]?.name)
        .map((r) => (
          <span key={r.name}>
            <code>{r.name}()</code> ›{' '}
          </span>
        ))}
      <code>{step.text}</code>{' '}
      {lines && <KernelLine said={whereInKernel(step, linux, lines)} linux={linux} />}
    </p>
  );
}

const line = ({ what, file, line, version }: Place) => `${what} ${file}:${line} (Linux ${version})`;

/** Which line of Linux the step models; if none, what it is. */
function KernelLine({ said, linux }: { said: Said; linux: LinuxVersion }) {
  const { own, within, exporter } = said;
  return (
    <span class="cite">
      {own && ('file' in own ? line(own) : <Cited text={own.why} linux={linux} />)}
      {within && `${own ? '; in ' : ''}${line(within)}`}
      {exporter && (
        <>
          {own && '; in '}the exporter’s own code, {exporter.does}
          {exporter.source && ': '}
          <Cited text={exporter.source} linux={linux} />
        </>
      )}
    </span>
  );
}
