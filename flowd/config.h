/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * config.h: what flowd is told, by an INI file and by flags of the same names. One table in
 * config.c names each key once: file key, flag, type, default, unit and help.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "schema/flow.h"

#define CONFIG_NAME_MAX 64
#define CONFIG_IFACE_MAX 32 /* a name, or a pattern with its '!' */
#define CONFIG_READ_MAX 4096
#define CONFIG_SLOTS 65536 /* the default */
#define CONFIG_ROLLUP_MAX 1000000
#define CONFIG_RECORD_RATE_MAX 10000000
#define CONFIG_RATE_AUTO 20000
#define CONFIG_RATE_NONE UINT64_MAX

enum config_ingress { INGRESS_XDP = 0, INGRESS_TC, INGRESS_NONE };
enum config_egress { EGRESS_TC = 0, EGRESS_NONE };
enum config_tc { TC_AUTO = 0, TC_TCX, TC_CLSACT };

/* What packets of an interface are kept. */
struct config_sample {
	uint32_t rate; /* 1 in that many; 0: none for that reason */
	uint32_t first;
	uint32_t triggers;
	uint32_t snaplen;
	char filter[192]; /* empty: none */
};

/* Section [interface NAME]: what differs for it. */
struct config_section {
	char name[16];
	uint64_t has; /* bit of each key in config_keys that it gives */
	struct config_sample sample;
};

struct config {
	char interface[FLOW_IFACES][CONFIG_IFACE_MAX]; /* as flowd/iface_want.h reads them */
	size_t interfaces;
	struct config_section section[FLOW_IFACES];
	size_t sections;
	char instance[CONFIG_NAME_MAX];
	char db[256];
	char socket[108];	  /* sun_path; default CONTROL_RUN_DIR/INSTANCE.sock */
	char socket_group[64];	  /* of its file, and who may ask; empty: none */
	char control_groups[192]; /* who may change things, with commas */
	char user[64];		  /* whom to run as when all is open; empty: who started it */
	uint32_t confine;	  /* enum confine_wish */
	bool debug;		  /* control_debug.c */
	uint32_t ingress;
	uint32_t egress;
	uint32_t tc;
	uint32_t slots;	     /* a CPU; a power of two, 64 to 16,777,216 */
	uint64_t ring_bytes; /* of the evicted ring; a power of two of pages */
	uint64_t sweep_ns;
	uint64_t idle_ns;
	uint64_t active_ns;
	uint64_t linger_ns;   /* ended TCP */
	bool fragments_track; /* later fragments count under the first one's flow */
	bool tunnel_inner;    /* the inner packet of a tunnel is the flow */
	bool durability_full;
	bool trace; /* drops, retransmits and connections, by the kernel's tracepoints */
	struct config_sample sample; /* of all interfaces, but those in `section` */
	uint64_t sample_ring_bytes;  /* of the samples ring; a power of two of pages */
	uint64_t sample_age_ns;
	uint64_t sample_size_bytes;
	bool drops_sample;
	uint64_t retain_ns[3];	    /* by enum db_retain_level; 0: for ever */
	uint64_t retain_size_bytes; /* 0: any */
	uint64_t retain_free_bytes;
	uint64_t record_rate;  /* records a second; 0: CONFIG_RATE_AUTO, saved up for 5 minutes */
	uint64_t memory_bytes; /* beside the maps; 0: see room.h */
	uint32_t rollup_keys;  /* of a minute, or hour, and kind; 0: no sums are kept */
	bool keep_attached;
	bool anonymize; /* flowctl does; nothing in here is changed by it */
	char anonymize_key[192];
	char geo_country[192]; /* likewise flowctl's */
	char geo_as[192];
	uint32_t log_level; /* enum log_level */
	bool check_only;    /* -n: print the effective configuration and end */
	bool detach_only;   /* --detach: remove what a dead flowd of this instance left and end */
	char read[CONFIG_READ_MAX]; /* -r: a capture instead of interfaces, "-": standard input */
};

/*
 * Defaults, then the file (--config, or CONF_PATH_DEFAULT where it exists), then the flags.
 * 0: go on; 1: all is done (--help, --version), exit 0; -EINVAL: wrong usage or config, already
 * explained on standard error naming file, line, key and value; flowd exits with 2, and is not started
 * again. Another: the host has not let the file be read (conf_read()), exit 1.
 */
int config_load(int argc, char **argv, struct config *ret_config);

/* As an INI file that says the same. */
void config_print(const struct config *config, FILE *out);
