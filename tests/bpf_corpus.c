// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * bpf_corpus.c: capture files through the BPF programs, each frame's account held against the host
 * build of the same parser: key, verdict, packets, bytes, ip_bytes, TCP flags.
 *
 *   capture -> batch of 255 frames -> feed_xdp -> flow_xdp ----------\
 *                                  -> feed_tc  -> flow_tc_ingress ----> slots, ledger == parse_packet
 *                                     (tags in the bytes; then the outer one beside them)
 *
 * in both modes of tunnels. Frames longer than a page takes are cut, and the host gets them cut.
 * `--vectors`: those of vectors.h with a tag in metadata or too short for test-run, which bpf_vectors
 * skips at TC; they are held against what the table wants. Needs root.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pcap/pcap.h>

#include "bpf_corpus.h"
#include "vectors.h"

#define MODES 2 /* outer, inner */
#define FULL_REPORTS 20
#define SKIP_REASONS 32

static const char *const mode_names[MODES] = {"outer", "inner"};
static unsigned long passed, failed, skipped, cut;
static struct rig *rigs[MODES];

static struct skip {
	char reason[120];
	unsigned long count;
} skips[SKIP_REASONS];

static const struct member {
	const char *name;
	size_t offset;
	size_t size;
} members[] = {
#define MEMBER(m) .name = #m, .offset = offsetof(struct account, m), MEMBER_SIZE(m)
#define MEMBER_SIZE(m) .size = sizeof(((struct account *)0)->m)
	{MEMBER(slots)},	 {MEMBER(key.src)},	    {MEMBER(key.dst)},
	{MEMBER(key.sport)},	 {MEMBER(key.dport)},	    {MEMBER(key.ethertype)},
	{MEMBER(key.vlan)},	 {MEMBER(key.cvlan)},	    {MEMBER(key.proto)},
	{MEMBER(key.dir)},	 {MEMBER(key.marks)},	    {MEMBER(key.tunnel_kind)},
	{MEMBER(key.tunnel_id)}, {MEMBER(packets)},	    {MEMBER(bytes)},
	{MEMBER(ip_bytes)},	 {MEMBER(tcp_flags)},	    {MEMBER(tcp_syn)},
	{MEMBER(verdicts)},	 {MEMBER(verdict_packets)}, {MEMBER(verdict_bytes)},
	{MEMBER(seen_packets)},	 {MEMBER(seen_bytes)},
#undef MEMBER
};
#define MEMBERS (sizeof(members) / sizeof(members[0]))

static void skip(const char *reason, unsigned long count)
{
	unsigned int i = 0;

	while (i < SKIP_REASONS - 1 && skips[i].count && strcmp(skips[i].reason, reason))
		i++;
	snprintf(skips[i].reason, sizeof(skips[i].reason), "%s", reason);
	skips[i].count += count;
	skipped += count;
}

/* Of a copy without a byte behind it, so that SAN=1 sees what is read there. */
static struct account host_account(const struct corpus_frame *frame, __u32 inner)
{
	struct pkt_meta meta = {
		.len = frame->len, .reach = frame->len, .dir = FLOW_INGRESS, .inner = inner};
	struct account a = {.slots = 1};
	__u8 *copy = malloc(frame->len);
	struct flow_facts f;
	struct flow_wrap wrap;

	if (!copy)
		abort();
	memcpy(copy, frame->data, frame->len);
	parse_packet(copy, &meta, &f, &wrap);
	free(copy);
	a.key = f.key;
	a.packets = a.seen_packets = a.verdict_packets = f.packets;
	a.bytes = a.seen_bytes = a.verdict_bytes = f.bytes;
	a.ip_bytes = f.ip_bytes;
	a.verdicts = 1U << f.verdict;
	a.tcp_flags = f.tcp_flags;
	a.tcp_syn = f.tcp_syn;
	return a;
}

static void print_value(const struct account *a, const struct member *m)
{
	const __u8 *byte = (const __u8 *)a + m->offset;
	union {
		__u8 b;
		__u16 h;
		__u32 w;
		__u64 d;
	} v;

	if (m->size > sizeof(v)) {
		for (size_t i = 0; i < m->size; i++)
			printf("%02x", byte[i]);
		return;
	}
	memcpy(&v, byte, m->size);
	printf("%#llx", m->size == 1   ? v.b
			: m->size == 2 ? v.h
			: m->size == 4 ? v.w
				       : (unsigned long long)v.d);
}

static bool member_equal(const struct member *m, const struct account *a, const struct account *b)
{
	return !memcmp((const __u8 *)a + m->offset, (const __u8 *)b + m->offset, m->size);
}

static bool account_equal(const struct account *a, const struct account *b)
{
	bool equal = true;

	for (size_t i = 0; i < MEMBERS; i++)
		equal &= member_equal(&members[i], a, b);
	return equal;
}

static void report(const struct account *got, const struct account *want)
{
	for (size_t i = 0; i < MEMBERS; i++) {
		const struct member *m = &members[i];

		if (member_equal(m, got, want))
			continue;
		printf("     %s: bpf ", m->name);
		print_value(got, m);
		printf(", wanted ");
		print_value(want, m);
		printf("\n");
	}
}

static void judge(const char *program, unsigned int mode, const struct corpus_frame *frame,
		  const struct account *got, const struct account *want)
{
	char reason[100];

	if (got->err) {
		snprintf(reason, sizeof(reason), "%s: the kernel does not take the frame: %s",
			 program, strerror(-got->err));
		skip(reason, 1);
	} else if (account_equal(got, want)) {
		passed++;
	} else if (failed++ < FULL_REPORTS) {
		printf("FAIL %s, frame %lu, %s, %s:\n", frame->source, frame->number, program,
		       mode_names[mode]);
		report(got, want);
	}
}

static void run_frames(const char *program, unsigned int mode,
		       int (*run)(struct rig *, const struct corpus_batch *, struct account *),
		       const struct corpus_batch *batch, const struct account *want)
{
	static struct account got[CORPUS_BATCH];
	int err = batch->count ? run(rigs[mode], batch, got) : 0;

	if (err) {
		printf("FAIL %s, %s: test-run of a batch: %s\n", program, mode_names[mode],
		       strerror(-err));
		failed++;
		return;
	}
	for (unsigned int i = 0; i < batch->count; i++)
		judge(program, mode, &batch->frame[i], &got[i], &want[i]);
}

/* The frame without its outer tag, which is to be beside the bytes. False: it has none. */
static bool take_tag(const struct corpus_frame *frame, struct corpus_frame *ret_frame)
{
	__u16 type = (__u16)(frame->data[12] << 8 | frame->data[13]);

	if ((type != ETH_P_8021Q && type != ETH_P_8021AD) || frame->len < CORPUS_FRAME_MIN + 4)
		return false;
	*ret_frame = *frame;
	ret_frame->vlan_proto = type;
	ret_frame->vlan_tci = (__u16)(frame->data[14] << 8 | frame->data[15]);
	ret_frame->len = frame->len - 4;
	memcpy(ret_frame->data + 12, frame->data + 16, frame->len - 16);
	return true;
}

/* All that is held of the batch, which is empty then. */
static void run_batch(struct corpus_batch *batch)
{
	static struct account want[CORPUS_BATCH], tagged_want[CORPUS_BATCH];
	static struct corpus_batch tagged;

	for (unsigned int i = 0; i < MODES; i++) {
		tagged.count = 0;
		for (unsigned int j = 0; j < batch->count; j++) {
			want[j] = host_account(&batch->frame[j], i == 1);
			tagged_want[tagged.count] = want[j];
			tagged.count += take_tag(&batch->frame[j], &tagged.frame[tagged.count]);
		}
		run_frames("xdp", i, rig_xdp, batch, want);
		run_frames("tc", i, rig_tc, batch, want);
		run_frames("tc with the tag in metadata", i, rig_tc, &tagged, tagged_want);
	}
	batch->count = 0;
}

static void add_frame(struct corpus_batch *batch, const char *file, unsigned long number,
		      const struct pcap_pkthdr *header, const __u8 *data)
{
	struct corpus_frame *frame = &batch->frame[batch->count];

	if (header->caplen < CORPUS_FRAME_MIN) {
		skip("shorter than test-run takes", 2 * MODES);
		return;
	}
	*frame = (struct corpus_frame){.source = file, .number = number, .len = header->caplen};
	if (frame->len > CORPUS_FRAME_MAX) {
		frame->len = CORPUS_FRAME_MAX;
		cut++;
	}
	memcpy(frame->data, data, frame->len);
	batch->count++;
}

static void run_file(struct corpus_batch *batch, const char *file)
{
	char error[PCAP_ERRBUF_SIZE], reason[100];
	pcap_t *pcap = pcap_open_offline(file, error);
	struct pcap_pkthdr *header;
	const __u8 *data;
	int ret, link;

	if (!pcap && access(file, R_OK)) {
		printf("FAIL %s: %s\n", file, strerror(errno));
		failed++;
	} else if (!pcap) {
		skip("libpcap does not read the file", 1);
	}
	if (!pcap)
		return;
	link = pcap_datalink(pcap);
	snprintf(reason, sizeof(reason), "link type %s is not Ethernet",
		 pcap_datalink_val_to_name(link) ?: "without a name");
	for (unsigned long i = 1; (ret = pcap_next_ex(pcap, &header, &data)) == 1; i++) {
		if (link != DLT_EN10MB)
			skip(reason, 2 * MODES);
		else
			add_frame(batch, file, i, header, data);
		if (batch->count == CORPUS_BATCH)
			run_batch(batch);
	}
	if (ret == PCAP_ERROR)
		skip("the file breaks off", 1);
	pcap_close(pcap);
}

static struct account vector_account(const struct vector *v)
{
	struct account a = {.slots = 1, .key = v->key, .ip_bytes = v->ip_bytes};

	a.packets = a.seen_packets = a.verdict_packets = v->packets;
	a.bytes = a.seen_bytes = a.verdict_bytes = v->bytes;
	a.verdicts = 1U << v->verdict;
	a.tcp_flags = v->tcp_flags;
	a.tcp_syn = v->tcp_syn;
	return a;
}

/* A tag in metadata, or too few bytes for test-run: what bpf_vectors skips and feed_tc can do. */
static bool needs_feeder(const struct vector *v)
{
	return !v->l3_proto && (v->vlan_proto || vector_len(v) < 14 + 40);
}

static bool add_vector(const struct vector *v, struct corpus_frame *ret_frame)
{
	__u32 len = vector_len(v);

	if (len < CORPUS_FRAME_MIN || len > CORPUS_FRAME_MAX || v->reach) {
		skip("vectors: cut, or of a length that test-run does not take", 1);
		return false;
	}
	*ret_frame = (struct corpus_frame){.source = v->name,
					   .len = len,
					   .gso_segs = v->segments,
					   .gso_size = v->gso_size,
					   .vlan_proto = v->vlan_proto,
					   .vlan_tci = v->vlan_tci};
	memcpy(ret_frame->data, v->frame, v->size);
	return true;
}

static void run_vectors(unsigned int mode)
{
	static struct account want[CORPUS_BATCH];
	static struct corpus_batch batch;

	batch.count = 0;
	for (size_t i = 0; i < VECTORS; i++) {
		const struct vector *v = &vectors[i];

		if (v->inner != mode || !needs_feeder(v) ||
		    !add_vector(v, &batch.frame[batch.count]))
			continue;
		want[batch.count++] = vector_account(v);
		if (batch.count == CORPUS_BATCH) {
			run_frames("tc vector", mode, rig_tc, &batch, want);
			batch.count = 0;
		}
	}
	run_frames("tc vector", mode, rig_tc, &batch, want);
}

static int finish(void)
{
	if (cut)
		printf("cut to %d bytes: %lu frames\n", CORPUS_FRAME_MAX, cut);
	if (failed > FULL_REPORTS)
		printf("FAIL: %lu more differences\n", failed - FULL_REPORTS);
	for (unsigned int i = 0; i < SKIP_REASONS && skips[i].count; i++)
		printf("SKIP (%s): %lu\n", skips[i].reason, skips[i].count);
	printf("bpf_corpus: %lu passed, %lu failed, %lu skipped\n", passed, failed, skipped);
	return failed != 0;
}

static int open_rigs(void)
{
	int err = 0;

	for (unsigned int i = 0; i < MODES && !err; i++)
		err = rig_open(i == 1, &rigs[i]);
	if (err) {
		printf("FAIL the programs do not load: %s\n", strerror(-err));
		failed++;
	}
	return err;
}

int main(int argc, char **argv)
{
	static struct corpus_batch batch;
	const char *reason = rig_impossible();

	if (argc < 2) {
		fprintf(stderr, "usage: bpf_corpus [--vectors] FILE ...\n");
		return 2;
	}
	if (reason) {
		skip(reason, 1);
		return finish();
	}
	for (int i = open_rigs() ? argc : 1; i < argc; i++) {
		if (strcmp(argv[i], "--vectors")) {
			run_file(&batch, argv[i]);
			continue;
		}
		for (unsigned int mode = 0; mode < MODES; mode++)
			run_vectors(mode);
	}
	if (batch.count)
		run_batch(&batch);
	for (unsigned int i = 0; i < MODES; i++)
		rig_close(rigs[i]);
	return finish();
}
