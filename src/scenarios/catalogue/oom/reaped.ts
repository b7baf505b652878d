// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * What the OOM reaper took must not come back as zeros: somebody who works for the dying process, and
 * does not die with it, would take them for data. MMF_UNSTABLE turns such a fault into SIGBUS, and a
 * copy into EFAULT (6.12 mm/oom_kill.c:528, 6.1 :531).
 */
import { step } from '../../../explore/program.ts';
import type { Kernel } from '../../../kernel/kernel.ts';
import { PROT_READ, PROT_WRITE } from '../../../kernel/mm/mmap.ts';
import { oom_reap_task } from '../../../kernel/mm/oom_kill.ts';
import { get_user_word } from '../../../kernel/mm/uaccess.ts';
import { exporterOf } from '../../cast.ts';
import { type Act, FD, MM, story } from '../../stage.ts';

const WRITTEN = 7;

const takes_for_data = step('borrowed', (k: Kernel, value: number) =>
  k.mem.report({
    severity: 'corrupts',
    rule: 'reaped',
    text: `the copy has ${value} where the process had written ${WRITTEN}: reaped memory is read as zeros`,
  }),
);
/** A worker that has borrowed the process's mm, and copies from it: it gets what is there, or EFAULT. */
const worker: Act = function* () {
  const { err, value } = yield* get_user_word(MM, 0, 0);
  if (!err && value !== WRITTEN) yield* takes_for_data(value);
};

export default [
  story({
    id: 'oom/reaped-memory-is-not-zero',
    title: 'a worker copies from a process that the OOM reaper is at',
    story:
      'The reaper takes the page before, while or after a kernel thread that borrowed the mm copies from it. ' +
      'The copy has what was written, or fails; a fault on reaped memory does not make up zeros.',
    source: 'Gunthorpe 23/15:08',
    status:
      'real OOM reaper (6.12 mm/oom_kill.c:516, 6.1 :519) and a worker that has borrowed the mm (kthread_use_mm)',
    rules: ['reaped'],
    expected: 'safe',
    exporter: exporterOf('anon'),
    mapped: 'no',
    before: function* ({ exporter, write }) {
      yield* exporter.map(MM, FD, 1, PROT_READ | PROT_WRITE);
      yield* write(0, WRITTEN);
    },
    threads: { worker, reaper: () => oom_reap_task(MM, 1) },
  }),
];
