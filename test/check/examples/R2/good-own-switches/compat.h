/* SPDX-License-Identifier: GPL-2.0-or-later */
// good: R1 R2 R13 R14
#ifndef DEMO_COMPAT_H
#define DEMO_COMPAT_H

#include <linux/version.h>

#define DEMO_BEFORE(a, b, c) (LINUX_VERSION_CODE < KERNEL_VERSION(a, b, c))

#if LINUX_VERSION_CODE >= KERNEL_VERSION(4, 20, 0)
#define DEMO_HAVE_VMF_INSERT 1
#else
/* Old kernels only. */
#define DEMO_FAULTS_BY_PAGE
#endif

#endif
