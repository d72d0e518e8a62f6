/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* bpf_sampler.h: the shipped programs on maps that flowd's maps.c made, and what they sample. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "flowd/maps.h"
#include "flowd/ring.h"
#include "schema/sample.h"

#define RIG_IFNUM 7 /* of the loopback device, from which test-run's packets come */
#define RIG_LOOPBACK 1

enum rig_program {
	RIG_TC_EGRESS,
	RIG_TC_INGRESS,
	RIG_TC_EGRESS_L3,
	RIG_TC_INGRESS_L3,
	RIG_XDP,
	RIG_PROGRAMS,
};

struct rig {
	struct maps maps;
	struct bpf_sample *feed;
	struct ring ring;
	uint32_t cpu; /* on which everything runs */
	char pin_dir[64];
};

/* What is not as flowd has it. */
struct rig_wish {
	uint32_t slots;
	uint32_t ring_bytes;
	uint32_t sample_bytes;
	bool old; /* XDP as if the kernel had neither bpf_xdp_load_bytes nor bpf_loop */
};

struct rig_frame {
	const uint8_t *data;
	uint32_t len;
	uint32_t gso_segs; /* TC alone, as the rest */
	uint32_t gso_size;
	uint16_t tag_proto; /* of a tag to be put in metadata; 0: none */
	uint16_t tag_tci;
};

struct rig_sample {
	struct sample_head head;
	uint8_t bytes[SAMPLE_SNAPLEN_MAX];
};

/* NULL, or why nothing can be run here. */
const char *rig_impossible(void);
/* 0 or -errno. */
int rig_open(const struct rig_wish *wish, struct rig *ret_rig);
void rig_close(struct rig *rig);

/* By these settings from now on. */
void rig_set(struct rig *rig, const struct sample_conf *conf);
/* Run the frame through the program. 0, -errno, or 1 where it did not pass as it was. */
int rig_give(struct rig *rig, enum rig_program program, const struct rig_frame *frame);
/* `count` packets of the stream, see bpf_sample.h; the settings change before each `restart`th. */
int rig_stream(struct rig *rig, enum rig_program program, uint32_t count, uint32_t restart);
/* The next sample of the ring, which is given back; false: there is none. */
bool rig_take(struct rig *rig, struct rig_sample *ret_sample);
/* Their number; they are gone. */
uint32_t rig_drain(struct rig *rig);
const struct sample_count *rig_counts(const struct rig *rig);

extern const char *const rig_names[RIG_PROGRAMS];
extern unsigned int rig_passed, rig_failed, rig_skipped;
/* One more of them. True where they are equal. */
bool rig_check(const char *name, const char *what, uint64_t got, uint64_t want);

/* bpf_sample_rate.c: packets by rate, through the program. */
void rate_tests(enum rig_program program);
/* bpf_sample_room.c: samples without room. */
void room_tests(enum rig_program program);
