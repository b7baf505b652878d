// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Debian's stock kernels: found by name through apt, fetched with their headers, checked against the
 * sums of the signed package lists, and unpacked into the cache. Nobody needs to be root.
 */
import { createHash } from 'node:crypto';
import {
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { cacheDir } from '../../cache-dir.ts';
import { type Doing, MissingMeans, needBuildable, partialOf, program, run } from './cache.ts';
import { getTools } from './tools.ts';

/** A kernel that can be booted, with what our module is built against. */
export interface Kernel {
  /** `uname -r` */
  readonly release: string;
  /** What the user called it: 6.12, 6.1, or the release. */
  readonly name: string;
  readonly vmlinuz: string;
  /** A configured tree to build modules in. */
  readonly headers: string;
  /** Where its modules lie, if anywhere. */
  readonly modules: string | null;
}

/** Series that the product promises; others may be there, too. */
export const SERIES = ['6.12', '6.1'] as const;

const kernelsDir = (): string => cacheDir('kernels');

/** Numbers of a release, for comparing: `6.12.117+deb12-amd64` and `6.1.0-56-amd64`. */
const numbers = (text: string): number[] => (text.match(/\d+/g) ?? []).map(Number);

function newer(a: string, b: string): number {
  const x = numbers(a);
  const y = numbers(b);
  for (let i = 0; i < Math.max(x.length, y.length); i++) {
    if ((x[i] ?? 0) !== (y[i] ?? 0)) return (y[i] ?? 0) - (x[i] ?? 0);
  }
  return 0;
}

/** Kernels in the cache, newest first. */
export function listKernels(): Kernel[] {
  if (!existsSync(kernelsDir())) return [];
  const found: Kernel[] = [];
  for (const release of readdirSync(kernelsDir())) {
    const file = join(kernelsDir(), release, 'kernel.json');
    if (!existsSync(file)) continue;
    try {
      found.push(JSON.parse(readFileSync(file, 'utf8')) as Kernel);
    } catch {
      // Not whole: fetched again when it is asked for.
    }
  }
  return found.sort((a, b) => newer(a.release, b.release));
}

/** The newest kernel of a series in the cache. */
export const cachedKernel = (series: string): Kernel | undefined =>
  listKernels().find((k) => k.name === series);

/** @throws MissingMeans, or what was thrown if it is no fault of the network's */
function cannotDownload(error: unknown): never {
  if (!(error instanceof MissingMeans)) throw error;
  throw new MissingMeans(
    `${error.message}\npfnmap: what has come is kept, and the same command goes on from there; ` +
      "without a network: '--boot VMLINUZ:HEADERS' takes a kernel that you have",
  );
}

/** What `apt-cache show` says of a package. */
interface Package {
  readonly name: string;
  readonly version: string;
  readonly size: number;
  readonly sha256: string;
  readonly depends: readonly string[];
}

/** apt, on the system's package lists or, where there are none, on lists of our own. */
export class Apt {
  private options: readonly string[] = [];

  constructor(private readonly doing: Doing) {}

  /** What a program of apt prints. */
  private async run(name: string, args: readonly string[], cwd?: string): Promise<string> {
    const { signal } = this.doing;
    return (
      await run(program(name), [...this.options, ...args], { cwd, signal })
    ).stdout.toString();
  }

  /** Names of packages that match. */
  async search(pattern: string): Promise<string[]> {
    let names = await this.names(pattern);
    if (names.length) return names;
    this.doing.say?.('no package lists that name it: fetching lists');
    this.options = ['-o', `Dir::State::Lists=${cacheDir('apt', 'lists')}`];
    mkdirSync(join(cacheDir('apt', 'lists'), 'partial'), { recursive: true });
    mkdirSync(join(cacheDir('apt', 'cache')), { recursive: true });
    this.options = [...this.options, '-o', `Dir::Cache=${cacheDir('apt', 'cache')}`];
    this.options = [...this.options, '-o', 'APT::Sandbox::User=', '-o', 'Debug::NoLocking=1'];
    await this.run('apt-get', ['update']);
    names = await this.names(pattern);
    return names;
  }

  private async names(pattern: string): Promise<string[]> {
    return (await this.run('apt-cache', ['search', '--names-only', pattern]))
      .split('\n')
      .map((line) => line.split(' ')[0])
      .filter((name) => name !== '');
  }

  /** Packages that an installation of these would bring, and that the system has not. */
  async install(names: readonly string[]): Promise<string[]> {
    const args = ['--simulate', '--no-install-recommends', 'install', ...names];
    return [...(await this.run('apt-get', args)).matchAll(/^Inst ([^ :]+)/gm)].map(
      ([, name]) => name,
    );
  }

  /** What the lists say of packages, in the lists' order. */
  async show(names: readonly string[]): Promise<Package[]> {
    return (await this.run('apt-cache', ['show', '--no-all-versions', ...names]))
      .split(/\n\n+/)
      .filter((stanza) => stanza.startsWith('Package: '))
      .map(packageOf);
  }

  /** Downloads packages, unless they are here already, and checks their sums. Returns the files. */
  async download(names: readonly string[]): Promise<string[]> {
    const dir = cacheDir('downloads');
    mkdirSync(dir, { recursive: true });
    const packages = await this.show(names);
    const here = async ({ name, sha256: sum }: Package): Promise<string | undefined> => {
      for (const file of readdirSync(dir).filter((file) => file.startsWith(`${name}_`))) {
        if ((await sha256(join(dir, file))) === sum) return join(dir, file);
        rmSync(join(dir, file), { force: true });
      }
      return undefined;
    };
    const missing: Package[] = [];
    for (const pkg of packages) if (!(await here(pkg))) missing.push(pkg);
    if (missing.length) {
      const size = Math.ceil(missing.reduce((sum, pkg) => sum + pkg.size, 0) / 1e6);
      const what = missing.length <= 4 ? missing.map((pkg) => pkg.name).join(', ') : undefined;
      this.doing.say?.(`downloading ${what ?? `${missing.length} packages`}, ${size} MB`);
      const wanted = missing.map((pkg) => `${pkg.name}=${pkg.version}`);
      // Nobody else need be able to write there: no warning that apt's own user cannot.
      const asUs = ['-o', 'APT::Sandbox::User=', 'download'];
      await this.run('apt-get', [...asUs, ...wanted], dir).catch(cannotDownload);
    }
    const files: string[] = [];
    for (const pkg of packages) {
      const file = await here(pkg);
      if (!file)
        throw new Error(`${pkg.name}: no file with the sum of the package list; try again`);
      files.push(file);
    }
    return files;
  }
}

function packageOf(stanza: string): Package {
  const field = (key: string) => new RegExp(`^${key}: (.*)$`, 'm').exec(stanza)?.[1] ?? '';
  return {
    name: field('Package'),
    version: field('Version'),
    size: Number(field('Size')),
    sha256: field('SHA256'),
    depends: field('Depends')
      .split(/[,|]/)
      .map((word) => word.trim().split(' ')[0])
      .filter((word) => word !== ''),
  };
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

const quoted = (text: string): string => text.replace(/[.+*?^${}()|[\]\\]/g, '\\$&');

/** The release of the newest stock image of a series, by package name. */
async function newestImage(apt: Apt, series: string): Promise<string> {
  const prefix = `linux-image-${quoted(series)}`;
  // Not the flavours (cloud, rt), not the debug files, not the meta-package.
  const name = new RegExp(`^${prefix}[.][0-9][^-]*(-[0-9]+)?-amd64$`);
  const names = (await apt.search(`^linux-image-${series}`)).filter((n) => name.test(n));
  if (names.length === 0) {
    throw new MissingMeans(
      `no package of a stock kernel ${series} is known to apt here. Add the Debian suite that has ` +
        'it to the sources of apt, or boot your own: --boot VMLINUZ',
    );
  }
  return names.sort(newer)[0].slice('linux-image-'.length);
}

/** Debian's headers name each other by absolute path; the cache is elsewhere. */
function relocate(root: string, release: string): string {
  const src = join(root, 'usr', 'src');
  const headers = join(src, `linux-headers-${release}`);
  const makefile = join(headers, 'Makefile');
  const text = readFileSync(makefile, 'utf8');
  writeFileSync(makefile, text.replaceAll(/^include \/usr\/src\//gm, `include ${src}/`));
  return headers;
}

/**
 * Brings the newest stock kernel of a series into the cache, with headers and build tools.
 * @throws MissingMeans when apt has it not, Interrupted
 */
export async function getKernel(series: string, doing: Doing): Promise<Kernel> {
  if (!/^\d+\.\d+$/.test(series)) {
    throw new MissingMeans(`'${series}' is no series of kernels: say 6.12, or 6.1`);
  }
  needBuildable(kernelsDir());
  const apt = new Apt(doing);
  const release = await newestImage(apt, series);
  await getTools(apt, doing);
  const final = join(kernelsDir(), release);
  const have = listKernels().find((k) => k.release === release);
  if (have) return have;

  const [headers] = await apt.show([`linux-headers-${release}`]);
  const wanted = [`linux-image-${release}`, headers.name];
  wanted.push(...headers.depends.filter((d) => /^linux-(headers-.*-common|kbuild-)/.test(d)));
  const files = await apt.download(wanted);

  const partial = partialOf(final);
  mkdirSync(partial, { recursive: true });
  try {
    doing.say?.('unpacking');
    for (const file of files) await run(program('dpkg-deb'), ['-x', file, partial], doing);
    rmSync(final, { recursive: true, force: true });
    renameSync(partial, final);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
  const kernel: Kernel = {
    release,
    name: series,
    vmlinuz: join(final, 'boot', `vmlinuz-${release}`),
    headers: relocate(final, release),
    modules: join(final, 'lib', 'modules', release),
  };
  writeFileSync(join(final, 'kernel.json'), JSON.stringify(kernel, null, 1));
  for (const file of files) rmSync(file, { force: true });
  return kernel;
}
