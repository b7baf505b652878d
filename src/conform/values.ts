// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * What words of memory hold. The kernel moves 32-bit tokens about and never looks inside; here a
 * token stands for an 8-byte value: small values are their own token, the module's fresh pattern
 * is packed, anything else is looked up.
 */

const SMALL = 0x40000000;
/** Tokens of looked-up values start below what an access returns for a signal (mm/fault.ts). */
const LOOKED_UP = -256;
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
    if (v < BigInt(SMALL)) return Number(v);
    let t = this.known.get(v);
    if (t === undefined) {
      this.table.push(v);
      t = LOOKED_UP - this.table.length;
      this.known.set(v, t);
    }
    return t;
  }

  /** The token of a word of a fresh module page. */
  fresh(gen: number, page: number, off: number): number {
    if (gen < 32 && page < 4096 && off % 8 === 0 && off < 4096) {
      return SMALL | (gen << 21) | (page << 9) | (off >> 3);
    }
    return this.token(fresh(gen, page, off));
  }

  /** The value that a token stands for. */
  value(token: number): bigint {
    if (token < 0) return this.table[LOOKED_UP - 1 - token];
    if (token < SMALL) return BigInt(token);
    return fresh((token >> 21) & 31, (token >> 9) & 0xfff, (token & 0x1ff) << 3);
  }

  /** Hexadecimal without prefix, as the agent prints it. */
  hex(token: number): string {
    return token >= 0 && token < SMALL ? token.toString(16) : this.value(token).toString(16);
  }

  clear(): void {
    if (!this.table.length) return;
    this.table.length = 0;
    this.known.clear();
  }
}
