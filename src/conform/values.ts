// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * What words of memory hold. The kernel moves 31-bit tokens about and never looks inside; here a
 * token stands for an 8-byte value: small values are their own token, the module's fresh pattern
 * is packed, anything else is looked up.
 */

/** Tokens below are values; from here on to FRESH they are places in a table. */
const TABLE = 0x20000000;
const FRESH = 0x40000000;
const U64 = 0xffffffffffffffffn;

/** The pattern of fresh module pages: 0xb0f0 | generation | page | offset. */
const fresh = (gen: number, page: number, off: number): bigint =>
  0xb0f0000000000000n | (BigInt(gen) << 32n) | (BigInt(page) << 16n) | BigInt(off);

export class Values {
  private readonly table: bigint[] = [];
  private readonly known = new Map<bigint, number>();

  /** The token of a value. */
  token(value: bigint): number {
    const v = value & U64;
    if (v < BigInt(TABLE)) return Number(v);
    let t = this.known.get(v);
    if (t === undefined) {
      t = TABLE + this.table.length;
      this.table.push(v);
      this.known.set(v, t);
    }
    return t;
  }

  /** The token of a word of a fresh module page. */
  fresh(gen: number, page: number, off: number): number {
    if (gen < 32 && page < 4096 && off % 8 === 0 && off < 4096) {
      return FRESH | (gen << 21) | (page << 9) | (off >> 3);
    }
    return this.token(fresh(gen, page, off));
  }

  /** The value that a token stands for. */
  value(token: number): bigint {
    if (token < TABLE) return BigInt(token);
    if (token < FRESH) return this.table[token - TABLE];
    return fresh((token >> 21) & 31, (token >> 9) & 0xfff, (token & 0x1ff) << 3);
  }

  /** Hexadecimal without prefix, as the agent prints it. */
  hex(token: number): string {
    return (token < TABLE ? token : this.value(token)).toString(16);
  }
}
