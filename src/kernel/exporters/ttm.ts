// SPDX-License-Identifier: GPL-2.0-or-later
/** TTM: moves and evicts under the reservation lock that its fault handler takes. */
import { type ExporterTraits, KEEPS_CONTRACT } from '../../contract/traits.ts';

export const ttm: ExporterTraits = {
  ...KEEPS_CONTRACT,
  id: 'ttm',
  title: 'TTM buffer object, moving and evicting',
  status: 'real',
  source: '6.12 drivers/gpu/drm/ttm/ttm_bo_vm.c:181, 6.1 :186; CONFIG_DRM_TTM',
  setsFlags: ['VM_PFNMAP', 'VM_IO', 'VM_DONTEXPAND', 'VM_DONTDUMP'],
  faultMayRetry: true,
  takesBack: ['move', 'evict'],
  countsVmas: true,
  pgoff: 'fake-offset',
};

export default ttm;
