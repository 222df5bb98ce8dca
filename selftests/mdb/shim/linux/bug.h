/* SPDX-License-Identifier: GPL-2.0 */
/* Stand-in: mdb.c includes it. */
