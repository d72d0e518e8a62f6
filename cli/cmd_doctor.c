/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* cmd_doctor.c: what works on this host and what does not, and how to mend it. */
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/doctor.h"
#include "cli/fold.h"
#include "cli/output.h"
#include "cli/say.h"
#include "cli/text_clean.h"
#include "schema/conf.h"

#define DETAIL_AT 31
#define CHECK_WIDTH 20

ARGS_FLAG(try_xdp)

const struct args_option cmd_doctor_options[] = {
	{"iface", 'i', "NAME",
	 "this interface; may be given again; else flowd.conf's, else the default route's",
	 args_add_iface},
	{"try", 0, NULL,
	 "attach an XDP program to it for a moment: some NICs drop their link for that",
	 set_try_xdp},
	{NULL, 0, NULL, NULL, NULL},
};

const char cmd_doctor_notes[] =
	"Of each check: ok; degraded: flowd works without it, with less; missing: flowd does not work\n"
	"without it; unknown: not to be told by this user, or on this kernel. `mend:` is the command that\n"
	"makes it better. Nothing is changed: what is loaded to find out is gone at the end.\n"
	"Exit status 0: all that flowd needs is there; 1: something is missing.\n";

static const char *const states[] = {"ok", "degraded", "missing", "unknown"};

struct report {
	const struct args *args;
	struct out out;
	struct doctor doctor;
	uint32_t count[sizeof(states) / sizeof(states[0])];
	int err;
};

struct row {
	const char *check;
	const char *iface; /* NULL: of the host */
	const struct doctor_finding *finding;
};

static void get_text(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct row *r = row;
	const char *text = r->finding->detail;

	if (!strcmp(c->name, "check"))
		text = r->check;
	else if (!strcmp(c->name, "iface"))
		text = r->iface;
	else if (!strcmp(c->name, "result"))
		text = states[r->finding->state];
	else if (!strcmp(c->name, "mend"))
		text = r->finding->mend[0] ? r->finding->mend : NULL;
	if (!text)
		return;
	out_set_text(value, text);
	value->whole = text;
}

static const struct out_column columns[] = {
	{"check", "CHECK", true, 0, get_text, NULL},
	{"iface", "IFACE", true, 0, get_text, NULL},
	{"result", "RESULT", true, 0, get_text, NULL},
	{"detail", "DETAIL", true, 0, get_text, NULL},
	{"mend", "MEND", true, 0, get_text, NULL},
	{NULL, NULL, false, 0, NULL, NULL},
};

static int text_row(const struct row *row, FILE *file)
{
	char name[64], detail[sizeof(row->finding->detail)], mend[sizeof(row->finding->mend)];

	snprintf(name, sizeof(name), "%s%s%s", row->iface ? row->iface : "", row->iface ? " " : "",
		 row->check);
	text_clean(name, name);
	text_clean(row->finding->detail, detail);
	fprintf(file, "%-8s  %-*s ", states[row->finding->state], CHECK_WIDTH, name);
	fold_put(detail, DETAIL_AT, DETAIL_AT, file);
	text_clean(row->finding->mend, mend);
	if (mend[0])
		fprintf(file, "%*smend: %s\n", DETAIL_AT, "", mend);
	return out_check(file);
}

static void put(struct report *report, const struct row *row)
{
	report->count[row->finding->state]++;
	if (report->err)
		return;
	report->err = report->args->format == &out_text
			      ? text_row(row, stdout)
			      : report->args->format->row(&report->out, row);
}

static void run_checks(struct report *report, const struct doctor_check *checks, const char *iface)
{
	for (; checks->name; checks++) {
		struct doctor_finding finding = {.state = DOCTOR_UNKNOWN};
		struct row row = {checks->name, iface, &finding};

		checks->look(&report->doctor, &finding);
		put(report, &row);
	}
}

static void run_iface(struct report *report, const char *name)
{
	struct doctor_finding finding = {.state = DOCTOR_MISSING};
	int err = doctor_nic_open(name, &report->doctor.nic);

	if (err) {
		doctor_found(&finding, DOCTOR_MISSING, "%s",
			     err == -ENODEV ? "there is no interface of that name"
					    : strerror(-err));
		doctor_mend(&finding, "ip -brief link");
		put(report, &(struct row){"link", name, &finding});
		return;
	}
	doctor_word(name, report->doctor.nic.word, sizeof(report->doctor.nic.word));
	if (report->args->try_xdp)
		doctor_nic_try(&report->doctor.nic);
	run_checks(report, doctor_iface_checks, name);
}

struct names {
	char name[ARGS_IFACES][IFNAMSIZ];
	uint32_t count;
	bool in_conf; /* the configuration has them */
};

/* A pattern is none. */
static void add_name(struct names *names, const char *name)
{
	for (uint32_t i = 0; i < names->count; i++) {
		if (!strcmp(names->name[i], name))
			return;
	}
	if (names->count < ARGS_IFACES && *name && strlen(name) < IFNAMSIZ && !strpbrk(name, "*?["))
		strcpy(names->name[names->count++], name);
}

/* `interface` of flowd.conf: names with commas. */
static int see_key(void *user, const char *iface, const char *name, const char *value, char *error)
{
	char word[64];

	(void)error;
	while (!iface && !strcmp(name, "interface") && *value) {
		size_t len = strcspn(value, ", \t");

		snprintf(word, sizeof(word), "%.*s", (int)len, value);
		add_name(user, word);
		value += len + strspn(value + len, ", \t");
	}
	return 0;
}

static void complain(const char *text)
{
	say_notice("%s", text);
}

static void add_default_routes(struct names *names)
{
	FILE *file = fopen("/proc/net/route", "re");
	char line[256], name[IFNAMSIZ];
	uint32_t to, mask;

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%15s %x %*x %*x %*d %*d %*d %x", name, &to, &mask) == 3 && !to &&
		    !mask)
			add_name(names, name);
	}
	if (file)
		fclose(file);
	file = fopen("/proc/net/ipv6_route", "re");
	while (file && fgets(line, sizeof(line), file)) {
		if (!strncmp(line, "00000000000000000000000000000000 00 ", 36) &&
		    sscanf(line, "%*s %*s %*s %*s %*s %*s %*s %*s %*s %15s", name) == 1 &&
		    strcmp(name, "lo"))
			add_name(names, name);
	}
	if (file)
		fclose(file);
}

/* As far as there is room. */
static void add_option(const char *option, const char *value, char *options, size_t size)
{
	char word[DOCTOR_WORD(PATH_MAX)];
	size_t used = strlen(options);

	doctor_word(value, word, sizeof(word));
	if (*word && used + strlen(option) + strlen(word) < size)
		snprintf(options + used, size - used, "%s%s", option, word);
}

/* Interfaces that the configuration does not name, another instance, and another database. */
static void put_options(const struct args *args, const struct names *names, char *options,
			size_t size)
{
	options[0] = '\0';
	for (uint32_t i = 0; !names->in_conf && i < names->count; i++)
		add_option(" -i ", names->name[i], options, size);
	if (args->instance)
		add_option(" --instance ", args->instance, options, size);
	if (args->db_given)
		add_option(" --db ", args->db, options, size);
}

static void find_names(const struct args *args, struct names *names)
{
	struct conf_reader reader = {see_key, complain, names};

	for (uint32_t i = 0; i < args->iface_count; i++)
		add_name(names, args->ifaces[i]);
	if (!names->count) {
		conf_read(CONF_PATH_DEFAULT, false, &reader);
		names->in_conf = names->count > 0;
	}
	if (!names->count)
		add_default_routes(names);
}

static void put_sum(const struct report *report)
{
	uint32_t missing = report->count[DOCTOR_MISSING];

	printf("\n%s: %u ok, %u degraded, %u missing, %u unknown\n",
	       missing ? "flowd does not work here as things are" : "flowd works on this host",
	       report->count[DOCTOR_OK], report->count[DOCTOR_DEGRADED], missing,
	       report->count[DOCTOR_UNKNOWN]);
}

static void run_all(struct report *report, const struct names *names)
{
	doctor_open(&report->doctor, report->args);
	put_options(report->args, names, report->doctor.options, sizeof(report->doctor.options));
	run_checks(report, doctor_kernel_checks, NULL);
	run_checks(report, doctor_bpf_checks, NULL);
	run_checks(report, doctor_host_checks, NULL);
	for (uint32_t i = 0; i < names->count; i++)
		run_iface(report, names->name[i]);
	doctor_close(&report->doctor);
}

int cmd_doctor(const struct args *args)
{
	struct report report = {.args = args, .out = {.columns = columns, .file = stdout}};
	bool is_text = args->format == &out_text;
	struct names names = {.count = 0};
	int end_err = 0;

	find_names(args, &names);
	if (args->try_xdp && !args->iface_count)
		return say_usage("--try: of which interface? -i NAME");
	report.err = is_text ? 0 : args->format->begin(&report.out);
	run_all(&report, &names);
	if (is_text)
		put_sum(&report);
	else
		end_err = args->format->end(&report.out);
	report.err = report.err ? report.err : end_err;
	if (report.err && report.err != -EPIPE)
		return say_failed("standard output: %s", strerror(-report.err));
	return report.count[DOCTOR_MISSING] ? EXIT_FAILURE : EXIT_SUCCESS;
}
