/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* side.h: what flowd knows of a slot, beside it. */
#pragma once

#include <stdint.h>

#include "flowd/expire.h"

#define SIDE_FOLDED (EXPIRE_NONE - 1)

struct side {
	uint32_t birth;
	/*
	 * Half in expire's table. EXPIRE_NONE: nothing unexported, not linked; SIDE_FOLDED: what is unexported was
	 * folded, and goes on to be until the next export.
	 */
	uint32_t ref;
	uint32_t next;	  /* slot of the same half */
	uint32_t health;  /* 1: this life has some, in health_read | the handshake given << 1 */
	uint64_t packets; /* of the slot, as visited last */
	uint64_t bytes;
	uint64_t ip_bytes;
};
