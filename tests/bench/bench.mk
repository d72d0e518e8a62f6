# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# make bench-tools    the benchmarks, in build/bench/; scripts/bench.sh runs them

BENCH := $(B)/bench
BENCH_TOOLS := $(addprefix $(BENCH)/,datapath insns capture events anonymize cost plot retain start udp $(if $(wildcard flowd/sweep.c),sweep) \
	$(if $(wildcard flowd/sink_sqlite.c),sink scan busyday))
BENCH_SKELS := $(BENCH)/bench_xdp.skel.h $(BENCH)/bench_tc.skel.h $(BENCH)/bench_trace.skel.h

.PHONY: bench-tools
bench-tools: $(BENCH_TOOLS) $(BENCH)/empty.bpf.o

$(BENCH)/%.bpf.o: tests/bench/%.bpf.c $(wildcard tests/bench/vary*.h) $(BPF_HDR)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -I. -c $< -o $@
	$(Q)$(LLVM_STRIP) -g $@

$(BENCH)/%.skel.h: $(BENCH)/%.bpf.o
	$(Q)$(BPFTOOL) gen skeleton $< name $(*F) > $@.tmp
	$(Q)mv $@.tmp $@

$(BENCH)/%.o: tests/bench/%.c $(SKELS) $(BENCH_SKELS)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

# Only what it needs, so that a benchmark of the datapath builds without the rest of flowd.
$(BENCH)/datapath: $(BENCH)/datapath.o $(BENCH)/datapath_subjects.o $(BENCH)/datapath_tcp.o \
		$(BENCH)/datapath_sample.o $(BENCH)/datapath_cpus.o $(BENCH)/datapath_zipf.o \
		$(B)/flowd/maps.o $(B)/flowd/maps_tc.o $(B)/flowd/early.o $(B)/flowd/ring.o
	$(Q)$(CC) $(LDFLAGS) $^ -lbpf -lelf -lpthread -lm -o $@

$(BENCH)/insns: $(B)/trace/trace_probe.o

$(BENCH)/insns $(BENCH)/events: $(BENCH)/%: $(BENCH)/%.o
	$(Q)$(CC) $(LDFLAGS) $^ -lbpf -lelf -o $@

$(BENCH)/start: $(BENCH)/start.o
	$(Q)$(CC) $(LDFLAGS) $^ -lbpf -lelf -o $@

# Nothing of flowd is in them.
$(BENCH)/capture $(BENCH)/cost $(BENCH)/plot $(BENCH)/udp: $(BENCH)/%: $(BENCH)/%.o
	$(Q)$(CC) $(LDFLAGS) $^ -lm -o $@

$(BENCH)/anonymize: $(BENCH)/anonymize.o $(B)/libwireledger.a
	$(Q)$(CC) $(LDFLAGS) $^ $(CLI_LIBS) -o $@

$(BENCH)/sweep $(BENCH)/sink $(BENCH)/scan $(BENCH)/retain: $(BENCH)/%: $(BENCH)/%.o $(B)/libwireledger.a
	$(Q)$(CC) $(LDFLAGS) $^ $(FLOWD_LIBS) -lm -o $@

$(BENCH)/busyday: $(BENCH)/busyday.o $(BENCH)/day.o $(BENCH)/ipfix.o $(B)/libwireledger.a
	$(Q)$(CC) $(LDFLAGS) $^ $(FLOWD_LIBS) -lm -o $@
