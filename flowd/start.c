/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* start.c: the daemon's way up and down. See start.h. */
#include "flowd/start.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "flow_tc.skel.h"
#include "flow_xdp.skel.h"
#include "flowd/books.h"
#include "flowd/control.h"
#include "flowd/counter_thread.h"
#include "flowd/fault.h"
#include "flowd/hook_own.h"
#include "flowd/iface.h"
#include "flowd/iface_hooks.h"
#include "flowd/iface_rows.h"
#include "flowd/lock.h"
#include "flowd/log.h"
#include "flowd/maps_tc.h"
#include "flowd/orphan.h"
#include "flowd/run.h"
#include "flowd/samples.h"
#include "flowd/start_sink.h"
#include "flowd/start_sweep.h"
#include "flowd/tracing.h"
#include "flowd/upgrade.h"
#include "flowd/user.h"
#include "schema/db.h"

#define FIRST_PASSES 50
#define SWEEP_NICE (-10)

static int read_netns(struct flowd *flowd)
{
	socklen_t size = sizeof(flowd->netns_cookie);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;

	if (fd < 0)
		return -errno;
#ifdef SO_NETNS_COOKIE
	if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &flowd->netns_cookie, &size))
		err = -errno;
#endif
	close(fd);
	return err == -ENOPROTOOPT ? 0 : err;
}

/*
 * The folder is held by a descriptor: its path may lead through another mount namespace, which is
 * closed to us once privileges are dropped.
 */
static int open_pins(struct flowd *flowd, bool create)
{
	char dir[256], error[HOOK_ERROR_MAX] = "";
	int err = hook_pin_dir(flowd->config->instance, create, dir, sizeof(dir), error);

	if (err) {
		if (err != -ENOENT || create)
			log_err("%s", error[0] ? error : strerror(-err));
		return err;
	}
	flowd->pin_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (flowd->pin_fd >= 0)
		flowd->pin_base_fd = openat(flowd->pin_fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (flowd->pin_fd < 0 || flowd->pin_base_fd < 0) {
		err = -errno;
		log_err("folder '%s': %s", dir, strerror(-err));
		if (create)
			rmdir(dir); /* with pins of an earlier flowd it stays */
		return err;
	}
	snprintf(flowd->pin_dir, sizeof(flowd->pin_dir), "/proc/self/fd/%d", flowd->pin_fd);
	pins_open(flowd);
	return 0;
}

static void remove_pins(struct flowd *flowd)
{
	tracing_unpin(flowd);
	FAULT_POINT("stop-10-events");
	maps_unpin(flowd->pin_dir);
	FAULT_POINT("stop-12-maps");
	if (unlinkat(flowd->pin_base_fd, flowd->config->instance, AT_REMOVEDIR) &&
	    !flowd->pins.note[0])
		log_warning("folder '%s' of pins: %s", flowd->config->instance, strerror(errno));
}

/* What would refuse it refuses it before a predecessor's hooks are touched. New maps' ingress does not wait for it. */
static int load_egress(struct flowd *flowd)
{
	_hushed_ hush = hook_hush();
	int fd = 0;

	if (flowd->config->egress == EGRESS_TC)
		fd = maps_tc_program(&flowd->maps, FLOW_EGRESS, false);
	if (fd < 0)
		log_err("TC program: %s (see: flowctl doctor)", hook_said(fd));
	return fd < 0 ? fd : 0;
}

/* For interfaces that come later, and what takes the place of XDP. */
static int prepare_late(struct flowd *flowd)
{
	_hushed_ hush = hook_hush();
	int err = maps_tc_prepare(&flowd->maps);

	if (err)
		log_err("TC programs: %s", hook_said(err));
	return err;
}

static int open_maps(struct flowd *flowd)
{
	struct maps_wish wish = {
		.instance = flowd->config->instance,
		.pin_dir = flowd->pin_dir,
		.slots = flowd->config->slots,
		.ring_bytes = flowd->config->ring_bytes,
		.sample_bytes = flowd->config->sample_ring_bytes,
		.netns_cookie = flowd->netns_cookie,
		.inner = flowd->config->tunnel_inner,
		.track = flowd->config->fragments_track,
		.late = true,
	};
	char error[MAPS_ERROR_MAX];
	int err;

	/* who asks to detach means it, though the namespace cannot be seen */
	if (orphan_pinned(flowd->pin_dir, flowd->netns_cookie, flowd->config->detach_only))
		wish.netns_cookie = 0;
	err = upgrade_look(flowd, wish.netns_cookie);
	if (err)
		return err;
	wish.pin_dir = flowd->map_dir;
	wish.shared = flowd->upgrade ? flowd->pin_dir : NULL;
	err = maps_open(&wish, &flowd->maps, error);
	if (err) {
		log_err("%s", error);
		return err;
	}
	err = upgrade_begin(flowd);
	if (!err && flowd->maps.taken_over && !flowd->config->detach_only)
		err = load_egress(flowd);
	if (err)
		return err;
	if (flowd->maps.taken_over && flowd->maps.control->sets * FLOW_WAYS != flowd->config->slots)
		log_warning("the maps taken over keep %u slots a CPU; detach first for %u",
			    flowd->maps.control->sets * FLOW_WAYS, flowd->config->slots);
	flowd->env = (struct hook_env){
		.pin_dir = flowd->pin_dir,
		.slots_id = flowd->maps.slots_id,
		.xdp_obj = flowd->maps.xdp->obj,
		.maps = &flowd->maps,
		.confine = flowd->config->detach_only ? CONFINE_NO : flowd->config->confine,
	};
	return 0;
}

/* Folders that are written to from now on, and no others. */
static int confine_start(struct flowd *flowd)
{
	const struct config *config = flowd->config;
	const int pins[] = {flowd->pin_fd, flowd->pin_base_fd, -1};
	char db[PATH_MAX], socket[sizeof(config->socket)];
	struct confine_folders folders = {.fds = pins, .mounts = flowd->pins.parent_fd};
	struct confine_state *state = &flowd->confined;
	int err;

	snprintf(socket, sizeof(socket), "%s", config->socket);
	folders.write[0] = realpath(config->db, db) ? dirname(db) : NULL;
	if (!folders.write[0])
		return -errno;
	folders.write[1] = dirname(socket);
	folders.write[2] = CONTROL_RUN_DIR;
	folders.write[3] = "/sys/fs/bpf";
	err = confine((enum confine_wish)config->confine, &folders, state);
	if (err)
		log_err("confine: %s", state->note);
	else if (state->note[0] && config->confine)
		log_warning("confine: %s", state->note);
	if (!err && state->landlock)
		log_info("confined: Landlock ABI %d, and a filter of system calls",
			 state->landlock);
	return err;
}

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

/* attach: and with the configuration's settings, which are refused now or never. */
static int open_samples(struct flowd *flowd, bool attach)
{
	char error[SAMPLE_ERROR_MAX];
	int err = samples_open(flowd, flowd->sample_committed, attach, &flowd->samples, error);

	if (err)
		log_err("%s", error);
	return err;
}

static int begin_samples(struct flowd *flowd)
{
	char error[SAMPLE_ERROR_MAX];
	int err = samples_begin(flowd->samples, error);

	if (err)
		log_err("%s", error);
	return err;
}

/* The lock in /run can be removed, and /run be another one: whose the pins are, they say themselves. */
static int lock_pins(struct flowd *flowd)
{
	flowd->pin_lock_fd = open(flowd->pin_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (flowd->pin_lock_fd >= 0 && !flock(flowd->pin_lock_fd, LOCK_EX | LOCK_NB))
		return 0;
	log_err("instance '%s': its pins: %s", flowd->config->instance,
		errno == EWOULDBLOCK ? "another flowd is running on them, whose lock in "
				       "/run/wireledger is gone: give another --instance"
				     : strerror(errno));
	return -EBUSY;
}

/* Everything before the hooks. */
static int prepare(struct flowd *flowd, bool create)
{
	char error[IFACE_ERROR_MAX] = "";
	int err;

	libbpf_set_print(quiet);
	flowd->instance_fd = lock_take(flowd->config->instance);
	err = flowd->instance_fd < 0 ? flowd->instance_fd : 0;
	err = err ? err : read_netns(flowd);
	FAULT_POINT("start-01-lock");
	if (!err && create) {
		err = iface_check(flowd->config, error);
		if (err)
			log_err("%s", error);
	}
	/* a start is refused for its database before, a detach for its maps: the other is not touched */
	if (create)
		err = err ? err : start_database(flowd);
	FAULT_POINT("start-02-database");
	err = err ? err : open_pins(flowd, create);
	err = err ? err : lock_pins(flowd);
	FAULT_POINT("start-03-folder");
	err = err ? err : open_maps(flowd);
	if (!create)
		err = err ? err : start_database(flowd);
	err = err ? err : start_sweep(flowd);
	if (!err) {
		err = iface_register(flowd, create, error);
		if (err)
			log_err("%s", error);
	}
	FAULT_POINT("start-12-interfaces");
	return err ? err : open_samples(flowd, create);
}

static void close_fd(int *fd)
{
	if (*fd > 0)
		close(*fd);
	*fd = -1;
}

/* Close what the process holds; hooks and pins stay. */
static void put_down(struct flowd *flowd)
{
	counter_thread_stop(flowd);
	control_free(flowd->control);
	if (flowd->writer)
		sink_writer_free(flowd->writer);
	else if (flowd->db)
		db_close(flowd->db, flowd->db_lock_fd);
	tracing_close(flowd);
	samples_free(flowd->samples);
	flowd->samples = NULL;
	upgrade_free(flowd);
	sweep_close(&flowd->sweep);
	maps_close(&flowd->maps);
	loop_close(&flowd->loop);
	pins_close(flowd);
	close_fd(&flowd->pin_fd);
	close_fd(&flowd->pin_base_fd);
	close_fd(&flowd->pin_lock_fd);
	lock_drop(flowd->config->instance, flowd->instance_fd);
	flowd->instance_fd = -1;
}

/* Undo a start that failed, down to what was there before. */
static void undo(struct flowd *flowd)
{
	if (flowd->maps.tc && !flowd->maps.taken_over) {
		bool left = iface_detach(flowd) != 0 && !iface_hooks_drop_links(flowd);

		tracing_detach(flowd);
		if (left)
			iface_say_left(flowd);
		else
			remove_pins(flowd);
		if (flowd->db && !flowd->writer)
			iface_rows_closed(flowd);
	} else if (flowd->pin_base_fd > 0) { /* no maps came of it: only an empty one goes */
		unlinkat(flowd->pin_base_fd, flowd->config->instance, AT_REMOVEDIR);
	}
	put_down(flowd);
	if (flowd->db_new) /* a start that failed leaves no database that was not there */
		db_remove(flowd->config->db);
}

/* Maps of this instance's name that nothing counts into any more: record what is in them, make room. */
static int clear_orphan(const struct config *config)
{
	static struct flowd other;
	bool orphan;
	int err;

	other.config = config;
	err = read_netns(&other);
	err = err ? err : open_pins(&other, false);
	if (err)
		return err == -ENOENT ? 0 : err;
	orphan = orphan_pinned(other.pin_dir, other.netns_cookie, false);
	pins_close(&other);
	close_fd(&other.pin_fd);
	close_fd(&other.pin_base_fd);
	if (!orphan)
		return 0;
	log_info(
		"instance '%s': the network namespace of its maps is gone: recording what they hold",
		config->instance);
	return start_detach_only(&other);
}

/*
 * What is in the maps already, and the books of interfaces that this database learns of now. Those
 * are exact where a pass finds no traffic, so it is tried a few times.
 */
static int first_sweep(struct flowd *flowd)
{
	for (int i = 0; i < FIRST_PASSES; i++) {
		sweep_visit(&flowd->sweep, true);
		if (!books_moving(&flowd->sweep))
			break;
	}
	FAULT_POINT("start-20-first");
	if (!books_open(&flowd->sweep))
		return 0;
	return iface_rows_open(flowd);
}

int start(struct flowd *flowd)
{
	char error[IFACE_ERROR_MAX] = "";
	uid_t uid;
	gid_t gid;
	int err = user_check();

	flowd->started = clock_mono();
	err = err ? err : user_find(flowd->config->user, &uid, &gid); /* now or never */
	/* a ring of evicted flows fills in a tenth of a second; not allowed to: as fast as can be */
	setpriority(PRIO_PROCESS, 0, SWEEP_NICE);
	err = err ? err : clear_orphan(flowd->config);
	err = err ? err : loop_open(&flowd->loop);
	err = err ? err : prepare(flowd, true);
	FAULT_POINT("start-13-samples");
	if (!err) {
		err = control_open(flowd, &flowd->control);
		if (err)
			log_err("socket '%s': %s", flowd->config->socket, strerror(-err));
	}
	if (!err) {
		err = iface_attach(flowd, error);
		if (err)
			log_err("%s", error);
		else
			tracing_open(flowd, true);
	}
	FAULT_POINT("start-18-events");
	err = err ? err : upgrade_drain(flowd);
	err = err ? err : begin_samples(flowd);
	FAULT_POINT("start-19-settings");
	err = err ? err : prepare_late(flowd);
	err = err ? err : user_become(flowd);
	err = err ? err : confine_start(flowd);
	if (!err)
		pins_begin(flowd);
	err = err ? err : start_claim(flowd);
	err = err ? err : first_sweep(flowd);
	FAULT_POINT("start-21-opened");
	err = err ? err : counter_thread_start(flowd);
	FAULT_POINT("start-22-counters");
	err = err ? err : start_sink(flowd);
	FAULT_POINT("start-23-sink");
	if (err)
		undo(flowd);
	malloc_trim(0); /* what libbpf took for the kernel's types is most of the heap */
	return err;
}

bool stop(struct flowd *flowd)
{
	bool keep = flowd->config->keep_attached && !flowd->detach, written, stopped, left = false;

	counter_thread_stop(flowd);
	FAULT_POINT("stop-01-begun");
	pins_look(flowd);
	keep &= !flowd->pins.note[0]; /* nothing outlasts this process without a pin */
	if (!keep) {
		left = iface_detach(flowd) != 0;
		tracing_detach(flowd);
		if (left)
			iface_say_left(flowd);
	}
	keep |= left; /* what still counts into the maps is the next one's */
	FAULT_POINT("stop-02-detached");
	written = run_finish(flowd);
	FAULT_POINT("stop-07-finished");
	stopped = sink_writer_stop(flowd->writer, 1000);
	FAULT_POINT("stop-08-writer");
	flowd->db = sink_sqlite_db(sink_writer_sink(flowd->writer));
	if (stopped && flowd->db && !keep)
		iface_rows_closed(flowd);
	FAULT_POINT("stop-09-rows");
	flowd->unwritten = !written;
	if (!written)
		log_err("not every flow could be written: the maps are left for the next flowd");
	if (!keep && written)
		remove_pins(flowd);
	FAULT_POINT("stop-13-pins");
	put_down(flowd);
	FAULT_POINT("stop-16-down");
	return written && !left;
}

int start_detach_only(struct flowd *flowd)
{
	int err = user_check();

	err = err ? err : loop_open(&flowd->loop);
	err = err ? err : prepare(flowd, false);
	if (!err)
		tracing_open(flowd, false);
	if (!err && flowd->upgrade)
		err = iface_detach(flowd);
	if (flowd->left[0])
		iface_say_left(flowd);
	err = err ? err : upgrade_drain(flowd);
	err = err ? err : start_claim(flowd);
	err = err ? err : first_sweep(flowd);
	err = err ? err : start_sink(flowd);
	if (err == -ENOENT && !flowd->pin_dir[0]) {
		log_info("instance '%s': nothing is pinned", flowd->config->instance);
		put_down(flowd);
		return 0;
	}
	if (err) {
		put_down(flowd);
		return err;
	}
	flowd->detach = true;
	(void)control_remove(
		flowd->config->socket); /* the dead one's; whoever lives would hold the lock */
	return stop(flowd) ? 0 : -EIO;
}
