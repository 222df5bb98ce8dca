/* SPDX-License-Identifier: GPL-2.0 */
/* Stand-in. */
#ifndef SHIM_BUILD_BUG_H
#define SHIM_BUILD_BUG_H

#define BUILD_BUG_ON(c)	_Static_assert(!(c), #c)

#endif
