// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Runs programs on a real kernel: sends them to the agent ahead of its answers, and goes on with a
 * fresh machine when one dies. Which program it died of, and at which op, is found by running that
 * program alone, answer by answer.
 */
import { type Doing, Interrupted } from './cache.ts';
import type { Kernel } from './packages.ts';
import { type Cpus, type Qemu, startMachine } from './qemu.ts';

/** What a real kernel answered to one program. */
export interface Answer {
  /** One result per op, fewer if the program or the kernel died. */
  readonly results: readonly string[];
  /** What the kernel logged meanwhile. */
  readonly log: readonly string[];
}

/** A program as its ops' texts, each with its process number. */
export type ProgramText = readonly string[];

/** Seconds without any answer after which a machine counts as hung. */
const PATIENCE = 45;
/** Bytes of programs that wait in the guest. */
const AHEAD = 24_000;

/** Why a machine stopped answering. */
type End = 'answered' | 'ended' | 'hung' | 'stopped';

/** What a dead kernel said: its one line that tells most. */
function lastWords(console: string): string {
  const clean = console.replaceAll('\r', '');
  for (const pattern of [
    /kernel BUG at \S+!/,
    /BUG: .*/,
    /Oops: .*/,
    /Kernel panic - .*/,
    /QEMU ended: .*/,
  ]) {
    const found = pattern.exec(clean);
    if (found) return found[0].trim();
  }
  return 'the machine ended without a word';
}

export class Machine {
  private qemu: Qemu | null = null;
  /** Machines that had to be replaced. */
  deaths = 0;

  /** @param doing its signal stops whatever the machine is at */
  constructor(
    readonly kernel: Kernel,
    private readonly doing: Doing = {},
    private readonly cpus: Cpus = 1,
  ) {}

  /**
   * Starts the machine, if it does not run yet.
   * @throws MissingMeans, Interrupted
   */
  async start(): Promise<void> {
    this.qemu ??= await startMachine(this.kernel, this.cpus, this.doing);
  }

  async close(): Promise<void> {
    const { qemu } = this;
    this.qemu = null;
    await qemu?.kill();
  }

  /**
   * Runs programs in order; when it is stopped, those are answered that are.
   * @param onAnswer called with each program's place and answer, in order
   */
  async run(
    programs: readonly ProgramText[],
    onAnswer: (index: number, answer: Answer) => void,
  ): Promise<void> {
    const { signal } = this.doing;
    let done = 0;
    const give = (answer: Answer) => onAnswer(done++, answer);
    while (done < programs.length && !signal?.aborted) {
      const end = await this.serve(programs.slice(done), false, give);
      // A signal to the whole group ends QEMU, too.
      if (end === 'answered' || end === 'stopped' || signal?.aborted) break;
      const answer = await this.postMortem(programs[done], end);
      if (!signal?.aborted) give(answer);
    }
  }

  /**
   * One program, alone.
   * @throws Interrupted when it is stopped before there is an answer
   */
  async runOne(program: ProgramText): Promise<Answer> {
    const answers: Answer[] = [];
    await this.run([program], (_, answer) => answers.push(answer));
    if (!answers.length) throw new Interrupted();
    return answers[0];
  }

  /** The program that a machine died of, again on a fresh one, answer by answer. */
  private async postMortem(program: ProgramText, end: End): Promise<Answer> {
    this.deaths++;
    const words = end === 'hung' ? 'no answer' : lastWords(this.qemu?.console ?? '');
    await this.close();
    let answer: Answer | undefined;
    const partial: string[] = [];
    const again = await this.serve(
      [program],
      true,
      (a) => {
        answer = a;
      },
      partial,
    );
    if (again === 'answered' && answer) {
      // Alone it does no harm: what came before it on the machine had a part in it.
      return {
        results: [...answer.results, `!KERNEL:${words} (not when run alone)`],
        log: answer.log,
      };
    }
    const console = this.qemu?.console ?? '';
    await this.close();
    const what = again === 'hung' ? '!HANG' : `!KERNEL:${lastWords(console)}`;
    return { results: [...partial, what], log: console.split(/\r?\n/).slice(-60) };
  }

  /** Sends programs and hands on their answers until all are there or the machine is gone. */
  private async serve(
    programs: readonly ProgramText[],
    stream: boolean,
    give: (answer: Answer) => void,
    partial?: string[],
  ): Promise<End> {
    const { signal } = this.doing;
    try {
      await this.start();
    } catch (error) {
      if (error instanceof Interrupted) return 'stopped';
      throw error;
    }
    const qemu = this.qemu as Qemu;
    const { agent } = qemu.channels;
    const texts = programs.map((ops) => `${stream ? '!stream\n' : ''}${ops.join('\n')}\nE\n`);
    let sent = 0;
    let inFlight = 0;
    let answered = 0;
    // Many at once: each message costs the guest an interrupt.
    const feed = () => {
      if (inFlight > AHEAD / 2) return;
      let many = '';
      while (sent < texts.length && (inFlight === 0 || inFlight + texts[sent].length < AHEAD)) {
        inFlight += texts[sent].length;
        many += texts[sent++];
      }
      if (many) agent.write(many);
    };
    return new Promise<End>((done) => {
      let text = '';
      let results: string[] = [];
      let log: string[] = [];
      // Counted by looks: when the host stands still for a minute, the guest does, too.
      let silent = 0;
      const timer = setInterval(() => {
        if (++silent > PATIENCE) stop('hung');
      }, 1_000);
      const stop = (end: End) => {
        clearInterval(timer);
        agent.off('data', onData);
        signal?.removeEventListener('abort', onAbort);
        if (end !== 'answered') partial?.push(...results);
        done(end);
      };
      const onAbort = () => stop('stopped');
      const onLine = (line: string) => {
        if (line.startsWith('r')) results.push(line.slice(1));
        else if (line.startsWith('k')) log.push(line.slice(1));
        else if (line === 'E') {
          inFlight -= texts[answered++].length;
          const answer = { results, log };
          results = [];
          log = [];
          give(answer);
        }
      };
      const onData = (chunk: Buffer) => {
        silent = 0;
        text += chunk.toString('latin1');
        const lines = text.split('\n');
        text = lines.pop() as string;
        for (const line of lines) onLine(line);
        if (answered === texts.length) stop('answered');
        else feed();
      };
      agent.on('data', onData);
      signal?.addEventListener('abort', onAbort);
      if (signal?.aborted) return stop('stopped');
      void qemu.ended.then(() => stop('ended'));
      feed();
    });
  }
}
