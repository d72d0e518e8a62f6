/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* keyfile.h: a secret in a file that nobody else may read. */
#pragma once

#include "cli/anonymize.h"

struct keyfile_error {
	char text[512]; /* "anonymize key 'FILE': what is wrong" */
};

/*
 * 32 bytes as they are, or 64 hexadecimal digits and a newline, in a plain file of the caller's or of
 * root's that has no rights for others (mode 0600, or less). 0, or -errno with ret_error: -EPERM for the
 * mode, -EACCES for the owner or where it cannot be opened, -EINVAL for what it holds. After the key's
 * use, explicit_bzero() it.
 */
int keyfile_read(const char *path, uint8_t ret_key[ANONYMIZE_KEY_SIZE],
		 struct keyfile_error *ret_error);
