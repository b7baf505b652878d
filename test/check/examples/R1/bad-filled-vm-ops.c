// SPDX-License-Identifier: GPL-2.0-or-later
// bad: R1 exporter-pfnmap always
// good: R2
// The handlers are filled in where the device is probed, in a part of its own struct.
#include <linux/dma-buf.h>
#include <linux/platform_device.h>
struct npu { struct device *dev; struct dma_buf_ops ops; phys_addr_t sram; struct mutex lock; struct vm_operations_struct vm; };
static vm_fault_t npu_fault(struct vm_fault *vmf)
{
	struct npu *npu = vmf->vma->vm_private_data;
	return vmf_insert_pfn(vmf->vma, vmf->address, PHYS_PFN(npu->sram) + vmf->pgoff);
}
static int npu_mmap(struct dma_buf *d, struct vm_area_struct *vma)
{
	struct npu *npu = d->priv;
	if (is_cow_mapping(vma->vm_flags))
		return -EINVAL;
	vm_flags_set(vma, VM_MIXEDMAP | VM_DONTEXPAND);
	vma->vm_private_data = npu;
	vma->vm_ops = &npu->vm;
	return 0;
}
static int npu_probe(struct platform_device *pdev)
{
	struct npu *npu = devm_kzalloc(&pdev->dev, sizeof(*npu), GFP_KERNEL);
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	if (!npu)
		return -ENOMEM;
	npu->dev = &pdev->dev;
	npu->ops.mmap = npu_mmap;
	npu->ops.release = npu_release;
	npu->vm.fault = npu_fault;
	info.ops = &npu->ops;
	info.priv = npu;
	return PTR_ERR_OR_ZERO(dma_buf_export(&info));
}
