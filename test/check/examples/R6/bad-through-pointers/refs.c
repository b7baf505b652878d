// SPDX-License-Identifier: GPL-2.0-or-later
#include <linux/mm.h>
#include "pin.h"
static void page_take(struct page *page) { get_page(page); }
static void page_drop(struct page *page) { put_page(page); }
const struct ref_ops page_ref_ops = { .take = page_take, .drop = page_drop };
