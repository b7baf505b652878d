// SPDX-License-Identifier: GPL-2.0-or-later
/** What a user's file exports, checked: nobody has read its types. */
import { FOLLOWS_CORRECTLY, KEEPS_CONTRACT } from '../contract/traits.ts';
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

/** The values that a trait can have, where these are words. */
export const CHOICES: Readonly<Record<string, readonly string[]>> = {
  inserts: [
    'fault-pfn',
    'fault-pfn-readonly-first',
    'fault-huge-pfn',
    'fault-mixed',
    'fault-insert-page',
    'fault-vmf-page',
    'mmap-remap-pfn',
    'mmap-insert-page',
  ],
  lock: ['dma_resv', 'mutex'],
  faultLocks: ['under-lock', 'looks-before-locking'],
  zap: ['before-copy', 'after-switch', 'never'],
  takesBack: ['move', 'evict', 'revoke'],
  setsFlags: ['VM_PFNMAP', 'VM_MIXEDMAP', 'VM_IO', 'VM_DONTEXPAND', 'VM_DONTDUMP'],
  lookup: [
    'cpu',
    'gup',
    'gup-fast',
    'follow',
    'hmm',
    'vm-pgoff',
    'page-table',
    'sg-table',
    'compaction',
    'ksm',
    'numa-balancing',
  ],
  keeps: ['under-lock', 'one-transfer', 'until-released'],
};

/** esbuild takes types away unread, so names and values are checked here. */
function checkedDriver(d: Driver): Driver {
  if (!d.exporter && !d.consumer) {
    throw new OwnError(
      'driver() needs an exporter or a consumer: driver({ exporter: { id: ... } })',
    );
  }
  const check = (what: string, traits: object | null, good: object) => {
    if (!traits) return;
    const known = [...Object.keys(good), 'id', 'title', 'status', 'source', 'linux'];
    for (const [key, value] of Object.entries(traits)) {
      if (!known.includes(key)) {
        const near = nearest(key, known);
        throw new OwnError(
          `${what} has no trait '${key}'${near ? `: did you mean '${near}'?` : `; there are ${known.join(', ')}`}`,
        );
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
  check('exporter', d.exporter, KEEPS_CONTRACT);
  check('consumer', d.consumer, FOLLOWS_CORRECTLY);
  return d;
}
