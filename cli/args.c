/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* args.c: getopt_long fed from the tables, and the options that verbs share. */
#include "cli/args.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/community.h"
#include "cli/output.h"
#include "cli/say.h"
#include "cli/timearg.h"
#include "schema/control.h"
#include "schema/db.h"

#define OPTIONS_MAX 32
#define FIRST_LONG 256 /* getopt's value of table row n is FIRST_LONG + n */

static int set_db(struct args *args, const char *value)
{
	args->db = value;
	args->db_given = true;
	return 0;
}

/* As flowd takes it: it becomes a file name. */
static int set_instance(struct args *args, const char *value)
{
	if (!*value || strlen(value) > 63 || strchr(value, '/') || *value == '.')
		return say_usage("--instance '%s': not a name of 1 to 63 characters without '/'",
				 value);
	args->instance = value;
	return 0;
}

static int set_socket(struct args *args, const char *value)
{
	args->socket = value;
	return 0;
}

ARGS_FLAG(help)
ARGS_FLAG(version)

static int set_time(struct args *args, const char *option, const char *value, int64_t *ret_ms)
{
	int err = timearg_parse(value, args->now_ms, ret_ms);

	if (err == -ERANGE)
		return say_usage("%s '%s': not between 1970 and 2200", option, value);
	if (err)
		return say_usage("%s '%s': not a time; known: %s", option, value, TIMEARG_HELP);
	return 0;
}

static int set_since(struct args *args, const char *value)
{
	return set_time(args, "--since", value, &args->since_ms);
}

static int set_until(struct args *args, const char *value)
{
	return set_time(args, "--until", value, &args->until_ms);
}

int args_add_iface(struct args *args, const char *value)
{
	if (args->iface_count == ARGS_IFACES)
		return say_usage("--iface '%s': more than %d of them", value, ARGS_IFACES);
	args->ifaces[args->iface_count++] = value;
	return 0;
}

int args_add_host(struct args *args, const char *value)
{
	if (args->host_count == ARGS_HOSTS)
		return say_usage("--host '%s': more than %d of them", value, ARGS_HOSTS);
	args->hosts[args->host_count++] = value;
	return 0;
}

static int set_dir(struct args *args, const char *value)
{
	if (!strcmp(value, "ingress"))
		args->dir = FLOW_INGRESS;
	else if (!strcmp(value, "egress"))
		args->dir = FLOW_EGRESS;
	else
		return say_usage("--dir '%s': unknown; known: ingress, egress", value);
	return 0;
}

static int set_community(struct args *args, const char *value)
{
	if (!community_id_is(value))
		return say_usage("--community '%s': not a Community ID of version 1, as "
				 "1:LQU9qZlK+B5F3KDmev6m5PMibrg=",
				 value);
	args->community = value;
	return 0;
}

static int set_tunnel(struct args *args, const char *value)
{
	int err = tunnelarg_parse(value, &args->tunnel);
	size_t kind = strcspn(value, ":");
	char known[192];

	switch (err) {
	case 0:
		return 0;
	case -ENOENT:
		tunnelarg_known(known, sizeof(known));
		return say_usage("--tunnel '%s': unknown kind; known: %s", value, known);
	case -ENOTSUP:
		return say_usage("--tunnel '%s': %.*s has no id", value, (int)kind, value);
	case -ERANGE:
		return say_usage("--tunnel '%s': more than an id of %.*s can be", value, (int)kind,
				 value);
	}
	return say_usage("--tunnel '%s': the id is not a number, decimal or with 0x", value);
}

ARGS_FLAG(stored)

static int set_format(struct args *args, const struct out_ops *format)
{
	if (args->format != &out_text && args->format != format)
		return say_usage("--%s: the format is --%s already", format->name,
				 args->format->name);
	args->format = format;
	return 0;
}

static int set_json(struct args *args, const char *value)
{
	(void)value;
	return set_format(args, &out_json);
}

static int set_csv(struct args *args, const char *value)
{
	(void)value;
	return set_format(args, &out_csv);
}

int args_set_limit(struct args *args, const char *value)
{
	char *end;

	errno = 0;
	args->limit = strtoull(value, &end, 10);
	if (*value < '0' || *value > '9' || *end || errno)
		return say_usage("-n '%s': not a number of rows", value);
	args->limited = true;
	return 0;
}

const struct args_option args_global[] = {
	{"db", 0, "FILE", "the database, " DB_PATH_DEFAULT " unless given", set_db},
	{"instance", 0, "NAME", "ask flowd at " CONTROL_RUN_DIR "/NAME.sock", set_instance},
	{"socket", 0, "PATH", "ask flowd at PATH; else the database says where", set_socket},
	{"help", 'h', NULL, "print this", set_help},
	{"version", 'V', NULL, "print the version", set_version},
	{NULL, 0, NULL, NULL, NULL},
};

#define TUNNEL_HELP \
	"in it: mpls, pppoe, vxlan, geneve, gre, nvgre, erspan, ipip, 6in4, 4in6, 6in6, gtpu, esp, ah, pbb, fabricpath, any or none"

/* Rows of a table: which packets, whenever they were. */
#define HOST_HELP "as this host's flowd counted, of a merged database; may be given again"
#define WHERE_OPTIONS                                                                           \
	{"iface", 'i', "NAME", "of this interface; may be given again", args_add_iface},        \
		{"host", 0, "NAME", HOST_HELP, args_add_host},                                  \
		{"dir", 0, "DIR", "packets of one way only: ingress or egress", set_dir},       \
		{"tunnel", 0, "KIND[:ID]", TUNNEL_HELP, set_tunnel},                            \
	{                                                                                       \
		"community", 0, "ID", "of this Community ID (version 1, seed 0)", set_community \
	}

const struct args_option args_window[] = {
	{"since", 0, "TIME", "records that ended at TIME or later: " TIMEARG_HELP, set_since},
	{"until", 0, "TIME", "records that ended before TIME", set_until},
	WHERE_OPTIONS,
	{"stored", 0, NULL, "leave out what flowd has not written yet", set_stored},
	{NULL, 0, NULL, NULL, NULL},
};

const struct args_option args_books[] = {
	{"since", 0, "TIME", "minutes from TIME on: " TIMEARG_HELP, set_since},
	{"until", 0, "TIME", "minutes before TIME", set_until},
	{"iface", 'i', "NAME", "of this interface; may be given again", args_add_iface},
	{"host", 0, "NAME", HOST_HELP, args_add_host},
	{"dir", 0, "DIR", "packets of one way only: ingress or egress", set_dir},
	{"stored", 0, NULL, "leave out what flowd has not written yet", set_stored},
	{NULL, 0, NULL, NULL, NULL},
};

const struct args_option args_packets[] = {
	{"since", 0, "TIME", "packets of TIME or later: " TIMEARG_HELP, set_since},
	{"until", 0, "TIME", "packets before TIME", set_until},
	WHERE_OPTIONS,
	{"stored", 0, NULL, "makes no difference: all that there is, is stored", set_stored},
	{NULL, 0, NULL, NULL, NULL},
};

const struct args_option args_format[] = {
	{"json", 0, NULL, "one JSON object a line", set_json},
	{"csv", 0, NULL, "RFC 4180, with a header line", set_csv},
	{NULL, 0, NULL, NULL, NULL},
};

/* getopt's view of the tables, and the way back. */
struct parser {
	struct option longs[OPTIONS_MAX + 1];
	const struct args_option *row[OPTIONS_MAX];
	char shorts[2 * OPTIONS_MAX + 3];
	int count;
};

static void add_table(struct parser *parser, const struct args_option *options)
{
	char *shorts = parser->shorts + strlen(parser->shorts);

	for (; options->name && parser->count < OPTIONS_MAX; options++) {
		struct option *to = &parser->longs[parser->count];

		to->name = options->name;
		to->has_arg = options->value ? required_argument : no_argument;
		to->val = FIRST_LONG + parser->count;
		parser->row[parser->count++] = options;
		if (!options->letter)
			continue;
		*shorts++ = options->letter;
		if (options->value)
			*shorts++ = ':';
	}
}

static const struct args_option *find_row(const struct parser *parser, int value)
{
	if (value >= FIRST_LONG)
		return parser->row[value - FIRST_LONG];
	for (int i = 0; i < parser->count; i++) {
		if (parser->row[i]->letter == value)
			return parser->row[i];
	}
	return NULL;
}

/* getopt has just returned '?' or ':'. */
static int say_bad_option(const struct parser *parser, const struct cmd *cmd, char **argv,
			  int found)
{
	const char *verb = cmd ? cmd->name : NULL;
	const struct args_option *row = optopt ? find_row(parser, optopt) : NULL;

	if (found == ':')
		return say_usage("option '%s': its argument %s is missing", argv[optind - 1],
				 row ? row->value : "");
	if (row)
		return say_usage("option '%s': takes no argument", argv[optind - 1]);
	if (optopt)
		return say_usage("option '-%c': unknown; see flowctl %s%s--help", optopt,
				 verb ? verb : "", verb ? " " : "");
	return say_usage("option '%s': unknown; see flowctl %s%s--help", argv[optind - 1],
			 verb ? verb : "", verb ? " " : "");
}

static char *join(int argc, char **argv)
{
	size_t size = 1;
	char *text;

	for (int i = 0; i < argc; i++)
		size += strlen(argv[i]) + 1;
	text = calloc(1, size);
	for (int i = 0; text && i < argc; i++) {
		if (*text)
			strcat(text, " ");
		strcat(text, argv[i]);
	}
	return text;
}

/* The words that are no options. */
static int take_rest(struct args *args, const struct cmd *cmd, int argc, char **argv)
{
	if (!argc)
		return 0;
	if (!cmd->words)
		return say_usage("argument '%s': %s takes none", argv[0], cmd->name);
	args->word = argv;
	args->words = (uint32_t)argc;
	args->filter = join(argc, argv);
	if (!args->filter)
		return say_failed("%s: words: %s", cmd->name, strerror(ENOMEM));
	if (!args->filter[strspn(args->filter, " \t\n")]) { /* an empty filter is none */
		free(args->filter);
		args->filter = NULL;
	}
	return 0;
}

int args_parse(struct args *args, const struct cmd *cmd, int argc, char **argv, int *ret_rest)
{
	struct parser parser = {.shorts = "+:"};
	int found, err = 0;

	if (cmd)
		strcpy(parser.shorts, ":");
	add_table(&parser, args_global);
	for (int i = 0; cmd && i < ARGS_TABLES && cmd->options[i]; i++)
		add_table(&parser, cmd->options[i]);
	optind = 0;
	opterr = 0;
	while (!err && (found = getopt_long(argc, argv, parser.shorts, parser.longs, NULL)) != -1) {
		const struct args_option *row = find_row(&parser, found);

		if (found == '?' || found == ':' || !row)
			err = say_bad_option(&parser, cmd, argv, found);
		else
			err = row->set(args, optarg);
	}
	if (err)
		return err;
	if (!cmd) {
		*ret_rest = optind;
		return 0;
	}
	if (args->since_ms >= args->until_ms)
		return say_usage("--until: not after --since");
	return take_rest(args, cmd, argc - optind, argv + optind);
}

void args_print_options(const struct args_option *options, FILE *file)
{
	for (; options->name; options++) {
		char text[64];

		snprintf(text, sizeof(text), "%c%c%s--%s%s%s", options->letter ? '-' : ' ',
			 options->letter ? options->letter : ' ', options->letter ? ", " : "  ",
			 options->name, options->value ? " " : "",
			 options->value ? options->value : "");
		fprintf(file, "  %-22s  %s\n", text, options->help);
	}
}
