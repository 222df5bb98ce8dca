/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lmap - the version of the module, the library, the tools and the packages.
 *
 * It stands here and nowhere else: tools/packaging/version.sh and lib/abi/abi.pl
 * read it from this line. It is the number of the release that this tree is, or
 * will become; what raises which part of it stands in Documentation/versions.rst.
 * This must never hold anything but the number, and the version of the
 * interface (LMAP_VERSION) must never be derived from it.
 */
#ifndef LMAP_VERSION_H
#define LMAP_VERSION_H

#define LMAP_RELEASE "1.0.0"

#endif /* LMAP_VERSION_H */
