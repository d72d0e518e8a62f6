/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * conf.h: the configuration file of flowd(8), line by line: for flowd, which knows each key, and
 * flowctl, which honours two of them.
 *
 *   [flowd]             of all
 *   [interface eth0]    of one interface, in place of what [flowd] says of all
 */
#pragma once

#include <stdbool.h>

#define CONF_DIR "/etc/wireledger"
#define CONF_PATH_DEFAULT CONF_DIR "/flowd.conf"
#define CONF_ANONYMIZE_KEY CONF_DIR "/anonymize.key"
#define CONF_ERROR_MAX 128
#define CONF_IFACE_MAX 16 /* IFNAMSIZ */

struct conf_reader {
	/* A key of section [flowd], or of [interface `iface`]. 0, or -EINVAL with what is wrong with it. */
	int (*set)(void *user, const char *iface, const char *name, const char *value,
		   char ret_error[CONF_ERROR_MAX]);
	/* Of each error: "FILE:LINE: what is wrong". */
	void (*complain)(const char *text);
	void *user;
};

/*
 * 0, or -EINVAL after all errors were told; -ENOMEM, -EMFILE, -ENFILE or -EIO: the host has not let it be read, which
 * was told, too. A file that is not there has no keys, and is an error where it is required.
 */
int conf_read(const char *path, bool required, const struct conf_reader *reader);
