// SPDX-License-Identifier: GPL-2.0-or-later
/** Who calls whom, by name and linkage or through a field of a table, asked for one function at a time. */
import { type Expr, eachIn } from './c/ast.ts';
import type { FunctionDef, Program } from './c/program.ts';
import { dirOf } from './c/tree.ts';
import { callsIn, type Named } from './follow/words.ts';
import { Kept, whole } from './index/asked.ts';

/** A function pointer: a field of a struct. */
interface Slot {
  readonly struct: string;
  readonly field: string;
}

/** The function that an entry of a table names. */
export const nameIn = (e: Expr): string =>
  e.k === 'id' ? e.name : e.k === 'cast' || (e.k === 'unary' && e.op === '&') ? nameIn(e.e) : '';

export class Callers {
  private readonly known = new Kept<FunctionDef, readonly FunctionDef[]>(
    () => this.program.index.asked,
  );
  private readonly named = new Kept<FunctionDef, readonly FunctionDef[]>(
    () => this.program.index.asked,
  );
  /** @param everywhere all files were looked into, as those of a module are, whatever they say */
  constructor(
    readonly program: Program,
    readonly everywhere = false,
  ) {}

  /** Functions whose body calls this one, by its name or through a field of a table that it stands in. */
  of(def: FunctionDef): readonly FunctionDef[] {
    return this.known.get(def, this.find);
  }

  /** Functions whose body names this one in a call. */
  byName(def: FunctionDef): readonly FunctionDef[] {
    return this.named.get(def, this.findNamed);
  }

  /** The calls of a function in the body of one that calls it. */
  calls(caller: FunctionDef, def: FunctionDef): Named[] {
    const named = callsIn(caller.body).filter((c) => c.name === def.name);
    return named.length ? named : this.through(caller, def, this.slotsOf(def));
  }

  private readonly findNamed = (def: FunctionDef): readonly FunctionDef[] => {
    const alone = def.where.isStatic && !def.file.path.endsWith('.h');
    return this.program
      .calling(def.name)
      .filter(
        (f) =>
          f.name !== def.name &&
          (!alone || f.file === def.file) &&
          this.program.findFunctions(def.name, f.file).includes(def),
      );
  };

  private readonly find = (def: FunctionDef): readonly FunctionDef[] => {
    const named = this.byName(def);
    const slots = this.slotsOf(def);
    const pointed = slots
      .flatMap(({ field }) => this.program.calling(field))
      .filter((f) => f !== def && !named.includes(f) && this.through(f, def, slots).length > 0);
    return [...named, ...new Set(pointed)];
  };

  /** The fields of its own file's tables that a function stands in. */
  private slotsOf(def: FunctionDef): Slot[] {
    this.program.index.asked.note(whole.file(def.file.path));
    return this.program
      .tablesIn(def.file)
      .flatMap((t) =>
        [...t.fields].flatMap(([field, e]) =>
          nameIn(e) === def.name ? [{ struct: t.type, field }] : [],
        ),
      );
  }

  /** Calls through pointers that may be the function; of an unknown struct only those in its directory. */
  private through(caller: FunctionDef, def: FunctionDef, slots: readonly Slot[]): Named[] {
    if (slots.length === 0) return [];
    const home = dirOf(caller.file.path) === dirOf(def.file.path);
    const out: Named[] = [];
    eachIn(caller.body, (e) => {
      const to = e.k === 'call' && e.fn.k === 'unary' ? e.fn.e : e.k === 'call' ? e.fn : null;
      if (e.k !== 'call' || to?.k !== 'member') return;
      const slot = slots.find((s) => s.field === to.name);
      if (!slot) return;
      const { base } = this.program.typeIn(caller, to.of);
      if (base ? base === slot.struct : home) out.push({ name: def.name, e });
    });
    return out;
  }
}
