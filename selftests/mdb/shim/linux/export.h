/* SPDX-License-Identifier: GPL-2.0 */
/* Stand-in for the kernel's rbtree.c. */
#define EXPORT_SYMBOL(x)
