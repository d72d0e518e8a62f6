/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* args_option.h: a row of a table of options, and what its set() may be. */
#pragma once

struct args;

struct args_option {
	const char *name;
	char letter;	   /* 0: none */
	const char *value; /* of the argument in usage, NULL: takes none */
	const char *help;
	/* 0, or the exit code after an error was said. */
	int (*set)(struct args *args, const char *value);
};

/* The set() of an option without an argument: set_MEMBER, which makes that member true. */
#define ARGS_FLAG(member) ARGS_FLAG_OF(member, member)

/* The same, of a member with dots in its name: set_NAME. */
#define ARGS_FLAG_OF(member, name)                                  \
	static int set_##name(struct args *args, const char *value) \
	{                                                           \
		(void)value;                                        \
		args->member = true;                                \
		return 0;                                           \
	}

/* For the set() of other tables. */
int args_set_limit(struct args *args, const char *value);
int args_add_iface(struct args *args, const char *value);
int args_add_host(struct args *args, const char *value);
