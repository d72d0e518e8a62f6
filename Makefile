# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# make              flowd and flowctl in build/bin/
# make check        unit tests, no root needed
# make lint         formatting, static analysis, house rules
# make format       clang-format -i of every source
# make fuzz         libFuzzer targets, FUZZ_SECONDS=3600 each; fuzz-quick 60 s each; fuzz-build none
# make vmtest       as root: on Debian's 6.1 and 6.12 in QEMU, over virtio_net, e1000e and igb; VM= names kernels
# make bench-tools  benchmarks in build/bench/; scripts/bench.sh runs them
# make install      DESTDIR=, PREFIX=/usr/local, SYSCONFDIR=/etc; make uninstall
# CC=clang, SAN=1 (ASan and UBSan, build/san), FAULTS=1 (points to die at, build/faults), B=DIR, V=1 as expected.

CC ?= gcc
CLANG ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
LLVM_STRIP ?= $(firstword $(wildcard /usr/bin/llvm-strip /usr/bin/llvm-strip-14) llvm-strip)
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
VERSION := 0.1.0

B := build$(if $(SAN),/san)$(if $(FAULTS),/faults)
Q := $(if $(V),,@)
MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)

WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	-Wformat=2 -Wundef -Wpointer-arith -Wwrite-strings
COMMA := ,
SANFLAGS := $(if $(SAN),-fsanitize=address$(COMMA)undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
CPPFLAGS := -D_GNU_SOURCE -DWIRELEDGER_VERSION='"$(VERSION)"' -I. -I$(B)$(if $(FAULTS), -DWIRELEDGER_FAULTS)
CFLAGS ?= -O3 -g
override CFLAGS += -std=c17 -fstack-protector-strong $(WARN) $(SANFLAGS)
LDFLAGS += $(SANFLAGS)
FLOWD_LIBS := -lxdp -lbpf -lelf -linih -lcap-ng -lseccomp -lsystemd -lsqlite3 -ljansson -lpcap -lpthread
CLI_LIBS := -lbpf -lelf -lpcap -lsqlite3 -ljansson -linih -lnettle -lmaxminddb -lcares -lpthread
BPF_CFLAGS := -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror -idirafter /usr/include/$(MULTIARCH)

BPF_SRC := xdp/flow_xdp.bpf.c tc/flow_tc.bpf.c trace/health.bpf.c
BPF_HDR := $(wildcard schema/*.h trace/*.bpf.h xdp/*.bpf.h)
SKELS := $(patsubst %.bpf.c,$(B)/%.skel.h,$(notdir $(BPF_SRC)))
SCHEMA_SRC := $(wildcard schema/*.c)
FLOWD_SRC := $(filter-out flowd/main.c,$(wildcard flowd/*.c)) $(wildcard xdp/xdp_*.c tc/*_hook.c trace/trace_*.c)
CLI_SRC := $(filter-out cli/main.c,$(wildcard cli/*.c))
LIB_OBJ := $(patsubst %.c,$(B)/%.o,$(SCHEMA_SRC) $(FLOWD_SRC) $(CLI_SRC))
TESTS := $(patsubst %.c,$(B)/%,$(wildcard tests/test_*.c))

.PHONY: all check clean help lint format fuzz fuzz-build fuzz-quick install uninstall vmtest
.SECONDARY:

all: $(B)/bin/flowd $(B)/bin/flowctl

vpath %.bpf.c xdp tc trace
$(B)/%.bpf.o: %.bpf.c $(BPF_HDR)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -I. -c $< -o $@
	$(Q)$(LLVM_STRIP) -g $@

$(B)/%.skel.h: $(B)/%.bpf.o
	$(Q)$(BPFTOOL) gen skeleton $< name $(*F) > $@.tmp
	$(Q)mv $@.tmp $@

# The SQL is compiled in as a string.
$(B)/schema.sql.h: schema/define.awk schema/schema.sql schema/views.sql
	@mkdir -p $(@D)
	$(Q)awk -f $^ > $(B)/schema.sql
	$(Q){ echo 'static const char schema_sql[] ='; \
	  sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/"/' -e 's/$$/\\n"/' $(B)/schema.sql; echo ';'; } > $@

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

help:
	@sed -n 's/^# \(make.*\)/\1/p; s/^# \(CC=.*\)/\1/p' Makefile

lint:
	$(Q)scripts/lint.sh

format:
	clang-format -i $(wildcard $(foreach d,schema xdp tc trace flowd cli tests tests/bench,$d/*.c $d/*.h))

# The library is built again with libFuzzer's coverage; what main() would be, the driver has.
FUZZERS := $(filter-out fuzz_ref%,$(patsubst tests/%.c,%,$(wildcard tests/fuzz_*.c)))
FUZZ_SAN := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
fuzz-build:
	$(Q)$(MAKE) -s --no-print-directory CC=$(CLANG) B=build/fuzz CFLAGS='-O1 -g' SANFLAGS='$(FUZZ_SAN)' \
		$(addprefix build/fuzz/,$(FUZZERS))

# The second parser.
$(B)/fuzz_parse: $(patsubst tests/%.c,$(B)/tests/%.o,$(wildcard tests/fuzz_ref*.c))

$(B)/fuzz_%: $(B)/tests/fuzz_%.o $(B)/libwireledger.a
	$(Q)$(CC) $(LDFLAGS) -fsanitize=fuzzer $^ $(FLOWD_LIBS) $(CLI_LIBS) -o $@

fuzz: FUZZ_SECONDS ?= 3600
fuzz: FUZZ_SEED ?= 0
fuzz-quick: FUZZ_SECONDS ?= 60
fuzz-quick: FUZZ_SEED ?= 1
fuzz fuzz-quick: fuzz-build
	$(Q)printf '%s\n' $(FUZZERS) | xargs -P 2 -n 1 scripts/fuzz.sh $(FUZZ_SECONDS) $(FUZZ_SEED)

vmtest: all test-tools
	$(Q)scripts/deps.sh vm
	$(Q)scripts/vmtest.sh $(VM)

MAN := flowd/flowd.8 cli/flowctl.1 schema/flow.5
UNIT_DIR := $(DESTDIR)$(PREFIX)/lib/systemd/system
CONF_DIR := $(DESTDIR)$(SYSCONFDIR)/wireledger
USERS := $(DESTDIR)$(PREFIX)/lib/sysusers.d/wireledger.conf
UNIT_SED := -e 's,/usr/local,$(PREFIX),g' -e 's,/etc,$(SYSCONFDIR),g'
# flowd@NAME.service: its own file, database and socket.
UNIT_NAMED := -e 's,flowd.conf,%i.conf --instance %i --db /var/lib/wireledger/%i.db,' -e 's,flow monitor,& %i,'

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(UNIT_DIR) $(CONF_DIR)
	install $(B)/bin/flowd $(B)/bin/flowctl $(DESTDIR)$(PREFIX)/bin
	$(foreach m,$(wildcard $(MAN)),install -D -m 644 $m $(DESTDIR)$(PREFIX)/share/man/man$(subst .,,$(suffix $m))/$(notdir $m) &&) :
	sed $(UNIT_SED) flowd/flowd.service > $(UNIT_DIR)/flowd.service
	sed $(UNIT_SED) $(UNIT_NAMED) flowd/flowd.service > $(UNIT_DIR)/flowd@.service
	test -e $(CONF_DIR)/flowd.conf || install -m 644 flowd/flowd.conf $(CONF_DIR)
	install -D -m 644 flowd/wireledger.sysusers $(USERS)
	$(if $(DESTDIR),,command -v systemd-sysusers >/dev/null && systemd-sysusers $(USERS) || echo "no systemd-sysusers: make a user 'wireledger'")

uninstall:
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/bin/,flowd flowctl) $(addprefix $(UNIT_DIR)/,flowd.service flowd@.service)
	rm -f $(USERS)
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/share/man/,man8/flowd.8 man1/flowctl.1 man5/flow.5)

include tests/bench/bench.mk
include tests/tools.mk
include tests/hook.mk
