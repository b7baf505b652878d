// SPDX-License-Identifier: GPL-2.0-or-later
struct pin_backend { int (*lookup)(struct mm_struct *mm, unsigned long va, unsigned long *pfn); const struct ref_ops *ref; };
struct ref_ops { void (*take)(struct page *page); void (*drop)(struct page *page); };
struct pinned { struct page *page; unsigned long va; const struct pin_backend *be; };
