// SPDX-License-Identifier: GPL-2.0-or-later
/** The front page: every exporter against every consumer, explored while one watches. */
import { Component } from 'preact';
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { RULES } from '../../src/contract/rules.ts';
import type { ConsumerTraits, ExporterTraits } from '../../src/contract/traits.ts';
import { MEANING, VERDICTS, type Verdict } from '../../src/contract/words.ts';
import { CONSUMERS } from '../../src/kernel/consumers/index.ts';
import { EXPORTERS } from '../../src/kernel/exporters/index.ts';
import type { LinuxVersion } from '../../src/kernel/versions.ts';
import type { CellJson } from '../../src/report/json.ts';
import { number } from '../../src/report/text.ts';
import { type MatrixState, matrixRun } from '../client/matrix.ts';
import { go, href, type Route } from '../client/route.ts';
import { SIGN, VerdictMark } from '../parts/verdict.tsx';

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

/** What stands in a cell: the rule where one falls, else the sign. */
const inCell = (cell: CellJson) =>
  (cell.verdict === 'corrupts' || cell.verdict === 'breaks') && cell.rule && /^R\d/.test(cell.rule)
    ? cell.rule
    : SIGN[cell.verdict];

const inWords = (exporter: string, consumer: string, cell: CellJson | undefined) =>
  `${exporter} met by ${consumer}: ${cell ? `${cell.verdict}${cell.rules.length ? ` ${cell.rules.join(', ')}` : ''}` : 'not explored yet'}`;

interface RowProps {
  exporter: ExporterTraits;
  consumers: readonly ConsumerTraits[];
  cells: readonly (CellJson | undefined)[];
  linux: string | undefined;
  verdict: Verdict | null;
  rule: string | null;
  /** The column that can be reached with the tabulator; -1 when it is in another row. */
  focus: number;
  look: (exporter: string, consumer: string, cell: CellJson | undefined) => void;
}

const same = (a: RowProps, b: RowProps) =>
  a.focus === b.focus &&
  a.rule === b.rule &&
  a.verdict === b.verdict &&
  a.linux === b.linux &&
  a.exporter === b.exporter &&
  a.cells.every((c, i) => c === b.cells[i]);

/** One exporter. Most rows stay as they are while others fill, so each says when it has changed. */
class Row extends Component<RowProps> {
  override shouldComponentUpdate(next: RowProps): boolean {
    return !same(this.props, next);
  }

  override render() {
    const { exporter, consumers, cells, linux, verdict, rule, focus, look } = this.props;
    return (
      <tr class="exporter">
        <th scope="row" title={exporter.title}>
          {exporter.id}
        </th>
        {consumers.map((co, i) => {
          const cell = cells[i];
          const faded =
            cell && ((rule && !cell.rules.includes(rule)) || (verdict && cell.verdict !== verdict));
          const show = () => look(exporter.id, co.id, cell);
          return (
            <td key={co.id}>
              <a
                href={href(`show/${exporter.id}/${co.id}`, { linux })}
                class={`cell ${cell ? `v-${cell.verdict}` : 'v-pending'}${faded ? ' faded' : ''}`}
                aria-label={inWords(exporter.id, co.id, cell)}
                tabIndex={focus === i ? 0 : -1}
                onFocus={show}
                onMouseEnter={show}
              >
                {cell ? inCell(cell) : '·'}
              </a>
            </td>
          );
        })}
      </tr>
    );
  }
}

export function Matrix({ route, linux }: { route: Route; linux: LinuxVersion }) {
  const [state, setState] = useState<MatrixState>(matrixRun(linux).state);
  const [looked, setLooked] = useState<{
    exporter: string;
    consumer: string;
    cell?: CellJson;
  } | null>(null);
  const [focus, setFocus] = useState<readonly [number, number]>([0, 0]);
  const grid = useRef<HTMLTableElement>(null);
  const rule = route.query.get('rule');
  const verdict = route.query.get('verdict') as Verdict | null;
  const keep = linux === '6.12' ? undefined : linux;

  useEffect(() => matrixRun(linux).listen(setState), [linux]);
  useEffect(() => {
    document.title = 'pfnmap: may this consumer touch that memory?';
  }, []);

  // Rows stand in the order of the library, which keeps those of one status together.
  const statuses = [...new Set(EXPORTERS.map((e) => e.status))];
  const { cells, total, states, ms, running, error } = state;
  const done = cells.size;
  const counts = new Map<string, number>();
  const rules = new Map<string, number>();
  for (const cell of cells.values()) {
    counts.set(cell.verdict, (counts.get(cell.verdict) ?? 0) + 1);
    for (const r of cell.rules) rules.set(r, (rules.get(r) ?? 0) + 1);
  }
  const filter = (change: { rule?: string; verdict?: string }) =>
    go(
      href('', { linux: keep, rule: rule ?? undefined, verdict: verdict ?? undefined, ...change }),
    );

  const look = useCallback(
    (exporter: string, consumer: string, cell: CellJson | undefined) =>
      setLooked({ exporter, consumer, cell }),
    [],
  );

  const move = (event: KeyboardEvent) => {
    const [r, c] = focus;
    const to: Record<string, readonly [number, number]> = {
      ArrowRight: [r, Math.min(c + 1, CONSUMERS.length - 1)],
      ArrowLeft: [r, Math.max(c - 1, 0)],
      ArrowDown: [Math.min(r + 1, EXPORTERS.length - 1), c],
      ArrowUp: [Math.max(r - 1, 0), c],
      Home: [r, 0],
      End: [r, CONSUMERS.length - 1],
    };
    const next = to[event.key];
    if (!next) return;
    event.preventDefault();
    setFocus(next);
    const row = grid.current?.querySelectorAll<HTMLTableRowElement>('tr.exporter')[next[0]];
    row?.cells[next[1] + 1].querySelector('a')?.focus();
  };

  return (
    <main id="content" class="page matrix" tabIndex={-1}>
      <div class="lead">
        <h1>May this consumer touch that exporter’s memory?</h1>
        <p>
          A mapped dma-buf is device memory. Its exporter may move it, evict it or take it away
          while others look at the mapping. Each cell lets one exporter meet one consumer and one
          user thread, in <em>every</em> interleaving, on an executable model of Linux {linux}, here
          in your browser. <a href={href('tour', { linux: keep })}>The ten-minute tour</a> explains
          the rest.
        </p>
      </div>
      <div class="progress" role="status" aria-live="polite">
        <progress max={total} value={done} aria-label="Cells explored" />
        <span class="figures">
          {error ? (
            <span class="error">The exploration ended: {error}</span>
          ) : running || done < total ? (
            <>
              {done} of {total} cells, {number(states)} states
            </>
          ) : (
            <>
              all {total} cells, {number(states)} states in {seconds(ms)}
            </>
          )}
        </span>
      </div>
      <fieldset class="legend">
        <legend class="hidden">Filter</legend>
        {VERDICTS.map((v) => (
          <button
            key={v}
            type="button"
            title={MEANING[v]}
            aria-pressed={verdict === v}
            onClick={() => filter({ verdict: verdict === v ? undefined : v })}
          >
            <VerdictMark verdict={v} /> <span class="count">{counts.get(v) ?? 0}</span>
          </button>
        ))}
      </fieldset>
      <div class="board">
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
        <section class="grid" aria-label="The matrix" tabIndex={0}>
          <table ref={grid} onKeyDown={move}>
            <caption class="hidden">
              Rows are exporters, columns are consumers. Arrow keys move from cell to cell.
            </caption>
            <thead>
              <tr>
                <td class="corner">exporter \ consumer</td>
                {CONSUMERS.map((c) => (
                  <th key={c.id} scope="col" title={c.title}>
                    <span>{c.id}</span>
                  </th>
                ))}
              </tr>
            </thead>
            {statuses.map((status) => (
              <tbody key={status}>
                <tr class="status">
                  <th scope="rowgroup" colSpan={CONSUMERS.length + 1}>
                    {status}
                  </th>
                </tr>
                {EXPORTERS.map((ex, r) =>
                  ex.status === status ? (
                    <Row
                      key={ex.id}
                      exporter={ex}
                      consumers={CONSUMERS}
                      cells={CONSUMERS.map((c) => cells.get(`${ex.id}/${c.id}`))}
                      linux={keep}
                      rule={rule}
                      verdict={verdict}
                      focus={focus[0] === r ? focus[1] : -1}
                      look={look}
                    />
                  ) : null,
                )}
              </tbody>
            ))}
          </table>
        </section>
        <fieldset class="rules">
          <legend>Rules that fall</legend>
          {RULES.map((r) => (
            <button
              key={r.id}
              type="button"
              title={r.statement}
              aria-pressed={rule === r.id}
              onClick={() => filter({ rule: rule === r.id ? undefined : r.id })}
            >
              <b>{r.id}</b> <span class="name">{r.name}</span>{' '}
              <span class="count">{rules.get(r.id) ?? 0}</span>
            </button>
          ))}
        </fieldset>
      </div>
      <Looked looked={looked} />
    </main>
  );
}

/** What the cell under the pointer or the focus says; always as high, so that nothing moves. */
function Looked({
  looked,
}: {
  looked: { exporter: string; consumer: string; cell?: CellJson } | null;
}) {
  if (!looked) {
    return <p class="looked">Point at a cell to read it; open it to see the interleaving.</p>;
  }
  const { exporter, consumer, cell } = looked;
  const rule = RULES.find((r) => r.id === cell?.rule);
  return (
    <p class="looked">
      <b>{exporter}</b> met by <b>{consumer}</b>:{' '}
      {cell ? (
        <>
          <VerdictMark verdict={cell.verdict} /> {cell.rules.join(' ')} {number(cell.states)}{' '}
          states. {rule ? `${rule.id} ${rule.name}: ${rule.statement}` : MEANING[cell.verdict]}
        </>
      ) : (
        'not explored yet'
      )}
    </p>
  );
}
