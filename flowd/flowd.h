/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * flowd.h: the daemon's state, passed to everything that needs more than its own module.
 *
 *   main      configuration, instance lock, database, maps, hooks; then the loop; then the end
 *   timer     sweep_visit, event_read, then sweep_export into the writer's hands unless it is still busy
 *   ring      sweep_absorb, when the kernel says that much was evicted
 *   samples   sweep_export, when the kernel says that many packets were kept
 *   writer    sweep_settle, when a batch is in
 *   sampler   counter_thread_take, when the kernel's own counters are there
 *   control   answers flowctl
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flowd/config.h"
#include "flowd/confine.h"
#include "flowd/hook.h"
#include "flowd/iface_number.h"
#include "flowd/loop.h"
#include "flowd/maps.h"
#include "flowd/pins.h"
#include "flowd/retain_say.h"
#include "flowd/room.h"
#include "flowd/sink.h"
#include "flowd/sink_say.h"
#include "flowd/sweep.h"
#include "trace/trace_hook.h"

#define IFACE_VLAN_NOTE_MAX 256

struct sqlite3;
struct control;
struct counter_thread;
struct event;
struct samples;
struct upgrade;

/* An interface that is being counted. */
struct iface {
	struct hook_iface hook;
	uint32_t id;		      /* interface.id */
	const struct hook_ops *by[2]; /* what counts each direction, NULL: nothing does */
	char mode[2][HOOK_NAME_MAX];
	char note
		[HOOK_ERROR_MAX]; /* why it is not counted as configured, or gone; empty: all is well */
	char vlan_note[IFACE_VLAN_NOTE_MAX]; /* why VLAN tags are unknown; empty: they are seen */
	bool gone;
	bool by_name;	/* asked for by its name, not by a pattern alone */
	bool linked[2]; /* by links, which end with their last holder */
	bool unsampled; /* its settings of what is sampled are still to be made */
	uint32_t mtu;	/* that it was attached at */
	uint32_t round; /* of links.c, in which the kernel named it last */
};

struct flowd {
	const struct config *config;
	struct loop loop;
	struct maps maps;
	struct sweep sweep;
	struct trace trace;
	struct event *event;	  /* NULL: the kernel is not asked */
	uint32_t event_last;	  /* meta.event_generation */
	uint32_t event_committed; /* the same, of these maps; 0: of others */
	struct samples *samples;
	uint64_t sample_committed; /* meta.sample_pos, of these maps */
	struct sink_writer *writer;
	struct sqlite3 *db; /* the writer thread's while that runs */
	int db_lock_fd;
	bool db_new; /* made by this start */
	struct hook_env env;
	struct iface iface[FLOW_IFACES];
	size_t ifaces;
	uint32_t iface_changes; /* numbers that were taken or left */
	bool iface_short;	/* there was no number for an interface */
	struct iface_numbers numbers;
	uint32_t link_round; /* of looks at all of the kernel's interfaces, see links.c */
	bool links_lost;     /* another one is needed */
	bool links_missed;   /* until it is done: not all was heard of */
	struct control *control;
	struct counter_thread *counter_thread;
	struct watch timer, ring, sample_ring, written, signals, links, sampled;
	struct mono started;
	char pin_dir[64];
	char map_dir[72]; /* where the maps are pinned: pin_dir, or beside it, see upgrade.h */
	struct upgrade *upgrade; /* NULL: there is none */
	int pin_fd;
	int pin_lock_fd; /* the same folder, locked */
	int pin_base_fd; /* the folder it is in */
	struct pins pins;
	int instance_fd;
	uint64_t netns_cookie;
	struct room room;
	struct sink_said sink_said;
	struct confine_state confined;
	struct retain_said retain_said;
	bool detach;	/* asked for: remove everything at the end */
	bool unwritten; /* the end came before all flows were in the database */
	bool detaching; /* all there is, in the end: what fails is tried again */
	char left[256]; /* hooks that could not be detached then; empty: none */
};
