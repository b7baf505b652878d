// SPDX-License-Identifier: GPL-2.0-or-later
// good: R1 R2 R4 R5 R14
// TTM zaps before it calls move; the fault handler reserves as TTM does.
#include <drm/ttm/ttm_bo.h>
#include <drm/drm_gem.h>
#include <drm/drm_gem_ttm_helper.h>

static int my_move(struct ttm_buffer_object *bo, bool evict, struct ttm_operation_ctx *ctx, struct ttm_resource *new_mem, struct ttm_place *hop)
{
	return ttm_bo_move_memcpy(bo, ctx, new_mem);
}

static struct ttm_device_funcs my_ttm = { .move = my_move, .io_mem_reserve = my_reserve };
static vm_fault_t my_fault(struct vm_fault *vmf)
{
	struct ttm_buffer_object *bo = vmf->vma->vm_private_data;
	vm_fault_t ret = ttm_bo_vm_reserve(bo, vmf);
	if (ret)
		return ret;
	ret = ttm_bo_vm_fault_reserved(vmf, vmf->vma->vm_page_prot, TTM_BO_VM_NUM_PREFAULT);
	if (ret == VM_FAULT_RETRY && !(vmf->flags & FAULT_FLAG_RETRY_NOWAIT))
		return ret;
	dma_resv_unlock(bo->base.resv);
	return ret;
}

static const struct vm_operations_struct my_vm = { .fault = my_fault, .open = ttm_bo_vm_open, .close = ttm_bo_vm_close, .access = ttm_bo_vm_access };
static const struct drm_gem_object_funcs my_funcs = { .free = my_free, .mmap = drm_gem_ttm_mmap, .vm_ops = &my_vm };
