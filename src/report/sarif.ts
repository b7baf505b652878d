// SPDX-License-Identifier: GPL-2.0-or-later
/** Findings as SARIF 2.1.0: the chain as a code flow, the key as a partial fingerprint. */
import type { CheckReport, Finding } from '../contract/finding.ts';
import { RULES } from '../contract/rules.ts';
import { levelOf } from './check.ts';

const LEVEL = { ERROR: 'error', WARNING: 'warning', CHECK: 'note' } as const;

/** A path as a relative URI: what would begin a query, a fragment or a scheme is escaped too. */
const uriOf = (path: string) => encodeURI(path).replace(/[?#:]/g, encodeURIComponent);

const location = (path: string, line: number, text?: string) => ({
  physicalLocation: {
    artifactLocation: { uri: uriOf(path), uriBaseId: 'SRCROOT' },
    region: { startLine: Math.max(1, line), ...(text ? { snippet: { text } } : {}) },
  },
});

export function sarif(report: CheckReport, findings: readonly Finding[], version: string): object {
  const used = RULES.filter((r) => findings.some((f) => f.rule === r.id));
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'pfnmap',
            version,
            rules: used.map((r) => ({
              id: r.id,
              name: r.name,
              shortDescription: { text: r.statement },
              fullDescription: { text: `${r.wrong} ${r.why}` },
              help: { text: r.fix },
            })),
          },
        },
        originalUriBaseIds: { SRCROOT: { description: { text: 'the tree that was checked' } } },
        results: findings.map((f) => ({
          ruleId: f.rule,
          ruleIndex: used.findIndex((r) => r.id === f.rule),
          level: LEVEL[levelOf(f)],
          message: { text: f.message + (f.depends_on ? ` (depends on: ${f.depends_on})` : '') },
          locations: [location(f.path, f.line, f.text)],
          partialFingerprints: { 'pfnmapChain/v1': f.key },
          codeFlows: f.chain.length
            ? [
                {
                  threadFlows: [
                    {
                      locations: f.chain.map((c) => ({
                        location: {
                          ...location(c.path || f.path, c.line, c.text),
                          message: { text: `${c.function}(): ${c.why}` },
                        },
                      })),
                    },
                  ],
                },
              ]
            : [],
        })),
        properties: { linux: report.tree.linux, notAnalysed: report.not_analysed.length },
      },
    ],
  };
}
