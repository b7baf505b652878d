// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * docs/answers.md: what the thread leaves open, answered with numbers. The page is written by this
 * test (`npm run update`), so that no number on it can be older than the model.
 */
import { expect, it } from 'vitest';
import { type Counted, ScheduleCount, schedulesIn } from '../../src/explore/count.ts';
import { explore } from '../../src/explore/explore.ts';
import { CONSUMERS } from '../../src/kernel/consumers/index.ts';
import { EXPORTERS } from '../../src/kernel/exporters/index.ts';
import { bigCount, percent } from '../../src/report/schedules.ts';
import { CATALOGUE } from '../../src/scenarios/catalogue/index.ts';
import { CellRun, makeCell, SharedFaces } from '../../src/scenarios/matrix.ts';
import type { Scenario } from '../../src/scenarios/scenario.ts';

const LINUX = '6.12';

function named(id: string): Scenario {
  const found = CATALOGUE.find((s) => s.id === id);
  if (!found) throw new Error(`no story '${id}'`);
  return found;
}

function counted(id: string, events: readonly string[]): Counted {
  const result = new ScheduleCount(named(id).prepare(LINUX), { events }).run();
  if (!result) throw new Error(`${id}: an unlimited count must end`);
  return result;
}

const row = (...cells: readonly string[]) => `| ${cells.join(' | ')} |`;
const head = (...cells: readonly string[]) => [row(...cells), row(...cells.map(() => '---'))];

/** One check of reference counts: when it fires in schedules that corrupt. */
function check(id: string): string {
  const all = counted(id, ['corrupts', 'R10']);
  const corrupting = schedulesIn(all, (order) => order.includes('corrupts'));
  const part = (wanted: (order: string) => boolean) =>
    percent(
      schedulesIn(all, (order) => order.includes('corrupts') && wanted(order.join())),
      corrupting,
    );
  const alarms = schedulesIn(all, (order) => order.join() === 'R10');
  return row(
    `\`${id}\``,
    named(id).title,
    bigCount(all.schedules),
    `${bigCount(corrupting)} (${percent(corrupting, all.schedules)})`,
    part((order) => order === 'corrupts'),
    part((order) => order === 'R10,corrupts'),
    part((order) => order === 'corrupts,R10'),
    percent(alarms, all.schedules),
  );
}

/** One way to loop: what becomes of a lookup. */
function loop(id: string): string {
  const s = named(id);
  const result = explore(s.prepare(LINUX)).run();
  const rules = new Set(result?.findings.map((f) => f.rule));
  const { schedules, orders, cut } = counted(id, ['R8']);
  const nothing = orders
    .filter((o) => o.events.includes('R8'))
    .reduce((n, o) => n + o.schedules, 0n);
  const ends = rules.has('livelock') ? 'never, on a permanent fault' : 'always';
  return row(
    `\`${id}\``,
    s.title,
    String(result?.states),
    ends,
    rules.has('livelock') ? '-' : `${percent(nothing, schedules)}${cut ? ' (retries once)' : ''}`,
  );
}

/** What a consumer makes of an exporter. */
function verdicts(consumerId: string): Map<string, string> {
  const consumer = CONSUMERS.find((c) => c.id === consumerId);
  if (!consumer) throw new Error(`no consumer '${consumerId}'`);
  const shared = new SharedFaces();
  const of = new Map<string, string>();
  for (const exporter of EXPORTERS.filter((e) => e.status === 'real')) {
    const run = new CellRun(makeCell(exporter, consumer), LINUX, shared, undefined, false).run();
    of.set(exporter.id, run?.verdict ?? 'unknown');
  }
  return of;
}

function refusal(): string[] {
  const served = verdicts('notifier-retry');
  const refuses = verdicts('refuse-special');
  const ids = [...served.keys()];
  const lost = ids.filter((id) => served.get(id) === 'safe' && refuses.get(id) === 'refused');
  const other = ids.filter((id) => !lost.includes(id));
  return [
    `Of ${ids.length} real exporters ${lost.length} serve a follower with notifier and retry safely, and are`,
    'lost to one that refuses special PTEs:',
    '',
    ...lost.map((id) => `- \`${id}\``),
    '',
    'The others, for comparison:',
    '',
    ...head('exporter', 'follower with notifier and retry', 'refuses pte_special'),
    ...other.map((id) => row(`\`${id}\``, served.get(id) ?? '', refuses.get(id) ?? '')),
  ];
}

it('docs/answers.md says what the model says', async () => {
  const text = [
    '# What the thread leaves open',
    '',
    'Questions that the mails of November 2022 ask each other, answered by the model of Linux 6.12. This',
    'page is written by `test/scenarios/answers.test.ts`; `npm run update` writes it anew. The stories',
    'behind the rows: `pfnmap show NAME`.',
    '',
    'Schedules are counted as [engine.md](engine.md#counting-schedules) says: every sequence of single steps, each',
    'retry loop taken at most once. **A count is not a probability**: no scheduler draws schedules by lot,',
    'and a fraction only says how much of what can happen is covered by a check.',
    '',
    '## Does a check of reference counts help?',
    '',
    '“In most cases this WARN_ON here won’t hit” (König 23/12:49). “If dmabuf checks the refcount after it',
    'does the unmap mapping range it should catch any bogus pin” (Gunthorpe 23/12:53). A consumer takes a',
    'page reference through a special PTE, or none; TTM moves the buffer once.',
    '',
    'Of the schedules that corrupt, in how many does the check fire, and when?',
    '',
    ...head(
      'story',
      'check',
      'schedules',
      'that corrupt',
      'it never fires',
      'fires before',
      'fires after',
      'fires, and nothing is corrupted (of all)',
    ),
    check('refcount/at-free'),
    check('refcount/pooled'),
    check('refcount/after-unmap'),
    check('refcount/after-unmap-pin'),
    check('refcount/no-reference-taken'),
    check('refcount/zero'),
    check('refcount/zero-pooled'),
    check('refcount/zero-no-reference-taken'),
    check('refcount/page-flag'),
    check('refcount/page-flag-page-returns'),
    check('refcount/page-flag-pooled'),
    check('refcount/page-flag-no-reference-taken'),
    '',
    'So the two mails are both right, each of its own check. At free time it mostly fires after the fact, or',
    'not at all, for the reference may be gone by then; and where a pool keeps the pages it is never made.',
    '(The consumer here lets go after two accesses, and the worker is as fast as any other thread: with the',
    'ten milliseconds of König 23/13:12 it would come later still.) Right after the unmap the check fires',
    'before any damage, whenever the reference is there by then. Who looked the PFN up before the zap and',
    'takes his reference after the check is not seen, and nobody who takes no reference ever is. The check',
    'also fires where nothing gets corrupted: a reference that is dropped in time is a broken rule too.',
    '',
    'Counts of zero keep references away but for one moment: to free a page its count has to be raised, and',
    'who looked the PFN up before may take his reference just then. And they too mean nothing to who takes',
    'none.',
    '',
    '“Something to the page indicating that you can’t grab a reference to it” (König 23/09:06) has no such moment:',
    'a page that is free has a count of zero. But it is another word than the count, and who asks it while the',
    'page is free gets his reference of what the next move has made of the page. It also stops GUP-fast behind',
    'a huge entry that is not special (`refcount/page-flag-huge`), and makes an exporter that inserts struct pages',
    'fall over its own reference at the first fault (`refcount/page-flag-inserted`). “There’s no free page bits',
    'left” (Vetter 23/09:30).',
    '',
    '## What does looping cost?',
    '',
    '“If you’re sufficiently unlucky you might race against an immediate pte invalidate between the fixup',
    'and the 2nd follow_pte(). But you can also not loop, because that would fail to catch permanent',
    'faults.” (Vetter 23/14:28)',
    '',
    ...head('story', 'scheme', 'states', 'ends', 'schedules in which it gives up for nothing'),
    loop('kvm/loops-until-mapped'),
    loop('kvm/gives-up-after-one'),
    loop('kvm/gives-up-after-two'),
    loop('kvm/bounded-under-notifier'),
    loop('kvm/bounded-and-waits-too-few'),
    loop('kvm/bounded-and-waits'),
    loop('kvm/retries-while-invalidated'),
    loop('kvm/permanent-fault-under-notifier'),
    '',
    'A bound alone is no answer: one invalidation that takes its time exhausts any number of attempts',
    'under a notifier, unless they wait for it to end; and then the bound has to be larger than the number',
    'of moves, which nobody knows. What needs no bound is to retry exactly as long as the sequence moves:',
    'an error while it stands is permanent. `hmm_range_fault()` has a rule of its own to the same effect: it',
    'walks again after each fault that succeeded, and the first error of a handler ends it (6.12 mm/hmm.c:80).',
    'KVM’s guest faults retry a PFN while the sequence moves, and an error not at all: that is returned',
    'before the sequence is tested (6.12 arch/x86/kvm/mmu/mmu.c:4548, 6.1 :4271).',
    '',
    '## What does refusing pte_special break?',
    '',
    '“On second thought this wont work, because it completely defeats the point of why this code here',
    'exists.” (Vetter 23/14:34)',
    '',
    ...refusal(),
  ];
  await expect(`${text.join('\n')}\n`).toMatchFileSnapshot('../../docs/answers.md');
});
