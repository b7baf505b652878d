// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * What other programs read: SARIF that is valid against the published schema of 2.1.0, with and without
 * findings, whatever is in paths and texts; annotations of GitHub that nothing in a finding can end early.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import Ajv from 'ajv-draft-04';
import addFormats from 'ajv-formats';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { check } from '../../src/check/check.ts';
import type { CheckReport, Finding } from '../../src/contract/finding.ts';
import { githubText } from '../../src/report/check.ts';
import { sarif } from '../../src/report/sarif.ts';

const schema = createRequire(import.meta.url)(
  '@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json',
) as object;
const ajv = new Ajv({ strict: false, unicodeRegExp: false, allErrors: true });
addFormats.default(ajv);
const validate = ajv.compile(schema);
const errors = (log: object) => {
  validate(JSON.parse(JSON.stringify(log)));
  return validate.errors ?? [];
};

const examples = join(import.meta.dirname, '../check/examples');
const report = await check({ path: examples, linux: '6.12', self: null });
const [first] = report.findings;

/** A finding with texts of any kind. */
const strange = fc
  .record({
    path: fc.string({ unit: 'binary', minLength: 1 }),
    line: fc.integer({ min: 0 }),
    text: fc.string({ unit: 'binary' }),
    message: fc.string({ unit: 'binary' }),
    key: fc.string({ unit: 'binary' }),
  })
  .map((some): Finding => ({ ...first!, ...some }));

describe('SARIF', () => {
  test('of the examples is valid, and so is none at all', () => {
    expect(report.findings.length).toBeGreaterThan(10);
    expect(errors(sarif(report, report.findings, '1.0.0'))).toEqual([]);
    expect(errors(sarif(report, [], '1.0.0'))).toEqual([]);
  });

  test('holds the chain as a code flow, and a fingerprint without a line', () => {
    const log = sarif(report, report.findings, '1.0.0') as {
      runs: {
        results: {
          partialFingerprints: object;
          codeFlows: { threadFlows: { locations: object[] }[] }[];
        }[];
      }[];
    };
    for (const [i, result] of log.runs[0]!.results.entries()) {
      const finding = report.findings[i]!;
      expect(result.partialFingerprints).toEqual({ 'pfnmapChain/v1': finding.key });
      const steps = result.codeFlows.flatMap((f) => f.threadFlows.flatMap((t) => t.locations));
      expect(steps).toHaveLength(finding.chain.length);
    }
  });

  test('is valid whatever stands in paths and texts', () => {
    fc.assert(
      fc.property(strange, (finding) => {
        expect(errors(sarif(report as CheckReport, [finding], '1.0.0'))).toEqual([]);
      }),
    );
  });

  test('the schema does tell', () => {
    const log = sarif(report, report.findings, '1.0.0') as { runs: { results: object[] }[] };
    expect(errors({ ...log, version: '2.0.0' })).not.toEqual([]);
    expect(errors({ ...log, runs: [{ ...log.runs[0], tool: {} }] })).not.toEqual([]);
  });
});

describe('annotations of GitHub', () => {
  test('are one line each, and read back as they were', () => {
    fc.assert(
      fc.property(fc.array(strange, { minLength: 1, maxLength: 4 }), (findings) => {
        const lines = githubText(findings).split('\n');
        expect(lines).toHaveLength(findings.length);
        for (const [i, line] of lines.entries()) {
          // As the runner takes a command apart: properties end at the first `::` after the name.
          const [, properties, message] = /^::(?:error|warning|notice) (.*?)::(.*)$/s.exec(line)!;
          const unquoted = (s: string) =>
            s
              .replace(/%2C/g, ',')
              .replace(/%3A/g, ':')
              .replace(/%0A/g, '\n')
              .replace(/%0D/g, '\r')
              .replace(/%25/g, '%');
          const file = /^file=([^,]*),line=(\d+),title=/.exec(properties!)!;
          expect(unquoted(file[1]!)).toBe(findings[i]!.path);
          expect(unquoted(message!)).toBe(findings[i]!.message);
          expect(line).not.toMatch(/[\r\n]/);
        }
      }),
    );
  });
});
