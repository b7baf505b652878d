// SPDX-License-Identifier: GPL-2.0-or-later
/** Who does which of a list of jobs: threads take them without a word to each other. */

const NOBODY = 0;

export class Claims {
  private readonly takers: Int32Array;

  /** @param memory of {@link claimBytes}, all zero; what threads share if several are to see it */
  constructor(readonly memory: ArrayBuffer | SharedArrayBuffer) {
    this.takers = new Int32Array(memory);
  }

  /**
   * Takes a job.
   * @param who a number other than 0
   * @returns false if somebody has it
   */
  take(job: number, who = 1): boolean {
    return Atomics.compareExchange(this.takers, job, NOBODY, who) === NOBODY;
  }

  free(job: number): boolean {
    return Atomics.load(this.takers, job) === NOBODY;
  }

  takenBy(job: number, who: number): boolean {
    return Atomics.load(this.takers, job) === who;
  }
}

/** Bytes of memory for the claims of so many jobs. */
export const claimBytes = (jobs: number): number => 4 * jobs;
