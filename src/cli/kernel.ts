// SPDX-License-Identifier: GPL-2.0-or-later
/** `pfnmap kernel`: stock kernels to boot, brought into the cache and listed. */
import { existsSync } from 'node:fs';
import { type Doing, Interrupted, MissingMeans } from '../conform/real/cache.ts';
import { ownKernel } from '../conform/real/own-kernel.ts';
import { getKernel, type Kernel, listKernels, SERIES } from '../conform/real/packages.ts';
import { isSaved } from '../conform/real/qemu.ts';
import type { Context } from './commands.ts';
import { EXIT, type ExitCode, Failure, note, out, outJson } from './io.ts';

/** Runs something that needs means which may not be here. Returns null when it was stopped. */
export async function withMeans<T>(what: () => Promise<T>): Promise<T | null> {
  try {
    return await what();
  } catch (error) {
    if (error instanceof Interrupted) return null;
    if (error instanceof MissingMeans) throw new Failure(error.message, EXIT.unknown);
    throw error;
  }
}

const say = (text: string): void => note(`pfnmap: ${text}`);

/** Tells of long work on stderr, until there is a signal. */
export const doing = (signal: AbortSignal): Doing => ({ say, signal });

/** The kernels that `--boot` names. */
export async function kernelsToBoot(boot: string, signal: AbortSignal): Promise<Kernel[]> {
  const names = boot === 'both' ? [...SERIES] : [boot];
  const found: Kernel[] = [];
  for (const name of names) {
    if (/^\d+\.\d+$/.test(name)) {
      const cached = listKernels().find((k) => k.name === name);
      found.push(cached ?? (await getKernel(name, doing(signal))));
    } else {
      const vmlinuz = name.split(':')[0];
      if (!existsSync(vmlinuz)) throw new Failure(`${vmlinuz}: no such file`);
      found.push(ownKernel(name));
    }
  }
  return found;
}

export async function kernelGet(
  series: string[],
  options: { json?: boolean },
  { signal }: Context,
): Promise<ExitCode> {
  const got: Kernel[] = [];
  await withMeans(async () => {
    for (const name of series.length ? series : SERIES)
      got.push(await getKernel(name, doing(signal)));
  });
  if (options.json) outJson({ kernels: got });
  else for (const { name, release, vmlinuz } of got) out(`${name}: ${release}  ${vmlinuz}`);
  if (signal.aborted) {
    note('pfnmap: interrupted; what is downloaded already will not be fetched again');
    return EXIT.interrupted;
  }
  return EXIT.ok;
}

export function kernelList(options: { json?: boolean }): ExitCode {
  const kernels = listKernels().map((k) => ({ ...k, saved: isSaved(k) }));
  if (options.json) outJson({ kernels });
  else if (kernels.length === 0) out("no kernels in the cache: 'pfnmap kernel get' brings both");
  for (const { name, release, vmlinuz, saved } of options.json ? [] : kernels) {
    out(`${name.padEnd(5)} ${release}  ${vmlinuz}${saved ? '  (saved machine)' : ''}`);
  }
  return EXIT.ok;
}
