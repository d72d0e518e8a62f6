/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* anonarg.c: see anonarg.h. */
#include "cli/anonarg.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/anonymize.h"
#include "cli/args.h"
#include "cli/keyfile.h"
#include "cli/say.h"
#include "schema/conf.h"

/* What is to be done, by both. */
struct wish {
	bool on;
	bool known; /* `on` is */
	char key[PATH_MAX];
};

/* 0, or -EINVAL: no such mode. */
static int parse_mode(const char *text, bool *ret_on)
{
	bool on = !strcmp(text, "prefix-preserving");

	if (!on && strcmp(text, "none"))
		return -EINVAL;
	*ret_on = on;
	return 0;
}

static int set_mode(struct args *args, const char *value)
{
	bool on;

	if (parse_mode(value, &on))
		return say_usage("--anonymize '%s': unknown; known: none, prefix-preserving",
				 value);
	args->anonarg.mode = value;
	return 0;
}

static int set_key(struct args *args, const char *value)
{
	args->anonarg.key = value;
	return 0;
}

static int set_config(struct args *args, const char *value)
{
	args->anonarg.config = value;
	return 0;
}

const struct args_option args_anonymize[] = {
	{"anonymize", 0, "MODE", "addresses: none (as they are), or prefix-preserving", set_mode},
	{"anonymize-key", 0, "FILE", "the key for it, " CONF_ANONYMIZE_KEY " unless given",
	 set_key},
	{"config", 0, "FILE", "what says both where no option does, " CONF_PATH_DEFAULT,
	 set_config},
	{NULL, 0, NULL, NULL, NULL},
};

static int see_key(void *user, const char *iface, const char *name, const char *value,
		   char error[CONF_ERROR_MAX])
{
	struct wish *wish = user;

	if (iface)
		return 0;
	if (!strcmp(name, "anonymize")) {
		wish->known = !parse_mode(value, &wish->on);
		if (!wish->known)
			snprintf(error, CONF_ERROR_MAX, "not one of none|prefix-preserving");
		return wish->known ? 0 : -EINVAL;
	}
	if (!strcmp(name, "anonymize.key"))
		snprintf(wish->key, sizeof(wish->key), "%s", value);
	return 0;
}

static void complain(const char *text)
{
	say_failed("%s", text);
}

/* Of an instance its own file, where it has one. */
void anonarg_config_path(const struct args *args, char *path)
{
	if (args->anonarg.config) {
		snprintf(path, PATH_MAX, "%s", args->anonarg.config);
		return;
	}
	snprintf(path, PATH_MAX, CONF_DIR "/%s.conf", args->instance ? args->instance : "");
	if (!args->instance || access(path, F_OK))
		snprintf(path, PATH_MAX, "%s", CONF_PATH_DEFAULT);
}

static int read_config(const struct args *args, struct wish *ret_wish)
{
	struct conf_reader reader = {see_key, complain, ret_wish};
	char path[PATH_MAX];

	anonarg_config_path(args, path);
	if (conf_read(path, args->anonarg.config, &reader))
		return say_failed(
			"%s: says whether addresses are anonymized; --anonymize does, too", path);
	return 0;
}

/* The file is not asked where the options say it all. */
static int make_wish(const struct args *args, struct wish *ret_wish)
{
	const struct anonarg *given = &args->anonarg;
	bool on = false;
	int err = 0;

	*ret_wish = (struct wish){.key = CONF_ANONYMIZE_KEY};
	if (given->mode)
		parse_mode(given->mode, &on);
	if (given->config || !given->mode || (on && !given->key))
		err = read_config(args, ret_wish);
	if (given->mode)
		ret_wish->on = on;
	if (given->key)
		snprintf(ret_wish->key, sizeof(ret_wish->key), "%s", given->key);
	if (!err && given->key && !given->mode && !ret_wish->on)
		err = say_usage("--anonymize-key '%s': for --anonymize prefix-preserving, which "
				"nothing says",
				given->key);
	return err;
}

int anonarg_open(const struct args *args, struct anonymize **ret_anon)
{
	uint8_t key[ANONYMIZE_KEY_SIZE];
	struct keyfile_error error;
	struct wish wish;
	int err = make_wish(args, &wish);

	*ret_anon = NULL;
	if (err || !wish.on)
		return err;
	if (keyfile_read(wish.key, key, &error))
		return say_failed("%s", error.text);
	err = anonymize_new(key, ret_anon);
	explicit_bzero(key, sizeof(key));
	return err ? say_failed("--anonymize-key '%s': %s", wish.key, strerror(-err)) : 0;
}
