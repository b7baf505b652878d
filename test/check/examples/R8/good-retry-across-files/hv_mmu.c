// SPDX-License-Identifier: GPL-2.0-or-later
// good: R6 R7 R8
// Looked up twice, and the caller retries.
#include <linux/mm.h>
#include <linux/mmu_notifier.h>

struct hv_vm { struct mm_struct *mm; struct mmu_interval_notifier mni; struct mutex stage2; u64 *s2; };

static bool hv_invalidate(struct mmu_interval_notifier *mni, const struct mmu_notifier_range *range, unsigned long cur_seq)
{
	struct hv_vm *vm = container_of(mni, struct hv_vm, mni);

	if (mmu_notifier_range_blockable(range))
		mutex_lock(&vm->stage2);
	else if (!mutex_trylock(&vm->stage2))
		return false;
	mmu_interval_set_seq(mni, cur_seq);
	hv_zap_stage2(vm, range->start, range->end);
	mutex_unlock(&vm->stage2);
	return true;
}
static const struct mmu_interval_notifier_ops hv_mni_ops = { .invalidate = hv_invalidate };

static int hv_lookup(struct hv_vm *vm, unsigned long hva, bool write, unsigned long *pfn)
{
	struct vm_area_struct *vma;
	bool unlocked = false;
	int ret;

	mmap_read_lock(vm->mm);
	vma = vma_lookup(vm->mm, hva);
	if (!vma) {
		ret = -EFAULT;
		goto out;
	}
	ret = hv_follow(vma, hva, write, pfn);
	if (ret) {
		ret = fixup_user_fault(vm->mm, hva, write ? FAULT_FLAG_WRITE : 0, &unlocked);
		if (ret)
			goto out;
		ret = unlocked ? -EAGAIN : hv_follow(vma, hva, write, pfn);
	}
out:
	mmap_read_unlock(vm->mm);
	return ret;
}

int hv_handle_fault(struct hv_vm *vm, u64 gpa, unsigned long hva, bool write)
{
	unsigned long seq, pfn;
	int ret;

again:
	seq = mmu_interval_read_begin(&vm->mni);
	ret = hv_lookup(vm, hva, write, &pfn);
	if (ret == -EAGAIN)
		goto again;
	if (ret)
		return ret;
	mutex_lock(&vm->stage2);
	if (mmu_interval_read_retry(&vm->mni, seq)) {
		mutex_unlock(&vm->stage2);
		goto again;
	}
	vm->s2[gpa >> PAGE_SHIFT] = PFN_PHYS(pfn) | (write ? 3 : 1);
	mutex_unlock(&vm->stage2);
	return 0;
}
