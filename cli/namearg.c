/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* namearg.c: see namearg.h. */
#include "cli/namearg.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/args.h"
#include "cli/group.h"
#include "cli/hostnames.h"
#include "cli/naming.h"
#include "cli/say.h"
#include "cli/services.h"
#include "cli/timearg.h"
#include "schema/conf.h"

ARGS_FLAG_OF(namearg.names, names)

/* "250ms", "0", or as timearg_duration() has it. */
static int parse_wait(const char *text, int64_t *ret_ms)
{
	char *end;
	long ms = strtol(text, &end, 10);

	if (*text < '0' || *text > '9')
		return -EINVAL;
	if (strcmp(end, "ms") && strcmp(text, "0"))
		return timearg_duration(text, ret_ms);
	*ret_ms = ms;
	return 0;
}

static int set_wait(struct args *args, const char *value)
{
	int64_t ms;

	if (parse_wait(value, &ms) || ms > HOSTNAMES_WAIT_MAX_MS)
		return say_usage("--names-wait '%s': not a time from 0 to 1m, as 0, 250ms, 2s",
				 value);
	args->namearg.has_wait = true;
	args->namearg.wait_ms = ms;
	return 0;
}

static int set_country_db(struct args *args, const char *value)
{
	args->namearg.geo[GEO_COUNTRY] = value;
	return 0;
}

static int set_as_db(struct args *args, const char *value)
{
	args->namearg.geo[GEO_AS] = value;
	return 0;
}

const struct args_option args_names[] = {
	{"names", 0, NULL, "names of hosts and services, and countries and AS as far as known",
	 set_names},
	{"names-wait", 0, "TIME", "for names that no cache has, 1s unless given; 0: ask nobody",
	 set_wait},
	{"country-db", 0, "FILE", "countries by this MMDB file, else by geo.country of flowd.conf",
	 set_country_db},
	{"as-db", 0, "FILE", "autonomous systems by this one, else by geo.as", set_as_db},
	{NULL, 0, NULL, NULL, NULL},
};

/* Files by enum geo_what, as configured. */
struct config {
	char path[GEO_KINDS][PATH_MAX];
};

static const char *const keys[GEO_KINDS] = {[GEO_COUNTRY] = "geo.country", [GEO_AS] = "geo.as"};
static const char *const options[GEO_KINDS] = {
	[GEO_COUNTRY] = "--country-db", [GEO_AS] = "--as-db"};

static int see_key(void *user, const char *iface, const char *name, const char *value,
		   char error[CONF_ERROR_MAX])
{
	struct config *config = user;

	for (int what = 0; what < GEO_KINDS; what++) {
		if (iface || strcmp(name, keys[what]))
			continue;
		if (!*value) {
			snprintf(error, CONF_ERROR_MAX, "empty");
			return -EINVAL;
		}
		snprintf(config->path[what], PATH_MAX, "%s", strcmp(value, "none") ? value : "");
	}
	return 0;
}

static void complain(const char *text)
{
	say_failed("%s", text);
}

static int read_config(const struct args *args, struct config *ret_config)
{
	struct conf_reader reader = {see_key, complain, ret_config};
	char path[PATH_MAX];

	anonarg_config_path(args, path);
	if (conf_read(path, args->anonarg.config, &reader))
		return say_failed("%s: says which databases of countries and AS there are; "
				  "--country-db and --as-db do, too",
				  path);
	return 0;
}

/* Which of them rows are grouped by: enum geo_what, or -1. */
static int grouped_by(const struct args *args)
{
	const struct group_kind *kind =
		args->group || !args->drops_by ? args->group : group_kind_find(args->drops_by);
	int what;

	return group_needs_geo(kind, &what) ? what : -1;
}

static int open_files(const struct args *args, int grouped, struct naming *naming)
{
	const struct namearg *given = &args->namearg;
	const char *path[GEO_KINDS];
	struct config config = {{{0}}};
	struct geo_error error;
	bool asked = false;
	int err = 0;

	for (int what = 0; what < GEO_KINDS; what++)
		asked |= naming->wants[what] && !given->geo[what];
	if (asked)
		err = read_config(args, &config);
	for (int what = 0; what < GEO_KINDS; what++) {
		path[what] = given->geo[what]	    ? given->geo[what]
			     : config.path[what][0] ? config.path[what]
						    : NULL;
		if (!naming->wants[what])
			path[what] = NULL;
	}
	if (!err && grouped >= 0 && !path[grouped])
		err = say_usage("--group '%s': asks for a database: %s FILE, or %s in flowd.conf",
				args->group ? args->group->name : args->drops_by, options[grouped],
				keys[grouped]);
	if (err || (!path[GEO_COUNTRY] && !path[GEO_AS]))
		return err;
	return geo_open(path, &naming->geo, &error) ? say_failed("%s", error.text) : 0;
}

static int open_names(const struct args *args, struct naming *naming)
{
	int64_t wait_ms = args->namearg.has_wait ? args->namearg.wait_ms : HOSTNAMES_WAIT_MS;
	int err = hostnames_new(wait_ms, args->now_ms / 1000, &naming->hosts);

	err = err ? err : services_new(&naming->services);
	return err ? say_failed("--names: %s", strerror(-err)) : 0;
}

int namearg_open(const struct args *args, bool anonymized, struct naming *ret_naming)
{
	const struct namearg *given = &args->namearg;
	int grouped = grouped_by(args), err;

	memset(ret_naming, 0, sizeof(*ret_naming));
	if (given->has_wait && !given->names)
		return say_usage("--names-wait: for --names, which is not given");
	ret_naming->names = given->names;
	for (int what = 0; what < GEO_KINDS; what++)
		ret_naming->wants[what] = given->names || given->geo[what] || what == grouped;
	if (naming_is_off(ret_naming))
		return 0;
	if (anonymized)
		return say_usage(
			"%s: not of addresses that are anonymized: it would tell whose they are",
			given->names		  ? "--names"
			: given->geo[GEO_COUNTRY] ? "--country-db"
			: given->geo[GEO_AS]	  ? "--as-db"
			: grouped == GEO_AS	  ? "--group 'as'"
						  : "--group 'country'");
	err = open_files(args, grouped, ret_naming);
	return err || !given->names ? err : open_names(args, ret_naming);
}
