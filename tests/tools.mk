# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# tools.mk: the programs that the root suites of tests/ run: included by the Makefile.

TEST_TOOLS := $(B)/tests/bpf_vectors $(B)/tests/bpf_corpus $(B)/tests/bpf_health \
	$(B)/tests/bpf_sample_filter $(B)/tests/bpf_sample $(B)/tests/wlgen $(B)/tests/wltraf \
	$(B)/tests/wlsend $(B)/tests/wlwire $(B)/tests/wltcp $(B)/tests/wlsample $(B)/tests/wlcases $(B)/tests/wlstill \
	$(B)/tests/bystander.bpf.o $(B)/tests/tagger.bpf.o $(B)/tests/dropper.bpf.o $(B)/tests/loss.bpf.o \
	$(B)/tests/fault_call.so $(B)/tests/disk_shim.so $(B)/tests/clock_shift.so $(B)/tests/refuse_update.so

.PHONY: test-tools
test-tools: $(TEST_TOOLS)

$(B)/tests/bpf_vectors: tests/bpf_vectors.c tests/bpf_geometry.h tests/vectors.h $(BPF_HDR) $(SKELS)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $< $(LDFLAGS) -lbpf -lelf -o $@

$(B)/tests/bpf_corpus.bpf.o: tests/bpf_corpus.bpf.c tests/bpf_corpus.h schema/flow.h
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@
	$(Q)$(LLVM_STRIP) -g $@

$(B)/tests/bpf_corpus.skel.h: $(B)/tests/bpf_corpus.bpf.o
	$(Q)$(BPFTOOL) gen skeleton $< name bpf_corpus > $@.tmp
	$(Q)mv $@.tmp $@

$(B)/tests/bpf_corpus: tests/bpf_corpus.c tests/bpf_corpus_rig.c tests/bpf_corpus.h \
		tests/bpf_geometry.h $(wildcard tests/vectors*) $(BPF_HDR) $(SKELS) \
		$(B)/tests/bpf_corpus.skel.h
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(filter %.c,$^) $(LDFLAGS) -lbpf -lelf -lpcap -o $@

$(B)/tests/bpf_health: tests/bpf_health.c tests/bpf_corpus_rig.c tests/bpf_corpus.h tests/bpf_geometry.h \
		$(BPF_HDR) $(SKELS) $(B)/tests/bpf_corpus.skel.h $(B)/libwireledger.a
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(filter %.c %.a,$^) $(LDFLAGS) $(FLOWD_LIBS) -o $@

$(B)/tests/bpf_sample_filter.bpf.o: tests/bpf_sample_filter.bpf.c tests/bpf_sample_filter.h $(BPF_HDR)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@
	$(Q)$(LLVM_STRIP) -g $@

$(B)/tests/bpf_sample_filter.skel.h: $(B)/tests/bpf_sample_filter.bpf.o
	$(Q)$(BPFTOOL) gen skeleton $< name bpf_sample_filter > $@.tmp
	$(Q)mv $@.tmp $@

$(B)/tests/bpf_sample_filter: tests/bpf_sample_filter.c tests/bpf_sample_filter_rig.c tests/bpf_sample_filter.h \
		tests/sample_program.h tests/sample_frames.h $(wildcard tests/vectors* tests/filter_*.h) $(BPF_HDR) \
		$(B)/tests/bpf_sample_filter.skel.h
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(filter %.c,$^) $(LDFLAGS) -lbpf -lelf -lpcap -o $@

$(B)/tests/bpf_sample.bpf.o: tests/bpf_sample.bpf.c tests/bpf_sample.h schema/flow.h
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@
	$(Q)$(LLVM_STRIP) -g $@

$(B)/tests/bpf_sample.skel.h: $(B)/tests/bpf_sample.bpf.o
	$(Q)$(BPFTOOL) gen skeleton $< name bpf_sample > $@.tmp
	$(Q)mv $@.tmp $@

$(B)/tests/bpf_sample: tests/bpf_sample.c tests/bpf_sample_rate.c tests/bpf_sample_room.c tests/bpf_sampler.c \
		tests/bpf_sample.h tests/bpf_sample_frame.h tests/bpf_sampler.h $(BPF_HDR) $(SKELS) $(B)/tests/bpf_sample.skel.h $(B)/libwireledger.a
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(filter %.c %.a,$^) $(LDFLAGS) $(FLOWD_LIBS) -lm -o $@

$(B)/tests/wlgen.bpf.o: tests/wlgen.bpf.c tests/wlgen.h
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@
	$(Q)$(LLVM_STRIP) -g $@

$(B)/tests/bystander.bpf.o $(B)/tests/dropper.bpf.o: $(B)/tests/%.bpf.o: tests/%.bpf.c
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@
	$(Q)$(LLVM_STRIP) -g $@

$(B)/tests/wlgen.skel.h: $(B)/tests/wlgen.bpf.o
	$(Q)$(BPFTOOL) gen skeleton $< name wlgen_bpf > $@.tmp
	$(Q)mv $@.tmp $@

$(B)/tests/wlgen: tests/wlgen.c tests/wlgen_options.c tests/wlgen_options.h tests/wlgen.h \
		$(B)/tests/wlgen.skel.h
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(filter %.c,$^) $(LDFLAGS) -lbpf -lelf -o $@

$(B)/tests/wltraf: tests/wltraf.c tests/wltraf_frames.c tests/wltraf.h tests/open_packet.h \
		tests/vectors.h $(BPF_HDR)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(filter %.c,$^) $(LDFLAGS) -lpcap -o $@

$(B)/tests/wlsend: tests/wlsend.c tests/open_packet.h
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $< $(LDFLAGS) -lpcap -o $@

$(B)/tests/wlwire: tests/wlwire.c tests/wlwire_options.c tests/wlwire_frame.c tests/wlwire.h \
		tests/open_packet.h
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(filter %.c,$^) $(LDFLAGS) -o $@

$(B)/tests/wlstill: tests/wlstill.c schema/flow.h
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $< $(LDFLAGS) -lbpf -o $@

$(B)/tests/wltcp: tests/wltcp.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $< $(LDFLAGS) -o $@

$(B)/tests/wlsample: tests/wlsample.c $(B)/libwireledger.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $^ $(LDFLAGS) $(CLI_LIBS) -o $@

$(B)/tests/wlcases: tests/wlcases.c tests/anonymize_cases.h tests/vectors.h $(wildcard tests/vectors*.inc)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $< $(LDFLAGS) -lpcap -o $@

# To be preloaded: never with the sanitizers in itself, so that it goes before any program's.
$(B)/tests/fault_call.so: tests/fault_trap.c tests/fault_sqlite.c tests/fault_call.h
$(B)/tests/%.so: tests/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(filter-out $(SANFLAGS),$(CFLAGS)) -fno-builtin -fPIC -shared $(filter %.c,$^) \
		-ldl -lpthread -o $@

# Preloaded: whatever it is linked with may not need a sanitizer's runtime.
$(B)/tests/disk_shim.so: tests/disk_shim.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(filter-out -fsanitize% -fno-sanitize%,$(CFLAGS)) -shared -fPIC $< -o $@

$(B)/tests/test_powerloss: $(B)/tests/vfs_powerloss.o

# flowd's sweep with the model's hooks in it (model_sweep.c and so on): not the library's objects.
TEST_MODEL_OBJ := $(patsubst %.c,$(B)/%.o,tests/test_model.c $(wildcard tests/model_*.c) \
	flowd/books.c flowd/books_moved.c flowd/conv.c flowd/counter_sample.c flowd/counters.c flowd/expire_due.c flowd/expire_health.c \
	flowd/fold.c flowd/index.c flowd/limit.c flowd/nic.c flowd/outer.c flowd/record.c flowd/sink.c \
	flowd/sink_batch.c schema/fields.c schema/flow_record.c)

$(B)/tests/test_model: $(TEST_MODEL_OBJ)
	$(Q)$(CC) $(LDFLAGS) $^ -lbpf -lcmocka -lpthread -o $@
