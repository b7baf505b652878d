// SPDX-License-Identifier: GPL-2.0-or-later
/** A kernel of the user's own: what its image says of itself, and where its headers and modules lie. */
import { closeSync, existsSync, openSync, readFileSync, readSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { MissingMeans } from './cache.ts';
import type { Kernel } from './packages.ts';

/**
 * `uname -r` of a kernel image, from its setup header (Documentation/arch/x86/boot.rst).
 * @throws MissingMeans when it is no image for x86
 */
export function releaseOf(vmlinuz: string): string {
  const head = Buffer.alloc(0x10000);
  const file = openSync(vmlinuz, 'r');
  const size = readSync(file, head, 0, head.length, 0);
  closeSync(file);
  if (size < 0x250 || head.toString('latin1', 0x202, 0x206) !== 'HdrS') {
    throw new MissingMeans(`${vmlinuz}: not a kernel image for x86 (a bzImage)`);
  }
  const at = head.readUInt16LE(0x20e) + 0x200;
  return head.toString('latin1', at, at + 128).split(/[\s\0]/)[0];
}

const releaseFile = (headers: string): string =>
  join(headers, 'include', 'generated', 'utsrelease.h');

/** Where a kernel's headers may be when nobody says: of the system, beside the image, or around it. */
const likely = (vmlinuz: string, release: string): string[] => [
  join('/lib/modules', release, 'build'),
  join(dirname(vmlinuz), '..', 'usr', 'src', `linux-headers-${release}`),
  join(dirname(vmlinuz), '..', 'lib', 'modules', release, 'build'),
  // arch/x86/boot of the tree that it was built in.
  join(dirname(vmlinuz), '..', '..', '..'),
];

/**
 * A kernel of the user's own: `VMLINUZ`, or `VMLINUZ:HEADERS` where its headers are not found.
 * @throws MissingMeans saying what is missing
 */
export function ownKernel(text: string): Kernel {
  const colon = text.indexOf(':');
  const vmlinuz = resolve(colon < 0 ? text : text.slice(0, colon));
  const release = releaseOf(vmlinuz);
  const found = likely(vmlinuz, release).find((dir) => existsSync(releaseFile(dir)));
  const headers = colon < 0 ? found : resolve(text.slice(colon + 1));
  if (!headers) {
    throw new MissingMeans(
      `our test module has to be built for ${release}, and its headers are not where they usually ` +
        `are: name them, ${text}:HEADERS (a configured tree, such as /lib/modules/${release}/build)`,
    );
  }
  if (!existsSync(releaseFile(headers))) {
    throw new MissingMeans(`${headers}: not a configured kernel tree (no ${releaseFile(headers)})`);
  }
  const built = /"(.*)"/.exec(readFileSync(releaseFile(headers), 'utf8'))?.[1];
  if (built !== release) {
    throw new MissingMeans(`${headers} is of ${built}, and ${vmlinuz} is ${release}`);
  }
  const beside = [
    join(headers, '..'),
    join('/lib/modules', release),
    join(dirname(vmlinuz), '..', 'lib', 'modules', release),
  ];
  const modules = beside.find((dir) => existsSync(join(dir, 'kernel'))) ?? null;
  return { release, name: release, vmlinuz, headers, modules };
}
