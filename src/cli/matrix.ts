// SPDX-License-Identifier: GPL-2.0-or-later
/** `pfnmap matrix`: every exporter against every consumer. */
import { type CellJson, matrixJson } from '../report/json.ts';
import { table } from '../report/table.ts';
import { count, duration, number } from '../report/text.ts';
import { matrixCells } from '../scenarios/matrix.ts';
import { compileLess } from '../tuning.ts';
import { runCells } from './cells.ts';
import type { CommonOptions, Context } from './commands.ts';
import { columns, EXIT, type ExitCode, note, out, outJson, ProgressLine, painter } from './io.ts';
import { checkConsumer, checkExporter } from './names.ts';

interface MatrixOptions extends CommonOptions {
  readonly exporter?: string;
  readonly consumer?: string;
}

export async function matrix(options: MatrixOptions, context: Context): Promise<ExitCode> {
  compileLess();
  const { linux, json, maxStates, exporter, consumer } = options;
  const { self, signal } = context;
  if (exporter !== undefined) checkExporter(exporter);
  if (consumer !== undefined) checkConsumer(consumer);
  const cells = matrixCells({ exporter, consumer });
  const exporters = [...new Set(cells.map((c) => c.exporter.id))];
  const consumers = [...new Set(cells.map((c) => c.consumer.id))];
  const done = new Map<string, CellJson>();
  const began = performance.now();

  const paint = await painter();
  const draw = () => table(exporters, consumers, done, { width: columns(), paint });
  const live = json ? null : liveTable(draw);
  const line = new ProgressLine();
  const say = (id: string, states = 0) => {
    const more = states > 50_000 ? ` (${number(states)} states)` : '';
    line.show(`${done.size} of ${cells.length} cells; ${id}${more}`);
  };
  live?.draw();
  await runCells(cells, {
    self,
    linux,
    maxStates,
    witness: json === true,
    signal,
    onCell: (cell) => {
      const id = `${cell.exporter}/${cell.consumer}`;
      done.set(id, cell);
      if (live) live.draw();
      else say(id);
    },
    onProgress: (id, states) => live ?? say(id, states),
  });
  line.clear();
  const ms = performance.now() - began;

  const finished = cells.flatMap((c) => done.get(c.id) ?? []);
  const missing = cells.length - finished.length;
  if (json) outJson(matrixJson(linux, finished, ms, missing));
  else {
    if (live) live.end();
    else out(draw());
    out(`\n${summary(finished, ms, linux)}`);
    const pointer = worth(finished);
    if (pointer) out(`why: pfnmap show ${pointer}`);
  }
  if (missing) {
    note(`pfnmap: interrupted: ${missing} of ${cells.length} cells are not finished`);
    return EXIT.interrupted;
  }
  const unknown = finished.filter((c) => c.verdict === 'unknown');
  for (const { exporter: e, consumer: c, bound } of unknown) {
    note(`pfnmap: ${e}/${c} is unknown: ${bound}`);
  }
  return unknown.length ? EXIT.unknown : EXIT.ok;
}

function summary(cells: readonly CellJson[], ms: number, linux: string): string {
  const states = cells.reduce((n, c) => n + c.states, 0);
  const of = (verdict: string) => cells.filter((c) => c.verdict === verdict).length;
  const words = ['corrupts', 'breaks', 'refused', 'safe', 'unknown'];
  const split = words.flatMap((w) => (of(w) ? [`${of(w)} ${w}`] : [])).join(', ');
  return (
    `Linux ${linux}: ${count(cells.length, 'cell')}: ${split}\n` +
    `${count(states, 'state')} in ${duration(ms)}; every interleaving, within the bounds of each cell`
  );
}

/** The cell to point at: the first that corrupts data in a real driver, or the worst there is. */
function worth(cells: readonly CellJson[]): string | null {
  const preferred = cells.find((c) => c.exporter === 'ttm' && c.consumer === 'follow-and-keep');
  const worst = ['corrupts', 'breaks', 'refused', 'safe', 'unknown'];
  const first = [...cells].sort((a, b) => worst.indexOf(a.verdict) - worst.indexOf(b.verdict))[0];
  const best = preferred?.verdict === 'corrupts' ? preferred : first;
  return best ? `${best.exporter}/${best.consumer}` : null;
}

/** A table that is filled in where it stands; null where that is not possible. */
function liveTable(render: () => string): { draw(): void; end(): void } | null {
  const { stdout } = process;
  const tall = render().split('\n').length;
  if (!stdout.isTTY || tall + 1 > (stdout.rows || 24)) return null;
  let drawn = false;
  let last = 0;
  const put = () => {
    stdout.write(`${drawn ? `\x1b[${tall}A` : ''}${render().replace(/^/gm, '\x1b[2K')}\n`);
    drawn = true;
    last = Date.now();
  };
  return {
    draw: () => {
      if (Date.now() - last > 50) put();
    },
    end: put,
  };
}
