// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R6 no-page-ref always
// The lookup and the reference are both reached through tables.
#include <linux/mm.h>
#include "pin.h"
int pin_one(struct pinned *p, struct mm_struct *mm)
{
	unsigned long pfn;
	int ret = p->be->lookup(mm, p->va, &pfn);
	if (ret)
		return ret;
	if (!pfn_valid(pfn))
		return -EINVAL;
	p->page = pfn_to_page(pfn);
	p->be->ref->take(p->page);
	return 0;
}
