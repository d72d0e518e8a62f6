/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * maps.h: the instance's maps, made or taken over from where they are pinned, and mapped into
 * memory; and the two BPF objects that share them.
 *
 * What is pinned outlives flowd: a successor finds the maps by name in the pin folder and the rest
 * (geometry, seed, generation) in the control cell.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/flow.h"
#include "schema/sample.h"

#define MAPS_ERROR_MAX 512
#define MAPS_MAPPED 12
#define MAPS_SAMPLE_BYTES (8U << 20) /* of the samples ring, where nothing else is wished */
#define MAPS_TC_PROGRAMS 4	     /* for two directions, with and without a link layer */

struct flow_tc;
struct flow_xdp;

struct maps {
	struct flow_tc *tc; /* skeleton, loaded: it made the maps */
	struct flow_tc
		*tc_late[MAPS_TC_PROGRAMS]; /* skeletons on the same maps, for a program each */
	struct flow_xdp *xdp;		    /* skeleton, opened; libxdp loads it */
	bool taken_over;		    /* the maps were there */
	bool unclaimed;	     /* another database keeps their books until maps_claim() */
	uint64_t generation; /* as in the control cell, once they are claimed */
	uint32_t cpus;
	uint32_t cpu_sets; /* hashed and reserved */
	uint32_t sets;	   /* of all CPUs */
	uint32_t slots_id;
	size_t bytes;
	const struct flow_set *slots;		   /* [sets] */
	struct flow_mark_set *marks;		   /* [sets] */
	const struct flow_health_set *health;	   /* [sets] */
	struct flow_health_mark_set *health_marks; /* [sets] */
	struct flow_ledger *ledger;		   /* [cpus * FLOW_IFACES * 2] */
	const struct flow_cpu *cpu;		   /* [cpus] */
	struct flow_iface *ifaces;		   /* [FLOW_IFACE_CELLS] */
	struct flow_control *control;
	struct sample_conf *sample_conf;	  /* [FLOW_IFACES] */
	struct sample_filter *sample_filters;	  /* [SAMPLE_FILTERS + 1] */
	const struct sample_count *sample_counts; /* [cpus] */
	struct flow_early *early;
	bool filters_in_kernel; /* the kernel can run them */
	int ring_fd;
	int outers_fd;
	int sample_fd; /* the samples ring */
	size_t ring_bytes;
	size_t sample_bytes;
	size_t mapped[MAPS_MAPPED];
};

/* What the maps are to be like where they have to be made. */
struct maps_wish {
	const char *instance; /* for messages */
	const char *pin_dir;
	uint32_t slots; /* a CPU */
	uint64_t ring_bytes;
	uint64_t sample_bytes; /* of the samples ring; 0: MAPS_SAMPLE_BYTES */
	uint64_t netns_cookie; /* 0: take over whatever namespace's they are */
	const char *
		shared; /* folder whose maps of samples are to be shared, where they are alike; or NULL */
	bool inner; /* the inner packet of a tunnel is the flow */
	bool track; /* fragments */
	bool late; /* TC programs are loaded when they are asked for: the verifier takes its time for each */
};

/*
 * Take over the maps pinned in wish->pin_dir, or make and pin them. 0 or -errno with a text:
 * -EPERM no privilege, -ESTALE pinned maps of another layout or network namespace.
 */
int maps_open(const struct maps_wish *wish, struct maps *ret_maps, char ret_error[MAPS_ERROR_MAX]);

/* The control cell of the maps pinned in the folder. 0 or -errno, -ENOENT: there are none. */
int maps_pinned_control(const char *pin_dir, struct flow_control *ret_control);

/* Unmap and close; what is pinned stays. */
void maps_close(struct maps *maps);

/* Remove the maps' pins from the folder. */
void maps_unpin(const char *pin_dir);

/*
 * Let the maps pinned in `from` be those of `to`, in place of what is pinned there; again after a kill: until it
 * is done `to` has no control cell. 0 or -errno.
 */
int maps_move(const char *from, const char *to);

/* Another database keeps the books of the maps from maps_claim() on; a start that fails before leaves them to the last. */
void maps_new_generation(struct maps *maps);
void maps_claim(struct maps *maps);

/* Slots that hold a key. */
uint64_t maps_slots_used(const struct maps *maps);

/* The cell of an interface, or a free one for it; NULL: no room. */
struct flow_iface *maps_iface(struct maps *maps, uint32_t ifindex);

/* The cell of an interface says that number and these marks from now on, whole. */
void maps_iface_set(struct flow_iface *cell, uint32_t ifindex, uint32_t ifnum, uint32_t marks);

/* No cell says that number any more. */
void maps_iface_clear(struct maps *maps, uint32_t ifnum);

/* The ledger of a number begins at 0. No program counts under it. */
void maps_ledger_clear(struct maps *maps, uint32_t ifnum);

/* Sum of a ledger entry over the CPUs. */
void maps_ledger(const struct maps *maps, uint32_t ifnum, uint32_t dir,
		 struct flow_ledger *ret_sum);
