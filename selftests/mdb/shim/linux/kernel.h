/* SPDX-License-Identifier: GPL-2.0 */
/* Stand-in: only container_of and friends; must hold no state. */
#ifndef SHIM_KERNEL_H
#define SHIM_KERNEL_H

#include <stddef.h>
#include <linux/compiler.h>
#include <linux/types.h>

#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))

#endif
