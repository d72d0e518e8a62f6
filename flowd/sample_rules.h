/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sample_rules.h: what the packets of each interface are sampled by, and how that gets into the programs'
 * maps. Where the kernel cannot run filters (before Linux 5.17, which has no bpf_loop) they are kept here,
 * and flowd asks them when it takes samples out of the ring.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flowd/sample_cells.h"
#include "flowd/sample_change.h"

/* Of an interface that is counted. */
struct sample_rule {
	char name[16];
	uint32_t ifnum;
	uint32_t link; /* SAMPLE_LINK_ETHERNET or SAMPLE_LINK_IP */
	struct sample_settings now;
	struct sample_filter *here; /* asked by flowd; NULL: none, or the kernel asks */
};

struct sample_rules {
	struct sample_cells cells;
	bool in_kernel; /* filters are */
	struct sample_rule *rule;
	size_t rules, room;
	bool drops; /* are sampled */
	uint32_t drops_snaplen;
};

/* An interface, sampled by nothing yet. 0 or -ENOMEM. */
int sample_rules_add(struct sample_rules *rules, const char *name, uint32_t ifnum, uint32_t link);

/* It is not counted any more. */
void sample_rules_drop(struct sample_rules *rules, uint32_t ifnum, uint64_t now_ns);

void sample_rules_free(struct sample_rules *rules);

/* That of the interface's number, or NULL. */
const struct sample_rule *sample_rules_find(const struct sample_rules *rules, uint32_t ifnum);

/* Is an interface of that name counted? */
bool sample_rules_has(const struct sample_rules *rules, const char *name);

/*
 * The links (enum sample_links) that the change's filter is to be compiled for; 0: it has none, or says
 * none. 0 or -ENODEV with a text: it names an interface that is not there.
 */
int sample_rules_links(const struct sample_rules *rules, const struct sample_change *change,
		       uint32_t *ret_links, char ret_error[SAMPLE_ERROR_MAX]);

/*
 * Make the change, with its filter compiled for those links, which stays the caller's. 0, or nothing was
 * changed: -ENOSPC, -EBUSY, -EAGAIN, -ENOMEM with a text.
 */
int sample_rules_apply(struct sample_rules *rules, const struct sample_change *change,
		       const struct sample_compiled *compiled, uint64_t now_ns,
		       char ret_error[SAMPLE_ERROR_MAX]);

/*
 * At the start, before the first change: interfaces that a predecessor counted, and that have no rule here,
 * are sampled no more; drops are, or not.
 */
void sample_rules_begin(struct sample_rules *rules, bool drops, uint32_t drops_snaplen);

/*
 * After that: `filters` are to come, one interface after the other. Where a predecessor's would leave them
 * no room, nothing is sampled until they are there. 0 or -errno.
 */
int sample_rules_make_room(struct sample_rules *rules, size_t filters, uint64_t now_ns);
