// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Reads recordings: corpora of programs (JSON lines), facts tables and bugs tables (tab-separated,
 * told apart by their first line). Anything foreign is an error with file and line.
 */
import { MAPPING_KINDS } from './mappings.ts';
import { CorpusError, type Op, type Program, parseOp } from './program.ts';

const SEPARATOR = ' | ';

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const strings = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'string');

/** One line of a corpus. */
function parseProgram(line: string, where: string): Program {
  let data: unknown;
  try {
    data = JSON.parse(line);
  } catch {
    throw new CorpusError(where, 'not a line of JSON; is the file cut off, or no corpus?');
  }
  if (!isRecord(data) || typeof data.id !== 'string' || !strings(data.ops)) {
    throw new CorpusError(where, "not a recorded program: expected 'id', 'ops' and 'expect'");
  }
  const expect: Record<string, readonly string[]> = {};
  if (!isRecord(data.expect)) throw new CorpusError(where, "'expect' should be results by version");
  for (const [version, results] of Object.entries(data.expect)) {
    if (!strings(results))
      throw new CorpusError(where, `'expect.${version}' is not a list of texts`);
    // After a result like !KERNEL: or !SIG14 nothing ran: what was recorded ends there.
    const least = results.at(-1)?.startsWith('!') ? 0 : data.ops.length;
    if (results.length < least || results.length > data.ops.length) {
      throw new CorpusError(
        where,
        `${data.ops.length} ops but ${results.length} results for ${version}`,
      );
    }
    expect[version] = results;
  }
  const setup = typeof data.setup === 'number' ? data.setup : 0;
  return { id: data.id, setup, ops: data.ops.map((op) => parseOp(op, where)), expect };
}

const lines = (text: string): string[] => text.split('\n').map((line) => line.replace(/\r$/, ''));

/** Parses a corpus of programs. `file` names it in messages, `from` is the number of its first line. */
export function parseCorpus(text: string, file = 'corpus', from = 1): Program[] {
  const programs: Program[] = [];
  lines(text).forEach((line, i) => {
    if (line.trim()) programs.push(parseProgram(line, `${file}:${from + i}`));
  });
  return programs;
}

/** A row of a facts table: ops that set up, whose results are not in the table, then the row's own. */
export interface Row {
  readonly id: string;
  readonly setup: readonly Op[];
  readonly ops: readonly Op[];
  /** Results by version; `null` in place of a version: whatever version is run. */
  readonly expect: Readonly<Record<string, readonly string[]>>;
}

const FACTS = ['kind', 'row', 'ops', 'results'];
const BUGS = ['id', 'note', 'ops'];

/** The version that a facts table is of: its rows are compared whatever version is asked for. */
export const ANY_VERSION = 'any';

const splitOps = (text: string, where: string): Op[] =>
  text
    .split(';')
    .filter((op) => op.trim())
    .map((op) => parseOp(op, where));

/**
 * Parses a facts table or a bugs table.
 * @param file names it in messages
 * @param from number of the line after the first, which names the columns
 */
export function parseFacts(text: string, file = 'facts', from = 2): Row[] {
  const all = lines(text);
  const head = (all[0] ?? '').split('\t');
  const starts = (names: readonly string[]) => names.every((name, i) => head[i] === name);
  if (starts(FACTS)) return factRows(all, file, from - 1);
  if (starts(BUGS)) return bugRows(all, head, file, from - 1);
  throw new CorpusError(
    `${file}:1`,
    `neither a facts table ('${FACTS.join(' ')}') nor a bugs table ('${BUGS.join(' ')}')`,
  );
}

function factRows(all: readonly string[], file: string, before: number): Row[] {
  const setups = new Map<string, Op[]>();
  const rows: Row[] = [];
  for (let i = 1; i < all.length; i++) {
    if (!all[i].trim()) continue;
    const where = `${file}:${before + i}`;
    const [kind, row, ops, results] = all[i].split('\t');
    if (results === undefined) throw new CorpusError(where, 'fewer than four columns');
    if (!Object.hasOwn(MAPPING_KINDS, kind)) {
      throw new CorpusError(where, `no kind of mapping is called '${kind}'`);
    }
    let setup = setups.get(kind);
    if (!setup) {
      setup = MAPPING_KINDS[kind].map((op) => parseOp(op));
      setups.set(kind, setup);
    }
    rows.push({
      id: `${kind} ${row}`,
      setup,
      ops: splitOps(ops, where),
      expect: { [ANY_VERSION]: results.split(SEPARATOR) },
    });
  }
  return rows;
}

function bugRows(
  all: readonly string[],
  head: readonly string[],
  file: string,
  before: number,
): Row[] {
  const rows: Row[] = [];
  for (let i = 1; i < all.length; i++) {
    if (!all[i].trim()) continue;
    const where = `${file}:${before + i}`;
    const cells = all[i].split('\t');
    if (cells.length < head.length) throw new CorpusError(where, `${cells.length} columns only`);
    const expect: Record<string, readonly string[]> = {};
    for (let c = BUGS.length; c < head.length; c++) {
      if (cells[c]) expect[head[c]] = cells[c].split(SEPARATOR);
    }
    rows.push({ id: cells[0], setup: [], ops: splitOps(cells[2], where), expect });
  }
  return rows;
}
