// SPDX-License-Identifier: GPL-2.0
/*
 * Buffers by slot, and the kinds that the stock kernel exports: dma-heap,
 * udmabuf, vgem, memfd.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent.h"

/* As <drm/drm.h> has them; that header is not everywhere. */
struct drm_create {
	u32 height, width, bpp, flags, handle, pitch;
	u64 size;
};

struct drm_map {
	u32 handle, pad;
	u64 offset;
};

struct drm_prime {
	u32 handle, flags;
	s32 fd;
};

#define DRM_CREATE_DUMB		_IOWR('d', 0xb2, struct drm_create)
#define DRM_MAP_DUMB		_IOWR('d', 0xb3, struct drm_map)
#define DRM_HANDLE_TO_FD	_IOWR('d', 0x2d, struct drm_prime)
#define DRM_FD_TO_HANDLE	_IOWR('d', 0x2e, struct drm_prime)

struct slot slots[SLOTS];

/* The descriptor in a slot, or -1, which every call answers with EBADF. */
int slot_fd(const char *text)
{
	long long i = num(text);

	return i >= 0 && i < SLOTS ? slots[i].fd : -1;
}

/* Puts a descriptor into a slot; what was there is closed. */
void slot_set(int slot, int fd, u32 buffer, u64 offset)
{
	int old;

	if (slot < 0 || slot >= SLOTS)
		return;
	old = slots[slot].fd;
	/* Another thread may look: first nobody knows it, and then it is closed. */
	slots[slot] = (struct slot){ fd, buffer, offset };
	if (old >= 0)
		close(old);
}

/* `bB`, or `b?` when the slot that the buffer was made in is gone. */
void slot_name(u32 buffer, char *out, size_t size)
{
	int i;

	for (i = 0; i < SLOTS; i++) {
		if (slots[i].fd >= 0 && slots[i].buffer == buffer) {
			snprintf(out, size, "b%d", i);
			return;
		}
	}
	snprintf(out, size, "b?");
}

void slots_clear(void)
{
	int i;

	for (i = 0; i < SLOTS; i++)
		slots[i].fd = -1;
}

static int make_memfd(unsigned long pages, unsigned int seals)
{
	int fd = memfd_create("pfnmap", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd >= 0 && (ftruncate(fd, pages * PAGE) ||
			(seals && fcntl(fd, F_ADD_SEALS, seals)))) {
		close(fd);
		return -1;
	}
	return fd;
}

static int make_heap(unsigned long pages)
{
	struct dma_heap_allocation_data data = {
		.len = pages * PAGE,
		.fd_flags = O_RDWR | O_CLOEXEC,
	};
	int heap = open("/dev/dma_heap/system", O_RDONLY | O_CLOEXEC);
	int ret;

	if (heap < 0)
		return -1;
	ret = ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &data);
	close(heap);
	return ret < 0 ? -1 : (int)data.fd;
}

static int udmabuf_of(int memfd, unsigned long pages)
{
	struct udmabuf_create create = {
		.memfd = memfd,
		.flags = UDMABUF_FLAGS_CLOEXEC,
		.size = pages * PAGE,
	};
	int dev = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	int fd;

	if (dev < 0)
		return -1;
	fd = ioctl(dev, UDMABUF_CREATE, &create);
	close(dev);
	return fd;
}

static int make_udmabuf(unsigned long pages)
{
	int memfd = make_memfd(pages, F_SEAL_SHRINK);
	int fd = memfd < 0 ? -1 : udmabuf_of(memfd, pages);
	int err = errno;

	if (memfd >= 0)
		close(memfd);
	errno = err;
	return fd;
}

/* Where a DRM object is mapped. */
static int map_dumb(int drm, u32 handle, u64 *offset)
{
	struct drm_map map = { .handle = handle };

	if (ioctl(drm, DRM_MAP_DUMB, &map))
		return -1;
	*offset = map.offset;
	return 0;
}

/* A vgem object: its dma-buf, or the DRM descriptor to map it through. */
static int make_vgem(unsigned long pages, bool by_drm, bool writable, struct slot *made)
{
	struct drm_create create = {
		.width = PAGE / 4,
		.height = pages,
		.bpp = 32,
	};
	struct drm_prime prime = { .flags = O_CLOEXEC | (writable ? O_RDWR : 0) };
	int drm = open("/dev/dri/card0", O_RDWR | O_CLOEXEC);
	int ret, err;

	if (drm < 0)
		return -1;
	ret = ioctl(drm, DRM_CREATE_DUMB, &create);
	if (!ret && by_drm) {
		ret = map_dumb(drm, create.handle, &made->offset);
		if (!ret)
			return drm;
	} else if (!ret) {
		prime.handle = create.handle;
		ret = ioctl(drm, DRM_HANDLE_TO_FD, &prime);
	}
	err = errno;
	close(drm);
	errno = err;
	return ret ? -1 : prime.fd;
}

/* PRIME import into vgem, to be mapped through the DRM descriptor. */
static int import_vgem(int fd, struct slot *made)
{
	struct drm_prime prime = { .fd = fd };
	int drm = open("/dev/dri/card0", O_RDWR | O_CLOEXEC);
	int err;

	if (drm < 0)
		return -1;
	if (!ioctl(drm, DRM_FD_TO_HANDLE, &prime) &&
	    !map_dumb(drm, prime.handle, &made->offset))
		return drm;
	err = errno;
	close(drm);
	errno = err;
	return -1;
}

/* udmabuf of a memfd in a slot; it must be sealed against shrinking. */
static int make_udmabuf_of(const char *slot, unsigned long pages)
{
	int memfd = slot_fd(slot);

	if (memfd >= 0)
		fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK);
	return udmabuf_of(memfd, pages);
}

/* Makes a buffer that is not the module's. */
int make_foreign(const char *kind, unsigned long pages, struct slot *made)
{
	made->buffer = 0;
	made->offset = 0;
	if (!strcmp(kind, "memfd"))
		return make_memfd(pages, 0);
	if (!strcmp(kind, "heap"))
		return make_heap(pages);
	if (!strcmp(kind, "udma"))
		return make_udmabuf(pages);
	if (!strncmp(kind, "udmaof", 6))
		return make_udmabuf_of(kind + 6, pages);
	if (!strcmp(kind, "vgem"))
		return make_vgem(pages, false, true, made);
	if (!strcmp(kind, "vgemro"))
		return make_vgem(pages, false, false, made);
	if (!strcmp(kind, "vgemdrm"))
		return make_vgem(pages, true, true, made);
	if (!strncmp(kind, "imp", 3))
		return import_vgem(slot_fd(kind + 3), made);
	errno = EINVAL;
	return -1;
}
