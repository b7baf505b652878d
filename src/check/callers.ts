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
    const call = new RegExp(`\\b${def.name}\\s*\\(`);
    const files =
      def.where.isStatic && !def.file.path.endsWith('.h') ? [def.file] : this.program.files;
    const found: FunctionDef[] = [];
    for (const file of files) {
      if (!file.text.includes(def.name)) continue;
      for (const where of file.skeleton.functions) {
        if (where.name === def.name || !call.test(file.text.slice(where.body, where.end))) continue;
        const caller = this.program.functions
          .get(where.name)
          ?.find((f) => f.file === file && f.where === where);
        if (caller && this.program.findFunctions(def.name, file).includes(def)) found.push(caller);
      }
    }
    this.known.set(def.id, found);
    return found;
  }
}
