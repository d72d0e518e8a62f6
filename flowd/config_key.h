/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * config_key.h: the keys of the configuration, each named once, and how a value becomes a member of
 * struct config and back. Pure: no file, no output, no environment.
 *
 *   key in the file    idle = 15s
 *   flag               --idle 15s, with '-' for each '_' and '.' of the key
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "schema/conf.h"

struct config;

#define CONFIG_VALUE_MAX 256 /* as text, its end included */
#define CONFIG_ERROR_MAX CONF_ERROR_MAX
#define CONFIG_PATH_MAX 190 /* a file's line is 199 bytes at most, in libinih */

enum config_kind {
	CONFIG_INTERFACE, /* names, comma separated; adds to the list */
	CONFIG_INSTANCE,
	CONFIG_PATH,
	CONFIG_DURATION, /* uint64_t, ns; or one of `choice`, where there is one */
	CONFIG_SIZE,	 /* uint64_t, bytes, a power of two */
	CONFIG_BYTES,	 /* uint64_t, any number of them; likewise */
	CONFIG_COUNT,	 /* uint32_t, a power of two */
	CONFIG_NUMBER,	 /* uint32_t, any */
	CONFIG_RATE,	 /* uint32_t, see schema/sample_text.h */
	CONFIG_TRIGGERS, /* uint32_t, likewise */
	CONFIG_FILTER,	 /* text; "none" is the empty one */
	CONFIG_CHOICE,	 /* uint32_t or bool, one of `choice` */
};

struct config_choice {
	const char *name; /* NULL ends the list */
	uint64_t value;
};

struct config_key {
	const char *name;
	const char *initial; /* the default, as text; NULL: none, or derived */
	const char *arg;     /* in the usage text */
	const char *help;
	const struct config_choice *choice;
	uint64_t min; /* of numbers: ns, bytes, count */
	uint64_t max; /* paths: bytes, without the end */
	size_t offset;
	size_t size;
	enum config_kind kind;
	char letter; /* short flag, 0: none */
};

/* Ends with a NULL name. */
extern const struct config_key config_keys[];

const struct config_key *config_key_find(const char *name);

/* "--idle" */
void config_key_flag(const struct config_key *key, char ret_flag[CONFIG_VALUE_MAX]);

/* Set the member from text. 0, or -EINVAL with what is wrong with the value. */
int config_key_set(const struct config_key *key, struct config *config, const char *value,
		   char ret_error[CONFIG_ERROR_MAX]);

/* The member as text that config_key_set() takes; of interfaces, the one of that number. */
void config_key_get(const struct config_key *key, const struct config *config, size_t number,
		    char ret_value[CONFIG_VALUE_MAX]);

/* A number as a value of that key. */
void config_key_limit(const struct config_key *key, uint64_t limit,
		      char ret_text[CONFIG_VALUE_MAX]);
