// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * A machine: QEMU in software emulation, with three private channels (agent, monitor, console) and no
 * port. It ends with us whatever happens: the kernel kills it when our thread dies, and the agent ends
 * the guest when nobody is at the other end.
 *
 * A machine is booted once for each kernel and image and saved at the moment when the agent is ready;
 * from then on it is restored, in a fraction of a second. Its memory is a file, which a restored
 * machine maps copy-on-write.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  type StatsFs,
  statfsSync,
  statSync,
  utimesSync,
} from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { cacheDir } from '../../cache-dir.ts';
import {
  type Doing,
  environment,
  findProgram,
  Interrupted,
  MissingMeans,
  partialOf,
  program,
} from './cache.ts';
import { guestHash, guestImage } from './image.ts';
import type { Kernel } from './packages.ts';

const MEGABYTES = 256;
const MEMORY = `${MEGABYTES}M`;
/**
 * How many CPUs a machine has. Programs run strictly one op after another and have one, since the
 * allocator's lists are per CPU; a race has two.
 */
export type Cpus = 1 | 2;

const MACHINE = ['-accel', 'tcg,tb-size=128', '-cpu', 'Nehalem', '-nodefaults', '-display', 'none'];
/**
 * Nothing that behaves differently, only less work where emulation is slow: no clearing of pages that
 * are written anyway, no accounting by groups, no security modules, and pages cleared by a loop, not
 * by `rep stos` (bit 112, REP_GOOD), of which TCG makes one block a word.
 */
const LESS_WORK =
  'init_on_alloc=0 cgroup_disable=memory lsm= clearcpuid=112 mitigations=off audit=0';
const COMMAND_LINE = `console=ttyS0 quiet oops=panic panic=-1 nokaslr random.trust_cpu=on ${LESS_WORK}`;
/** Seconds for a boot on a machine that is busy with other things. */
const BOOT_TIMEOUT = 120;

interface Channels {
  readonly agent: Socket;
  readonly monitor: Socket;
  readonly console: Socket;
}

/** A running QEMU. */
export class Qemu {
  /** What the guest printed on its console, the end of it. */
  console = '';
  /** Resolves when QEMU has ended, however. */
  readonly ended: Promise<void>;
  private readonly child: ChildProcess;
  readonly channels: Channels;

  /**
   * @param files descriptors that QEMU gets as 6 and so on
   * @param env what its environment has besides ours
   */
  constructor(
    args: readonly string[],
    files: readonly number[] = [],
    env: Readonly<Record<string, string>> = {},
  ) {
    const qemu = program('qemu-system-x86_64');
    const guard = findProgram('setpriv');
    const all = [
      ...MACHINE,
      ...['-no-reboot', '-machine', 'pc,hpet=off,memory-backend=ram'],
      ...['-chardev', 'socket,id=agent,fd=3', '-device', 'virtio-serial-pci,max_ports=2'],
      ...['-device', 'virtserialport,chardev=agent,nr=1'],
      ...['-chardev', 'socket,id=monitor,fd=4', '-mon', 'chardev=monitor,mode=control'],
      ...['-chardev', 'socket,id=console,fd=5', '-serial', 'chardev:console'],
      ...args,
    ];
    this.child = spawn(
      guard ?? qemu,
      guard ? ['--pdeathsig', 'KILL', '--', qemu, ...all] : all,
      // A group of its own: Ctrl-C is for us, and we end it.
      {
        stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe', 'pipe', ...files],
        env: { ...environment(), ...env },
        detached: true,
      },
    );
    const [, , stderr, agent, monitor, serial] = this.child.stdio as unknown as Socket[];
    this.channels = { agent, monitor, console: serial };
    const keep = (chunk: Buffer) => {
      this.console = (this.console + chunk.toString('latin1')).slice(-40_000);
    };
    stderr.on('data', keep);
    serial.on('data', keep);
    // An end that breaks is told by `ended`.
    for (const socket of [stderr, agent, monitor, serial]) socket.on('error', () => {});
    this.ended = new Promise((done) => {
      this.child.on('error', (error) => {
        this.console += String(error);
        done();
      });
      this.child.on('close', (code, signal) => {
        // By itself it ends when the guest does.
        if (code !== 0) this.console += `\nQEMU ended: ${signal ?? `exit code ${code}`}\n`;
        done();
      });
    });
    machines.add(this);
    void this.ended.then(() => machines.delete(this));
  }

  /**
   * Does what starts a machine; ends it if that fails, or if somebody asks for it.
   * @throws Interrupted, MissingMeans with what the machine said
   */
  async starting(what: () => Promise<void>, signal?: AbortSignal): Promise<void> {
    const stop = () => this.killNow();
    signal?.addEventListener('abort', stop);
    try {
      if (signal?.aborted) throw new Interrupted();
      await what();
      if (signal?.aborted) throw new Interrupted();
    } catch (error) {
      await this.kill();
      if (signal?.aborted) throw new Interrupted();
      throw new MissingMeans(`${(error as Error).message}${this.said()}`);
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }

  /** The last that the console said before the kernel began to list calls and registers. */
  private said(): string {
    const lines = this.console.replaceAll('\r', '').split('\n');
    const end = lines.findIndex((line) => /\] (CPU: |Call Trace:)/.test(line));
    const last = lines.slice(0, end < 0 ? undefined : end).filter((line) => line.trim() !== '');
    return last.length ? `; it said:\n${last.slice(-8).join('\n')}` : '';
  }

  /** Ends it at once. Returns when it is gone. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    for (const socket of Object.values(this.channels)) socket.destroy();
    await this.ended;
  }

  killNow(): void {
    this.child.kill('SIGKILL');
  }

  /** One command to the monitor. */
  async ask(command: string, args: object = {}): Promise<unknown> {
    const { monitor } = this.channels;
    const answer = nextAnswer(monitor);
    monitor.write(`${JSON.stringify({ execute: command, arguments: args })}\n`);
    return answer;
  }
}

/** All machines that run, to be ended with us. */
const machines = new Set<Qemu>();
process.on('exit', () => {
  for (const machine of machines) machine.killNow();
});

/** The next answer of the monitor; events in between are skipped. */
function nextAnswer(monitor: Socket): Promise<unknown> {
  return new Promise((done, fail) => {
    let text = '';
    const stop = () => {
      monitor.off('data', onData);
      monitor.off('close', onClose);
    };
    const onClose = () => {
      stop();
      fail(new Error('QEMU ended'));
    };
    const onData = (chunk: Buffer) => {
      text += chunk.toString();
      for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
        const line = JSON.parse(text.slice(0, end)) as Record<string, unknown>;
        text = text.slice(end + 1);
        if ('event' in line || 'QMP' in line) continue;
        stop();
        if ('error' in line) fail(new Error(JSON.stringify(line.error)));
        else done(line.return);
        return;
      }
    };
    monitor.on('data', onData);
    monitor.on('close', onClose);
  });
}

/** Waits for the agent's first line. */
async function untilReady(qemu: Qemu): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const { agent } = qemu.channels;
  const line = new Promise<void>((done) => {
    agent.once('data', () => done());
  });
  // Counted by looks, so that a host that stands still is not taken for a guest that does.
  let looks = 0;
  const late = new Promise<'late'>((done) => {
    timer = setInterval(() => {
      if (++looks > BOOT_TIMEOUT) done('late');
    }, 1_000);
  });
  const what = await Promise.race([line, qemu.ended.then(() => 'ended' as const), late]);
  clearInterval(timer);
  if (what === undefined) return;
  const why = what === 'late' ? `is not ready after ${BOOT_TIMEOUT} s` : 'ended';
  throw new Error(`the guest did not boot: it ${why}`);
}

const nameOf = ({ release }: Kernel, cpus: Cpus): string => (cpus > 1 ? `smp-${release}` : release);

/** The names of a saved machine's two files. */
function savedFiles(
  kernel: Kernel,
  cpus: Cpus,
): { readonly memory: string; readonly state: string } {
  const { mtimeMs, size } = statSync(kernel.vmlinuz);
  const what = JSON.stringify([guestHash(), mtimeMs, size, MACHINE, COMMAND_LINE, MEMORY]);
  const key = createHash('sha256').update(what).digest('hex').slice(0, 16);
  const base = cacheDir('machines', `${nameOf(kernel, cpus)}-${key}`);
  return { memory: `${base}.memory`, state: `${base}.state` };
}

const memoryFile = (path: string, share: boolean): string[] => [
  ...[
    '-object',
    `memory-backend-file,id=ram,size=${MEMORY},mem-path=${path},share=${share ? 'on' : 'off'}`,
  ],
  ...['-m', MEMORY],
];

/** Saves a machine whose memory is in its file already. */
async function save(qemu: Qemu): Promise<void> {
  await qemu.ask('qmp_capabilities');
  const capabilities = [{ capability: 'x-ignore-shared', state: true }];
  await qemu.ask('migrate-set-capabilities', { capabilities });
  // This QEMU can write to a command only. The path is not part of what its shell reads.
  await qemu.ask('migrate', { uri: 'exec:cat > "$PFNMAP_STATE"' });
  await migrated(qemu, 'QEMU could not save the machine');
}

/** Waits until the state of a machine has gone out, or come in. */
async function migrated(qemu: Qemu, failure: string): Promise<void> {
  for (;;) {
    const { status } = (await qemu.ask('query-migrate')) as { status?: string };
    if (status === 'completed') return;
    if (status === 'failed') throw new Error(failure);
    await new Promise((done) => setTimeout(done, 5));
  }
}

/** Boots before one with {@link TRIPPED} is told. */
const BOOTS = 3;
/**
 * What an emulated kernel of several CPUs may die of while it patches its own text: a CPU meets the
 * breakpoint of a patch that another has finished already.
 */
const TRIPPED = /Oops: int3/;

/** Boots a machine and saves it. */
async function bootAndSave(kernel: Kernel, cpus: Cpus, doing: Doing): Promise<void> {
  for (let boots = 1; ; boots++) {
    try {
      return await bootOnce(kernel, cpus, doing);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOSPC') throw noSpace();
      const tripped = error instanceof Error && TRIPPED.test(error.message);
      if (!tripped || boots === BOOTS) throw error;
      doing.say?.(`${kernel.release} tripped over its own patching: once more`);
    }
  }
}

/** Bytes below which a disk counts as full: QEMU died of a page, or of a block, that found no room. */
const FULL = 1 << 20;

const isFull = ({ bavail, bsize }: StatsFs): boolean => bavail * bsize < FULL;

const noSpace = (): MissingMeans =>
  new MissingMeans(
    `${cacheDir('machines')}: the disk is full. A saved machine takes up to ${MEGABYTES} MB there; ` +
      'XDG_CACHE_HOME names another place for the cache',
  );

async function bootOnce(kernel: Kernel, cpus: Cpus, doing: Doing): Promise<void> {
  const image = await guestImage(kernel, doing);
  const { memory, state } = savedFiles(kernel, cpus);
  const parts = { memory: partialOf(memory), state: partialOf(state) };
  doing.say?.(`booting ${kernel.release}`);
  const qemu = new Qemu(
    [
      ...memoryFile(parts.memory, true),
      ...[
        '-smp',
        String(cpus),
        '-kernel',
        kernel.vmlinuz,
        '-initrd',
        image,
        '-append',
        COMMAND_LINE,
      ],
    ],
    [],
    { PFNMAP_STATE: parts.state },
  );
  try {
    await qemu.starting(async () => {
      await untilReady(qemu);
      await save(qemu);
    }, doing.signal);
    await qemu.kill();
    renameSync(parts.memory, memory);
    renameSync(parts.state, state);
  } catch (error) {
    // QEMU itself only ends.
    throw !(error instanceof Interrupted) && isFull(statfsSync(cacheDir('machines')))
      ? noSpace()
      : error;
  } finally {
    rmSync(parts.memory, { force: true });
    rmSync(parts.state, { force: true });
  }
  forgetOld(nameOf(kernel, cpus), memory);
}

/** Milliseconds that a machine is kept for after its last use, if another version of our C made it. */
const KEEP = 3_600_000;

/** Machines of the same kernel that were saved with other versions of our C, and are in use no more. */
function forgetOld(name: string, memory: string): void {
  const dir = cacheDir('machines');
  const keep = memory.slice(0, -'.memory'.length);
  for (const file of readdirSync(dir)) {
    const path = join(dir, file);
    const old = file.startsWith(`${name}-`) && !path.startsWith(keep);
    if (!old || !/\.(memory|state)$/.test(file)) continue;
    const used = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    if (used < Date.now() - KEEP) rmSync(path, { force: true });
  }
}

/** Is there a saved machine for this kernel and our C as it is? */
export function isSaved(kernel: Kernel, cpus: Cpus = 1): boolean {
  const { memory, state } = savedFiles(kernel, cpus);
  return existsSync(memory) && existsSync(state);
}

/**
 * A machine whose agent is ready: restored, after booting and saving it if that was not done before.
 * @throws MissingMeans when it does not start, Interrupted
 */
export async function startMachine(kernel: Kernel, cpus: Cpus, doing: Doing): Promise<Qemu> {
  if (isSaved(kernel, cpus)) {
    try {
      return await restore(kernel, cpus, doing);
    } catch (error) {
      if (error instanceof Interrupted) throw error;
      const why = (error as Error).message.split('\n').slice(0, 2).join(' ');
      doing.say?.(`the saved machine of ${kernel.release} is of no use (${why})`);
    }
  }
  await bootAndSave(kernel, cpus, doing);
  return restore(kernel, cpus, doing);
}

async function restore(kernel: Kernel, cpus: Cpus, doing: Doing): Promise<Qemu> {
  const { memory, state } = savedFiles(kernel, cpus);
  const file = openSync(state, 'r');
  try {
    const now = new Date();
    for (const path of [memory, state]) utimesSync(path, now, now);
    const qemu = new Qemu(
      [...memoryFile(memory, false), '-smp', String(cpus), '-incoming', 'defer'],
      [file],
    );
    await qemu.starting(async () => {
      await qemu.ask('qmp_capabilities');
      const capabilities = [{ capability: 'x-ignore-shared', state: true }];
      await qemu.ask('migrate-set-capabilities', { capabilities });
      await qemu.ask('migrate-incoming', { uri: 'fd:6' });
      await migrated(qemu, 'QEMU could not restore the machine');
    }, doing.signal);
    return qemu;
  } finally {
    closeSync(file);
  }
}
