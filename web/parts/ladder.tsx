// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The ladder to be stepped through: a lane for each thread, time downward. Each line is a button that
 * leads to the state after it.
 */
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { Line, Lines } from '../../src/report/lines.ts';

interface Props {
  readonly lines: Lines;
  /** Steps taken. */
  readonly at: number;
  readonly roundFrom: number | null;
  readonly go: (steps: number) => void;
  readonly point: (step: number | null) => void;
}

/** The line that the last taken step stands in, or -1 before all. */
export function currentLine({ lines }: Lines, at: number): number {
  let found = -1;
  for (const [i, line] of lines.entries()) if (line.step < at) found = i;
  return found;
}

/** Steps to be taken to come to the next or the former line. */
export function stepsTo({ lines }: Lines, at: number, by: 1 | -1, end: number): number {
  const stops = [...new Set(lines.map((l) => Math.min(l.step + 1, end)))].sort((a, b) => a - b);
  return by > 0 ? (stops.find((s) => s > at) ?? end) : (stops.filter((s) => s < at).at(-1) ?? 0);
}

function split(line: Line): { text: string; fell: string } {
  const [text, ...marks] = line.text.split(/ *<- /);
  return { text, fell: marks.join(' ') };
}

export function Ladder({ lines: { names, lines }, at, roundFrom, go, point }: Props) {
  const current = currentLine({ names, lines }, at);
  const box = useRef<HTMLOListElement>(null);
  useLayoutEffect(() => {
    const line = box.current?.querySelector<HTMLElement>('[aria-current]');
    if (!line || !box.current) return;
    // Within the ladder only: the page itself stays where the reader has it.
    const { top, bottom } = line.getBoundingClientRect();
    const frame = box.current.getBoundingClientRect();
    if (top < frame.top) box.current.scrollTop -= frame.top - top + 40;
    else if (bottom > frame.bottom) box.current.scrollTop += bottom - frame.bottom + 40;
    if (box.current.contains(document.activeElement)) line.focus({ preventScroll: true });
  }, [current]);
  return (
    <div class={`ladder lanes-${Math.min(names.length, 4)}`}>
      <div class="heads" aria-hidden="true">
        {names.map((name, i) => (
          <div key={name} class={`head lane-${i}`}>
            CPU{i} <b>{name}</b>
          </div>
        ))}
      </div>
      <ol ref={box} aria-label="Steps, in the order in which they happen">
        {lines.map((line, i) => {
          const { text, fell } = split(line);
          const switches = i === 0 || lines[i - 1].stretch !== line.stretch;
          const round =
            roundFrom !== null && line.step >= roundFrom && !(i && lines[i - 1].step >= roundFrom);
          const state = i === current ? 'current' : line.step < at ? 'past' : 'ahead';
          return (
            <li
              key={i}
              class={`line lane-${line.column} ${line.kind} ${state}${switches ? ' switch' : ''}${fell ? ' fell' : ''}`}
            >
              {round && <div class="round">from here on over and over</div>}
              {switches && <span class="who">{`CPU${line.column} ${names[line.column]}: `}</span>}
              <button
                type="button"
                tabIndex={i === Math.max(current, 0) ? 0 : -1}
                aria-current={i === current ? 'step' : undefined}
                onClick={() => go(line.step + 1)}
                onMouseEnter={() => point(line.step)}
                onMouseLeave={() => point(null)}
                class={`d${Math.min(line.depth, 9)}`}
              >
                {text || ' '}
                {fell && (
                  <span class="rule-fell">
                    <span aria-hidden="true">✕ </span>
                    {fell}
                    {fell === 'waits' ? '' : ' falls'}
                  </span>
                )}
              </button>
            </li>
          );
        })}
      </ol>
    </div>
  );
}
