# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# make            flowd and flowctl in build/
# make check      unit tests, no root needed
# make lint       formatting, static analysis, house rules
# CC=clang, SAN=1 (ASan and UBSan, in build/san) and V=1 as one would expect.

CC ?= gcc
CLANG ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
LLVM_STRIP ?= $(firstword $(wildcard /usr/bin/llvm-strip /usr/bin/llvm-strip-14) llvm-strip)
PREFIX ?= /usr/local
VERSION := 0.1.0

B := build$(if $(SAN),/san)
Q := $(if $(V),,@)
MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)

WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	-Wformat=2 -Wundef -Wpointer-arith -Wwrite-strings
COMMA := ,
SANFLAGS := $(if $(SAN),-fsanitize=address$(COMMA)undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
CPPFLAGS := -D_GNU_SOURCE -DWIRELEDGER_VERSION='"$(VERSION)"' -I. -I$(B)
CFLAGS ?= -O2 -g
override CFLAGS += -std=c17 -fstack-protector-strong $(WARN) $(SANFLAGS)
LDFLAGS += $(SANFLAGS)
FLOWD_LIBS := -lxdp -lbpf -lelf -linih -lcap-ng -lsystemd -lsqlite3 -lpthread
CLI_LIBS := -lpcap -lsqlite3 -ljansson
BPF_CFLAGS := -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror -idirafter /usr/include/$(MULTIARCH)

BPF_SRC := xdp/flow_xdp.bpf.c tc/flow_tc.bpf.c
BPF_HDR := $(wildcard schema/*.h)
SKELS := $(patsubst %.bpf.c,$(B)/%.skel.h,$(notdir $(BPF_SRC)))
SCHEMA_SRC := $(wildcard schema/*.c)
FLOWD_SRC := $(filter-out flowd/main.c,$(wildcard flowd/*.c)) $(wildcard xdp/*_hook.c tc/*_hook.c)
CLI_SRC := $(filter-out cli/main.c,$(wildcard cli/*.c))
LIB_OBJ := $(patsubst %.c,$(B)/%.o,$(SCHEMA_SRC) $(FLOWD_SRC) $(CLI_SRC))
TESTS := $(patsubst %.c,$(B)/%,$(wildcard tests/test_*.c))

.PHONY: all check clean
.SECONDARY:

all: $(B)/bin/flowd $(B)/bin/flowctl

vpath %.bpf.c xdp tc
$(B)/%.bpf.o: %.bpf.c $(BPF_HDR)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@
	$(Q)$(LLVM_STRIP) -g $@

$(B)/%.skel.h: $(B)/%.bpf.o
	$(Q)$(BPFTOOL) gen skeleton $< name $(*F) > $@.tmp
	$(Q)mv $@.tmp $@

# The SQL is compiled in as a string.
$(B)/schema.sql.h: schema/schema.sql
	@mkdir -p $(@D)
	$(Q){ echo 'static const char schema_sql[] ='; \
	  sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/"/' -e 's/$$/\\n"/' $<; echo ';'; } > $@

$(B)/%.o: %.c | $(SKELS) $(B)/schema.sql.h
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@
-include $(wildcard $(B)/*/*.d)

$(B)/libwireledger.a: $(LIB_OBJ)
	$(Q)rm -f $@ && ar rcs $@ $^

$(B)/bin/flowd: $(B)/flowd/main.o $(B)/libwireledger.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) $^ $(FLOWD_LIBS) -o $@

$(B)/bin/flowctl: $(B)/cli/main.o $(B)/libwireledger.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) $^ $(CLI_LIBS) -o $@

$(B)/tests/test_%: $(B)/tests/test_%.o $(B)/libwireledger.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) $^ $(FLOWD_LIBS) $(CLI_LIBS) -lcmocka -o $@

check: $(TESTS)
	$(Q)for t in $(TESTS); do echo "$$t"; $$t || exit 1; done

clean:
	rm -rf build

include tests/bench/bench.mk
include tests/tools.mk
