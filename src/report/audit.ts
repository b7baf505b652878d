// SPDX-License-Identifier: GPL-2.0-or-later
/** The audit as text and as Markdown: every exporter, follower and insertion primitive of a tree. */
import type { CheckReport } from '../contract/finding.ts';

type Row = readonly string[];

function tables(report: CheckReport): { title: string; head: Row; rows: Row[] }[] {
  const place = (p: { path: string; line: number }) => `${p.path}:${p.line}`;
  const yes = (v: boolean | null) => (v === null ? '?' : v ? 'yes' : 'no');
  const primitives = report.primitives.map((p) => [
    p.name,
    place(p),
    p.sets.join(' ') || '-',
    p.special,
    p.takes_page_ref ? 'yes' : 'no',
    p.why,
  ]);
  const exporters = report.exporters.map((e) => [
    e.verdict,
    e.name,
    place(e.ops),
    e.mmap ? `${e.mmap.function}, ${place(e.mmap)}` : '-',
    [...new Set(e.primitives.map((p) => p.name))].join(', ') || '-',
    e.pfnmap_at_return,
    e.struct_page,
    yes(e.moves),
    yes(e.zaps),
    e.moves_why || '-',
    yes(e.refuses_cow),
    e.rules.join(' ') || '-',
    e.why,
  ]);
  const followers = report.followers.map((f) => [
    f.verdict,
    f.function,
    place(f),
    f.calls.join(', '),
    f.rules.join(' ') || '-',
    f.why,
  ]);
  return [
    {
      title: 'Insertion primitives',
      head: ['name', 'place', 'leaves', 'special', 'page ref', 'why'],
      rows: primitives,
    },
    {
      title: 'Exporters',
      head: [
        'verdict',
        'table',
        'place',
        'mmap',
        'primitives',
        'VM_PFNMAP',
        'struct page',
        'moves',
        'zaps',
        'because',
        'refuses private',
        'rules',
        'why',
      ],
      rows: exporters,
    },
    {
      title: 'Followers',
      head: ['verdict', 'function', 'place', 'calls', 'rules', 'why'],
      rows: followers,
    },
  ];
}

export function auditMarkdown(report: CheckReport): string {
  const { version, linux } = report.tree;
  const cell = (s: string) => s.replace(/\|/g, '\\|').replace(/\n/g, ' ');
  const out = [
    `# Who keeps the dma-buf mmap contract in Linux ${version ?? linux}`,
    '',
    `Made by \`pfnmap check --audit\` from ${report.tree.files} files. docs/check.md says what the words mean and what is taken for granted.`,
  ];
  for (const { title, head, rows } of tables(report)) {
    out.push(
      '',
      `## ${title}`,
      '',
      `| ${head.join(' | ')} |`,
      `|${head.map(() => '---').join('|')}|`,
    );
    for (const row of rows) out.push(`| ${row.map(cell).join(' | ')} |`);
  }
  out.push('', '## Not analysed', '', `${report.not_analysed.length} places.`, '');
  for (const n of report.not_analysed)
    out.push(`- ${n.path}${n.line ? `:${n.line}` : ''}: ${n.kind}: ${n.why}`);
  return `${out.join('\n').trimEnd()}\n`;
}

export function auditText(report: CheckReport): string {
  const out: string[] = [];
  for (const { title, rows, head } of tables(report)) {
    out.push(`${title}: ${rows.length}`);
    const last = head.length - 1;
    for (const row of rows) {
      out.push(`  ${row[0]}  ${row[1]}  ${row[2]}`);
      out.push(
        `      ${row
          .slice(3, last)
          .map((v, i) => `${head[i + 3]}: ${v}`)
          .join('; ')}`,
      );
      out.push(`      ${row[last]}`);
    }
    out.push('');
  }
  out.push(`not analysed: ${report.not_analysed.length}`);
  return out.join('\n');
}
