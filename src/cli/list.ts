// SPDX-License-Identifier: GPL-2.0-or-later
/** `pfnmap list`: what there is. */
import { CONSUMERS } from '../kernel/consumers/index.ts';
import { EXPORTERS } from '../kernel/exporters/index.ts';
import type { LinuxVersion } from '../kernel/versions.ts';
import { CATALOGUE } from '../scenarios/catalogue/index.ts';
import { expectedOn } from '../scenarios/scenario.ts';
import { EXIT, type ExitCode, out, outJson } from './io.ts';

interface Entry {
  readonly id: string;
  readonly title: string;
  readonly status: string;
  readonly source: string;
}

export async function list(options: { linux: LinuxVersion; json?: boolean }): Promise<ExitCode> {
  const { linux, json } = options;
  const entry = ({ id, title, status, source }: Entry) => ({ id, title, status, source });
  const exporters = EXPORTERS.map(entry);
  const consumers = CONSUMERS.map(entry);
  const scenarios = CATALOGUE.map((s) => ({
    ...entry(s),
    expected: expectedOn(s, linux),
    rules: s.rules,
  }));
  if (json) {
    outJson({ linux, exporters, consumers, scenarios });
    return EXIT.ok;
  }
  const part = (head: string, entries: readonly Entry[]) => {
    const wide = Math.max(...entries.map((e) => e.id.length));
    out(`${head}:`);
    for (const { id, title, status } of entries) {
      out(`  ${id.padEnd(wide)}  ${title}${status.includes(' against ') ? '' : ` (${status})`}`);
    }
    out('');
  };
  part('Exporters', exporters);
  part('Consumers', consumers);
  part('Scenarios', scenarios);
  out('pfnmap show NAME tells more of a scenario, or of a cell EXPORTER/CONSUMER.');
  return EXIT.ok;
}
