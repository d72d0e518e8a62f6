/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* upgrade_maps.h: pinned maps of another layout, as they are, and copied into this layout. */
#pragma once

#include <stddef.h>

#include "flowd/layout.h"
#include "flowd/maps.h"
#include "schema/flow.h"

enum upgrade_map {
	UPGRADE_SLOTS,
	UPGRADE_MARKS,
	UPGRADE_HEALTH,
	UPGRADE_HEALTH_MARKS,
	UPGRADE_LEDGER,
	UPGRADE_IFACES,
	UPGRADE_CONTROL,
	UPGRADE_MAPS
};

struct upgrade_maps {
	const struct layout *layout;
	struct flow_control control;
	struct {
		const char *memory; /* of the map */
		size_t stride, entries, bytes;
		void *copy; /* entries in this layout */
	} map[UPGRADE_MAPS];
	struct flow_early *early; /* a copy; NULL: they are older than it */
	int ring_fd, outers_fd;
	size_t ring_bytes;
};

/* Map them. 0 or -errno. */
int upgrade_maps_open(const char *pin_dir, const struct layout *layout,
		      struct upgrade_maps *ret_maps);

/* The cell of the table of interfaces, as it is now. */
struct flow_iface upgrade_maps_iface(const struct upgrade_maps *maps, uint32_t cell);

/*
 * What they hold now, as a sweep reads it; ring records are translated by who reads them. The memory is
 * upgrade_maps_close()'s. 0 or -ENOMEM.
 */
int upgrade_maps_copy(struct upgrade_maps *maps, struct maps *ret_copy);

void upgrade_maps_close(struct upgrade_maps *maps);
