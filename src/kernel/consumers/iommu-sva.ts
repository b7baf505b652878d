// SPDX-License-Identifier: GPL-2.0-or-later
/** Shared virtual addressing: the device walks the process's own page table. */
import { type ConsumerTraits, FOLLOWS_CORRECTLY } from '../../contract/traits.ts';

const iommuSva: ConsumerTraits = {
  ...FOLLOWS_CORRECTLY,
  id: 'iommu-sva',
  title: 'IOMMU SVA with page requests',
  status: 'real',
  source:
    '6.12 drivers/iommu/iommu-sva.c:212, 6.1 drivers/iommu/io-pgfault.c:73; CONFIG_IOMMU_SVA, CONFIG_INTEL_IOMMU_SVM',
  lookup: 'page-table',
  retries: false,
};

export default iommuSva;
