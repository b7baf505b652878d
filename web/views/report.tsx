// SPDX-License-Identifier: GPL-2.0-or-later
/** A report of `pfnmap check --json`, dropped on the page: findings by rule and driver, with chains. */
import { useEffect, useLayoutEffect, useState } from 'preact/hooks';
import { RULES } from '../../src/contract/rules.ts';
import type { LinuxVersion } from '../../src/kernel/versions.ts';
import { parseAddress } from '../../src/report/address.ts';
import { count } from '../../src/report/text.ts';
import { CATALOGUE } from '../../src/scenarios/catalogue/index.ts';
import { matrixCells } from '../../src/scenarios/matrix.ts';
import { readDropped } from '../client/dropped.ts';
import { pack } from '../client/pack.ts';
import { type CheckReport, type Finding, type Link, readReport } from '../client/report.ts';
import { go, href } from '../client/route.ts';
import { asCode, faceText, type Side, TRAITS } from '../client/subject.ts';

/** More than the whole kernel gives. */
const MOST_BYTES = 64 << 20;

/** Kept while the page is open, so that one can go to an exploration and come back. */
let kept: { name: string; report: CheckReport } | null = null;

/** `pfnmap check --html` puts the report into the page itself. */
function embedded(): { name: string; report: CheckReport } | null {
  const json = document.getElementById('pfnmap-report')?.textContent;
  return json
    ? { name: 'the report in this file', report: readReport(json, 'the report in this file') }
    : null;
}

export const hasReport = (): boolean => document.getElementById('pfnmap-report') !== null;

export function Report({ linux }: { linux: LinuxVersion }) {
  const [shown, setShown] = useState(() => (kept ??= embedded()));
  const [error, setError] = useState('');
  const [over, setOver] = useState(false);
  const [rule, setRule] = useState('');
  const [driver, setDriver] = useState('');
  useEffect(() => {
    document.title = 'Check report - pfnmap';
  }, []);
  const take = async (file: File | undefined) => {
    setOver(false);
    if (!file) return;
    setError('');
    try {
      if (file.size > MOST_BYTES)
        throw new Error(`${file.name} is larger than 64 MB: no report is`);
      kept = { name: file.name, report: readReport(await file.text(), file.name) };
      setShown(kept);
      setRule('');
      setDriver('');
    } catch (e) {
      setError(e instanceof Error ? e.message : String(e));
    }
  };
  useLayoutEffect(() => readDropped((file) => void take(file)), []);
  return (
    <main id="content" class="page report" tabIndex={-1}>
      <h1>Check report</h1>
      <section
        class={`drop${over ? ' over' : ''}`}
        aria-label="Open a report"
        onDragOver={() => setOver(true)}
        onDragLeave={() => setOver(false)}
      >
        <p>
          Drop the output of <code>pfnmap check --json DIR-or-PATCH</code> on this page, or{' '}
          <label class="choose">
            choose a file
            <input
              type="file"
              accept=".json,application/json"
              onChange={(e) => void take(e.currentTarget.files?.[0])}
            />
          </label>
          . It is read in this page and goes nowhere.
        </p>
      </section>
      {error && (
        <p class="error" role="alert">
          {error}.{shown && ` ${shown.name} is still shown.`}
        </p>
      )}
      {shown && (
        <Findings
          name={shown.name}
          report={shown.report}
          linux={linux}
          rule={rule}
          driver={driver}
          setRule={setRule}
          setDriver={setDriver}
        />
      )}
    </main>
  );
}

interface FindingsProps {
  name: string;
  report: CheckReport;
  linux: LinuxVersion;
  rule: string;
  driver: string;
  setRule: (rule: string) => void;
  setDriver: (driver: string) => void;
}

function Findings({ name, report, linux, rule, driver, setRule, setDriver }: FindingsProps) {
  const { findings, version, kind, notAnalysed, left } = report;
  const rules = [...new Set(findings.map((f) => f.rule))].sort(
    (a, b) => Number(a.slice(1)) - Number(b.slice(1)),
  );
  const drivers = [...new Set(findings.map((f) => f.subject.name))].sort();
  const some = findings.filter(
    (f) => (!rule || f.rule === rule) && (!driver || f.subject.name === driver),
  );
  return (
    <>
      <p role="status">
        {name}: {count(findings.length, 'finding')} in {count(drivers.length, 'driver')}
        {version && `, ${kind} ${version}`}.{' '}
        {left.length > 0 && <span class="error">Left out: {left.slice(0, 5).join('; ')}.</span>}
      </p>
      <p class="filters">
        <label>
          rule{' '}
          <select value={rule} onChange={(e) => setRule(e.currentTarget.value)}>
            <option value="">all</option>
            {rules.map((r) => (
              <option key={r} value={r}>
                {r} {RULES.find((known) => known.id === r)?.name} (
                {findings.filter((f) => f.rule === r).length})
              </option>
            ))}
          </select>
        </label>{' '}
        <label>
          driver{' '}
          <select value={driver} onChange={(e) => setDriver(e.currentTarget.value)}>
            <option value="">all</option>
            {drivers.map((d) => (
              <option key={d}>{d}</option>
            ))}
          </select>
        </label>
      </p>
      {rules
        .filter((r) => some.some((f) => f.rule === r))
        .map((r) => (
          <Group key={r} rule={r} findings={some.filter((f) => f.rule === r)} linux={linux} />
        ))}
      {notAnalysed.length > 0 && (
        <details>
          <summary>
            {count(notAnalysed.length, 'place')} not analysed: nothing is claimed of them
          </summary>
          <ul class="left">
            {notAnalysed.slice(0, 500).map((l) => (
              <li key={`${l.path}:${l.line}`}>
                <code>
                  {l.path}:{l.line}
                </code>{' '}
                {l.why}
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

function Group({
  rule,
  findings,
  linux,
}: {
  rule: string;
  findings: readonly Finding[];
  linux: LinuxVersion;
}) {
  const known = RULES.find((r) => r.id === rule);
  const keep = { linux: linux === '6.12' ? undefined : linux };
  return (
    <section class="by-rule">
      <h2>
        {known ? <a href={href(`rules/${rule}`, keep)}>{`${rule} ${known.name}`}</a> : rule}{' '}
        <span class="soft">{findings.length}</span>
      </h2>
      {known && <p class="soft">{known.statement}</p>}
      {findings.map((f, i) => (
        <article key={`${f.at.path}:${f.at.line}:${i}`} class="finding">
          <h3>
            {f.subject.kind} <code>{f.subject.name}</code>{' '}
            <span class="certainty">
              {f.certainty === 'always'
                ? 'on every path'
                : f.certainty === 'some-paths'
                  ? 'on some paths'
                  : 'depends'}
              {f.dependsOn && ` on ${f.dependsOn}`}
            </span>
          </h3>
          {f.message && <p>{f.message}</p>}
          <Chain chain={f.chain.length ? f.chain : [f.at]} />
          <Explore finding={f} linux={linux} />
        </article>
      ))}
    </section>
  );
}

/** From the table of operations down to the line that breaks the rule. */
function Chain({ chain }: { chain: readonly Link[] }) {
  return (
    <ol class="chain">
      {chain.map((l, i) => (
        <li key={`${l.path}:${l.line}`} class={i === chain.length - 1 ? 'last' : undefined}>
          <p>
            <code class="place">
              {l.path}:{l.line}
            </code>{' '}
            {l.function && <code>{l.function}()</code>} <span class="soft">{l.why}</span>
          </p>
          {l.text && (
            <pre>
              <span aria-hidden="true">{String(l.line).padStart(5)} </span>
              {l.text}
            </pre>
          )}
        </li>
      ))}
    </ol>
  );
}

/** The interleaving that the model found for these traits. */
function Explore({ finding, linux }: { finding: Finding; linux: LinuxVersion }) {
  const { model } = finding;
  if (!model) return <ExploreTraits finding={finding} linux={linux} />;
  const address = parseAddress(model.schedule);
  // A driver that was read off its source stands in neither; its traits can be explored.
  if (![...CATALOGUE, ...matrixCells()].some(({ id }) => id === model.scenario)) {
    return (
      <>
        <p>
          On the model: {model.verdict} ({model.scenario}
          {model.assumes && `, if ${model.assumes}`})
        </p>
        <ExploreTraits finding={finding} linux={linux} />
      </>
    );
  }
  if (typeof address === 'string') {
    return (
      <p>
        On the model: {model.verdict}
        {model.scenario && (
          <>
            {' '}
            (
            <a
              href={href(`show/${model.scenario}`, { linux: linux === '6.12' ? undefined : linux })}
            >
              {model.scenario}
            </a>
            )
          </>
        )}
      </p>
    );
  }
  const query = {
    linux: address.linux === '6.12' ? undefined : address.linux,
    face: address.face ? faceText(address.face) : undefined,
    schedule: address.schedule,
  };
  return (
    <p>
      On the model: {model.verdict}.{' '}
      <a href={href(`show/${address.name}`, query)}>Step through the interleaving</a>
    </p>
  );
}

/** The driver by the traits that were read off its source, to be met by everybody. */
function ExploreTraits({
  finding: { traits, subject },
  linux,
}: {
  finding: Finding;
  linux: LinuxVersion;
}) {
  const side: Side = subject.kind === 'exporter' ? 'exporter' : 'consumer';
  // A report that is one file has no editor beside it.
  if (hasReport() || !Object.keys(TRAITS[side]).some((key) => key in traits)) return null;
  const explore = async () => {
    const code = await pack(asCode({ [side]: traits }));
    go(href('edit', { linux: linux === '6.12' ? undefined : linux, code }));
  };
  return (
    <p>
      <button type="button" onClick={explore}>
        Explore a driver with these traits
      </button>
    </p>
  );
}
