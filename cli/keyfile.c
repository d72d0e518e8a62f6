/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* keyfile.c: see keyfile.h. What is checked is the file that was opened, not its name. */
#include "cli/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/read_all.h"
#include "schema/hex.h"

#define HEX_SIZE (2 * ANONYMIZE_KEY_SIZE + 1) /* with its newline */

__attribute__((format(printf, 4, 5))) static int fail(int err, const char *path,
						      struct keyfile_error *error,
						      const char *format, ...)
{
	int len = snprintf(error->text, sizeof(error->text), "anonymize key '%.256s': ", path);
	va_list args;

	va_start(args, format);
	vsnprintf(error->text + len, sizeof(error->text) - (size_t)len, format, args);
	va_end(args);
	return err;
}

static int check_rights(const struct stat *st, const char *path, struct keyfile_error *error)
{
	if (!S_ISREG(st->st_mode))
		return fail(-EINVAL, path, error, "not a plain file");
	if (st->st_mode & 077)
		return fail(-EPERM, path, error,
			    "mode %04o: others may read it; only 0600 or stricter is taken",
			    (unsigned int)st->st_mode & 07777);
	if (st->st_uid && st->st_uid != geteuid())
		return fail(-EACCES, path, error,
			    "belongs to user %u, neither to the caller (%u) nor to root",
			    (unsigned int)st->st_uid, (unsigned int)geteuid());
	return 0;
}

static bool decode_hex(const uint8_t *text, uint8_t *ret_key)
{
	for (size_t i = 0; i < ANONYMIZE_KEY_SIZE; i++) {
		int high = hex_digit((char)text[2 * i]), low = hex_digit((char)text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		ret_key[i] = (uint8_t)(high << 4 | low);
	}
	return text[HEX_SIZE - 1] == '\n';
}

static int read_key(int fd, const char *path, uint8_t *ret_key, struct keyfile_error *error)
{
	uint8_t text[HEX_SIZE + 1], key[ANONYMIZE_KEY_SIZE];
	ssize_t size = read_all(fd, text, sizeof(text));
	bool is_key = size == ANONYMIZE_KEY_SIZE;

	if (is_key)
		memcpy(key, text, sizeof(key));
	else if (size == HEX_SIZE)
		is_key = decode_hex(text, key);
	if (is_key)
		memcpy(ret_key, key, sizeof(key));
	explicit_bzero(text, sizeof(text));
	explicit_bzero(key, sizeof(key));
	if (is_key)
		return 0;
	if (size < 0)
		return fail((int)size, path, error, "%s", strerror((int)-size));
	return fail(
		-EINVAL, path, error,
		"%s%zd bytes that are not a key: 32 bytes as they are, or 64 hexadecimal digits "
		"and a newline",
		size > HEX_SIZE ? "more than " : "", size > HEX_SIZE ? size - 1 : size);
}

int keyfile_read(const char *path, uint8_t ret_key[ANONYMIZE_KEY_SIZE],
		 struct keyfile_error *ret_error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), err;
	struct stat st;

	if (fd < 0) {
		err = -errno;
		return fail(err, path, ret_error, "%s", strerror(-err));
	}
	err = fstat(fd, &st) ? fail(-errno, path, ret_error, "%s", strerror(errno))
			     : check_rights(&st, path, ret_error);
	if (!err)
		err = read_key(fd, path, ret_key, ret_error);
	close(fd);
	return err;
}
