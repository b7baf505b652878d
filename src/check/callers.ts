// SPDX-License-Identifier: GPL-2.0-or-later
/** Who calls whom, by name and linkage, asked for one function at a time. */
import type { FunctionDef, Program } from './c/program.ts';
import { Kept } from './index/asked.ts';

export class Callers {
  private readonly known = new Kept<FunctionDef, readonly FunctionDef[]>(
    () => this.program.index.asked,
  );
  /** @param everywhere all files were looked into, as those of a module are, whatever they say */
  constructor(
    readonly program: Program,
    readonly everywhere = false,
  ) {}

  /** Functions whose body calls this one. */
  of(def: FunctionDef): readonly FunctionDef[] {
    return this.known.get(def, this.find);
  }

  private readonly find = (def: FunctionDef): readonly FunctionDef[] => {
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
}
