// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Livelock under weak fairness: a cycle of the state graph which every thread may take part in or is
 * kept from, so that a fair scheduler can go round for ever.
 *
 * Let C be a maximal strongly connected component with at least one edge. There is a weakly fair
 * infinite run inside C iff every thread either moves along some edge of C or is not enabled in some
 * state of C: the run that visits all of C is then fair; and if a thread is enabled everywhere in C
 * but moves only out of it, every fair run leaves C. Tarjan's algorithm, iteratively.
 */

export interface Livelock {
  /** A state on the cycle. */
  readonly state: number;
  /** Bit mask of the threads that go round. */
  readonly threads: number;
}

/**
 * @param edges pairs (target, thread); those of state s are at `start[s]` up to `start[s + 1]`
 * @param enabled bit mask of the threads that can move in a state
 */
export function findLivelock(
  states: number,
  nThreads: number,
  start: Int32Array,
  edges: Int32Array,
  enabled: (state: number) => number,
): Livelock | null {
  const index = new Int32Array(states).fill(-1);
  const low = new Int32Array(states);
  const onStack = new Uint8Array(states);
  const component = new Int32Array(states).fill(-1);
  const stack: number[] = [];
  const frame: number[] = [];
  const at = start.slice(0, states);
  let counter = 0;
  let components = 0;
  for (let root = 0; root < states; root++) {
    if (index[root] >= 0) continue;
    frame.push(root);
    index[root] = low[root] = counter++;
    stack.push(root);
    onStack[root] = 1;
    while (frame.length) {
      const s = frame[frame.length - 1];
      if (at[s] < start[s + 1]) {
        const to = edges[at[s]];
        at[s] += 2;
        if (index[to] < 0) {
          index[to] = low[to] = counter++;
          stack.push(to);
          onStack[to] = 1;
          frame.push(to);
        } else if (onStack[to] && index[to] < low[s]) low[s] = index[to];
      } else {
        frame.pop();
        const up = frame[frame.length - 1];
        if (up !== undefined && low[s] < low[up]) low[up] = low[s];
        if (low[s] === index[s]) {
          const members: number[] = [];
          for (;;) {
            const m = stack.pop() as number;
            onStack[m] = 0;
            component[m] = components;
            members.push(m);
            if (m === s) break;
          }
          const found = fairCycle(members, components, component, nThreads, start, edges, enabled);
          if (found) return found;
          components++;
        }
      }
    }
  }
  return null;
}

function fairCycle(
  members: readonly number[],
  id: number,
  component: Int32Array,
  nThreads: number,
  start: Int32Array,
  edges: Int32Array,
  enabled: (state: number) => number,
): Livelock | null {
  let moving = 0;
  for (const m of members) {
    for (let e = start[m]; e < start[m + 1]; e += 2) {
      if (component[edges[e]] === id) moving |= 1 << edges[e + 1];
    }
  }
  if (moving === 0) return null;
  let always = (1 << nThreads) - 1;
  for (const m of members) {
    always &= enabled(m) | moving;
    if (always === moving) break;
  }
  return (always & ~moving) === 0 ? { state: members[0], threads: moving } : null;
}
