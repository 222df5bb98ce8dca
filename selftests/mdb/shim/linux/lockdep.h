/* SPDX-License-Identifier: GPL-2.0 */
/* Stand-in: see mutex.h. */
#ifndef SHIM_LOCKDEP_H
#define SHIM_LOCKDEP_H

#include <linux/mutex.h>


#endif
