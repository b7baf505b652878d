// SPDX-License-Identifier: GPL-2.0-or-later
/** Who calls whom, by name and linkage, asked for one function at a time. */
import type { FunctionDef, Program } from './c/program.ts';

export class Callers {
  private readonly known = new Map<string, readonly FunctionDef[]>();
  constructor(readonly program: Program) {}

  /** Functions whose body calls this one. */
  of(def: FunctionDef): readonly FunctionDef[] {
    const done = this.known.get(def.id);
    if (done) return done;
    const alone = def.where.isStatic && !def.file.path.endsWith('.h');
    const found = this.program
      .calling(def.name)
      .filter(
        (f) =>
          f.name !== def.name &&
          (!alone || f.file === def.file) &&
          this.program.findFunctions(def.name, f.file).includes(def),
      );
    this.known.set(def.id, found);
    return found;
  }
}
