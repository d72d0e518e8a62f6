/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* pin_keep.c: see pin_keep.h. */
#include "flowd/pin_keep.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOM_STEP 64

static struct {
	struct pin_kept *pin;
	size_t count, room;
	int limit;
	bool begun;
	bool missed; /* something is not kept that should be */
} kept;

static struct pin_kept *find(const char *name)
{
	for (size_t i = 0; i < kept.count; i++) {
		if (!strcmp(kept.pin[i].name, name))
			return &kept.pin[i];
	}
	return NULL;
}

static struct pin_kept *make_room(void)
{
	struct pin_kept *more;

	if (kept.count < kept.room)
		return &kept.pin[kept.count];
	more = realloc(kept.pin, (kept.room + ROOM_STEP) * sizeof(*more));
	if (!more)
		return NULL;
	kept.pin = more;
	kept.room += ROOM_STEP;
	return &kept.pin[kept.count];
}

/* It is not in the table yet. */
static void take(const char *pin_dir, const char *name)
{
	struct pin_kept *pin = make_room();
	char path[512];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", pin_dir, name);
	if (!pin || lstat(path, &st)) {
		kept.missed |= !pin || errno != ENOENT;
		return;
	}
	*pin = (struct pin_kept){.fd = -1, .mode = st.st_mode, .uid = st.st_uid, .gid = st.st_gid};
	snprintf(pin->name, sizeof(pin->name), "%s", name);
	if (!S_ISDIR(st.st_mode)) {
		pin->fd = bpf_obj_get(path);
		if (pin->fd >= kept.limit)
			close(pin->fd);
		if (pin->fd < 0 || pin->fd >= kept.limit) {
			kept.missed = true;
			return;
		}
	}
	kept.count++;
}

/* What is beside a pin until it takes its place, and folders of maps that are being made, are not for long. */
static bool is_passing(const char *name)
{
	size_t len = strlen(name);

	return *name == '.' || !strcmp(name, "next") ||
	       (len > 4 && !strcmp(name + len - 4, "-new")) || len >= PIN_NAME_MAX;
}

bool pin_keep_rest(const char *pin_dir)
{
	const struct dirent *entry;
	DIR *dir;

	if (!kept.begun || !kept.missed)
		return true;
	dir = opendir(pin_dir);
	if (!dir)
		return false;
	kept.missed = false;
	while ((entry = readdir(dir))) {
		if (!is_passing(entry->d_name) && !find(entry->d_name))
			take(pin_dir, entry->d_name);
	}
	closedir(dir);
	return !kept.missed;
}

bool pin_keep_begin(const char *pin_dir, int limit)
{
	kept.begun = kept.missed = true;
	kept.limit = limit;
	return pin_keep_rest(pin_dir);
}

void pin_keep_take(const char *pin_dir, const char *name)
{
	if (!kept.begun)
		return;
	pin_keep_forget(name);
	take(pin_dir, name);
}

void pin_keep_forget(const char *name)
{
	struct pin_kept *pin = find(name);

	if (!pin)
		return;
	if (pin->fd >= 0)
		close(pin->fd);
	*pin = kept.pin[--kept.count];
}

int pin_keep_open(const char *name)
{
	const struct pin_kept *pin = find(name);
	int fd;

	if (!pin || pin->fd < 0)
		return -ENOENT;
	fd = fcntl(pin->fd, F_DUPFD_CLOEXEC, 0);
	return fd < 0 ? -errno : fd;
}

size_t pin_keep_count(void)
{
	return kept.count;
}

struct pin_kept *pin_keep_at(size_t i)
{
	return &kept.pin[i];
}

void pin_keep_end(void)
{
	for (size_t i = 0; i < kept.count; i++) {
		if (kept.pin[i].fd >= 0)
			close(kept.pin[i].fd);
	}
	free(kept.pin);
	memset(&kept, 0, sizeof(kept));
}
