// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The guest's initial RAM disk: our agent as process 1, our test module, and the stock modules that
 * the two need. Built once for each kernel and version of our C, then kept in the cache.
 */
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { cacheDir } from '../../cache-dir.ts';
import {
  type Doing,
  findProgram,
  guestDir,
  needBuildable,
  partialOf,
  program,
  run,
} from './cache.ts';
import type { Kernel } from './packages.ts';

/** Stock modules that the guest needs, unless they are built in; with their parameters. */
const NEEDED: readonly (readonly [name: string, parameters: string])[] = [
  ['virtio_pci', ''],
  ['virtio_console', ''],
  ['vgem', ''],
  ['udmabuf', ''],
  ['brd', 'rd_nr=1 rd_size=16384'],
];

/** A hash of everything that our half of the image is made from. */
export function guestHash(): string {
  const hash = createHash('sha256');
  for (const dir of ['agent', 'module']) {
    const at = join(guestDir(), dir);
    for (const file of readdirSync(at).sort())
      hash.update(file).update(readFileSync(join(at, file)));
  }
  return hash.update(JSON.stringify(NEEDED)).digest('hex').slice(0, 16);
}

/** All module files below a directory, by module name. */
function findModules(dir: string, found = new Map<string, string>()): Map<string, string> {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) findModules(path, found);
    else {
      const name = /^(.*)\.ko(\.xz|\.zst|\.gz)?$/.exec(entry.name)?.[1];
      if (name) found.set(name.replaceAll('-', '_'), path);
    }
  }
  return found;
}

async function readModule(path: string, doing: Doing): Promise<Buffer> {
  const packer = path.endsWith('.xz') ? 'xz' : path.endsWith('.zst') ? 'zstd' : null;
  if (packer) return (await run(program(packer), ['-dc', path], doing)).stdout;
  if (path.endsWith('.gz')) return (await run(program('gzip'), ['-dc', path], doing)).stdout;
  return readFileSync(path);
}

/** Modules that a module says it depends on, from its .modinfo section. */
function dependencies(module: Buffer): string[] {
  const at = module.indexOf('\0depends=');
  if (at < 0) return [];
  const text = module.toString('latin1', at + 9, module.indexOf(0, at + 9));
  return text === '' ? [] : text.split(',').map((name) => name.replaceAll('-', '_'));
}

interface ImageFile {
  readonly name: string;
  readonly mode: number;
  readonly data: Buffer;
}

/** The needed modules in the order in which they must be loaded. */
async function stockModules(kernel: Kernel, doing: Doing): Promise<ImageFile[]> {
  const files = kernel.modules
    ? findModules(join(kernel.modules, 'kernel'))
    : new Map<string, string>();
  const out: ImageFile[] = [];
  const list: string[] = [];
  const done = new Set<string>();
  const add = async (name: string, parameters: string): Promise<void> => {
    const path = files.get(name);
    // Not there: built in, or a device that this kernel lacks.
    if (!path || done.has(name)) return;
    done.add(name);
    const data = await readModule(path, doing);
    for (const other of dependencies(data)) await add(other, '');
    out.push({ name: `modules/${name}.ko`, mode: 0o100644, data });
    list.push(parameters ? `${name}.ko ${parameters}` : `${name}.ko`);
  };
  for (const [name, parameters] of NEEDED) await add(name, parameters);
  list.push('pfnmap_test.ko', '');
  out.push({ name: 'modules/list', mode: 0o100644, data: Buffer.from(list.join('\n')) });
  return out;
}

/** An archive in the format that the kernel unpacks: cpio, `newc`. */
export function cpio(files: readonly ImageFile[]): Buffer {
  const parts: Buffer[] = [];
  const pad = (n: number) => Buffer.alloc((4 - (n % 4)) % 4);
  const add = (name: string, mode: number, data: Buffer, inode: number) => {
    const fields = [inode, mode, 0, 0, 1, 0, data.length, 0, 0, 0, 0, name.length + 1, 0];
    const head = `070701${fields.map((n) => n.toString(16).padStart(8, '0')).join('')}${name}\0`;
    parts.push(Buffer.from(head, 'latin1'), pad(head.length), data, pad(data.length));
  };
  for (const [i, { name, mode, data }] of files.entries()) add(name, mode, data, i + 1);
  add('TRAILER!!!', 0, Buffer.alloc(0), 0);
  return Buffer.concat(parts);
}

/**
 * Builds the agent: static, so that the image needs no library, and such that it lies above the arena
 * of the programs, where mmap puts things.
 */
async function buildAgent(dir: string, doing: Doing): Promise<Buffer> {
  const out = join(dir, 'agent');
  const source = join(guestDir(), 'agent');
  const files = readdirSync(source).filter((file) => file.endsWith('.c'));
  const headers = cacheDir('tools', 'usr', 'include', 'stdio.h');
  const args = [
    ...(existsSync(headers) ? [`--sysroot=${cacheDir('tools')}`] : []),
    ...['-std=gnu11', '-O2', '-s', '-o', out],
    // One mapping of code and one of data: each fork copies what there is.
    ...['-static-pie', '-Wl,-z,noseparate-code,-z,norelro'],
    ...files.map((file) => join(source, file)),
  ];
  await run(program('gcc'), args, doing);
  return readFileSync(out);
}

/** Builds our module against the kernel's headers. */
async function buildModule(kernel: Kernel, dir: string, doing: Doing): Promise<Buffer> {
  const source = join(guestDir(), 'module');
  const work = join(dir, 'module');
  mkdirSync(work);
  for (const file of readdirSync(source)) copyFileSync(join(source, file), join(work, file));
  // The headers name the compiler that the kernel was built with; any near one will do.
  const wanted = /-?(gcc-\d+)$/m.exec(variables(kernel))?.[1];
  const cc = wanted && findProgram(wanted) ? wanted : 'gcc';
  program(cc);
  const args = [
    ...['-s', '-C', kernel.headers, `M=${work}`, `CC=${cc}`],
    // Type information for BPF needs a tool more, and nobody reads ours.
    ...['CONFIG_DEBUG_INFO_BTF_MODULES=', 'CONFIG_DEBUG_INFO=', 'modules'],
  ];
  await run(program('make'), args, doing);
  return readFileSync(join(work, 'pfnmap_test.ko'));
}

function variables(kernel: Kernel): string {
  const file = join(kernel.headers, '.kernelvariables');
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

/** The path of the RAM disk for a kernel; builds it if need be. */
export async function guestImage(kernel: Kernel, doing: Doing): Promise<string> {
  const final = cacheDir('images', `${kernel.release}-${guestHash()}.cpio.gz`);
  if (existsSync(final)) return final;
  for (const path of [final, kernel.headers]) needBuildable(path);
  doing.say?.(`building the test module for ${kernel.release}`);
  const dir = partialOf(final);
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir);
  try {
    const parts = [
      buildAgent(dir, doing),
      buildModule(kernel, dir, doing),
      stockModules(kernel, doing),
    ] as const;
    // Nobody writes here any more when it goes.
    await Promise.allSettled(parts);
    const [agent, module, stock] = await Promise.all(parts);
    const archive = cpio([
      { name: 'modules', mode: 0o40755, data: Buffer.alloc(0) },
      { name: 'init', mode: 0o100755, data: agent },
      ...stock,
      { name: 'modules/pfnmap_test.ko', mode: 0o100644, data: module },
    ]);
    const file = join(dir, 'image');
    writeFileSync(file, gzipSync(archive, { level: 1 }));
    renameSync(file, final);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
  return final;
}
