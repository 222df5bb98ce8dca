/* SPDX-License-Identifier: GPL-2.0 */
/* Stand-in: as strict about types as the kernel's. */
#ifndef SHIM_MINMAX_H
#define SHIM_MINMAX_H

#define SHIM_PICK(a, b, op) __extension__ ({ \
	__typeof__(a) a_ = (a); \
	__typeof__(b) b_ = (b); \
	(void)(&a_ == &b_); \
	a_ op b_ ? a_ : b_; })
#define min(a, b)	SHIM_PICK(a, b, <)
#define max(a, b)	SHIM_PICK(a, b, >)

#endif
