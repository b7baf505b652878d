// SPDX-License-Identifier: GPL-2.0-or-later
/** Explores the yardstick as a whole process: number of users, then words: kvm notified symmetry. */
import { Search } from '../src/explore/search.ts';
import { yardstick } from './yardstick.ts';

const [users, ...words] = process.argv.slice(2);
const has = (word: string) => words.includes(word);
const search = new Search(
  yardstick({ users: Number(users), kvm: has('kvm'), notified: has('notified') }),
  {
    // Safety only and every state, which is what Spin does.
    livelock: false,
    stopAt: 'never',
    maxStates: Number.POSITIVE_INFINITY,
    reduce: has('reduce'),
    symmetry: has('symmetry'),
  },
);
const result = search.run();
console.log(JSON.stringify({ states: result?.states, transitions: result?.transitions }));
