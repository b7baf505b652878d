// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * What a judgement asked of a tree, so that a later one knows whether a change concerns it. A key is the
 * number of a name in a part (the name was looked up), a negative number (what a file includes was), or
 * text: a part of the tree as a whole. The index and the program note what goes through them; whoever looks
 * at more of a file than what a name leads to notes that itself, and what is remembered from one judgement
 * to the next is remembered with what was asked for it (Kept).
 */
export type Key = number | string;
/** Keys, and those of others, which are not written out until somebody wants to see them. */
export class Keys {
  readonly own = new Set<Key>();
  readonly others = new Set<Keys>();

  get isEmpty(): boolean {
    return this.own.size === 0 && this.others.size === 0;
  }

  all(): Set<Key> {
    const out = new Set<Key>();
    const seen = new Set<Keys>([this]);
    for (const one of seen) {
      for (const key of one.own) out.add(key);
      for (const other of one.others) seen.add(other);
    }
    return out;
  }
}

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

const NONE = new Keys();

export class Asked {
  private now: Keys | null = null;
  /** @param on whether anything is to be known later */
  constructor(readonly on: boolean) {}

  note(key: Key): void {
    this.now?.own.add(key);
  }

  noteAll(keys: Keys): void {
    const { now } = this;
    if (!now || now === keys) return;
    if (keys.others.size > 0 || keys.own.size > 4) now.others.add(keys);
    else for (const key of keys.own) now.own.add(key);
  }

  /** What something gives, and what it asked; whoever called for it has asked that too. */
  during<T>(what: () => T): readonly [T, Keys] {
    if (!this.on) return [what(), NONE];
    const outer = this.now;
    const mine = (this.now = new Keys());
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
      if (!known[1].isEmpty) this.asked().noteAll(known[1]);
      return known[0];
    }
    const made = this.asked().during(() => make(key));
    this.known.set(key, made);
    return made[0];
  }
}
