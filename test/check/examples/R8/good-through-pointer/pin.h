// SPDX-License-Identifier: GPL-2.0-or-later
struct vmctx;
struct xlate_ops { int (*lookup)(struct vmctx *c, unsigned long va, unsigned long *pfn); };
struct vmctx { struct mmu_interval_notifier n; struct mm_struct *mm; struct mutex lock; const struct xlate_ops *ops; u64 *pt; };
