// SPDX-License-Identifier: GPL-2.0-or-later
/** NUMA balancing: takes access away, and moves a page to the node that faults on it. */
import { type ConsumerTraits, FOLLOWS_CORRECTLY } from '../../contract/traits.ts';

const numaBalancing: ConsumerTraits = {
  ...FOLLOWS_CORRECTLY,
  id: 'numa-balancing',
  title: 'automatic NUMA balancing',
  status: 'real',
  source:
    '6.12 kernel/sched/fair.c:3394 and mm/memory.c:5570, 6.1 lines 2996 and 4787; CONFIG_NUMA_BALANCING, two nodes',
  lookup: 'numa-balancing',
  notifier: false,
  retries: false,
};

export default numaBalancing;
