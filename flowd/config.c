/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * config.c: see config.h. Defaults, then the file, then the flags; the last word wins, and flags
 * that name interfaces replace the file's list. All of a file's errors are told, not the first alone.
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "config_key.h"
#include "config_section.h"
#include "iface_want.h"
#include "sample_compile.h"
#include "schema/conf.h"
#include "schema/control.h"

#define KEYS_MAX 64
#define OPTION_KEY 256 /* getopt's value of config_keys[0] */

enum { OPTION_CONFIG = 1, OPTION_DETACH, OPTION_HELP, OPTION_VERSION };

__attribute__((format(printf, 1, 2))) static int complain(const char *format, ...)
{
	va_list args;

	fputs("flowd: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return -EINVAL;
}

static void complain_of_file(const char *text)
{
	complain("%s", text);
}

static int set_key(void *config, const char *iface, const char *name, const char *value,
		   char error[CONF_ERROR_MAX])
{
	const struct config_key *key = config_key_find(name);

	if (iface)
		return config_section_set(config, iface, name, value, error);
	if (key)
		return config_key_set(key, config, value, error);
	snprintf(error, CONF_ERROR_MAX, "unknown key");
	return -EINVAL;
}

static void print_key(const struct config_key *key)
{
	char flag[CONFIG_VALUE_MAX], left[2 * CONFIG_VALUE_MAX] = "";

	config_key_flag(key, flag);
	if (key->letter)
		snprintf(left, sizeof(left), "-%c, %s %s", key->letter, flag, key->arg);
	else
		snprintf(left, sizeof(left), "%s %s", flag, key->arg);
	printf("  %-34s %s", left, key->help);
	if (key->initial)
		printf(" [%s]", key->initial);
	putchar('\n');
}

static void print_usage(void)
{
	printf("usage: flowd -i IFACE [-i IFACE ...] [options]\n"
	       "       flowd -r FILE [options]\n"
	       "Count the flows of network interfaces, or of a capture, and write them to a database.\n\n");
	for (const struct config_key *key = config_keys; key->name; key++)
		print_key(key);
	printf("  %-34s %s [%s]\n", "--config FILE", "file with the same keys, see flowd.conf",
	       CONF_PATH_DEFAULT);
	printf("  %-34s %s\n", "-r, --read FILE", "the flows of a capture, '-': standard input");
	printf("  %-34s %s\n", "-n, --check", "check, print the effective configuration, end");
	printf("  %-34s %s\n", "--detach", "remove what a dead flowd of the instance left, end");
	printf("  %-34s %s\n  %-34s %s\n", "--help", "this text", "--version", "print the version");
	printf("\nTIME is as 500ms, 15s, 2m or 1h; SIZE as 65536, 64K or 32M. See flowd(8).\n");
}

/* The options of getopt_long(3), from the table. `names` holds the flags' text. */
static void make_options(struct option *options, char names[][CONFIG_VALUE_MAX])
{
	static const struct option fixed[] = {{"config", required_argument, NULL, OPTION_CONFIG},
					      {"check", no_argument, NULL, 'n'},
					      {"detach", no_argument, NULL, OPTION_DETACH},
					      {"read", required_argument, NULL, 'r'},
					      {"help", no_argument, NULL, OPTION_HELP},
					      {"version", no_argument, NULL, OPTION_VERSION},
					      {NULL, 0, NULL, 0}};
	size_t n = 0;

	for (; n < KEYS_MAX && config_keys[n].name; n++) {
		config_key_flag(&config_keys[n], names[n]);
		options[n] =
			(struct option){names[n] + 2, required_argument, NULL, OPTION_KEY + (int)n};
	}
	memcpy(options + n, fixed, sizeof(fixed));
}

struct flags {
	struct option options[KEYS_MAX + 8];
	char names[KEYS_MAX][CONFIG_VALUE_MAX];
	int argc;
	char **argv;
};

/*
 * The next flag, or -1; starts anew where `first`. Complains about what is none: '?'. getopt(3)
 * leaves in optopt an unknown letter, 0 for an unknown name, and a known flag's own value
 * where a value came that it does not take.
 */
static int next_flag(struct flags *flags, bool first)
{
	int flag;

	if (first)
		optind = 0; /* glibc: start anew */
	opterr = 0;
	flag = getopt_long(flags->argc, flags->argv, "+:i:nr:", flags->options, NULL);
	if (flag == ':')
		complain("%s: needs a value", flags->argv[optind - 1]);
	else if (flag == '?' && optopt > ' ' && optopt != 'n')
		complain("-%c: unknown option (see flowd --help)", optopt);
	else if (flag == '?')
		complain("%s: unknown option (see flowd --help)", flags->argv[optind - 1]);
	else if (flag == -1 && optind < flags->argc)
		complain("'%s': unexpected argument (see flowd --help)", flags->argv[optind]);
	else
		return flag;
	return '?';
}

/* First pass: is all of it known, what ends flowd at once, and where the file is. */
static int scan_flags(struct flags *flags, const char **ret_path)
{
	for (int flag = next_flag(flags, true); flag != -1; flag = next_flag(flags, false)) {
		switch (flag) {
		case '?':
			return -EINVAL;
		case OPTION_HELP:
			print_usage();
			return 1;
		case OPTION_VERSION:
			printf("flowd " WIRELEDGER_VERSION "\n");
			return 1;
		case OPTION_CONFIG:
			*ret_path = optarg;
			break;
		default:
			break;
		}
	}
	return 0;
}

static int set_flag(int flag, struct config *config)
{
	const struct config_key *key =
		flag == 'i' ? config_key_find("interface") : &config_keys[flag - OPTION_KEY];
	char name[CONFIG_VALUE_MAX], error[CONFIG_ERROR_MAX];

	if (!config_key_set(key, config, optarg, error))
		return 0;
	config_key_flag(key, name);
	return complain("%s '%s': %s", flag == 'i' ? "-i" : name, optarg, error);
}

static int set_read(const char *path, struct config *config)
{
	size_t size = strlen(path);

	if (!size || size >= sizeof(config->read))
		return complain("-r '%.64s': %s", path, size ? "too long" : "empty");
	if (config->read[0])
		return complain("-r '%.64s': one capture at a time, and there is '%.64s'", path,
				config->read);
	memset(config->read, 0, sizeof(config->read));
	memcpy(config->read, path, size);
	return 0;
}

static void forget_interfaces(struct config *config)
{
	memset(config->interface, 0, sizeof(config->interface));
	config->interfaces = 0;
}

/* Second pass: the values. */
static int apply_flags(struct flags *flags, struct config *config)
{
	bool listed = false;
	int r = 0;

	for (int flag = next_flag(flags, true); flag != -1; flag = next_flag(flags, false)) {
		if (flag == 'n')
			config->check_only = true;
		if (flag == OPTION_DETACH)
			config->detach_only = true;
		if (flag == 'r' && set_read(optarg, config))
			r = -EINVAL;
		if (flag != 'i' && flag < OPTION_KEY)
			continue;
		if (flag == 'i' || config_keys[flag - OPTION_KEY].kind == CONFIG_INTERFACE) {
			if (!listed)
				forget_interfaces(config);
			listed = true;
		}
		if (set_flag(flag, config))
			r = -EINVAL;
	}
	if (config->read[0] && (listed || config->detach_only))
		return complain("-r '%.64s': goes with neither -i nor --detach", config->read);
	return r;
}

static void set_defaults(struct config *config)
{
	char error[CONFIG_ERROR_MAX];

	memset(config, 0, sizeof(*config));
	for (const struct config_key *key = config_keys; key->name; key++) {
		if (key->initial)
			config_key_set(key, config, key->initial, error);
	}
}

/* What no key can know alone; and the socket's name, which follows from the instance's. */
static int finish(struct config *config)
{
	char error[SAMPLE_ERROR_MAX];

	if (!config->socket[0])
		snprintf(config->socket, sizeof(config->socket), CONTROL_RUN_DIR "/%s.sock",
			 config->instance);
	if (config->read[0])
		return 0;
	if (config->sample.filter[0] && sample_compile_check(config->sample.filter, error))
		return complain("sample.%s", error);
	for (size_t i = 0; i < config->sections; i++) {
		const struct config_section *section = &config->section[i];

		if (section->sample.filter[0] &&
		    sample_compile_check(section->sample.filter, error))
			return complain("section [interface %s]: sample.%s", section->name, error);
	}
	if (config->ingress == INGRESS_NONE && config->egress == EGRESS_NONE)
		return complain("ingress 'none', egress 'none': nothing is left to count");
	if (!iface_any_wanted(config) && !config->check_only && !config->detach_only)
		return complain("no interface: name one with -i, or as 'interface = NAME' in %s",
				CONF_PATH_DEFAULT);
	return 0;
}

int config_load(int argc, char **argv, struct config *ret_config)
{
	struct flags flags = {.argc = argc, .argv = argv};
	struct config config;
	struct conf_reader reader = {set_key, complain_of_file, &config};
	const char *path = NULL;
	int r;

	make_options(flags.options, flags.names);
	r = scan_flags(&flags, &path);
	if (r)
		return r;
	set_defaults(&config);
	r = conf_read(path ? path : CONF_PATH_DEFAULT, path != NULL, &reader);
	if (apply_flags(&flags, &config))
		r = -EINVAL;
	if (!r)
		r = finish(&config);
	if (!r)
		*ret_config = config;
	return r;
}

void config_print(const struct config *config, FILE *out)
{
	char value[CONFIG_VALUE_MAX];

	fputs("[flowd]\n", out);
	for (const struct config_key *key = config_keys; key->name; key++) {
		size_t values = key->kind == CONFIG_INTERFACE ? config->interfaces : 1;

		for (size_t i = 0; i < values; i++) {
			config_key_get(key, config, i, value);
			fprintf(out, "%s = %s\n", key->name, value);
		}
	}
	config_section_print(config, out);
}
