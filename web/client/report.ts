// SPDX-License-Identifier: GPL-2.0-or-later
/** Reads what `pfnmap check --json` prints. The file may be any file: everything in it is looked at. */

export interface Link {
  readonly path: string;
  readonly line: number;
  readonly function: string;
  readonly text: string;
  readonly why: string;
}

export interface Finding {
  readonly rule: string;
  readonly name: string;
  readonly certainty: string;
  readonly dependsOn: string | null;
  readonly at: Link;
  readonly message: string;
  readonly subject: {
    readonly kind: string;
    readonly name: string;
    readonly path: string;
    readonly line: number;
  };
  readonly chain: readonly Link[];
  readonly traits: Readonly<Record<string, unknown>>;
  readonly model: {
    readonly verdict: string;
    readonly scenario: string;
    readonly schedule: string;
    readonly assumes: string | null;
  } | null;
}

export interface CheckReport {
  readonly version: string | null;
  readonly kind: string;
  readonly findings: readonly Finding[];
  readonly notAnalysed: readonly Link[];
  /** Entries that could not be read, in words. */
  readonly left: readonly string[];
}

type Fields = Readonly<Record<string, unknown>>;

const fields = (value: unknown): Fields | null =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : null;
const text = (value: unknown): string =>
  typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
const number = (value: unknown): number => (Number.isInteger(value) ? (value as number) : 0);
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

function linkOf(value: unknown): Link {
  const f = fields(value) ?? {};
  return {
    path: text(f.path),
    line: number(f.line),
    function: text(f.function),
    text: text(f.text),
    why: text(f.why) || text(f.kind),
  };
}

function findingOf(value: unknown): Finding | null {
  const f = fields(value);
  if (!f || !text(f.rule) || !text(f.path)) return null;
  const subject = fields(f.subject) ?? {};
  const model = fields(f.model);
  return {
    rule: text(f.rule),
    name: text(f.name),
    certainty: text(f.certainty) || 'always',
    dependsOn: text(f.depends_on) || null,
    at: linkOf(f),
    message: text(f.message),
    subject: {
      kind: text(subject.kind) || 'code',
      name: text(subject.name) || text(f.function) || text(f.path),
      path: text(subject.path),
      line: number(subject.line),
    },
    chain: list(f.chain).map(linkOf),
    traits: fields(f.traits) ?? {},
    model: model && {
      verdict: text(model.verdict),
      scenario: text(model.scenario),
      schedule: text(model.schedule),
      assumes: text(model.assumes) || null,
    },
  };
}

/** @throws Error that says what the file is not */
export function readReport(json: string, name: string): CheckReport {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const head = json.trimStart().slice(0, 1);
    throw new Error(
      head === '{' || head === '['
        ? `${name} is not whole, or not JSON: ${why}`
        : `${name} is not JSON. \`pfnmap check --json DIR > report.json\` writes what belongs here`,
    );
  }
  const f = fields(value);
  if (!f || !Array.isArray(f.findings)) {
    const other =
      f && ('runs' in f ? ' (this looks like SARIF)' : 'cells' in f ? ' (this is a matrix)' : '');
    throw new Error(
      `${name} is JSON, but no report of \`pfnmap check --json\`: it has no list of findings${other ?? ''}`,
    );
  }
  const tree = fields(f.tree) ?? {};
  const findings: Finding[] = [];
  const left: string[] = [];
  for (const [i, one] of f.findings.entries()) {
    const finding = findingOf(one);
    if (finding) findings.push(finding);
    else left.push(`finding ${i + 1} names no rule or no path`);
  }
  return {
    version: text(tree.version) || null,
    kind: text(tree.kind) || 'source',
    findings,
    notAnalysed: list(f.not_analysed).map(linkOf),
    left,
  };
}
