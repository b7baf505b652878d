// SPDX-License-Identifier: GPL-2.0-or-later
/** The mutants of a cell: a guard counts as needed when one of the cell's explorations needs it. */
import { explore } from '../explore/explore.ts';
import { type Mutant, MutantRun, type Subject } from '../explore/mutants.ts';
import { Knowledge } from '../explore/space.ts';
import { Graphs } from '../explore/stacks.ts';
import type { LinuxVersion } from '../kernel/versions.ts';
import { cellSystems, facesOf } from './cell.ts';
import type { Cell } from './matrix.ts';

/** Runs the mutants of a safe or refused cell in slices; call {@link run} until it gives them. */
export class CellMutants {
  private readonly work: Generator<void, readonly Mutant[]>;
  private result: readonly Mutant[] | null = null;
  private mutants: MutantRun | null = null;
  private budget = 0;

  constructor(
    private readonly cell: Cell,
    private readonly linux: LinuxVersion,
    private readonly maxStates = 4_000_000,
  ) {
    this.work = this.all();
  }

  /** As of {@link MutantRun}; while the cell itself is being explored, nothing is done yet. */
  get progress(): MutantRun['progress'] {
    return this.mutants?.progress ?? { done: 0, of: 0, states: 0 };
  }

  /**
   * Goes on for about `budget` transitions.
   * @returns the mutants once all are done, else null; none if the cell breaks a rule as it is
   */
  run(budget = Number.POSITIVE_INFINITY): readonly Mutant[] | null {
    this.budget = budget;
    if (!this.result) {
      const { done, value } = this.work.next();
      if (done) this.result = value;
    }
    return this.result;
  }

  private *all(): Generator<void, readonly Mutant[]> {
    const { linux, maxStates } = this;
    const { exporter, consumer } = this.cell;
    const graphs = new Graphs();
    const subjects: Subject[] = [];
    for (const face of facesOf(exporter, consumer)) {
      const make = cellSystems(exporter, consumer, face, linux);
      const knowledge = new Knowledge(graphs);
      const options = { knowledge, maxStates, stopAt: 'breaks', counterexample: false } as const;
      const explorer = explore(make, options);
      while (!explorer.run(this.budget)) yield;
      if (explorer.result?.outcome !== 'safe') return [];
      subjects.push({ make, knowledge });
    }
    this.mutants = new MutantRun(subjects, { maxStates });
    let result = this.mutants.run(this.budget);
    while (!result) {
      yield;
      result = this.mutants.run(this.budget);
    }
    return result;
  }
}
