// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * A map whose copies are one map until either is written to: the states of a function's paths are many, and
 * what two of them know differs in little. With it goes the text by which states are told apart, made once.
 */
export class Shared<V> {
  private own = true;

  private constructor(
    /** An entry as text. */
    private readonly say: (key: string, value: V) => string,
    private map: Map<string, V>,
    /** What `map` is as text, where that has been asked for. */
    private said: { text: string | undefined },
  ) {}

  static empty<V>(say: (key: string, value: V) => string): Shared<V> {
    return new Shared(say, new Map(), { text: undefined });
  }

  copy(): Shared<V> {
    const other = new Shared(this.say, this.map, this.said);
    other.own = this.own = false;
    return other;
  }

  /** One of the same kind that holds nothing. */
  emptied(): Shared<V> {
    return Shared.empty(this.say);
  }

  /** Whether the other one is surely the same. */
  is(other: Shared<V>): boolean {
    return this.map === other.map;
  }

  get text(): string {
    let { text } = this.said;
    if (text === undefined) {
      text = '';
      for (const [key, value] of this.map) text += this.say(key, value);
      this.said.text = text;
    }
    return text;
  }

  get size(): number {
    return this.map.size;
  }

  get(key: string): V | undefined {
    return this.map.get(key);
  }

  has(key: string): boolean {
    return this.map.has(key);
  }

  set(key: string, value: V): void {
    if (this.map.get(key) !== value) this.written().set(key, value);
  }

  delete(key: string): void {
    if (this.map.has(key)) this.written().delete(key);
  }

  keys(): IterableIterator<string> {
    return this.map.keys();
  }

  [Symbol.iterator](): IterableIterator<[string, V]> {
    return this.map[Symbol.iterator]();
  }

  /** The map, from now on nobody else's. */
  private written(): Map<string, V> {
    if (!this.own) {
      this.map = new Map(this.map);
      this.said = { text: undefined };
      this.own = true;
    } else this.said.text = undefined;
    return this.map;
  }
}
