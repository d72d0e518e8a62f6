/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sample_frames.h: all frames of vectors.h and of capture files, one after another. */
#pragma once

#include <pcap/pcap.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "schema/sample.h"
#include "vectors.h"

struct sample_frame {
	uint8_t *bytes;
	uint32_t len; /* SAMPLE_LOOK_MAX at most */
	uint32_t wirelen;
};

struct sample_frames {
	struct sample_frame *frame;
	size_t count;
};

/* The first `have` bytes of `len`, then zeros. */
static inline void frames_add(struct sample_frames *frames, const uint8_t *bytes, uint32_t have,
			      uint32_t len, uint32_t wirelen)
{
	struct sample_frame f = {.len = len < SAMPLE_LOOK_MAX ? len : SAMPLE_LOOK_MAX,
				 .wirelen = wirelen};

	f.bytes = calloc(1, f.len ? f.len : 1);
	frames->frame = realloc(frames->frame, (frames->count + 1) * sizeof(f));
	if (!f.bytes || !frames->frame)
		abort();
	memcpy(f.bytes, bytes, have < f.len ? have : f.len);
	frames->frame[frames->count++] = f;
}

static inline void frames_of_vectors(struct sample_frames *frames)
{
	for (size_t i = 0; i < VECTORS; i++)
		frames_add(frames, vectors[i].frame, vectors[i].size, vector_len(&vectors[i]),
			   vector_len(&vectors[i]));
}

/* 0, or -1 where libpcap cannot read the file. */
static inline int frames_of_file(struct sample_frames *frames, const char *file)
{
	char error[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_open_offline(file, error);
	struct pcap_pkthdr *header;
	const uint8_t *bytes;

	if (!pcap)
		return -1;
	while (pcap_next_ex(pcap, &header, &bytes) == 1)
		frames_add(frames, bytes, header->caplen, header->caplen, header->len);
	pcap_close(pcap);
	return 0;
}

static inline void frames_free(struct sample_frames *frames)
{
	for (size_t i = 0; i < frames->count; i++)
		free(frames->frame[i].bytes);
	free(frames->frame);
}
