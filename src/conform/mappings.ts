// SPDX-License-Identifier: GPL-2.0-or-later
/** The kinds of mappings that the facts tables name, as the ops that set them up. */

/** A buffer in slot 0, mapped whole at page 0. */
const mapped = (kind: string, flags = 0, how = 's', n = 8): readonly string[] => [
  `buf 0 ${kind} ${n} ${flags}`,
  `map 0 ${n} 0 rw ${how} 0`,
];
/** A buffer in slot 1, mapped through an importer in slot 0. */
const imported = (kind: string, flags = 0): readonly string[] => [
  `buf 1 ${kind} 8 ${flags}`,
  'buf 0 dimp1 8',
  'map 0 8 0 rw s 0',
];

/** Ops that set up each kind of mapping that the facts tables name. */
export const MAPPING_KINDS: Readonly<Record<string, readonly string[]>> = {
  heap: mapped('heap'),
  udma: mapped('udma'),
  vgem: mapped('vgem'),
  memfd: mapped('memfd'),
  'memfd.priv': mapped('memfd', 0, 'p'),
  'anon.priv': ['map 0 8 - rw p 0'],
  'anon.shared': ['map 0 8 - rw s 0'],
  rpfn: mapped('rpfn'),
  fpfn: mapped('fpfn'),
  fpfnw: mapped('fpfnw'),
  fpfnr: mapped('fpfnr'),
  hpfn: mapped('hpfn', 0, 's', 512),
  racc: mapped('racc'),
  ipage: mapped('ipage'),
  fipage: mapped('fipage'),
  fmix: mapped('fmix'),
  fpage: mapped('fpage'),
  fpagew: mapped('fpagew'),
  'rpfn.priv': mapped('rpfn', 1, 'p'),
  'fpfn.priv': mapped('fpfn', 1, 'p'),
  'ipage.priv': mapped('ipage', 1, 'p'),
  'fpage.priv': mapped('fpage', 1, 'p'),
  'fmix.priv': mapped('fmix', 1, 'p'),
  'fpfn.de': mapped('fpfn', 2),
  'fpage.io': mapped('fpage', 4),
  'ipage.de': mapped('ipage', 2),
  nommap: mapped('nommap'),
  'fpfn.ronly': mapped('fpfn', 8),
  'fpage.liar': mapped('fpage', 16),
  'fpage.shm': mapped('fpage', 32),
  'fpage.shm.liar': mapped('fpage', 48),
  'ipage.shm': mapped('ipage', 32),
  vgemdrm: mapped('vgemdrm'),
  'imp.heap': imported('heap'),
  'imp.udma': imported('udma'),
  'imp.vgem': imported('vgem'),
  'imp.fpfn': imported('fpfn'),
  'imp.rpfn': imported('rpfn'),
  'imp.ipage': imported('ipage'),
  'imp.fpage': imported('fpage'),
  'imp.fpfn.de': imported('fpfn', 2),
};
