/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* vary.h: how a benchmark tells its entry program which flows to make. */
#pragma once

#include <linux/types.h>

struct bench_vary {
	__u64 random; /* state, never 0; one CPU runs the benchmark */
	__u32 flows;
	__u32 addr_off; /* of the last four bytes of the source address */
	__u32 port_off; /* of the source port */
	__u32 ack_off; /* of what TCP acknowledges: each packet acknowledges something new; 0: no TCP */
};
