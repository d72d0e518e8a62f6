/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * bpf_corpus.h: what bpf_corpus.c (captures, the host's account, comparison), bpf_health.c (captures as
 * connections), bpf_corpus_rig.c (the programs loaded and run) and bpf_corpus.bpf.c (the feeders) share.
 * libpcap and libbpf cannot be included in one file: both define struct bpf_insn.
 */
#pragma once

#include <linux/types.h>

#include "../schema/flow.h"

#define CORPUS_FRAME_MIN 14
#define CORPUS_FRAME_MAX 3400	       /* what test-run takes in one page, for both hooks */
#define CORPUS_BATCH (FLOW_IFACES - 1) /* an interface number for each frame, without 0 */

/* A frame on its way into the kernel. */
struct corpus_frame {
	const char *source;   /* file, or name of the vector */
	unsigned long number; /* in the file, as Wireshark counts */
	__u32 len;
	__u32 gso_segs; /* TC alone, as the next three */
	__u32 gso_size;
	__u16 vlan_proto; /* a tag to be put in metadata, not in data; host order, 0: none */
	__u16 vlan_tci;
	__u32 egress; /* rig_feed() at TC: it leaves */
	__u8 data[CORPUS_FRAME_MAX];
};

struct corpus_batch {
	unsigned int count;
	struct corpus_frame frame[CORPUS_BATCH];
};

/* The account of one frame, as the host has it or as slots and ledger have it. */
struct account {
	struct flow_key key; /* without ifnum and outer */
	__u64 packets;
	__u64 bytes;
	__u64 ip_bytes;
	__u64 seen_packets;
	__u64 seen_bytes;
	__u64 verdict_packets;
	__u64 verdict_bytes;
	__u32 verdicts; /* bits: 1 << verdict */
	__u32 slots;	/* that the frame's interface number is in */
	int err;	/* -errno of the run: the frame never came to the program */
	__u8 tcp_flags;
	__u8 tcp_syn;
};

struct rig;

/* NULL, or why nothing can be run here. */
const char *rig_impossible(void);
/* The programs in one mode; inner: as tunnel = inner. 0 or -errno. */
int rig_open(int inner, struct rig **ret_rig);
void rig_close(struct rig *rig);
/*
 * Run the batch; got[i] becomes the account of frame i, or has an err. 0 or -errno, where the
 * test-run itself cannot be made.
 */
int rig_xdp(struct rig *rig, const struct corpus_batch *batch, struct account *got);
int rig_tc(struct rig *rig, const struct corpus_batch *batch, struct account *got);

enum rig_hook {
	RIG_XDP,
	RIG_TC,
};

/* A slot and what is beside it. */
typedef void rig_seen(void *arg, const struct flow_slot *slot, const struct flow_health *health);

/*
 * Run the batch in its order, all of it on interface number 1, and leave what it did in the maps; ret_err[i]
 * becomes 0, or why frame i never came to the program. 0 or -errno, where the test-run cannot be made.
 */
int rig_feed(struct rig *rig, enum rig_hook hook, const struct corpus_batch *batch, int *ret_err);
/* Each slot in use; all maps are zero then. 0: some were given up before, -EAGAIN: some looks not taken. */
int rig_take(struct rig *rig, enum rig_hook hook, rig_seen *seen, void *arg);
