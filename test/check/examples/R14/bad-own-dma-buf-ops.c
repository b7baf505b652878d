// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R14 refuse-cow always
// good: R1 R2
#include <drm/drm_gem.h>
#include <drm/drm_prime.h>
#include <linux/dma-buf.h>
struct c50 { struct drm_gem_object base; unsigned long pfn; };
static vm_fault_t c50_fault(struct vm_fault *vmf)
{
	struct drm_gem_object *obj = vmf->vma->vm_private_data;
	struct c50 *c = container_of(obj, struct c50, base);
	return vmf_insert_pfn(vmf->vma, vmf->address, c->pfn + ((vmf->address - vmf->vma->vm_start) >> PAGE_SHIFT));
}
static const struct vm_operations_struct c50_vm_ops = { .open = drm_gem_vm_open, .close = drm_gem_vm_close, .fault = c50_fault };
static int c50_dmabuf_mmap(struct dma_buf *d, struct vm_area_struct *vma)
{
	struct drm_gem_object *obj = d->priv;
	int ret = drm_gem_mmap_obj(obj, obj->size, vma);

	if (ret < 0)
		return ret;
	vma->vm_pgoff = 0;
	return 0;
}
static const struct dma_buf_ops c50_dmabuf_ops = {
	.attach = drm_gem_map_attach, .detach = drm_gem_map_detach,
	.map_dma_buf = drm_gem_map_dma_buf, .unmap_dma_buf = drm_gem_unmap_dma_buf,
	.release = drm_gem_dmabuf_release, .mmap = c50_dmabuf_mmap,
};
static struct dma_buf *c50_gem_export(struct drm_gem_object *obj, int flags)
{
	struct dma_buf_export_info e = { .ops = &c50_dmabuf_ops, .size = obj->size, .flags = flags, .priv = obj };
	return drm_gem_dmabuf_export(obj->dev, &e);
}
static void c50_free(struct drm_gem_object *obj) { drm_gem_object_release(obj); kfree(obj); }
static const struct drm_gem_object_funcs c50_funcs = { .free = c50_free, .export = c50_gem_export, .vm_ops = &c50_vm_ops };
int c50_init(struct drm_device *dev, struct c50 *c, size_t sz)
{
	c->base.funcs = &c50_funcs;
	drm_gem_private_object_init(dev, &c->base, sz);
	return 0;
}
