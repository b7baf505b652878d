// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Findings run in the model: the traits of a driver meet every consumer that there is or was, those of a
 * follower every real exporter; what was only discussed proves nothing against a driver. Only what the subject itself does wrong counts: a meeting that is no worse than that of the
 * other side with somebody who keeps the contract is not the subject's doing.
 */
import type { Finding, ModelAnswer } from '../contract/finding.ts';
import type { ConsumerTraits, ExporterTraits } from '../contract/traits.ts';
import type { Verdict } from '../contract/words.ts';
import { CONSUMERS } from '../kernel/consumers/index.ts';
import { EXPORTERS } from '../kernel/exporters/index.ts';
import type { LinuxVersion } from '../kernel/versions.ts';
import { cellAddress } from '../report/json.ts';
import { type Cell, type CellResult, CellRun, makeCell, SharedFaces } from '../scenarios/matrix.ts';
import { driver } from '../scenarios/scenario.ts';
import { BEYOND, type Until } from './check-answers.ts';
import { breathe, SLICE } from './io.ts';

export interface Meeting {
  readonly result: CellResult;
  /** It goes wrong because of the subject, not of whom it met. */
  readonly guilty: boolean;
  /** What was taken for granted of the subject. */
  readonly assumes: string | null;
}

export type Subject = Pick<Finding, 'rule' | 'subject' | 'traits'>;

/** A cell of one driver is small; one that is not is left as unknown. */
const MAX_STATES = 400_000;
const MOVES = 'it moves its buffers, which its source does not show';

const RANK: readonly Verdict[] = ['corrupts', 'breaks', 'unknown', 'safe', 'refused'];
const worse = (a: Verdict, b: Verdict) => RANK.indexOf(a) - RANK.indexOf(b);
const isBad = (v: Verdict) => v === 'corrupts' || v === 'breaks';

type Traits<T> = Partial<T> & { readonly id: string };

/** The subject meets everybody, as it was read first, then with what was not looked for. */
export async function* meetings(
  f: Subject,
  linux: LinuxVersion,
  signal: { readonly aborted: boolean },
): AsyncGenerator<Meeting> {
  const shared = new SharedFaces();
  for (const { assumes, pairs } of castOf(f)) {
    for (const { cell, control } of pairs) {
      const result = await run(cell, linux, shared, signal);
      if (!result) return;
      let guilty = false;
      if (isBad(result.verdict)) {
        const other = await run(control, linux, shared, signal);
        if (!other) return;
        guilty = worse(result.verdict, other.verdict) < 0;
      }
      yield { result, guilty, assumes };
    }
  }
}

interface Pair {
  readonly cell: Cell;
  /** The other side with somebody who keeps the contract. */
  readonly control: Cell;
}

function castOf(
  f: Subject,
): { readonly assumes: string | null; readonly pairs: readonly Pair[] }[] {
  if (BEYOND.includes(f.rule)) return [];
  if (f.subject.kind === 'follower') {
    const { consumer } = driver({ consumer: f.traits as Traits<ConsumerTraits> });
    const good = driver({ consumer: { id: 'follows-correctly' } }).consumer!;
    const met = EXPORTERS.filter(
      (e) => e.status === 'real' && (e.object === 'dma-buf' || e.object === 'device'),
    );
    const pairs = met.map((e) => ({ cell: makeCell(e, consumer!), control: makeCell(e, good) }));
    return [{ assumes: null, pairs }];
  }
  const own = f.traits as Traits<ExporterTraits>;
  if (own.mappable === false) return [];
  const pairsOf = (more: Partial<ExporterTraits>) => {
    const { exporter } = driver({ exporter: { ...own, ...more } });
    const good = driver({ exporter: { ...more, id: 'keeps-contract' } }).exporter!;
    const met = CONSUMERS.filter((c) => c.status !== 'hypothetical');
    return met.map((c) => ({ cell: makeCell(exporter!, c), control: makeCell(good, c) }));
  };
  return [
    { assumes: null, pairs: pairsOf({}) },
    ...(own.takesBack ? [] : [{ assumes: MOVES, pairs: pairsOf({ takesBack: ['move'] }) }]),
  ];
}

/** @returns null when it was interrupted */
async function run(
  cell: Cell,
  linux: LinuxVersion,
  shared: SharedFaces,
  signal: { readonly aborted: boolean },
): Promise<CellResult | null> {
  const one = new CellRun(cell, linux, shared, MAX_STATES);
  for (;;) {
    const result = one.run(SLICE);
    if (result) return result;
    await breathe();
    if (signal.aborted) return null;
  }
}

/** The worst meeting that is the subject's own doing, else the one that says most of why not. */
export function worstOf(met: readonly Meeting[]): Meeting | null {
  const counted = met.filter((m) => m.guilty || !isBad(m.result.verdict));
  return [...counted].sort((a, b) => worse(a.result.verdict, b.result.verdict))[0] ?? null;
}

export function answerOf({ result, assumes }: Meeting): ModelAnswer {
  const { cell, verdict } = result;
  return { verdict, scenario: cell.id, schedule: cellAddress(result), assumes };
}

/** The worst that a subject does of what was looked at; null when it was interrupted or has nothing to run. */
export async function explored(
  f: Subject,
  linux: LinuxVersion,
  signal: { readonly aborted: boolean },
  until: Until,
): Promise<ModelAnswer | null> {
  const met: Meeting[] = [];
  for await (const m of meetings(f, linux, signal)) {
    met.push(m);
    if (m.guilty && (until === 'wrong' || m.result.verdict === 'corrupts')) break;
  }
  if (signal.aborted) return null;
  const worst = worstOf(met);
  return worst && answerOf(worst);
}
