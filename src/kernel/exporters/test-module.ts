// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The exporter of the recording's test module, in its thirteen kinds and with its flags. It switches
 * placement before it zaps, on purpose: between the two a store goes to the old page.
 */
import { type ExporterTraits, type Insertion, KEEPS_CONTRACT } from '../../contract/traits.ts';

/** Flags of a buffer, as the recording writes them. */
export const ALLOW_PRIVATE = 1;
export const DONTEXPAND = 2;
export const IO = 4;
export const READONLY = 8;
export const LIAR = 16;
export const SHMEM = 32;
/** Pages are marked reserved, as if there were no struct page to count: a BAR. */
export const RESERVED = 64;
/** Reference counts are zero while a page is the buffer's. */
export const ZERO_REFS = 128;
/** The fault handler looks where a page is before it takes the lock. */
export const LOOKS_FIRST = 256;
/** Its file hangs on the address_space of the module's buffer that was made before it. */
export const BESIDE = 512;

const BASE = {
  ...KEEPS_CONTRACT,
  status: 'test module',
  source: 'test module',
  lock: 'mutex',
  zap: 'after-switch',
  takesBack: ['move'],
  setsFlags: [],
  countsVmas: true,
  patterned: true,
} as const satisfies Omit<ExporterTraits, 'id' | 'title'>;

const kind = (
  id: string,
  title: string,
  inserts: Insertion,
  setsFlags: ExporterTraits['setsFlags'],
  more: Partial<ExporterTraits> = {},
): ExporterTraits => ({ ...BASE, id, title: `test module: ${title}`, inserts, setsFlags, ...more });

export const testKinds: readonly ExporterTraits[] = [
  kind('test-rpfn', 'remap_pfn_range at mmap', 'mmap-remap-pfn', [], { contiguous: true }),
  kind('test-racc', 'the same with vm_ops->access', 'mmap-remap-pfn', [], {
    contiguous: true,
    hasAccess: true,
  }),
  kind('test-fpfn', 'vmf_insert_pfn', 'fault-pfn', ['VM_PFNMAP']),
  kind('test-fpfnw', 'vmf_insert_pfn and pfn_mkwrite', 'fault-pfn', ['VM_PFNMAP'], {
    tracksWrites: true,
  }),
  kind('test-fpfnr', 'read-only PFN first', 'fault-pfn-readonly-first', ['VM_PFNMAP']),
  kind('test-hpfn', 'vmf_insert_pfn_pmd', 'fault-huge-pfn', ['VM_PFNMAP'], { contiguous: true }),
  kind('test-ipage', 'vm_insert_page at mmap', 'mmap-insert-page', []),
  kind('test-fipage', 'vm_insert_page in the fault handler', 'fault-insert-page', ['VM_MIXEDMAP']),
  kind('test-fmix', 'vmf_insert_mixed', 'fault-mixed', ['VM_MIXEDMAP']),
  kind('test-fpage', 'vmf->page', 'fault-vmf-page', []),
  kind('test-fpagew', 'vmf->page and page_mkwrite', 'fault-vmf-page', [], { tracksWrites: true }),
];

/** The kind that hands over to its shmem file's mmap, as i915 does; no exporter of the matrix. */
export const fileMapped: ExporterTraits = kind('test-smap', 'mmap of its file', 'file-mmap', [], {
  memory: 'shmem',
  refusesPrivate: false,
  countsVmas: false,
});

/** The kind whose dma-bufs cannot be mapped at all. */
export const notMappable: ExporterTraits = kind('test-nommap', 'no mmap', 'fault-pfn', [], {
  mappable: false,
});

/** The traits of a kind with a buffer's flags. */
export function withFlags(base: ExporterTraits, flags: number): ExporterTraits {
  if (flags === 0) return base;
  const liar = flags & LIAR && base.inserts === 'fault-vmf-page';
  return {
    ...base,
    id: `${base.id}+${flags}`,
    refusesPrivate: !(flags & ALLOW_PRIVATE),
    refusesWritable: (flags & READONLY) !== 0,
    memory: flags & SHMEM ? 'shmem' : base.memory,
    pageRefs: flags & ZERO_REFS ? 'zero' : 'one',
    faultLocks: flags & LOOKS_FIRST ? 'looks-before-locking' : 'under-lock',
    ...(flags & RESERVED ? { reserved: true } : {}),
    setsFlags: [
      ...base.setsFlags,
      ...(flags & DONTEXPAND ? (['VM_DONTEXPAND'] as const) : []),
      ...(flags & IO ? (['VM_IO'] as const) : []),
      ...(liar ? (['VM_PFNMAP'] as const) : []),
    ],
  };
}

export default testKinds;
