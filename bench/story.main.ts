// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Explores the story as a whole process: number of users, then words: reduce symmetry, or model to
 * write it out for Spin; other words name consumers.
 */
import { promela } from '../src/explore/promela.ts';
import { Search } from '../src/explore/search.ts';
import { story } from './story.ts';

const [users, ...words] = process.argv.slice(2);
const modes = ['reduce', 'symmetry', 'model'];
const consumers = words.filter((w) => !modes.includes(w));
const make = story({ users: Number(users), consumers });
if (words.includes('model')) {
  console.log(JSON.stringify(promela(make, { reduce: words.includes('reduce') })));
} else {
  const result = new Search(make, {
    // Safety only and every state, which is what Spin does.
    livelock: false,
    stopAt: 'never',
    maxStates: Number.POSITIVE_INFINITY,
    reduce: words.includes('reduce'),
    symmetry: words.includes('symmetry'),
  }).run();
  console.log(JSON.stringify({ states: result?.states, transitions: result?.transitions }));
}
