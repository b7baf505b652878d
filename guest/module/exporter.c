// SPDX-License-Identifier: GPL-2.0
/*
 * The exporter: buffers in thirteen kinds, their pages, and how they move. A
 * move switches pages first and zaps afterwards, on purpose, unless it is told
 * to zap first.
 */
#include <linux/dma-mapping.h>
#include <linux/file.h>
#include <linux/gfp.h>
#include <linux/hashtable.h>
#include <linux/iosys-map.h>
#include <linux/scatterlist.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>

#include "exporter.h"

static DEFINE_HASHTABLE(all_pages, 10);
static DEFINE_SPINLOCK(all_pages_lock);
static u32 last_number;
static struct tbuf *last_made;

/* Whose page this is, or once was; buffer 0 if nobody's. */
void owner_of(struct page *page, struct pfnmap_page *out)
{
	unsigned long pfn = page_to_pfn(page);
	struct tpage *p;

	memset(out, 0, sizeof(*out));
	out->ref = page_count(page);
	out->map = atomic_read(&page->_mapcount) + 1;
	spin_lock(&all_pages_lock);
	hash_for_each_possible(all_pages, p, node, pfn) {
		if (p->page == page) {
			out->buffer = p->buf->number;
			out->index = p->index;
			out->gen = p->gen;
			break;
		}
	}
	spin_unlock(&all_pages_lock);
}

/* Takes over the caller's reference to the page. */
static struct tpage *page_add(struct tbuf *buf, struct page *page, u32 i)
{
	struct tpage *p = kzalloc(sizeof(*p), GFP_KERNEL);

	if (!p)
		return NULL;
	p->page = page;
	p->buf = buf;
	p->index = i;
	p->gen = buf->gen;
	/* As if there were no struct page to count; as TTM might hide its pages. */
	if (buf->flags & BUF_RESERVED)
		SetPageReserved(page);
	if (buf->flags & BUF_ZEROREFS)
		set_page_count(page, 0);
	INIT_LIST_HEAD(&p->kept);
	spin_lock(&all_pages_lock);
	hash_add(all_pages, &p->node, page_to_pfn(page));
	spin_unlock(&all_pages_lock);
	return p;
}

static void page_drop(struct tpage *p)
{
	spin_lock(&all_pages_lock);
	hash_del(&p->node);
	spin_unlock(&all_pages_lock);
	list_del(&p->kept);
	if (p->buf->flags & BUF_RESERVED)
		ClearPageReserved(p->page);
	if (p->buf->flags & BUF_ZEROREFS) {
		set_page_count(p->page, 1);
		sync_point(POINT_MOVE_FREEING);
	}
	put_page(p->page);
	kfree(p);
}

/* Word at offset o of page i of generation g: 0xb0f0 | g | i | o. */
static void fill_fresh(struct page *page, u32 gen, u32 i)
{
	u64 *word = page_address(page);
	u64 base = 0xb0f0000000000000ULL | (u64)gen << 32 | (u64)i << 16;
	unsigned int o;

	for (o = 0; o < PAGE_SIZE; o += sizeof(*word))
		word[o / sizeof(*word)] = base | o;
}

static void tbuf_free(struct tbuf *buf)
{
	struct tpage *p, *next;
	u32 i;

	for (i = 0; i < buf->npages; i++)
		if (buf->pages[i])
			page_drop(buf->pages[i]);
	list_for_each_entry_safe(p, next, &buf->kept, kept)
		page_drop(p);
	if (buf->shmem)
		fput(buf->shmem);
	if (buf->beside)
		dma_buf_put(buf->beside);
	cmpxchg(&last_made, buf, NULL);
	kfree(buf);
}

static bool is_contiguous(const struct tbuf *buf)
{
	return buf->kind == KIND_RPFN || buf->kind == KIND_RACC ||
	       buf->kind == KIND_HPFN;
}

/* Page i as it is at first: of a shmem file, of a block, or of its own. */
static struct page *first_page(struct tbuf *buf, void *block, u32 i)
{
	struct page *page;

	if (!buf->shmem)
		return block ? virt_to_page(block + i * PAGE_SIZE) :
			       alloc_page(GFP_KERNEL);
	page = shmem_read_mapping_page(buf->shmem->f_mapping, i);
	if (IS_ERR(page))
		return NULL;
	set_page_dirty(page);
	return page;
}

static int tbuf_populate(struct tbuf *buf)
{
	void *block = NULL;
	u32 i;

	if (buf->flags & BUF_SHMEM) {
		struct file *file = shmem_file_setup("pfnmap", (loff_t)buf->npages << PAGE_SHIFT,
						     VM_NORESERVE);

		if (IS_ERR(file))
			return PTR_ERR(file);
		buf->shmem = file;
	} else if (is_contiguous(buf)) {
		block = alloc_pages_exact((size_t)buf->npages << PAGE_SHIFT, GFP_KERNEL);
		if (!block)
			return -ENOMEM;
	}
	for (i = 0; i < buf->npages; i++) {
		struct page *page = first_page(buf, block, i);

		if (!page)
			return -ENOMEM;
		fill_fresh(page, 0, i);
		buf->pages[i] = page_add(buf, page, i);
		if (!buf->pages[i]) {
			put_page(page);
			return -ENOMEM;
		}
	}
	return 0;
}

/* For importers that map for a device: the pages as they lie now. */
static struct sg_table *tbuf_dma_map(struct dma_buf_attachment *attachment,
				     enum dma_data_direction dir)
{
	struct tbuf *buf = attachment->dmabuf->priv;
	struct sg_table *table = kzalloc(sizeof(*table), GFP_KERNEL);
	struct scatterlist *sg;
	int i, err;

	if (!table)
		return ERR_PTR(-ENOMEM);
	err = sg_alloc_table(table, buf->npages, GFP_KERNEL);
	if (err)
		goto free;
	mutex_lock(&buf->lock);
	for_each_sgtable_sg(table, sg, i)
		sg_set_page(sg, buf->pages[i]->page, PAGE_SIZE, 0);
	mutex_unlock(&buf->lock);
	err = dma_map_sgtable(attachment->dev, table, dir, 0);
	if (!err)
		return table;
	sg_free_table(table);
free:
	kfree(table);
	return ERR_PTR(err);
}

static void tbuf_dma_unmap(struct dma_buf_attachment *attachment,
			   struct sg_table *table, enum dma_data_direction dir)
{
	dma_unmap_sgtable(attachment->dev, table, dir, 0);
	sg_free_table(table);
	kfree(table);
}

static int dmabuf_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	return tbuf_mmap(vma, dmabuf->priv);
}

static void dmabuf_release(struct dma_buf *dmabuf)
{
	tbuf_free(dmabuf->priv);
}

static const struct dma_buf_ops tbuf_ops = {
	.map_dma_buf = tbuf_dma_map,
	.unmap_dma_buf = tbuf_dma_unmap,
	.mmap = dmabuf_mmap,
	.release = dmabuf_release,
};

static const struct dma_buf_ops nommap_ops = {
	.map_dma_buf = tbuf_dma_map,
	.unmap_dma_buf = tbuf_dma_unmap,
	.release = dmabuf_release,
};

/* As two drivers that put their files on one address_space. */
static void put_beside(struct tbuf *buf, struct dma_buf *other)
{
	get_dma_buf(other);
	buf->beside = other;
	buf->dmabuf->file->f_mapping = other->file->f_mapping;
}

/* Makes a buffer and returns a descriptor of its dma-buf. */
int exporter_create(struct pfnmap_create *arg)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct tbuf *buf;
	int ret;

	if (arg->kind >= KIND_COUNT || !arg->pages || arg->pages > 4096)
		return -EINVAL;
	buf = kzalloc(struct_size(buf, pages, arg->pages), GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	buf->kind = arg->kind;
	buf->flags = arg->flags | (arg->kind == KIND_SMAP ? BUF_SHMEM : 0);
	buf->npages = arg->pages;
	buf->number = ++last_number;
	mutex_init(&buf->lock);
	INIT_LIST_HEAD(&buf->kept);
	ret = tbuf_populate(buf);
	if (ret) {
		tbuf_free(buf);
		return ret;
	}
	info.ops = buf->kind == KIND_NOMMAP ? &nommap_ops : &tbuf_ops;
	info.size = (size_t)buf->npages << PAGE_SHIFT;
	info.flags = O_RDWR | O_CLOEXEC;
	info.priv = buf;
	buf->dmabuf = dma_buf_export(&info);
	if (IS_ERR(buf->dmabuf)) {
		ret = PTR_ERR(buf->dmabuf);
		tbuf_free(buf);
		return ret;
	}
	if (buf->flags & BUF_BESIDE && last_made)
		put_beside(buf, last_made->dmabuf);
	last_made = buf;
	arg->buffer = buf->number;
	ret = dma_buf_fd(buf->dmabuf, O_CLOEXEC);
	if (ret < 0)
		dma_buf_put(buf->dmabuf);
	return ret;
}

/* The dma-buf of a descriptor, which must be one of ours. */
static struct dma_buf *get_ours(int fd)
{
	struct dma_buf *dmabuf = dma_buf_get(fd);

	if (IS_ERR(dmabuf) || dmabuf->ops == &tbuf_ops || dmabuf->ops == &nommap_ops)
		return dmabuf;
	dma_buf_put(dmabuf);
	return ERR_PTR(-ENOTTY);
}

/* Gives page i a new place; the old page is kept aside. */
static int replace_page(struct tbuf *buf, u32 i, bool fresh)
{
	struct tpage *old = buf->pages[i], *new;
	struct page *page = alloc_page(GFP_KERNEL);

	if (!page)
		return -ENOMEM;
	if (fresh)
		fill_fresh(page, buf->gen, i);
	else
		copy_page(page_address(page), page_address(old->page));
	new = page_add(buf, page, i);
	if (!new) {
		put_page(page);
		return -ENOMEM;
	}
	buf->pages[i] = new;
	list_add_tail(&old->kept, &buf->kept);
	return 0;
}

static void zap(struct tbuf *buf, u32 first, u32 pages)
{
	unmap_mapping_range(buf->dmabuf->file->f_mapping, (loff_t)first << PAGE_SHIFT,
			    (loff_t)pages << PAGE_SHIFT, 1);
	sync_point(POINT_MOVE_ZAPPED);
}

static int tbuf_move(struct tbuf *buf, u32 first, u32 pages, u32 flags)
{
	struct tpage *p, *next;
	u32 i;
	int ret = 0;

	if (flags & MOVE_REVOKE)
		buf->revoked = true;
	if (flags & MOVE_ZAP_FIRST)
		zap(buf, first, pages);
	if (!(flags & MOVE_EVICT_ONLY)) {
		buf->gen++;
		for (i = first; i < first + pages && !ret; i++)
			ret = replace_page(buf, i, flags & MOVE_FRESH);
	}
	sync_point(POINT_MOVE_SWITCHED);
	if (flags & MOVE_ZAP)
		zap(buf, first, pages);
	list_for_each_entry_safe(p, next, &buf->kept, kept) {
		if (flags & MOVE_POISON)
			memset(page_address(p->page), 0xde, PAGE_SIZE);
		if (flags & MOVE_FREE)
			page_drop(p);
	}
	return ret;
}

int exporter_move(const struct pfnmap_move *arg)
{
	struct dma_buf *dmabuf = get_ours(arg->fd);
	struct tbuf *buf;
	int ret = -EINVAL;

	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	buf = dmabuf->priv;
	if (arg->first >= 0 && arg->pages > 0 && arg->first <= buf->npages &&
	    arg->pages <= buf->npages - arg->first) {
		sync_point(POINT_MOVE_BEGIN);
		mutex_lock(&buf->lock);
		ret = tbuf_move(buf, arg->first, arg->pages, arg->flags);
		mutex_unlock(&buf->lock);
	}
	dma_buf_put(dmabuf);
	return ret;
}

static int foreign_word(struct dma_buf *dmabuf, struct pfnmap_word *arg)
{
	struct iosys_map map;
	size_t at = (size_t)arg->page * PAGE_SIZE + (arg->off & ~PAGE_MASK & ~7U);
	int ret;

#ifdef HAS_VMAP_UNLOCKED
	ret = dma_buf_vmap_unlocked(dmabuf, &map);
#else
	ret = dma_buf_vmap(dmabuf, &map);
#endif
	if (ret)
		return ret;
	if (arg->write)
		iosys_map_memcpy_to(&map, at, &arg->value, sizeof(arg->value));
	else
		iosys_map_memcpy_from(&arg->value, &map, at, sizeof(arg->value));
#ifdef HAS_VMAP_UNLOCKED
	dma_buf_vunmap_unlocked(dmabuf, &map);
#else
	dma_buf_vunmap(dmabuf, &map);
#endif
	return 0;
}

/* The device's view of a word of a dma-buf, ours or not. */
int exporter_word(struct pfnmap_word *arg)
{
	struct dma_buf *dmabuf = dma_buf_get(arg->fd);
	int ret = 0;

	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	if (arg->page >= dmabuf->size >> PAGE_SHIFT) {
		ret = -EINVAL;
	} else if (dmabuf->ops == &tbuf_ops || dmabuf->ops == &nommap_ops) {
		struct tbuf *buf = dmabuf->priv;
		u64 *word;

		mutex_lock(&buf->lock);
		word = word_of(page_to_pfn(buf->pages[arg->page]->page), arg->off);
		if (arg->write)
			*word = arg->value;
		else
			arg->value = *word;
		mutex_unlock(&buf->lock);
	} else {
		ret = foreign_word(dmabuf, arg);
	}
	dma_buf_put(dmabuf);
	return ret;
}

/* What the exporter knows of page `index` of a buffer. */
int exporter_stat(struct pfnmap_stat *arg)
{
	struct dma_buf *dmabuf = get_ours(arg->fd);
	struct tbuf *buf;
	int ret = -EINVAL;

	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	buf = dmabuf->priv;
	mutex_lock(&buf->lock);
	if (arg->index < buf->npages) {
		owner_of(buf->pages[arg->index]->page, &arg->page);
		arg->faults = buf->faults;
		arg->mkwrites = buf->mkwrites;
		arg->vmas = buf->vmas;
		ret = 0;
	}
	mutex_unlock(&buf->lock);
	dma_buf_put(dmabuf);
	return ret;
}
