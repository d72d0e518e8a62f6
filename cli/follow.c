/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* follow.c: see follow.h. SQLite's data_version changes with each commit of another connection. */
#include "cli/follow.h"

#include <errno.h>
#include <poll.h>
#include <sqlite3.h>
#include <string.h>
#include <time.h>

#define NS_PER_S 1000000000LL

static int64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static int64_t ahead(int64_t now_ns)
{
	return now_ns - clock_ns(CLOCK_MONOTONIC);
}

static int read_version(struct follow *follow, int64_t *ret_version)
{
	int rc = sqlite3_step(follow->version);

	*ret_version = sqlite3_column_int64(follow->version, 0);
	sqlite3_reset(follow->version);
	return rc == SQLITE_ROW ? 0 : -EIO;
}

int follow_open(struct sqlite3 *db, struct follow *ret_follow)
{
	memset(ret_follow, 0, sizeof(*ret_follow));
	ret_follow->ahead_ns = ahead(clock_ns(CLOCK_REALTIME));
	if (sqlite3_prepare_v2(db, "PRAGMA data_version", -1, &ret_follow->version, NULL))
		return -EIO;
	return read_version(ret_follow, &ret_follow->seen);
}

void follow_close(struct follow *follow)
{
	sqlite3_finalize(follow->version);
	follow->version = NULL;
}

/* A pipe without a reader says so at once; nothing else says anything. */
static int pause_at(int fd)
{
	struct pollfd at = {.fd = fd};

	if (poll(&at, 1, FOLLOW_POLL_MS) < 0)
		return errno == EINTR ? 0 : -errno;
	return at.revents & (POLLERR | POLLNVAL) ? -EPIPE : 0;
}

int follow_wait(struct follow *follow, int fd, const volatile sig_atomic_t *stop, int64_t late_ns,
		int64_t *ret_now_ns)
{
	while (!*stop) {
		int err = pause_at(fd);
		int64_t version, ahead_ns;

		*ret_now_ns = clock_ns(CLOCK_REALTIME);
		ahead_ns = ahead(*ret_now_ns);
		if (!err && ahead_ns < follow->ahead_ns - late_ns) {
			follow->ahead_ns = ahead_ns;
			err = -ETIME;
		}
		err = err ? err : read_version(follow, &version);
		if (err)
			return err;
		if (ahead_ns > follow->ahead_ns)
			follow->ahead_ns = ahead_ns;
		if (version != follow->seen) {
			follow->seen = version;
			return 1;
		}
	}
	return 0;
}
