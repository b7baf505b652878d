// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Takes clocks, dice and timers away from a program while it is explored: what it gets from them is
 * hidden from the engine, so that the same state could lead to different ones.
 */
import { placeOf } from './local.ts';
import { ProgramError } from './program.ts';

type Host = Record<string, unknown>;

const FORBIDDEN: readonly (readonly [object: string, name: string])[] = [
  ['Math', 'random'],
  ['Date', 'now'],
  ['performance', 'now'],
  ['crypto', 'getRandomValues'],
  ['crypto', 'randomUUID'],
  ['process', 'hrtime'],
  ['globalThis', 'setTimeout'],
  ['globalThis', 'setInterval'],
  ['globalThis', 'setImmediate'],
  ['globalThis', 'queueMicrotask'],
];

function refuse(name: string): never {
  const place = placeOf(new Error());
  throw new ProgramError(
    `${name} is used${place ? ` (${place})` : ''}: an exploration must come out the same every ` +
      'time. For what may go either way use choice(); for time, a slot',
  );
}

/** Runs `body` while all that is {@link FORBIDDEN} throws a ProgramError that names the line. */
export function withoutHiddenInput<T>(body: () => T): T {
  const world = globalThis as unknown as Host;
  const undo: (() => void)[] = [];
  const put = (host: Host, name: string, value: unknown) => {
    const old = Object.getOwnPropertyDescriptor(host, name);
    Object.defineProperty(host, name, { value, configurable: true, writable: true });
    undo.push(() => {
      if (old) Object.defineProperty(host, name, old);
      else delete host[name];
    });
  };
  try {
    for (const [object, name] of FORBIDDEN) {
      const host = (object === 'globalThis' ? world : world[object]) as Host | undefined;
      const full = object === 'globalThis' ? name : `${object}.${name}`;
      if (typeof host?.[name] === 'function') put(host, name, () => refuse(full));
    }
    put(
      world,
      'Date',
      new Proxy(Date, {
        construct: (target, args) =>
          args.length ? Reflect.construct(target, args) : refuse('new Date()'),
        apply: () => refuse('Date()'),
      }),
    );
    return body();
  } finally {
    for (const back of undo.reverse()) back();
  }
}
