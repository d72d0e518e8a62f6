/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * control_debug.c: what flowd is not to be able to do, tried for whoever wants to see it refused: root, and only with
 * `debug = yes`. Nothing comes of it where it is not refused either: what is opened is closed, a mode is put back, the
 * program that is to be run does not exist, and so on. "allowed\n" or "refused TEXT\n".
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "flowd/config.h"
#include "flowd/control_client.h"
#include "flowd/flowd.h"
#include "schema/control.h"

static long try_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd >= 0)
		close(fd);
	return fd;
}

static long try_write(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return fd;
	close(fd);
	unlink(path);
	return fd;
}

/* The bit that means nothing on a file that its group cannot run. */
static long try_chmod(const char *path)
{
	struct stat st;
	mode_t mode;

	if (stat(path, &st))
		return -1;
	mode = st.st_mode & 07777;
	if (chmod(path, mode | S_ISGID))
		return -1;
	(void)chmod(path, mode);
	return 0;
}

static long try_connect(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), err;

	if (fd < 0)
		return fd;
	memcpy(address.sun_path, path, strnlen(path, sizeof(address.sun_path) - 1));
	err = connect(fd, (const struct sockaddr *)&address, sizeof(address));
	close(fd);
	return err;
}

/* Signal 0, which is none, in each way that there is. */
static long try_signal(const char *number)
{
	pid_t pid = (pid_t)strtol(number, NULL, 10);
	siginfo_t info = {.si_code = SI_QUEUE};

	if (!syscall(SYS_rt_sigqueueinfo, pid, 0, &info) ||
	    !syscall(SYS_rt_tgsigqueueinfo, pid, pid, 0, &info) || !kill(pid, 0))
		return 0;
	return syscall(SYS_tgkill, pid, pid, 0);
}

/* A call that gets as far as to look at its arguments, and finds them wrong, was not refused. */
static long past(long result, int wrong)
{
	return result < 0 && errno == wrong ? 0 : result;
}

static long try_exec(const char *path)
{
	static char *const none[] = {NULL};

	(void)path;
	return past(syscall(SYS_execve, "/nonexistent/program", none, none), ENOENT);
}

static long try_packet_socket(const char *path)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	(void)path;
	if (fd >= 0)
		close(fd);
	return fd;
}

static long try_ptrace(const char *path)
{
	(void)path;
	return past(ptrace(PTRACE_ATTACH, 0x7ffffff0, NULL, NULL), ESRCH);
}

static long try_mount(const char *path)
{
	(void)path;
	return past(syscall(SYS_umount2, "/nonexistent/folder", 0), ENOENT);
}

/* A child, which ends at once. */
static long try_fork(const char *path)
{
	long pid = syscall(SYS_clone, 0, NULL, NULL, NULL, NULL); /* without a signal at its end */

	(void)path;
	if (!pid)
		_exit(0);
	return pid;
}

static const struct {
	const char *word;
	bool path; /* or a number: follows */
	long (*attempt)(const char *path);
} attempts[] = {
	{"try-open", true, try_open},
	{"try-write", true, try_write},
	{"try-chmod", true, try_chmod},
	{"try-connect", true, try_connect},
	{"try-signal", true, try_signal},
	{"exec", false, try_exec},
	{"packet-socket", false, try_packet_socket},
	{"ptrace", false, try_ptrace},
	{"mount", false, try_mount},
	{"fork", false, try_fork},
};

void control_debug(struct client *client)
{
	char *word = client->request + strlen("debug "), *path = strchr(word, ' '), text[128];

	if (!client->control->flowd->config->debug || client->peer.uid) {
		answer_text(client, "error debug: for root, and with 'debug = yes' alone\n");
		return;
	}
	if (path)
		*path++ = 0;
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		if (strcmp(word, attempts[i].word) != 0 || attempts[i].path != (path != NULL))
			continue;
		errno = 0;
		if (attempts[i].attempt(path) >= 0)
			snprintf(text, sizeof(text), "allowed\n");
		else
			snprintf(text, sizeof(text), "refused %s\n", strerror(errno));
		answer_text(client, text);
		return;
	}
	answer_text(client, "error debug: " CONTROL_DEBUG_WORDS "\n");
}
