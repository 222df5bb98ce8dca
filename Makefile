# SPDX-License-Identifier: GPL-2.0
# Makefile - what users and developers type. Everything made lies in build/;
# the kernel build itself is described by Kbuild.

PREFIX ?= /usr/local
KERNEL ?= 6.1
SMP ?= 2
T ?=
HOST ?=

TOP := $(CURDIR)
B := $(TOP)/build
comma := ,
VM := $(TOP)/selftests/vm

# The running kernel's headers, else the newest that are installed.
KDIR ?= $(firstword $(wildcard /lib/modules/$(shell uname -r)/build) \
	$(lastword $(shell ls -d /usr/src/linux-headers-*-$(shell dpkg --print-architecture 2>/dev/null || echo amd64) 2>/dev/null | sort -V)))

all: module lib tools

help:
	@sed -n 's/^## //p' $(firstword $(MAKEFILE_LIST))

## make                 module (for KDIR), library and tools, all in build/
## make module          lmap.ko for KDIR (default: running or newest installed headers)
##       RACE=1         with delays at its race points, for tests (module/race.h)
module:
	@test -n "$(KDIR)" || { echo "no kernel headers found: apt-get install linux-headers-amd64, or give KDIR="; exit 1; }
	@mkdir -p $(B)
	@KDIR="$(KDIR)" $(VM)/kmod.sh >$(B)/.module || exit 1; ln -sf "$$(cat $(B)/.module)" $(B)/lmap.ko; cat $(B)/.module

## make lib             liblmap.so, liblmap.a
lib:
	$(MAKE) -C lib OUT=$(B)/lib

## make tools           lmap-demo, lmap-bench, lmapctl
tools: lib
	$(MAKE) -C tools OUT=$(B)/tools LIBOUT=$(B)/lib

## make setup           install what building and testing takes (apt-get; the only target that does)
setup:
	@$(VM)/setup.sh

## make demo            three processes lend, reduce and revoke memory and hear of it, in a VM with a stock kernel
## make demo HOST=1     the same on this machine (as root: inserts the module)
## make demo DEMO=name  pager, checkpoint, vm, sandbox: what the model is for, lmap-name in a VM; plots in build/demo
##       ARGS="..."     arguments for it
DEMO ?=
ARGS ?=
demo: setup
ifneq ($(DEMO),)
	@KERNEL=$(KERNEL) SMP=$(SMP) $(VM)/uses.sh demo $(DEMO) $(ARGS)
else ifeq ($(HOST),)
	@tools=$$($(VM)/tools.sh $(KERNEL)) && \
	$(VM)/run.sh --kernel $(KERNEL) --smp $(SMP) --add $$tools/lmap-demo \
		--add $$tools/lmapctl -- /t/lmap-demo -x "/t/lmapctl --color=never tree" /bin/busybox
else
	@$(MAKE) -s tools
	@$(MAKE) -s module
	@$(VM)/host.sh $(B)/lmap.ko $(B)/tools/lmap-demo -x "$(B)/tools/lmapctl tree" /bin/busybox
endif

## make bench           what operations cost: in a VM whose clock counts instructions, so that it tells the same on every
##                      machine, beside targets, what is possible, and the reference; build/bench has it as CSV, JSON, curves
##       HOST=1         real times on this machine instead, as for demo; ROWS=touch,unmap: only these groups
## make bench-check     has anything become dearer than selftests/bench/reference.csv says? (3 %; Documentation/performance.rst)
## make bench-record    write that file, after a change that is meant
ROWS ?=
bench: setup
ifeq ($(HOST),)
	@KERNEL=$(KERNEL) $(VM)/bench.sh table $(B)/bench $(if $(ROWS),--only=$(ROWS),--siblings=100000)
else
	@$(MAKE) -s tools
	@$(MAKE) -s module
	@$(VM)/host.sh $(B)/lmap.ko $(B)/tools/lmap-bench --wall --check $(if $(ROWS),--only=$(ROWS))
endif

bench-check bench-record: setup
	@KERNEL=$(KERNEL) $(VM)/bench.sh $(@:bench-%=%) $(B)/bench

## make check           all tests: user space, the tools that use the model, then kselftests in a VM
##       T=name         only this kselftest program, or program.test
##       KERNEL=...     one of selftests/vm/kernels: 6.1, 7.2-arm64, debug, ...; SMP=1|2
##       COMPILER=suite with the gcc that this kernel was built with, instead of the machine's
check: setup
	@mkdir -p $(B)
	@rc=0; { $(if $(T),,$(MAKE) -s check-user check-uses &&) KERNEL=$(KERNEL) SMP=$(SMP) T=$(T) $(VM)/kselftest.sh; } 2>&1 | tee $(B)/check.log; \
	rc=$${PIPESTATUS[0]}; $(VM)/count.sh $(B)/check.log $$rc
check check-kernel: SHELL := /bin/bash

## make check-user      only the tests in user space: events, what lmapctl shows, installing, mapping database, models
check-user: lib tools
	@$(MAKE) -s -C selftests/events OUT=$(B)/events check
	@$(MAKE) -s -C selftests/ctl OUT=$(B)/ctl LIBOUT=$(B)/lib check
	@$(MAKE) -s -C selftests/install OUT=$(B) check
	@$(MAKE) -s -C selftests/mdb OUT=$(B)/mdb KSRC=$$($(VM)/kernel.sh framework) check
	@echo "# models of the protocols"
	@selftests/models/run.sh $(B)/models

## make check-kernel    only the kselftests (KERNEL, SMP, T as above)
check-kernel: setup
	@mkdir -p $(B)
	@rc=0; KERNEL=$(KERNEL) SMP=$(SMP) T=$(T) $(VM)/kselftest.sh 2>&1 | tee $(B)/check.log; \
	rc=$${PIPESTATUS[0]}; $(VM)/count.sh $(B)/check.log $$rc

## make check-uses      lmap-pager, lmap-checkpoint, lmap-vm, lmap-sandbox in a VM (KERNEL, SMP as above; T=pager,vm)
check-uses: setup
	@KERNEL=$(KERNEL) SMP=$(SMP) $(VM)/uses.sh $(subst $(comma), ,$(T))

## make check-install   packages, lintian, DKMS for two kernels, installing in a copy of this machine (root; minutes)
check-install: setup
	@$(MAKE) -s -C selftests/install OUT=$(B) packages

## make check-secureboot  a machine with Secure Boot: sign and enroll as Documentation/install.rst says (KERNEL as above)
check-secureboot: setup
	@$(VM)/secureboot.sh $(KERNEL)

## make matrix          the kselftests on every stock kernel of selftests/vm/kernels, one table at the end
##       KERNELS="..."  only on these; QUICK=1: a minute or two of each; T=, SMP= as above
##       JOBS=2         two guests of one processor side by side
matrix: setup
	@QUICK=$(QUICK) JOBS=$(JOBS) SMP=$(if $(filter command line environment,$(origin SMP)),$(SMP)) T=$(T) $(VM)/matrix.sh $(KERNELS)

## make vng             the kselftests through virtme-ng: a guest with this machine's file tree (KERNEL, SMP, T as above)
vng:
	@$(VM)/setup.sh vng
	@mkdir -p $(B)
	@rc=0; KERNEL=$(KERNEL) SMP=$(SMP) T=$(T) $(VM)/vng.sh 2>&1 | tee $(B)/vng.log; \
	rc=$${PIPESTATUS[0]}; $(VM)/count.sh $(B)/vng.log $$rc
vng: SHELL := /bin/bash

## make torture         everything at random against an oracle, with race points, in a VM
##       SECONDS=60     of each mode; SEED=, MODE=plain|delays|memory|injection|hotplug, KERNEL and SMP as above
SECONDS ?= 60
SEED ?=
MODE ?=
torture: setup
	@mkdir -p $(B)
	@rc=0; KERNEL=$(KERNEL) SMP=$(SMP) TORTURE_SECONDS=$(SECONDS) SEED=$(SEED) MODE=$(MODE) \
		$(VM)/torture.sh 2>&1 | tee $(B)/torture.log; \
	rc=$${PIPESTATUS[0]}; $(VM)/count.sh $(B)/torture.log $$rc
torture: SHELL := /bin/bash

## make mutants         plant bugs in the module: each must be found by the test named for it (a quarter of an hour)
mutants: setup
	@$(VM)/mutants.sh

## make coverage        which lines of the module the kselftests reach (debug kernel); see Documentation/coverage.rst
coverage: setup
	@SMP=$(SMP) T=$(T) $(VM)/coverage.sh

## make abi             do old programs still run: structures, constants and symbols against lib/abi (three compilers)
## make abi-record      write lib/abi after a change that is meant; see Documentation/versions.rst
abi abi-record: lib
	@$(MAKE) -s -C lib OUT=$(B)/lib $@

## make lint            checkpatch, sparse, warnings, cppcheck, kernel-doc, shellcheck
lint: setup
	@.ci/lint.sh

## make install         library, headers, tools, manual pages, module, udev rule, loading at boot (DESTDIR, PREFIX)
## make install-dkms    the same, but DKMS builds the module, for each kernel that is installed later too
## make uninstall       take away what either of them has installed
install: all install-user
	$(PACK) KO=$(B)/lmap.ko RELEASE="$$(basename $$(dirname $$(cat $(B)/.module)))" install-module

install-dkms: install-user
	$(PACK) RELEASE="$$(sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' $(KDIR)/include/generated/utsrelease.h)" install-dkms

install-user: lib tools
	$(MAKE) -C lib OUT=$(B)/lib PREFIX=$(PREFIX) DESTDIR=$(DESTDIR) install
	$(MAKE) -C tools OUT=$(B)/tools LIBOUT=$(B)/lib PREFIX=$(PREFIX) DESTDIR=$(DESTDIR) install

uninstall:
	$(MAKE) -C lib OUT=$(B)/lib PREFIX=$(PREFIX) DESTDIR=$(DESTDIR) uninstall
	$(MAKE) -C tools OUT=$(B)/tools PREFIX=$(PREFIX) DESTDIR=$(DESTDIR) uninstall
	$(PACK) uninstall
	$(TOP)/tools/packaging/dirs.sh remove "$(DESTDIR)" "$(PREFIX)"

PACK = $(MAKE) -C tools/packaging PREFIX=$(PREFIX) DESTDIR=$(DESTDIR)

## make deb             Debian packages in build/deb: lmap-dkms, liblmap1, liblmap-dev, lmap-tools, and their source
deb:
	@tools/packaging/deb.sh $(B)/deb

## make clean           remove build/ (kernels stay in ~/.cache/lmap)
clean:
	rm -rf $(B)

.PHONY: all abi abi-record help module lib tools setup demo bench bench-check bench-record check check-user check-uses check-kernel check-install check-secureboot matrix vng torture mutants coverage lint install \
	install-dkms install-user uninstall deb clean
