/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* pins.c: see pins.h. */
#include "flowd/pins.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "flowd/fault.h"
#include "flowd/flowd.h"
#include "flowd/hook_own.h"
#include "flowd/log.h"
#include "flowd/pin_keep.h"
#include "flowd/text_json.h"
#include "schema/bpffs.h"

#define BASE "wireledger"
#define MODES 01770	    /* that flowd may give (confine_calls.c) */
#define DESCRIPTORS 4096    /* 4 pins of each of FLOW_IFACES interfaces, and what there is beside */
#define DESCRIPTORS_LEFT 64 /* to all else */
#define SETTLED_S 2	    /* times of files are not finer than a tick, and clocks are set */

/* --- where they are to be -------------------------------------------------------------------------- */

static int open_bpffs(const struct flowd *flowd)
{
	int fd = openat(flowd->pins.parent_fd, "bpf", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* The file system that our folder is in: what it has is at hand by the descriptors that we have of it. */
static bool is_ours(const struct flowd *flowd, int bpf)
{
	struct stat there, held;

	return !fstat(bpf, &there) && !fstat(flowd->pin_base_fd, &held) &&
	       there.st_dev == held.st_dev;
}

/* Is that what a start would find? It may go where we may not: systemd mounts bpffs for root alone. */
static bool is_reached(const struct flowd *flowd)
{
	char path[sizeof(flowd->config->instance) + 32];
	_fd_ bpf = open_bpffs(flowd);
	struct stat there, held;
	int err;

	snprintf(path, sizeof(path), BASE "/%s", flowd->config->instance);
	if (bpf < 0 || fstat(flowd->pin_fd, &held))
		return false;
	err = fstatat(bpf, path, &there, AT_SYMLINK_NOFOLLOW) ? -errno : 0;
	if (err == -EACCES && is_ours(flowd, bpf))
		err = fstatat(flowd->pin_base_fd, flowd->config->instance, &there,
			      AT_SYMLINK_NOFOLLOW)
			      ? -errno
			      : 0;
	return !err && is_same(&there, &held);
}

/* Nothing was added or removed since the last look. */
static bool is_unchanged(struct flowd *flowd)
{
	struct pins *pins = &flowd->pins;
	struct timespec now;
	struct stat st;
	bool same;

	if (fstat(flowd->pin_fd, &st) || clock_gettime(CLOCK_REALTIME, &now))
		return false;
	same = pins->settled && st.st_ctim.tv_sec == pins->seen.tv_sec &&
	       st.st_ctim.tv_nsec == pins->seen.tv_nsec;
	pins->seen = st.st_ctim;
	pins->settled = now.tv_sec > st.st_ctim.tv_sec + SETTLED_S;
	return same;
}

/* That folder, made if need be, and then like the one before. A descriptor or -errno. */
static int enter(int at, const char *name, int like)
{
	bool made = !mkdirat(at, name, 0700);
	struct stat st, old;
	int fd, err;

	if (!made && errno != EEXIST)
		return -errno;
	fd = openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = fstat(fd, &st) ? -errno : 0;
	/* whoever owns the folder could put others' maps in the place of ours */
	if (!err && st.st_uid && st.st_uid != geteuid())
		err = -EPERM;
	if (!err && made && !fstat(like, &old)) {
		(void)!fchownat(at, name, old.st_uid, old.st_gid, AT_SYMLINK_NOFOLLOW);
		(void)!fchmodat(at, name, old.st_mode & MODES, 0);
	}
	if (!err)
		return fd;
	close(fd);
	return err;
}

static uint32_t map_id(int fd)
{
	struct bpf_map_info info = {0};
	__u32 len = sizeof(info);

	return fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) ? 0 : info.id;
}

/* 1: other maps are pinned there, of an earlier flowd; 0: none; or -errno. */
static int is_taken(int dir)
{
	_fd_ ours = pin_keep_open("control");
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d/control", dir);
	_fd_ theirs = bpf_obj_get(path);
	if (theirs < 0)
		return errno == ENOENT ? 0 : -errno;
	return map_id(theirs) != map_id(ours);
}

/* --- pins ------------------------------------------------------------------------------------------ */

static int put_pin(int dir, const struct pin_kept *pin)
{
	char path[PIN_NAME_MAX + 32];
	struct stat st;
	int err;

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dir, pin->name);
	if (pin->fd < 0) {
		err = mkdirat(dir, pin->name, pin->mode & 07777) && errno != EEXIST ? -errno : 0;
	} else {
		unlinkat(dir, pin->name, 0); /* of a try that failed half way */
		err = bpf_obj_pin(pin->fd, path) ? -errno : 0;
	}
	if (err || fstatat(dir, pin->name, &st, AT_SYMLINK_NOFOLLOW))
		return err;
	if (st.st_uid != pin->uid || st.st_gid != pin->gid)
		(void)!fchownat(dir, pin->name, pin->uid, pin->gid, AT_SYMLINK_NOFOLLOW);
	if (st.st_mode != pin->mode)
		(void)!fchmodat(dir, pin->name, pin->mode & MODES, 0);
	return 0;
}

/* Control cells say that the maps are there: they come after these, that of flows at the end. */
static int turn_of(const char *name)
{
	return !strcmp(name, "control") ? 2 : !strcmp(name, "event_control");
}

/* What is missing there, or `all`. How many, or -errno. */
static int put_pins(int dir, bool all)
{
	int count = 0;

	for (int turn = 0; turn < 3; turn++) {
		for (size_t i = 0; i < pin_keep_count(); i++) {
			struct pin_kept *pin = pin_keep_at(i);
			struct stat st;
			int err;

			if (turn_of(pin->name) != turn)
				continue;
			if (!all && !fstatat(dir, pin->name, &st, AT_SYMLINK_NOFOLLOW)) {
				pin->mode = st.st_mode;
				pin->uid = st.st_uid;
				pin->gid = st.st_gid;
				continue;
			}
			err = put_pin(dir, pin);
			if (err)
				return err;
			count++;
			FAULT_POINT("pins-1-again");
		}
	}
	return count;
}

static void remove_pins(int base, const char *instance, int dir)
{
	for (size_t i = pin_keep_count(); i-- > 0;) {
		const struct pin_kept *pin = pin_keep_at(i);

		unlinkat(dir, pin->name, pin->fd < 0 ? AT_REMOVEDIR : 0);
	}
	unlinkat(base, instance, AT_REMOVEDIR);
}

/* --- another folder -------------------------------------------------------------------------------- */

/* The pins are in that folder from now on; wherever they still are besides, they would only hold what is to go. */
static int settle_in(struct flowd *flowd, int base, int dir)
{
	remove_pins(flowd->pin_base_fd, flowd->config->instance, flowd->pin_fd);
	if (dup3(base, flowd->pin_base_fd, O_CLOEXEC) < 0 ||
	    dup3(dir, flowd->pin_fd, O_CLOEXEC) < 0)
		return -errno;
	return 0;
}

static int enter_base(const struct flowd *flowd, int bpf)
{
	int fd = enter(bpf, BASE, flowd->pin_base_fd);

	if (fd != -EACCES || !is_ours(flowd, bpf))
		return fd;
	fd = fcntl(flowd->pin_base_fd, F_DUPFD_CLOEXEC, 0);
	return fd < 0 ? -errno : fd;
}

/* Where a start would look is another folder than ours, or none. How many were pinned there, or -errno. */
static int move(struct flowd *flowd, const char **ret_why)
{
	const char *instance = flowd->config->instance;
	struct stat there, held;
	struct statfs fs;
	int count, err;

	_fd_ bpf = open_bpffs(flowd);
	if (bpf < 0)
		return bpf;
	if (fstatfs(bpf, &fs) || (unsigned long)fs.f_type != BPF_FS_MAGIC) {
		*ret_why = "no bpf file system is mounted there";
		return -ENODEV;
	}
	_fd_ base = enter_base(flowd, bpf);
	if (base < 0)
		return base;
	_fd_ dir = enter(base, instance, flowd->pin_fd);
	if (dir < 0)
		return dir;
	/* it is ours, and was not to be told so a moment ago */
	if (!fstat(dir, &there) && !fstat(flowd->pin_fd, &held) && is_same(&there, &held))
		return put_pins(flowd->pin_fd, false);
	err = is_taken(dir);
	if (err < 0)
		return err;
	if (err) {
		*ret_why = "maps of another flowd are pinned there";
		return -EEXIST;
	}
	count = put_pins(dir, true);
	if (count < 0) {
		remove_pins(base, instance, dir);
		return count;
	}
	err = settle_in(flowd, base, dir);
	return err ? err : count;
}

/* --- looks ----------------------------------------------------------------------------------------- */

static void say_again(struct flowd *flowd, int count)
{
	flowd->pins.again += (uint64_t)count;
	flowd->pins.note[0] = '\0';
	flowd->pins.settled = false;
	if (!count)
		return;
	/* what came to be counted meanwhile found nowhere to pin its hooks */
	flowd->links_lost = true;
	log_warning("pins under " BPFFS_PATH "/" BASE "/%s were gone: pinned again, %d of %zu",
		    flowd->config->instance, count, pin_keep_count());
}

static void say_gone(struct flowd *flowd, int err, const char *why)
{
	char note[PINS_NOTE_MAX];

	snprintf(
		note, sizeof(note),
		"pins under " BPFFS_PATH "/" BASE
		"/%s are gone and cannot be pinned again: %.100s: if flowd is "
		"killed, what was counted since the last commit is lost, and nothing counts until the next "
		"start; end it by SIGTERM and start it again",
		flowd->config->instance, why ? why : strerror(-err));
	if (strcmp(note, flowd->pins.note) != 0)
		log_warning("%s", note);
	memcpy(flowd->pins.note, note, sizeof(note));
	flowd->pins.settled = false;
}

void pins_look(struct flowd *flowd)
{
	const char *why = NULL;
	bool reached;
	int count;

	if (flowd->pins.parent_fd < 0 || !pin_keep_count())
		return;
	reached = is_reached(flowd);
	if (reached)
		(void)pin_keep_rest(flowd->pin_dir);
	if (reached && is_unchanged(flowd))
		return;
	count = reached ? put_pins(flowd->pin_fd, false) : move(flowd, &why);
	if (count < 0)
		say_gone(flowd, count, why);
	else
		say_again(flowd, count);
}

/* --- beginning and end ----------------------------------------------------------------------------- */

void pins_open(struct flowd *flowd)
{
	flowd->pins.parent_fd = hook_bpffs_parent();
	if (flowd->pins.parent_fd < 0 || is_reached(flowd))
		return;
	close(flowd->pins.parent_fd);
	flowd->pins.parent_fd = -1;
}

void pins_begin(struct flowd *flowd)
{
	struct rlimit limit = {.rlim_cur = DESCRIPTORS};

	if (!getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur < DESCRIPTORS) {
		limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
		(void)getrlimit(RLIMIT_NOFILE, &limit);
	}
	if (limit.rlim_cur > INT_MAX)
		limit.rlim_cur = INT_MAX;
	if (!pin_keep_begin(flowd->pin_dir, (int)limit.rlim_cur - DESCRIPTORS_LEFT))
		log_warning(
			"not every pin is held besides, as with at most %ju descriptors: who removes one of "
			"the others ends what is pinned",
			(uintmax_t)limit.rlim_cur);
}

void pins_close(struct flowd *flowd)
{
	pin_keep_end();
	if (flowd->pins.parent_fd > 0)
		close(flowd->pins.parent_fd);
	flowd->pins.parent_fd = -1;
}

void *pins_status(const struct flowd *flowd)
{
	return json_pack("{s:o, s:I}", "note", text_json(flowd->pins.note), "again",
			 (json_int_t)flowd->pins.again);
}
