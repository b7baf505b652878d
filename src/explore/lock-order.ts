// SPDX-License-Identifier: GPL-2.0-or-later
/** Lock classes must be taken in one order, whoever takes them: what lockdep checks. */
import type { LockTable } from './locks.ts';
import type { Violation } from './memory.ts';

/** Checks that lock classes are taken in one order, as lockdep does; reports each pair once. */
export class LockOrder {
  private readonly after = new Map<string, Map<string, () => string>>();
  /** What was found, with the node of the thread that was about to take the lock. */
  readonly found: { readonly violation: Violation; readonly node: number }[] = [];

  constructor(private readonly locks: LockTable) {}

  /** @param where for messages: the routines and the step that takes it */
  note(held: readonly number[], lock: number, where: () => string, node: number): void {
    const next = this.locks.classOf(lock);
    for (const h of held) {
      const before = this.locks.classOf(h >> 1);
      if (before === next) {
        // Two locks of one class: lockdep wants a nesting annotation; address order is ours.
        if (h >> 1 >= lock) {
          this.push(
            node,
            `${where()} takes ${this.locks.label(lock)} while holding ${this.locks.label(h >> 1)}`,
          );
        }
        continue;
      }
      let map = this.after.get(before.name);
      if (!map) this.after.set(before.name, (map = new Map()));
      if (map.has(next.name)) continue;
      map.set(next.name, where);
      const back = this.path(next.name, before.name, new Set());
      if (back) {
        this.push(
          node,
          `possible circular locking: ${where()} takes ${next.name} under ${before.name}, ` +
            `but ${back()} takes them the other way round`,
        );
      }
    }
  }

  private push(node: number, text: string): void {
    if (!this.found.some((f) => f.violation.text === text)) {
      this.found.push({ violation: { severity: 'breaks', rule: 'lock-order', text }, node });
    }
  }

  private path(from: string, to: string, seen: Set<string>): (() => string) | null {
    if (seen.has(from)) return null;
    seen.add(from);
    for (const [next, where] of this.after.get(from) ?? []) {
      if (next === to) return where;
      const further = this.path(next, to, seen);
      if (further) return further;
    }
    return null;
  }
}
