// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The plainest explorer there can be, as an oracle for the real one: a state is a JSON string, a
 * routine is replayed from its beginning for every step, nothing is reduced.
 */
import type { System } from '../../src/explore/machine.ts';
import {
  type Arg,
  BLOCKED,
  type Request,
  type Run,
  type StepDef,
  taken,
} from '../../src/explore/program.ts';

/** One routine that a thread is in: how to begin it, what was sent to it, what it may remember. */
export interface Frame {
  readonly begin: () => Run<unknown>;
  readonly sent: readonly number[];
  readonly key: string;
}

interface State {
  readonly key: string;
  readonly words: readonly number[];
  readonly threads: readonly (readonly Frame[])[];
}

interface Edge {
  readonly thread: number;
  readonly way: number;
  readonly to: string | null;
  readonly violations: readonly { severity: string; rule: string; text: string }[];
}

interface Node {
  readonly state: State;
  readonly edges: Edge[];
  /** Per thread: whether it can move, whether it has finished, whether a lock is next. */
  readonly enabled: boolean[];
  readonly atLock: boolean[];
  readonly done: boolean;
}

export interface Naive {
  readonly nodes: Map<string, Node>;
  readonly initial: string;
}

function ask(frame: Frame): IteratorResult<Request, unknown> {
  const gen = frame.begin();
  let r = gen.next() as IteratorResult<Request, unknown>;
  for (const v of frame.sent) r = gen.next(v) as IteratorResult<Request, unknown>;
  return r;
}

export const push = (f: Frame, value: number): Frame => ({
  begin: f.begin,
  sent: [...f.sent, value],
  key: `${f.key},${value}`,
});

/** A thread about to begin. */
export function beginning(run: () => Run<unknown>): Frame {
  const r = run().next();
  if (r.done || r.value.type !== 'call') throw new Error('not a routine');
  const { def, args } = r.value;
  return {
    begin: () => (def.body as (...a: unknown[]) => Run<unknown>)(...args),
    sent: [],
    key: `${def.name}${JSON.stringify(args)}`,
  };
}

/** Goes on through calls, returns and promises to the next step; `loop` hears of each promise. */
export function settle(
  frames: readonly Frame[],
  loop?: (frames: readonly Frame[]) => void,
): { frames: Frame[]; def: StepDef; args: unknown[] } | null {
  const stack = [...frames];
  for (;;) {
    const top = stack[stack.length - 1];
    const r = ask(top);
    if (r.done) {
      stack.pop();
      if (!stack.length) return null;
      stack.push(push(stack.pop() as Frame, Number(r.value ?? 0)));
    } else if (r.value.type === 'call') {
      const { def, args } = r.value;
      stack.push({
        begin: () => (def.body as (...a: unknown[]) => Run<unknown>)(...args),
        sent: [],
        key: `${def.name}${JSON.stringify(args)}`,
      });
    } else if (r.value.type === 'again') {
      const { label, args } = r.value;
      stack[stack.length - 1] = { ...push(top, 0), key: `${label}${JSON.stringify(args)}` };
      loop?.(stack);
    } else if (r.value.type === 'guard') {
      stack[stack.length - 1] = push(top, r.value.value);
    } else {
      return { frames: stack, def: r.value.def, args: [...r.value.args] };
    }
  }
}

/** All states of a system, or null when there are more than `limit`. */
export function naive(system: System, limit: number): Naive | null {
  const { mem, world } = system;
  mem.logging = false;
  mem.watching = false;
  const make = (words: readonly number[], threads: readonly (readonly Frame[])[]): State => ({
    key: JSON.stringify([words, threads.map((t) => t.map((f) => f.key))]),
    words,
    threads,
  });
  const first = make(
    [...mem.words],
    system.threads.map(({ run }) => settle([beginning(run)])?.frames ?? []),
  );
  const nodes = new Map<string, Node>();
  const queue = [first];
  const seen = new Set([first.key]);
  for (let s = queue.pop(); s; s = queue.pop()) {
    const state = s;
    const edges: Edge[] = [];
    const enabled: boolean[] = [];
    const atLock: boolean[] = [];
    state.threads.forEach((frames, t) => {
      const before = edges.length;
      const next = frames.length ? settle(frames) : null;
      atLock[t] = next?.def.kind === 'acquire';
      if (next) {
        const { def, args } = next;
        const run = def.run as (...a: unknown[]) => number | boolean | undefined;
        mem.self = t;
        mem.words.set(state.words);
        const value = Number(run(world, ...args) ?? 0);
        const ways = def.kind === 'choice' ? value : 1;
        if (value !== BLOCKED) {
          for (let way = 0; way < ways; way++) {
            let sent = def.kind === 'choice' ? way : value;
            if (def.take) {
              mem.words.set(state.words);
              sent = taken(def, world, way, args as readonly Arg[]);
            }
            const words = [...mem.words];
            const top = next.frames[next.frames.length - 1];
            const moved = settle([...next.frames.slice(0, -1), push(top, sent)])?.frames ?? [];
            const to = make(
              words,
              state.threads.map((f, i) => (i === t ? moved : f)),
            );
            if (to.threads.every((f) => f.length === 0)) system.final?.();
            const violations = mem.reports.splice(0);
            const fatal = violations.some((v) => v.severity === 'corrupts');
            edges.push({ thread: t, way, to: fatal ? null : to.key, violations });
            if (!fatal && !seen.has(to.key)) {
              seen.add(to.key);
              queue.push(to);
            }
          }
        }
      }
      enabled[t] = edges.length > before;
    });
    nodes.set(state.key, {
      state,
      edges,
      enabled,
      atLock,
      done: state.threads.every((f) => f.length === 0),
    });
    if (seen.size > limit) return null;
  }
  return { nodes, initial: first.key };
}

export function violationsOf({ nodes }: Naive): string[] {
  const texts = new Set<string>();
  for (const { edges } of nodes.values()) {
    for (const { violations } of edges) for (const v of violations) texts.add(v.text);
  }
  return [...texts].sort();
}

export function deadlocks({ nodes }: Naive): boolean {
  return [...nodes.values()].some((n) => !n.done && !n.enabled.some((e) => e));
}

/** (threads, switches, steps) of the clearest violation or deadlock, by trying every way. */
export function clearestCost({ nodes, initial }: Naive): [number, number, number] | null {
  const first = nodes.get(initial) as Node;
  const n = first.enabled.length;
  let best: [number, number, number] | null = null;
  const less = (a: readonly number[], b: readonly number[]) =>
    a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
  for (let set = 1; set < 1 << n; set++) {
    const members = [...Array(n).keys()].filter((t) => set & (1 << t));
    const cost = new Map<string, [number, number]>();
    const queue: { key: string; last: number; switches: number; steps: number }[] = [
      { key: initial, last: -1, switches: 0, steps: 0 },
    ];
    const offer = (switches: number, steps: number) => {
      const c: [number, number, number] = [steps ? members.length : 0, switches, steps];
      if (!best || less(c, best) < 0) best = c;
    };
    while (queue.length) {
      queue.sort((a, b) => b.switches - a.switches || b.steps - a.steps);
      const { key, last, switches, steps } = queue.pop() as (typeof queue)[0];
      const id = `${key}${last}`;
      const known = cost.get(id);
      if (known && (known[0] - switches || known[1] - steps) <= 0) continue;
      cost.set(id, [switches, steps]);
      const node = nodes.get(key) as Node;
      if (!node.done && !node.enabled.some((e) => e)) offer(switches, steps);
      for (const { thread, to, violations } of node.edges) {
        if (!members.includes(thread)) continue;
        const more = switches + (last >= 0 && last !== thread ? 1 : 0);
        if (violations.length) offer(more, steps + 1);
        if (to !== null) queue.push({ key: to, last: thread, switches: more, steps: steps + 1 });
      }
    }
  }
  return best;
}

/**
 * Whether a fair scheduler can let threads go round for ever: guess who waits for ever for a lock
 * that stays taken, and look for runs on which every other thread moves, or is kept waiting for
 * something else, over and over (Emerson and Lei's fixed point).
 */
export function livelocks({ nodes }: Naive): boolean {
  const all = [...nodes.values()];
  const n = all[0].enabled.length;
  for (let waiting = 0; waiting < 1 << n; waiting++) {
    const stuck = (t: number) => (waiting & (1 << t)) !== 0;
    let alive = new Set(
      all
        .filter((s) => s.enabled.every((e, t) => !stuck(t) || (s.atLock[t] && !e)))
        .map((s) => s.state.key),
    );
    for (let before = -1; before !== alive.size; ) {
      before = alive.size;
      for (let t = -1; t < n; t++) {
        if (t >= 0 && stuck(t)) continue;
        // States from which, inside `alive`, an edge can be reached that is good for thread t.
        const good = new Set<string>();
        for (let grew = true; grew; ) {
          grew = false;
          for (const key of alive) {
            if (good.has(key)) continue;
            const { edges, enabled, atLock } = nodes.get(key) as Node;
            const waits = t < 0 || (!enabled[t] && !atLock[t]);
            const ok = edges.some(
              ({ to, thread }) =>
                to !== null && alive.has(to) && (waits || thread === t || good.has(to)),
            );
            if (ok) {
              good.add(key);
              grew = true;
            }
          }
        }
        alive = good;
      }
    }
    if (alive.size) return true;
  }
  return false;
}
