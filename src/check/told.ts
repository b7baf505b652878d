// SPDX-License-Identifier: GPL-2.0-or-later
/** What was judged, as data: findings with their chains, rows of an audit, what was not followed. */
import type {
  AuditedExporter,
  AuditedFollower,
  ChainLink,
  Finding,
  NotAnalysed,
} from '../contract/finding.ts';
import { RULES } from '../contract/rules.ts';
import type { FunctionDef } from './c/program.ts';
import { dirOf } from './c/tree.ts';
import type { Site } from './flow/values.ts';
import type { Follower, FollowerFall } from './followers.ts';
import { consumerTraits, traitsOf } from './traits.ts';
import type { Fall, Judged } from './verdicts.ts';

/** An exporter that was judged. */
export interface Told {
  readonly exporter: AuditedExporter;
  readonly findings: readonly Finding[];
  readonly gaps: readonly NotAnalysed[];
}

export const tell = (j: Judged): Told => ({
  exporter: audited(j),
  findings: findingsOf(j),
  gaps: gapsOf(j),
});

/** A place on a chain as a link of a finding. */
function link(site: Site): ChainLink {
  const line = site.file.lines.at(site.at);
  return {
    path: site.file.path,
    line,
    function: site.fn,
    text: site.file.lines.textOf(line),
    why: !site.calleePath
      ? site.callee
      : site.fn === site.callee
        ? `${site.callee}() is installed here`
        : `calls ${site.callee}()`,
  };
}

const ruleName = (id: string) => RULES.find((r) => r.id === id)?.name ?? id;

function findingsOf(j: Judged): Finding[] {
  const { table, mmap } = j.exporter;
  return j.falls.map((f) => {
    const { path, line, fn, text } = whereOf(j, f);
    const chain = f.chain.map(link);
    return {
      rule: f.rule,
      name: ruleName(f.rule),
      certainty: f.certainty,
      depends_on: f.dependsOn,
      path,
      line,
      function: fn,
      text,
      message:
        f.why +
        (f.when.length && f.certainty === 'some-paths'
          ? ` (when ${f.when.slice(0, 3).join(' and ')})`
          : ''),
      subject: { kind: 'exporter', name: table.name, path: table.file.path, line: table.line },
      chain,
      traits: { ...traitsOf(j) },
      model: null,
      key: [
        f.rule,
        table.file.path,
        table.name,
        mmap?.name ?? '',
        ...chain.map((c) => c.function),
      ].join('|'),
    };
  });
}

export function followerFinding(
  def: FunctionDef,
  fall: FollowerFall,
  falls: readonly FollowerFall[],
): Finding {
  const { file } = def;
  const line = file.lines.at(fall.at);
  const chain = fall.chain.map((c) =>
    link({ file: c.def.file, at: c.at, fn: c.def.name, callee: c.callee, calleePath: 'mm/' }),
  );
  return {
    rule: fall.rule,
    name: ruleName(fall.rule),
    certainty: 'always',
    depends_on: null,
    path: file.path,
    line,
    function: def.name,
    text: file.lines.textOf(line),
    message: fall.why,
    subject: { kind: 'follower', name: def.name, path: file.path, line: def.line },
    chain,
    traits: consumerTraits(
      def.name,
      `${file.path}:${def.line}`,
      fall.rule,
      falls.map((f) => f.rule),
    ),
    model: null,
    key: [fall.rule, file.path, def.name, ...chain.map((c) => c.function)].join('|'),
  };
}

export function auditedFollower({ def, calls, verdict, falls, why }: Follower): AuditedFollower {
  return {
    function: def.name,
    path: def.file.path,
    line: def.line,
    calls,
    verdict,
    rules: [...new Set(falls.map((f) => f.rule))],
    why,
  };
}

/** The deepest place of the chain that is still the driver's own, else its mmap. */
function whereOf(j: Judged, f: Fall): { path: string; line: number; fn: string; text: string } {
  const home = dirOf(j.exporter.table.file.path);
  const own = f.chain
    .filter((s) => dirOf(s.file.path) === home || dirOf(s.file.path).startsWith(`${home}/`))
    .at(-1);
  if (own) {
    const line = own.file.lines.at(own.at);
    return { path: own.file.path, line, fn: own.fn, text: own.file.lines.textOf(line) };
  }
  const { mmap, table } = j.exporter;
  if (mmap && dirOf(mmap.file.path) === home) {
    return {
      path: mmap.file.path,
      line: mmap.line,
      fn: mmap.name,
      text: mmap.file.lines.textOf(mmap.line),
    };
  }
  const field = table.fields.get('mmap') ?? table.fields.get('vm_ops');
  const line = field ? table.file.lines.at(field.at) : table.line;
  const fn = mmap?.name ?? j.exporter.slot ?? table.name;
  return { path: table.file.path, line, fn, text: table.file.lines.textOf(line) };
}

function gapsOf(j: Judged): NotAnalysed[] {
  const out: NotAnalysed[] = [];
  const { table } = j.exporter;
  for (const { site, why } of j.exporter.machine.gaps.values()) {
    out.push({
      kind: 'call',
      path: site.file.path,
      line: site.file.lines.at(site.at),
      why: `${site.fn}(): ${why}`,
    });
  }
  if (j.verdict === 'unknown')
    out.push({
      kind: 'exporter',
      path: table.file.path,
      line: table.line,
      why: `${table.name}: ${j.why}`,
    });
  return out;
}

function audited(j: Judged): AuditedExporter {
  const { table, mmap } = j.exporter;
  return {
    name: table.name,
    ops: { path: table.file.path, line: table.line, struct: table.type },
    mmap: mmap
      ? { function: mmap.name, path: mmap.file.path, line: mmap.line }
      : j.exporter.slot
        ? { function: j.exporter.slot, path: '', line: 0 }
        : null,
    primitives: j.primitives.map((s) => ({
      name: s.callee,
      path: s.file.path,
      line: s.file.lines.at(s.at),
    })),
    pfnmap_at_return: j.pfnmap,
    struct_page: j.structPage,
    moves: j.moves.moves,
    zaps: j.moves.zaps,
    moves_why: j.moves.why,
    refuses_cow: j.refusesCow,
    verdict: j.verdict,
    rules: j.falls.map((f) => f.rule),
    why: j.why,
  };
}
