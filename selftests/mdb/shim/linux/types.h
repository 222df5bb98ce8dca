/* SPDX-License-Identifier: GPL-2.0 */
/* Stand-in: the kernel's names of integers. */
#ifndef SHIM_TYPES_H
#define SHIM_TYPES_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <asm/types.h>

#define __aligned_u64 __u64 __attribute__((aligned(8)))
typedef uint64_t u64;
typedef uint32_t u32;
typedef uint8_t u8;

#define U32_MAX UINT32_MAX

struct list_head {
	struct list_head *next, *prev;
};

struct rcu_head {
	struct rcu_head *next;
};

#endif
