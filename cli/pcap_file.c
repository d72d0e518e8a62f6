/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* pcap_file.c: see pcap_file.h. */
#include "cli/pcap_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER_BYTES (512 << 10) /* more than two packets, and what is pending before the second */
#define PENDING_BYTES (256 << 10)
#define MODE 0600 /* packets are for who asked for them */

static int open_fd(struct pcap_file *file, int fd)
{
	int err;

	if (isatty(fd)) {
		close(fd);
		return -ENOTTY;
	}
	file->file = fdopen(fd, "w");
	if (!file->file) {
		err = -errno;
		close(fd);
		return err;
	}
	file->buffer = malloc(BUFFER_BYTES);
	if (!file->buffer)
		return -ENOMEM;
	setvbuf(file->file, file->buffer, _IOFBF, BUFFER_BYTES);
	return 0;
}

static int open_stdout(struct pcap_file *file)
{
	int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);

	return fd < 0 ? -errno : open_fd(file, fd);
}

static int open_as_it_is(struct pcap_file *file, const char *path, int flags)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | flags, MODE);

	return fd < 0 ? -errno : open_fd(file, fd);
}

/* `mode`: what it gets for its own. */
static int open_part(struct pcap_file *file, mode_t mode)
{
	int fd;

	if (asprintf(&file->part, "%s.part-XXXXXX", file->name) < 0) {
		file->part = NULL;
		return -ENOMEM;
	}
	fd = mkostemp(file->part, O_CLOEXEC);
	if (fd < 0) {
		int err = -errno;

		free(file->part);
		file->part = NULL;
		return err;
	}
	if (fchmod(fd, mode)) {
		int err = -errno;

		close(fd);
		return err;
	}
	return open_fd(file, fd);
}

int pcap_file_open(const char *path, bool follow, struct pcap_file *ret_file)
{
	struct pcap_file *file = ret_file;
	struct stat st = {.st_mode = 0};
	bool there, regular;

	memset(file, 0, sizeof(*file));
	if (!path || !strcmp(path, "-")) {
		file->path = strdup("standard output");
		return file->path ? open_stdout(file) : -ENOMEM;
	}
	file->path = strdup(path);
	there = !stat(path, &st);
	regular = there && S_ISREG(st.st_mode);
	/* a link stays one; what /dev/stdout leads to, a pipe, has no path */
	file->name = regular ? realpath(path, NULL) : strdup(path);
	if (!file->path || !file->name)
		return errno ? -errno : -ENOMEM;
	if (there && S_ISDIR(st.st_mode))
		return -EISDIR;
	if (there && !regular)
		return open_as_it_is(file, path, 0);
	if (there && access(path, W_OK))
		return -errno;
	if (!follow)
		return open_part(file, there ? st.st_mode & 0777 : MODE);
	file->cut = true;
	return open_as_it_is(file, path, O_CREAT | O_TRUNC);
}

int pcap_file_flush(struct pcap_file *file)
{
	if (fflush(file->file))
		return -errno;
	if (file->cut)
		file->whole = ftello(file->file);
	return 0;
}

int pcap_file_mark(struct pcap_file *file)
{
	if (!file->cut || ftello(file->file) - file->whole < PENDING_BYTES)
		return 0;
	return pcap_file_flush(file);
}

int pcap_file_finish(struct pcap_file *file)
{
	int err = pcap_file_flush(file);

	if (err)
		return err;
	file->cut = false;
	err = fclose(file->file) ? -errno : 0;
	file->file = NULL;
	if (!err && file->part && rename(file->part, file->name))
		err = -errno;
	if (err)
		return err;
	free(file->part);
	file->part = NULL;
	return 0;
}

/* Nothing may be left in the buffer that would get out later. */
static void cut_off(struct pcap_file *file, int fd)
{
	if (fd < 0 || ftruncate(fd, file->whole) || !file->whole)
		unlink(file->name);
	if (fd >= 0)
		close(fd);
}

void pcap_file_close(struct pcap_file *file)
{
	bool cut = file->cut && file->file;
	int fd = cut ? fcntl(fileno(file->file), F_DUPFD_CLOEXEC, 3) : -1;

	if (file->file)
		fclose(file->file);
	if (cut)
		cut_off(file, fd);
	if (file->part)
		unlink(file->part);
	free(file->buffer);
	free(file->part);
	free(file->path);
	free(file->name);
	memset(file, 0, sizeof(*file));
}
