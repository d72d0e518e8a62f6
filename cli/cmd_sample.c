/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cmd_sample.c: what flowd samples packets by, and how many it took; and another word on it, which flowd
 * judges: what is wrong with it changes nothing.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/live.h"
#include "cli/names.h"
#include "cli/output.h"
#include "cli/say.h"
#include "cli/socket.h"
#include "cli/text_clean.h"
#include "schema/sample_text.h"
#include "schema/utf8.h"

#define SHOW_TIMEOUT_S 3
#define FILTER_TIMEOUT_S 120 /* libpcap takes its time for a long one */

static int set_first(struct args *args, const char *value)
{
	uint32_t first;

	args->sample_first = value;
	if (sample_number_parse(value, 0, SAMPLE_FIRST_MAX, &first))
		return say_usage("--first '%s': not a number from 0 to %d", value,
				 SAMPLE_FIRST_MAX);
	return 0;
}

static int set_triggers(struct args *args, const char *value)
{
	uint32_t triggers;

	args->sample_triggers = value;
	if (sample_triggers_parse(value, &triggers))
		return say_usage("--trigger '%s': " SAMPLE_TRIGGERS_SYNTAX, value);
	return 0;
}

static int set_snaplen(struct args *args, const char *value)
{
	uint32_t snaplen;

	args->sample_snaplen = value;
	if (sample_number_parse(value, SAMPLE_SNAPLEN_MIN, SAMPLE_SNAPLEN_MAX, &snaplen))
		return say_usage("--snaplen '%s': not a number from %d to %d", value,
				 SAMPLE_SNAPLEN_MIN, SAMPLE_SNAPLEN_MAX);
	return 0;
}

static int set_drops(struct args *args, const char *value)
{
	bool on;

	args->sample_drops = value;
	if (sample_switch_parse(value, &on))
		return say_usage("--drops '%s': not yes or no", value);
	return 0;
}

const struct args_option cmd_sample_options[] = {
	{"iface", 'i', "NAME", "of this interface alone; may be given again", args_add_iface},
	{"first", 0, "K", "keep the first K packets of each flow, 0: not for being first",
	 set_first},
	{"trigger", 0, "LIST|none",
	 "keep packets that are one of reset, retransmit, zero-window, malformed", set_triggers},
	{"snaplen", 0, "N", "keep N bytes of a packet at most", set_snaplen},
	{"drops", 0, "yes|no", "keep packets that the kernel drops, on any interface", set_drops},
	{NULL, 0, NULL, NULL, NULL},
};

const char cmd_sample_notes[] =
	"  1/N, off      keep one in N packets, or none for that reason\n"
	"  filter EXPR   of all these keep those alone that match: pcap-filter(7), asked in the kernel\n"
	"  filter none   keep all of them\n"
	"Without any of it and without options, print what packets are sampled by. A change holds at once, for\n"
	"all interfaces or those named, until flowd ends: it starts with what its configuration says.\n";

/* --- the request ------------------------------------------------------------------------------- */

/* What the command line says. */
struct wanted {
	char rate[SAMPLE_TEXT_MAX]; /* empty: it does not */
	const char *filter;	    /* NULL: it does not */
};

/* The words that are no options: [1/N | off] [filter EXPR | none]. */
static int take_words(const char *words, struct wanted *ret_wanted)
{
	size_t size = strcspn(words, " ");
	uint32_t rate;

	if (strncmp(words, "filter", size) != 0 || size != strlen("filter")) {
		snprintf(ret_wanted->rate, sizeof(ret_wanted->rate), "%.*s", (int)size, words);
		if (size >= sizeof(ret_wanted->rate) || sample_rate_parse(ret_wanted->rate, &rate))
			return say_usage("rate '%.*s': " SAMPLE_RATE_SYNTAX, (int)size, words);
		words += size;
		words += strspn(words, " ");
		size = strcspn(words, " ");
	}
	if (!*words)
		return 0;
	if (strncmp(words, "filter", size) != 0 || size != strlen("filter"))
		return say_usage("argument '%s': not 'filter EXPR' or 'filter none'", words);
	words += size;
	words += strspn(words, " ");
	if (!*words)
		return say_usage("filter: its expression is missing; 'filter none' is for none");
	if (strlen(words) >= SAMPLE_EXPRESSION_MAX)
		return say_usage("filter '%.40s...': longer than %d bytes", words,
				 SAMPLE_EXPRESSION_MAX - 1);
	ret_wanted->filter = words;
	return 0;
}

/* Append " KEY=VALUE", where there is a value. */
static int add_pair(char *request, const char *key, const char *value)
{
	size_t used = strlen(request);

	if (!value || !*value)
		return 0;
	used += (size_t)snprintf(request + used, CONTROL_REQUEST_MAX - used, " %s=", key);
	if (used >= CONTROL_REQUEST_MAX)
		return -E2BIG;
	return sample_escape(value, request + used, CONTROL_REQUEST_MAX - used);
}

/* "sample", or "sample set ...". */
static int make_request(const struct args *args, const struct wanted *wanted, char *request)
{
	bool changes = *wanted->rate || wanted->filter || args->sample_first ||
		       args->sample_triggers || args->sample_snaplen || args->sample_drops;
	int err = 0;

	strcpy(request, changes ? "sample set" : "sample");
	if (!changes)
		return 0;
	for (uint32_t i = 0; !err && i < args->iface_count; i++)
		err = add_pair(request, "iface", args->ifaces[i]);
	err = err ? err : add_pair(request, "rate", wanted->rate);
	err = err ? err : add_pair(request, "first", args->sample_first);
	err = err ? err : add_pair(request, "triggers", args->sample_triggers);
	err = err ? err : add_pair(request, "snaplen", args->sample_snaplen);
	err = err ? err : add_pair(request, "drops", args->sample_drops);
	err = err ? err : add_pair(request, "filter", wanted->filter);
	return err ? say_usage("request: longer than %d bytes", CONTROL_REQUEST_MAX) : 0;
}

/* --- the answer -------------------------------------------------------------------------------- */

static const char *text_of(const void *row, const char *name)
{
	return json_string_value(json_object_get(row, name));
}

static uint64_t number_of(const void *row, const char *name)
{
	json_int_t number = json_integer_value(json_object_get(row, name));

	return number > 0 ? (uint64_t)number : 0;
}

static void get_iface(const struct out_column *c, const void *row, struct out_value *value)
{
	char text[NAMES_SIZE];

	(void)c;
	names_iface(text_of(row, "iface"), text, sizeof(text));
	out_set_text(value, text);
}

static void get_rate(const struct out_column *c, const void *row, struct out_value *value)
{
	char text[SAMPLE_TEXT_MAX];

	(void)c;
	sample_rate_text((uint32_t)number_of(row, "rate"), text);
	out_set_text(value, text);
}

static void get_text(const struct out_column *c, const void *row, struct out_value *value)
{
	const char *text = text_of(row, c->name);

	if (!text)
		return;
	out_set_text(value, text);
	value->whole = text;
}

static void get_number(const struct out_column *c, const void *row, struct out_value *value)
{
	value->kind = OUT_NUMBER;
	value->number = number_of(row, c->name);
}

static const struct out_column columns[] = {
	{"iface", "IFACE", true, 0, get_iface, NULL},
	{"link", NULL, true, 0, get_text, NULL},
	{NULL, "RATE", false, 0, get_rate, NULL},
	{"rate", NULL, false, 0, get_number, NULL},
	{"first", "FIRST", false, 0, get_number, NULL},
	{"triggers", "TRIGGERS", true, 0, get_text, NULL},
	{"snaplen", "SNAPLEN", false, 0, get_number, NULL},
	{"samples", "SAMPLES", false, 0, get_number, NULL},
	{"bytes", "BYTES", false, 0, get_number, NULL},
	{"filter", "FILTER", true, 0, get_text, NULL},
	{"filter_by", NULL, true, 0, get_text, NULL},
	{NULL, NULL, false, 0, NULL, NULL},
};

/* One line, and one alone, is of all interfaces. */
static bool is_whole(const json_t *lines)
{
	int sums = 0;

	for (size_t i = 0; i < json_array_size(lines); i++) {
		const json_t *row = json_array_get(lines, i);

		if (!text_of(row, "iface"))
			sums += json_is_integer(json_object_get(row, "chosen")) ? 1 : 2;
	}
	return sums == 1;
}

/* The lines of the answer as an array of objects; NULL: it is none. */
static json_t *parse_answer(char *answer)
{
	json_t *lines = json_array();
	char *rest = answer, *line;

	while (lines && (line = strsep(&rest, "\n"))) {
		json_t *object = *line ? json_loads(line, 0, NULL) : NULL;

		if (*line && (!json_is_object(object) || json_array_append(lines, object))) {
			json_decref(lines);
			lines = NULL;
		}
		json_decref(object);
	}
	return lines;
}

/* A name as flowd's answer has it, which is UTF-8 in any case. */
static bool is_name(const char *given, const char *answered)
{
	char name[UTF8_MENDED_SIZE(64)];

	utf8_mend(given, name, sizeof(name));
	return answered && !strcmp(name, answered);
}

static bool is_selected(const struct args *args, const json_t *row)
{
	for (uint32_t i = 0; i < args->iface_count; i++) {
		if (is_name(args->ifaces[i], text_of(row, "iface")))
			return true;
	}
	return !args->iface_count;
}

/* Every interface that was asked for is there. */
static int check_ifaces(const struct args *args, const json_t *lines)
{
	for (uint32_t i = 0; i < args->iface_count; i++) {
		bool found = false;

		for (size_t n = 0; n < json_array_size(lines); n++)
			found |= is_name(args->ifaces[i],
					 text_of(json_array_get(lines, n), "iface"));
		if (!found)
			return say_usage("interface '%s': not counted by this flowd",
					 args->ifaces[i]);
	}
	return 0;
}

static int print_rows(const struct args *args, const json_t *lines)
{
	struct out out = {.columns = columns, .file = stdout};
	int err = args->format->begin(&out), end_err;

	for (size_t i = 0; !err && i < json_array_size(lines); i++) {
		const json_t *row = json_array_get(lines, i);

		if (text_of(row, "iface") && is_selected(args, row))
			err = args->format->row(&out, row);
	}
	end_err = args->format->end(&out);
	return err ? err : end_err;
}

/* Dropped packets, which no interface's line has. */
static void print_drops(const json_t *drops, FILE *file)
{
	const char *note = text_of(drops, "note");
	char chosen[32], lost[32], stored[32];

	if (!json_is_object(drops))
		return;
	out_count(number_of(drops, "chosen"), chosen);
	out_count(number_of(drops, "lost"), lost);
	out_count(number_of(drops, "stored"), stored);
	if (json_is_true(json_object_get(drops, "on")))
		fprintf(file, "drops: sampled, %u bytes of each at most",
			(unsigned int)number_of(drops, "snaplen"));
	else
		fprintf(file, "drops: not sampled");
	if (note)
		fputs(", and cannot be: ", file);
	if (note)
		text_put(note, file);
	fprintf(file, "; %s of the packets chosen, %s lost; %s stored\n", chosen, lost, stored);
}

/* The line of all interfaces together. */
static void print_sum(const json_t *row, FILE *file)
{
	static const char *const names[] = {"chosen", "passed",	   "lost",
					    "stored", "ring_used", "ring_size"};
	char text[6][32];

	for (int i = 0; i < 6; i++)
		out_count(number_of(row, names[i]), text[i]);
	fprintf(file,
		"samples: %s packets chosen, %s passed the filter, %s of these lost for want of room; %s "
		"stored since flowd started; ring: %s of %s bytes\n",
		text[0], text[1], text[2], text[3], text[4], text[5]);
	print_drops(json_object_get(row, "drops"), file);
}

static int print(const struct args *args, const json_t *lines)
{
	int err = check_ifaces(args, lines);

	if (err)
		return err;
	err = print_rows(args, lines);
	for (size_t i = 0; !err && i < json_array_size(lines); i++) {
		const json_t *row = json_array_get(lines, i);

		if (!text_of(row, "iface"))
			print_sum(row, args->format == &out_text ? stdout : stderr);
	}
	if (!err || err == -EPIPE)
		return EXIT_SUCCESS;
	return say_failed("standard output: %s", strerror(-err));
}

/* flowd did not like the request, or is none of this version. */
static int say_refused(const char *socket, char *answer)
{
	answer[strcspn(answer, "\n")] = '\0';
	if (!strncmp(answer, "error unknown request", strlen("error unknown request")))
		return say_failed("socket '%s': a flowd of another version", socket);
	if (!strncmp(answer, "error ", 6))
		return say_usage("%s", answer + 6);
	if (!strncmp(answer, "failed ", 7))
		return say_failed("%s", answer + 7);
	return say_failed("socket '%s': not flowd's answer", socket);
}

int cmd_sample(const struct args *args)
{
	static char request[CONTROL_REQUEST_MAX];
	struct wanted wanted = {"", NULL};
	struct live_error error;
	struct socket where;
	json_t *lines;
	char *answer;
	int err = args->filter ? take_words(args->filter, &wanted) : 0;

	err = err ? err : make_request(args, &wanted, request);
	err = err ? err : socket_find(args, &where);
	if (err)
		return err;
	if (live_ask(where.path, request, wanted.filter ? FILTER_TIMEOUT_S : SHOW_TIMEOUT_S,
		     &answer, &error))
		return say_failed("%s", error.text);
	lines = answer[0] == '{' ? parse_answer(answer) : NULL;
	err = lines && is_whole(lines) ? print(args, lines) : say_refused(where.path, answer);
	json_decref(lines);
	free(answer);
	return err;
}
