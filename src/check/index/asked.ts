// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * What a judgement asked of a tree, so that a later one knows whether a change concerns it. A key is the
 * number of a name in a part (the name was looked up), a negative number (what a file includes was), or
 * text: a part of the tree as a whole.
 */
export type Key = number | string;
export type Keys = ReadonlySet<Key>;

/** Part of the tree as a whole, as text that says what it is. */
export const whole = {
  /** All code of a file. */
  file: (path: string) => `file ${path}`,
  /** All code of the directories that are searched for a driver's moves. */
  scope: (home: string, helping: readonly string[]) => `scope ${[home, ...helping].join(' ')}`,
  /** All tables of directories no further than one step away. */
  tables: (home: string) => `tables ${home}`,
  /** Assignments of a field: in a file, within some steps of a directory, or in marked files. */
  assigned: (field: string, where: string) => `assigned ${field} ${where}`,
} as const;

const NONE: Keys = new Set();

export class Asked {
  private now: Set<Key> | null = null;
  /** @param on whether anything is to be known later */
  constructor(readonly on: boolean) {}

  note(key: Key): void {
    this.now?.add(key);
  }

  noteAll(keys: Iterable<Key>): void {
    const { now } = this;
    if (now) for (const key of keys) now.add(key);
  }

  /** What something gives, and what it asked; whoever called for it has asked that too. */
  during<T>(what: () => T): readonly [T, Keys] {
    if (!this.on) return [what(), NONE];
    const outer = this.now;
    const mine = (this.now = new Set<Key>());
    try {
      return [what(), mine];
    } finally {
      this.now = outer;
      this.noteAll(mine);
    }
  }

  /** Does something whose questions are known otherwise. */
  aside<T>(what: () => T): T {
    if (!this.on) return what();
    const outer = this.now;
    this.now = null;
    try {
      return what();
    } finally {
      this.now = outer;
    }
  }
}

/** Results, with what was asked for them: whoever gets one has asked all that. */
export class Kept<K, V> {
  private readonly known = new Map<K, readonly [V, Keys]>();
  constructor(private readonly asked: () => Asked) {}

  get(key: K, make: (key: K) => V): V {
    const known = this.known.get(key);
    if (known) {
      if (known[1].size) this.asked().noteAll(known[1]);
      return known[0];
    }
    const made = this.asked().during(() => make(key));
    this.known.set(key, made);
    return made[0];
  }
}
