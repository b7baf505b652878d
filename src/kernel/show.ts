// SPDX-License-Identifier: GPL-2.0-or-later
/** How words of kernel state read to a person: PTE bits and vm_flags. */
import { PTE_BITS, VM_FLAG_NAMES } from './mm/flags.ts';

/** `page3 W special`, or `none`. */
export function showPte(value: number): string {
  if (value === 0) return 'none';
  const bits = PTE_BITS.filter(([bit]) => value & bit).map(([, name]) => name);
  return [`page${value >>> 12}`, ...bits].join(' ');
}

/** `VM_PFNMAP|VM_SHARED`. */
export function showVmFlags(value: number): string {
  const names = VM_FLAG_NAMES.filter(([bit]) => value & bit).map(([, name]) => name);
  return names.length ? names.join('|') : '0';
}
