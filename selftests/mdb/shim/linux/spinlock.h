/* SPDX-License-Identifier: GPL-2.0 */
/* Stand-in: see mutex.h. */
#ifndef SHIM_SPINLOCK_H
#define SHIM_SPINLOCK_H

#include <linux/mutex.h>

#define spin_lock_init(l)	mutex_init(l)
#define spin_lock(l)		mutex_lock(l)
#define spin_unlock(l)		mutex_unlock(l)

#endif
