# SPDX-License-Identifier: GPL-2.0
# One of the tools that have a directory, $(USE): what its .c files, plot.c and tell.c make. Called by the Makefile here, which
# says how to compile; only what changed is compiled anew.
SRCS := $(wildcard $(USE)/*.c) plot.c tell.c
OBJS := $(patsubst %.c,$(OUT)/$(USE)/%.o,$(notdir $(SRCS)))
VPATH := $(USE) .

$(OUT)/lmap-$(USE): $(OBJS) $(LIBRARY)
	$(CC) -pthread -o $@ $(OBJS) $(LDFLAGS) $(LIBS) -lm

$(OUT)/$(USE)/%.o: %.c $(wildcard $(USE)/*.h) plot.h tell.h ../lib/lmap.h ../uapi/linux/lmap.h
	$(CC) $(CFLAGS) -I$(USE) -I. -pthread -c -o $@ $<
