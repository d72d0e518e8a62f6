/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ipfix.h: flow records as a router exports them, to a collector on this host: IPFIX (RFC 7011) by UDP, a
 * record a direction. Nothing is lost: it waits while the collector's socket, looked for in
 * /proc/net/udp, has more than some datagrams in its queue.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "flowd/sink_batch.h"

#define IPFIX_MESSAGE_MAX 1400

struct ipfix {
	int fd;
	uint16_t port;
	uint32_t datagrams;
	uint32_t sequence; /* of data records */
	uint32_t time_s;   /* of the message: when it is exported */
	uint32_t size;	   /* of the message so far */
	uint32_t set;	   /* where the open set begins, 0: none */
	uint32_t set_records;
	uint16_t set_id;
	uint64_t records;
	uint8_t message[IPFIX_MESSAGE_MAX];
};

/* To 127.0.0.1:port. 0 or -errno. */
int ipfix_open(struct ipfix *ipfix, uint16_t port);

/* The batch's records, exported at that time. 0 or -errno; -ENOBUFS: the collector's socket dropped some. */
int ipfix_send(struct ipfix *ipfix, const struct sink_batch *batch, int64_t now_ms);

/* Send what is left and wait until the collector has read it. Same errors. */
int ipfix_close(struct ipfix *ipfix);
