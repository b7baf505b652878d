// SPDX-License-Identifier: GPL-2.0-or-later
/** What a user's file exports, checked: nobody has read its types. */
import {
  type ConsumerTraits,
  type ExporterTraits,
  FOLLOWS_CORRECTLY,
  type Insertion,
  KEEPS_CONTRACT,
  type Keeps,
  type Lookup,
  type TakesBack,
  type VmFlagName,
  type Zap,
} from '../contract/traits.ts';
import { withoutHiddenInput } from '../explore/forbid.ts';
import type { System } from '../explore/machine.ts';
import type { LinuxVersion } from '../kernel/versions.ts';
import { nearest } from './nearest.ts';
import type { Driver, Scenario } from './scenario.ts';

export type Exported = Scenario | Driver;

/** What is wrong with the user's file; the message alone is meant for the user. */
export class OwnError extends Error {}

export const HINT =
  'A file exports by default what scenario({...}) or driver({...}) of pfnmap returns; ' +
  '`pfnmap init` writes one to start from';

/** @throws OwnError when it is neither a scenario nor a driver */
export function checked(one: unknown, linux: LinuxVersion): Exported {
  if (typeof one !== 'object' || one === null) {
    throw new OwnError(
      `its default export is ${one === null ? 'null' : `a ${typeof one}`}. ${HINT}`,
    );
  }
  if ('kind' in one && one.kind === 'driver') return checkedDriver(one as Driver);
  const s = one as Partial<Scenario>;
  if (typeof s.prepare !== 'function' || typeof s.id !== 'string') {
    throw new OwnError(
      `its default export has no ${typeof s.id !== 'string' ? 'id' : 'prepare()'}. ${HINT}`,
    );
  }
  const prepare = s.prepare.bind(s);
  const make = withoutHiddenInput(() => prepare(linux));
  if (typeof make !== 'function') {
    throw new OwnError(
      `prepare() of ${s.id} returns ${typeof make}: it has to return a function that makes the system`,
    );
  }
  const system: Partial<System> | undefined = withoutHiddenInput(make);
  const missing = ['mem', 'locks', 'threads'].find((key) => !system || !(key in system));
  if (missing || !Array.isArray(system?.threads)) {
    throw new OwnError(`the system of ${s.id} has no ${missing ?? 'list of threads'}`);
  }
  return { ...(s as Scenario), prepare: () => make };
}

/** All members of a union of words: leaving one out, or one too many, does not compile. */
const every = <T extends string>(of: Readonly<Record<T, true>>): readonly string[] =>
  Object.keys(of);

/** Traits whose values are words of a union, or lists of them. */
type WordTrait<T> = Exclude<
  {
    [K in keyof T]-?: NonNullable<T[K]> extends infer V
      ? V extends readonly (infer W)[]
        ? string extends W
          ? never
          : K
        : V extends string
          ? string extends V
            ? never
            : K
          : never
      : never;
  }[keyof T],
  'status'
>;
type Optional<T> = { [K in keyof T]-?: undefined extends T[K] ? K : never }[keyof T] & string;

const FLAGS = every<VmFlagName>({
  VM_PFNMAP: true,
  VM_MIXEDMAP: true,
  VM_IO: true,
  VM_DONTEXPAND: true,
  VM_DONTDUMP: true,
});

const WORDS: Readonly<
  Record<WordTrait<ExporterTraits> | WordTrait<ConsumerTraits>, readonly string[]>
> = {
  object: every<ExporterTraits['object']>({
    'dma-buf': true,
    device: true,
    memfd: true,
    anonymous: true,
  }),
  memory: every<ExporterTraits['memory']>({ ram: true, shmem: true, bar: true }),
  inserts: every<Insertion>({
    'fault-pfn': true,
    'fault-pfn-readonly-first': true,
    'fault-huge-pfn': true,
    'fault-mixed': true,
    'fault-insert-page': true,
    'fault-vmf-page': true,
    'mmap-remap-pfn': true,
    'mmap-remap-range': true,
    'mmap-insert-page': true,
    'file-mmap': true,
  }),
  setsFlags: FLAGS,
  clearsFlags: FLAGS,
  lock: every<ExporterTraits['lock']>({ dma_resv: true, mutex: true, rwsem: true, none: true }),
  faultLocks: every<ExporterTraits['faultLocks']>({
    'under-lock': true,
    'looks-before-locking': true,
  }),
  takesBack: every<TakesBack>({ move: true, evict: true, revoke: true, disable: true }),
  zap: every<Zap>({ 'before-copy': true, 'after-switch': true, never: true }),
  oldPage: every<ExporterTraits['oldPage']>({
    freed: true,
    pooled: true,
    worker: true,
    kept: true,
  }),
  pageRefs: every<ExporterTraits['pageRefs']>({ one: true, zero: true, refused: true }),
  checksRefs: every<ExporterTraits['checksRefs']>({
    never: true,
    'after-unmap': true,
    'at-free': true,
  }),
  pgoff: every<ExporterTraits['pgoff']>({ offset: true, 'fake-offset': true, pfn: true }),
  lookup: every<Lookup>({
    cpu: true,
    gup: true,
    'gup-fast': true,
    follow: true,
    hmm: true,
    'vm-pgoff': true,
    'page-table': true,
    'sg-table': true,
    compaction: true,
    ksm: true,
    'numa-balancing': true,
  }),
  keeps: every<Keeps>({ 'under-lock': true, 'one-transfer': true, 'until-released': true }),
};

/** The values that a trait can have, where these are words. */
export const CHOICES: Readonly<Record<string, readonly string[]>> = WORDS;

/** Traits that KEEPS_CONTRACT leaves out. */
const OPTIONAL = every<Optional<ExporterTraits>>({
  patterned: true,
  contiguous: true,
  cma: true,
  ignoresPgoff: true,
  mappable: true,
  kernelOfItsDay: true,
  syncsWhatBegan: true,
  reserved: true,
});

/** esbuild takes types away unread, so names and values are checked here. */
function checkedDriver(d: Driver): Driver {
  if (!d.exporter && !d.consumer) {
    throw new OwnError(
      'driver() needs an exporter or a consumer: driver({ exporter: { id: ... } })',
    );
  }
  const check = (what: string, traits: object | null, good: object, more: readonly string[]) => {
    if (!traits) return;
    const known = [...Object.keys(good), ...more, 'id', 'title', 'status', 'source'];
    for (const [key, value] of Object.entries(traits)) {
      if (!known.includes(key)) {
        const near = nearest(key, known);
        throw new OwnError(
          `${what} has no trait '${key}'${near ? `: did you mean '${near}'?` : `; there are ${known.join(', ')}`}`,
        );
      }
      const usual = (good as Readonly<Record<string, unknown>>)[key];
      if (Array.isArray(usual) !== Array.isArray(value) && usual !== undefined) {
        throw new OwnError(
          Array.isArray(usual)
            ? `${what}.${key} is a list: [${JSON.stringify(value)}]`
            : `${what}.${key} is one value, not a list`,
        );
      }
      if (typeof usual === 'boolean' && typeof value !== 'boolean') {
        throw new OwnError(`${what}.${key} is ${JSON.stringify(value)}, but can be true or false`);
      }
      const choices = CHOICES[key];
      const values: unknown[] = Array.isArray(value) ? value : [value];
      const wrong = choices && values.find((v) => !choices.includes(String(v)));
      if (wrong !== undefined) {
        throw new OwnError(
          `${what}.${key} is '${String(wrong)}', but can be ${choices.join(', ')}`,
        );
      }
    }
    const { id } = traits as { id?: unknown };
    if (typeof id !== 'string' || !/^[\w.-]+$/.test(id)) {
      throw new OwnError(`${what}.id is ${JSON.stringify(id)}: letters, digits and dashes, please`);
    }
  };
  check('exporter', d.exporter, KEEPS_CONTRACT, OPTIONAL);
  check('consumer', d.consumer, FOLLOWS_CORRECTLY, []);
  return d;
}
