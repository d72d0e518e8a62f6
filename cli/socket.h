/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* socket.h: where the flowd that is meant listens, for verbs that ask it and no database. */
#pragma once

#include <limits.h>

struct args;

struct socket {
	char path[PATH_MAX];
	char instance[128]; /* empty: not known, as of a socket that is not the database's */
	char of_db[128];    /* whose the database is, empty: nobody's, or there is none */
};

/*
 * From the arguments, or the database; that need not be there where it was not asked for. A flowd that listens at the
 * database's socket, and writes to another one, is not meant. 0, or the exit code after the error was said.
 */
int socket_find(const struct args *args, struct socket *ret_socket);
