// SPDX-License-Identifier: GPL-2.0
/*
 * lmap-vm: guest-physical memory and what entries of page tables in it mean. All
 * that keeps a guest within its memory is here: nothing may use an address from
 * the guest that frame_valid() or ram_table() has not seen.
 */
#define _GNU_SOURCE
#include "vm.h"

#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

static unsigned char *ram_copy(const struct ram *ram, unsigned int slot)
{
	return ram->base + slot * 2 * geo.ram;
}

unsigned char *ram_source(const struct ram *ram, uint64_t va, uint64_t gpa)
{
	return ram_copy(ram, root_index(va)) + gpa;
}

static void write_secret(unsigned char *page, uint64_t secret)
{
	uint64_t *word = (uint64_t *)page;

	for (uint64_t i = 0; i < geo.page / sizeof(*word); i++)
		word[i] = secret;
}

static bool secret_at(const unsigned char *page, uint64_t secret)
{
	const uint64_t *word = (const uint64_t *)page;

	for (uint64_t i = 0; i < geo.page / sizeof(*word); i++)
		if (word[i] != secret)
			return false;
	return true;
}

/* Each copy is aligned to its size, so that one flexpage is all of it. */
void ram_create(struct ram *ram, uint64_t secret)
{
	int fd = memfd_create("guest", MFD_CLOEXEC);
	uintptr_t start;

	ram->area_size = (2 * ROOT_SLOTS + 2) * geo.ram;
	ram->area = mmap(NULL, ram->area_size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (fd < 0 || ftruncate(fd, geo.ram) || ram->area == MAP_FAILED)
		fail("no memory for the guest");
	start = ((uintptr_t)ram->area + geo.page + geo.ram - 1) &
		-(uintptr_t)geo.ram;
	ram->base = (unsigned char *)start;
	ram->secret = secret;
	for (unsigned int slot = 0; slot < ROOT_SLOTS; slot++) {
		unsigned char *copy = ram_copy(ram, slot);

		if (mmap(copy, geo.ram, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
			fail("no memory for the guest");
		write_secret(copy - geo.page, secret);
		write_secret(copy + geo.ram, secret);
	}
	close(fd);
}

bool ram_secret_whole(const struct ram *ram)
{
	for (unsigned int slot = 0; slot < ROOT_SLOTS; slot++)
		if (!secret_at(ram_copy(ram, slot) - geo.page, ram->secret) ||
		    !secret_at(ram_copy(ram, slot) + geo.ram, ram->secret))
			return false;
	return true;
}

void ram_destroy(struct ram *ram)
{
	munmap(ram->area, ram->area_size);
	memset(ram, 0, sizeof(*ram));
}

/*
 * As a boot loader does: the image from 0, then a root and a leaf, through which
 * the kernel sees all memory at geo.direct.
 */
void ram_load(struct ram *ram, const struct image *image,
	      const struct params *params, struct cpu *cpu)
{
	uint64_t root = (image->size + geo.page - 1) & -geo.page;
	uint64_t leaf = root + geo.page;
	uint64_t *info = (uint64_t *)(ram->base + geo.info);
	uint64_t *entry = (uint64_t *)(ram->base + leaf);

	if (leaf + geo.page > geo.info)
		fail("the guest program is too long");
	memcpy(ram->base, image->bytes, image->size);
	((uint64_t *)(ram->base + root))[KERNEL_SLOT] = leaf | PTE_P | PTE_W;
	for (uint64_t gpa = 0; gpa < geo.ram; gpa += geo.page)
		*entry++ = gpa | PTE_P | (gpa == geo.info ? 0 : PTE_W);
	info[INFO_ROOT] = root;
	info[INFO_FREE] = leaf + geo.page;
	info[INFO_SIZE] = params->size;
	info[INFO_TASKS] = params->tasks;
	info[INFO_SET] = params->set;
	info[INFO_ROUNDS] = params->rounds;
	info[INFO_SLICE] = params->slice;
	/* a guest may know where it is: that must be of no use to it */
	info[INFO_SECRET] = (uintptr_t)ram->base + geo.ram;
	info[INFO_RAM] = (uintptr_t)ram->base;
	memset(cpu, 0, sizeof(*cpu));
	cpu->pc = image->entry;
	cpu->csr[CSR_PTB] = root;
}

bool frame_valid(const struct ram *ram, uint64_t gpa)
{
	return ram->careless || gpa <= geo.ram - geo.page;
}

bool frame_writable(const struct ram *ram, uint64_t gpa)
{
	return frame_valid(ram, gpa) && gpa != geo.info;
}

uint64_t *ram_table(const struct ram *ram, uint64_t gpa)
{
	/* in the host's page A and D bits would be writes for the guest */
	if (gpa % geo.page || gpa >= geo.info)
		return NULL;
	return (uint64_t *)(ram->base + gpa);
}

unsigned int root_index(uint64_t va)
{
	return va / geo.span;
}

unsigned int leaf_index(uint64_t va)
{
	return va / geo.page % geo.entries;
}

bool entries_lead(const struct ram *ram, uint64_t top, uint64_t leaf,
		  struct walk *w)
{
	unsigned int rights = top & leaf & PTE_RIGHTS;
	uint64_t gpa = leaf & -geo.page;

	if (!(rights & PTE_P) || !frame_valid(ram, gpa))
		return false;
	if (!frame_writable(ram, gpa))
		rights &= ~PTE_W;
	w->gpa = gpa;
	w->rights = rights;
	return true;
}

bool walk(const struct ram *ram, uint64_t root, uint64_t va, struct walk *w)
{
	uint64_t *top = ram_table(ram, root), *leaf, slot;

	if (!top || va >= geo.space)
		return false;
	slot = top[root_index(va)];
	leaf = slot & PTE_P ? ram_table(ram, slot & -geo.page) : NULL;
	if (!leaf)
		return false;
	w->table = slot & -geo.page;
	w->entry = &leaf[leaf_index(va)];
	return entries_lead(ram, slot, *w->entry, w);
}

bool walk_allows(const struct walk *w, bool user, bool write)
{
	return (!user || w->rights & PTE_U) && (!write || w->rights & PTE_W);
}

bool walk_agrees(const struct ram *ram, uint64_t root, bool user, uint64_t va,
		 uint64_t gpa, bool write, struct walk *w)
{
	return walk(ram, root, va, w) && w->gpa == gpa &&
	       walk_allows(w, user, write);
}
