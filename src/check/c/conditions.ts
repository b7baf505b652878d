// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Preprocessor conditions: true, false, or not known. A kernel's version is known, and so is that the
 * machine has an MMU and a special bit in its PTEs; other configuration is not.
 */

export type Known = true | false | null;

/** What is taken for granted of the configuration, and said so in docs/check.md. */
const CONFIG: Readonly<Record<string, boolean>> = {
  CONFIG_MMU: true,
  CONFIG_ARCH_HAS_PTE_SPECIAL: true,
  CONFIG_HAVE_IOREMAP_PROT: true,
  CONFIG_TRANSPARENT_HUGEPAGE: true,
  CONFIG_ARCH_SUPPORTS_PMD_PFNMAP: true,
  CONFIG_ARCH_SUPPORTS_PUD_PFNMAP: true,
  CONFIG_PROC_FS: true,
  CONFIG_64BIT: true,
  __KERNEL__: true,
  MODULE: true,
  __cplusplus: false,
  __ASSEMBLY__: false,
  __CHECKER__: false,
  DEBUG: false,
};

const truthOf = (v: number | null): Known => (v === null ? null : v !== 0);

/** KERNEL_VERSION() of a version such as `6.12.3`. */
export function versionCode(version: string): number {
  const [a = 0, b = 0, c = 0] = version.split('.').map((n) => Number.parseInt(n, 10) || 0);
  return a * 65536 + b * 256 + Math.min(c, 255);
}

/** A macro that a module defines for conditions of its own. */
export interface Switch {
  /** Null: it takes none. */
  readonly params: readonly string[] | null;
  readonly body: string;
}

/** By name; null: the module leaves it undefined. */
export type Switches = ReadonlyMap<string, Switch | null>;

/** Switches that stand for switches. */
const DEEP = 8;

export class Conditions {
  /**
   * @param version as `6.12`; null when it is not known
   * @param switches of the module, see switches.ts
   * @param lacks functions that this version does not have, of those that were looked for
   */
  constructor(
    readonly version: string | null,
    private readonly switches: Switches = new Map(),
    readonly lacks: ReadonlySet<string> = new Set(),
  ) {}

  private readonly known = new Map<string, Known>();

  /** Whether the condition of an #if holds. */
  holds(text: string): Known {
    let known = this.known.get(text);
    if (known === undefined)
      this.known.set(text, (known = truthOf(this.evaluate(text, () => undefined, 0))));
    return known;
  }

  /**
   * The same in the middle of a file.
   *
   * @param here what the file has made of a name so far: `none` where it left it out, null if that is not
   * known, undefined if it says nothing of it
   */
  holdsWith(text: string, here: (name: string) => Switch | 'none' | null | undefined): Known {
    return truthOf(this.evaluate(text, here, 0));
  }

  private evaluate(
    text: string,
    here: (name: string) => Switch | 'none' | null | undefined,
    depth: number,
  ): number | null {
    const tokens = text
      .replace(/\/\*[\s\S]*?\*\//g, ' ')
      .replace(/\\\n/g, ' ')
      .match(/[A-Za-z_]\w*|0[xX][\da-fA-F]+|\d+[uUlL]*|&&|\|\||[<>=!]=|<<|>>|[-+*/%()<>!,&|^~?:]/g);
    if (!tokens) return null;
    let i = 0;
    const code = this.version === null ? null : versionCode(this.version);
    type V = number | null;
    const truth = truthOf;
    /** What a name is defined as; null: as nothing, undefined: not known. */
    const switchOf = (name: string): Switch | null | undefined => {
      const own = here(name);
      if (own === null) return undefined;
      // Left out here, but perhaps not in what this file includes.
      return own && own !== 'none' ? own : this.switches.get(name);
    };
    const expand = (by: Switch, args: readonly string[]): V => {
      if (depth >= DEEP || (by.params?.length ?? 0) !== args.length) return null;
      const body = by.body.replace(/[A-Za-z_]\w*/g, (w) => args[by.params?.indexOf(w) ?? -1] ?? w);
      return this.evaluate(body, here, depth + 1);
    };
    const from = (k: Known): V => (k === null ? null : k ? 1 : 0);
    const primary = (): V => {
      const t = tokens[i++];
      if (t === undefined) return null;
      if (t === '(') {
        const v = or();
        if (tokens[i] === ')') i++;
        return v;
      }
      if (t === '!') {
        const v = truth(primary());
        return v === null ? null : v ? 0 : 1;
      }
      if (t === '-') {
        const v = primary();
        return v === null ? null : -v;
      }
      if (/^\d/.test(t))
        return Number.parseInt(t, t.startsWith('0x') || t.startsWith('0X') ? 16 : 10);
      if (t === 'defined') {
        const paren = tokens[i] === '(';
        if (paren) i++;
        const name = tokens[i++] ?? '';
        if (paren && tokens[i] === ')') i++;
        const by = switchOf(name);
        return from(by === undefined ? this.defined(name) : by !== null);
      }
      if (t === 'LINUX_VERSION_CODE') return code;
      if (t === 'IS_ENABLED' || t === 'IS_REACHABLE' || t === 'IS_BUILTIN') {
        const args = call();
        return from(CONFIG[args[0] ?? ''] ?? null);
      }
      if (t === 'KERNEL_VERSION') {
        const args = call().map(Number);
        return args.length === 3
          ? args[0]! * 65536 + args[1]! * 256 + Math.min(args[2]!, 255)
          : null;
      }
      const by = switchOf(t);
      if (tokens[i] === '(') {
        const args = call();
        return by?.params ? expand(by, args) : null;
      }
      if (by) return by.params ? null : expand(by, []);
      const known = by === null ? false : CONFIG[t];
      return known === undefined ? null : known ? 1 : 0;
    };
    const call = (): string[] => {
      const args: string[] = [];
      if (tokens[i] !== '(') return args;
      i++;
      let depth = 1;
      for (; i < tokens.length; i++) {
        const t = tokens[i]!;
        if (t === '(') depth++;
        else if (t === ')' && --depth === 0) {
          i++;
          break;
        } else if (t !== ',') args.push(t);
      }
      return args;
    };
    const compare = (): V => {
      let l = primary();
      for (;;) {
        const op = tokens[i];
        if (!op || !/^([<>=!]=|[<>])$/.test(op)) return l;
        i++;
        const r = primary();
        if (l === null || r === null) l = null;
        else {
          const yes =
            op === '<'
              ? l < r
              : op === '>'
                ? l > r
                : op === '<='
                  ? l <= r
                  : op === '>='
                    ? l >= r
                    : op === '=='
                      ? l === r
                      : l !== r;
          l = yes ? 1 : 0;
        }
      }
    };
    const and = (): V => {
      let l = compare();
      while (tokens[i] === '&&') {
        i++;
        const r = compare();
        const [a, b] = [truth(l), truth(r)];
        l = a === false || b === false ? 0 : a === null || b === null ? null : 1;
      }
      return l;
    };
    const or = (): V => {
      let l = and();
      while (tokens[i] === '||') {
        i++;
        const r = and();
        const [a, b] = [truth(l), truth(r)];
        l = a === true || b === true ? 1 : a === null || b === null ? null : 0;
      }
      return l;
    };
    return or();
  }

  defined(name: string): Known {
    if (/_H_*$/.test(name) && !name.startsWith('CONFIG_')) return null;
    return CONFIG[name] ?? null;
  }

  /** Whether code under all these conditions is compiled. */
  all(when: readonly string[]): Known {
    let known: Known = true;
    for (const w of when) {
      const one = this.holds(w);
      if (one === false) return false;
      if (one === null) known = null;
    }
    return known;
  }
}
