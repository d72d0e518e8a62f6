/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cmd_merge.c: databases of several hosts into a new one, which is made under another name beside it and
 * gets its own when all is in it and its sums are those of the inputs.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/merge.h"
#include "cli/output.h"
#include "cli/say.h"
#include "schema/db.h"
#include "schema/db_back.h"

#define MODE 0640 /* as flowd's, less the umask */

static int set_output(struct args *args, const char *value)
{
	args->output = value;
	return 0;
}

static int set_host(struct args *args, const char *value)
{
	const char *equals = strchr(value, '=');
	size_t len = equals ? (size_t)(equals - value) : 0;

	if (!len || !equals[1])
		return say_usage("--host '%s': not NAME=FILE", value);
	if (len > MERGE_HOST_MAX || strcspn(value, ":/") < len)
		return say_usage(
			"--host '%s': not a name of 1 to %d characters without ':' and '/'", value,
			MERGE_HOST_MAX);
	return args_add_host(args, value);
}

ARGS_FLAG(force)

const struct args_option cmd_merge_options[] = {
	{"output", 'o', "FILE", "the database to make; must be given", set_output},
	{"host", 0, "NAME=FILE", "a database, and whose it is; may be given again", set_host},
	{"force", 0, NULL, "replace FILE where there is one", set_force},
	{NULL, 0, NULL, NULL, NULL},
};

const char cmd_merge_notes[] =
	"What all databases have comes into the new one, interfaces under HOST:NAME. HOST is what flowd noted as\n"
	"its host's name, else the file's name without .db, unless --host says it. A flowd may go on writing\n"
	"meanwhile: of each database what it had at one moment is taken. What two hosts counted of the same\n"
	"packets is there twice: --host NAME, in other verbs, is of one alone; --group exporter of each.\n";

/* --- the output ----------------------------------------------------------------------------------- */

/* Made under `part`, for which a signal that ends us has to know the name. */
static char part[PATH_MAX];

static void remove_part(void)
{
	static const char *const suffixes[] = {"", "-wal", "-shm", "-journal", ".lock"};
	char name[PATH_MAX + 16];

	for (size_t i = 0; part[0] && i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		stpcpy(stpcpy(name, part), suffixes[i]);
		unlink(name);
	}
}

static void on_signal(int number)
{
	remove_part();
	signal(number, SIG_DFL);
	raise(number);
}

/* The file that is to be: what a link leads to, where there is one. */
static int resolve(const char *path, char real[PATH_MAX])
{
	struct stat st;

	if (!stat(path, &st))
		return realpath(path, real) ? 0 : -errno;
	if (!lstat(path, &st))
		return -ELOOP; /* a link to nothing */
	return snprintf(real, PATH_MAX, "%s", path) >= PATH_MAX ? -ENAMETOOLONG : 0;
}

/* Does a flowd write to it? */
static bool is_locked(const char *real)
{
	char name[PATH_MAX + 8];
	bool locked;
	int fd;

	snprintf(name, sizeof(name), "%s.lock", real);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	locked = flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK;
	close(fd);
	return locked;
}

/* May it be made? 0 or the exit code. */
static int check_output(const struct args *args, const struct merge *merge, const char *real)
{
	struct stat st, input;

	if (stat(real, &st))
		return 0;
	if (S_ISDIR(st.st_mode))
		return say_failed("%s: is a directory", args->output);
	if (!S_ISREG(st.st_mode))
		return say_failed("%s: not a regular file", args->output);
	for (size_t i = 0; i < merge->inputs; i++) {
		if (!stat(merge->input[i].path, &input) && input.st_dev == st.st_dev &&
		    input.st_ino == st.st_ino)
			return say_failed("%s: is one of the databases to merge", args->output);
	}
	if (!args->force)
		return say_failed("%s: is there already; --force replaces it", args->output);
	if (is_locked(real))
		return say_failed("%s: a flowd writes to it", args->output);
	return 0;
}

/* An empty file beside the one that is to be. */
static int make_part(const char *real)
{
	mode_t mask = umask(0);
	int fd, err;

	umask(mask);
	if (snprintf(part, sizeof(part) - 16, "%s.part-XXXXXX", real) >= (int)sizeof(part) - 16) {
		part[0] = 0;
		return -ENAMETOOLONG;
	}
	fd = mkostemp(part, O_CLOEXEC);
	if (fd < 0) {
		err = -errno;
		part[0] = 0;
		return err;
	}
	err = fchmod(fd, MODE & ~mask) ? -errno : 0;
	close(fd);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	signal(SIGHUP, on_signal);
	signal(SIGXFSZ, SIG_IGN); /* a write that is too much fails then */
	return err;
}

static int sync_path(const char *path, int flags)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | flags), err;

	if (fd < 0)
		return -errno;
	err = fsync(fd) ? -errno : 0;
	close(fd);
	return err;
}

/* Its name, on the disk. What stood beside one of that name belongs to it. */
static int finish_part(const char *real)
{
	static const char *const suffixes[] = {"-wal", "-shm", "-journal"};
	char name[PATH_MAX + 16], *slash;
	int err = sync_path(part, 0);

	for (size_t i = 0; !err && i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		stpcpy(stpcpy(name, real), suffixes[i]);
		unlink(name);
		stpcpy(stpcpy(name, part), suffixes[i]); /* empty: it is closed, and has no log */
		unlink(name);
	}
	if (!err && rename(part, real))
		err = -errno;
	if (err)
		return err;
	part[0] = 0;
	snprintf(name, sizeof(name), "%s", real);
	slash = strrchr(name, '/');
	if (slash)
		slash[slash == name] = 0;
	return sync_path(slash ? name : ".", O_DIRECTORY);
}

/* --- what is in it -------------------------------------------------------------------------------- */

static int run_sql(struct merge *merge, const char *sql)
{
	return sqlite3_exec(merge->db, sql, NULL, NULL, NULL) ? merge_fail_output(merge) : 0;
}

/* From when on nothing was deleted, of any. */
static int write_since(struct merge *merge, const char *key)
{
	int64_t since_ms = 0, its;

	for (size_t i = 0; i < merge->inputs; i++) {
		int err = merge_meta(merge, &merge->input[i], key, &its);

		if (err)
			return err;
		since_ms = its > since_ms ? its : since_ms;
	}
	return since_ms ? db_meta_set_int(merge->db, key, since_ms) : 0;
}

static int write_meta(struct merge *merge, int64_t now_ms)
{
	static const char *const since[] = {"flow_since_ms", "minute_since_ms", "hour_since_ms"};
	int64_t samples = 0, keys = 0, its;
	int err = db_meta_set_int(merge->db, "merged", now_ms);

	for (size_t i = 0; !err && i < merge->inputs; i++) {
		err = merge_meta(merge, &merge->input[i], "sample_bytes", &its);
		samples += its;
		err = err ? err : merge_meta(merge, &merge->input[i], "rollup_keys", &its);
		keys = its > keys ? its : keys;
	}
	if (!err)
		err = db_meta_set_int(merge->db, "sample_bytes", samples);
	if (!err)
		err = db_meta_set_int(merge->db, "rollup_keys", keys);
	for (size_t i = 0; !err && i < sizeof(since) / sizeof(since[0]); i++)
		err = write_since(merge, since[i]);
	return err ? merge_fail_output(merge) : 0;
}

/* Minutes of two times: a ledger that had them, of whichever host, has them still. */
static int write_back(struct merge *merge)
{
	struct db_back all = {.spans = 0}, back;

	for (size_t i = 0; i < merge->inputs; i++) {
		struct merge_input *input = &merge->input[i];

		if (db_back_read(input->db, &back))
			return merge_fail(merge, input->db, input->path);
		for (uint32_t span = 0; span < back.spans; span++)
			db_back_add(&all, back.span[span].from_ms, back.span[span].to_ms);
	}
	return all.spans && db_back_write(merge->db, &all) ? merge_fail_output(merge) : 0;
}

/* The file is thrown away where anything fails: it needs no journal. */
static int write_all(struct merge *merge, int64_t now_ms)
{
	int err = run_sql(merge, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN");

	err = err ? err : merge_write_ifaces(merge);
	err = err ? err : merge_write_words(merge);
	err = err ? err : merge_write_rows(merge);
	err = err ? err : merge_write_talkers(merge);
	err = err ? err : write_meta(merge, now_ms);
	err = err ? err : write_back(merge);
	err = err ? err : run_sql(merge, "COMMIT");
	return err ? err : merge_check(merge);
}

static int write_output(struct merge *merge, int64_t now_ms)
{
	struct db_error error = {""};
	int lock_fd = -1, err = db_open_writer(part, false, &merge->db, &lock_fd, &error);

	if (err) {
		snprintf(merge->error, sizeof(merge->error), "%s", error.text);
		return err;
	}
	err = write_all(merge, now_ms);
	db_close(merge->db, lock_fd);
	merge->db = NULL;
	return err;
}

/* --- what is said --------------------------------------------------------------------------------- */

static void get_text(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct merge_input *input = row;

	out_set_text(value, *c->name == 'h' ? input->host : input->path);
}

static void get_count(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct merge_input *input = row;

	value->kind = OUT_NUMBER;
	value->number = (uint64_t)(*c->name == 'v'   ? input->version
				   : *c->name == 'i' ? (int64_t)input->iface.count
				   : *c->name == 'f' ? input->flows.records
				   : *c->name == 'p' ? input->flows.packets
						     : input->flows.bytes);
}

static const struct out_column columns[] = {
	{"host", "HOST", true, 0, get_text, NULL},
	{"file", "FILE", true, 0, get_text, NULL},
	{"version", NULL, false, 0, get_count, NULL},
	{"ifaces", "IFACES", false, 0, get_count, NULL},
	{"flows", "FLOWS", false, 0, get_count, NULL},
	{"packets", "PACKETS", false, 0, get_count, NULL},
	{"bytes", "BYTES", false, 0, get_count, NULL},
	{NULL, NULL, false, 0, NULL, NULL},
};

static void put_total(const struct args *args, const struct merge *merge)
{
	FILE *file = args->format == &out_text ? stdout : stderr;
	struct merge_flows sum = {0, 0, 0};
	uint64_t orphans = 0;
	char flows[32], packets[32], bytes[32];

	for (size_t i = 0; i < merge->inputs; i++) {
		sum.records += merge->input[i].flows.records;
		sum.packets += merge->input[i].flows.packets;
		sum.bytes += merge->input[i].flows.bytes;
		orphans += merge->input[i].orphans;
	}
	fprintf(file,
		"total: %s flows, %s packets, %s bytes in %s; every table has the sums of its inputs",
		out_count((uint64_t)sum.records, flows), out_count((uint64_t)sum.packets, packets),
		out_count((uint64_t)sum.bytes, bytes), args->output);
	if (orphans)
		fprintf(file, "; %s rows without their flow left out", out_count(orphans, flows));
	fputc('\n', file);
	if (merge->sumless)
		fprintf(file,
			"note: %s has no sums by minute and hour; all answers come from flow records\n",
			merge->sumless->path);
}

static int put_rows(const struct args *args, const struct merge *merge)
{
	struct out out = {.columns = columns, .file = stdout};
	int err = args->format->begin(&out), end_err;

	for (size_t i = 0; !err && i < merge->inputs; i++)
		err = args->format->row(&out, &merge->input[i]);
	end_err = args->format->end(&out);
	return err ? err : end_err;
}

/* --- the command line ----------------------------------------------------------------------------- */

/* A file of --host may be among the words as well. `names`: room for the names. */
static int add_named(struct merge *merge, const char *value, char **ret_name)
{
	const char *path = strchr(value, '=') + 1;
	size_t i = 0;

	*ret_name = strndup(value, (size_t)(path - 1 - value));
	if (!*ret_name)
		return say_failed("--host '%s': %s", value, strerror(ENOMEM));
	while (i < merge->inputs && strcmp(merge->input[i].path, path))
		i++;
	if (i == MERGE_INPUTS_MAX)
		return say_usage("--host '%s': more than %d databases", value, MERGE_INPUTS_MAX);
	if (i < merge->inputs && merge->input[i].named)
		return say_usage("--host '%s': of %s already '%s'", value, path,
				 merge->input[i].named);
	merge->input[i] = (struct merge_input){.path = path, .named = *ret_name};
	merge->inputs += i == merge->inputs;
	return 0;
}

/* 0 or the exit code. */
static int find_inputs(const struct args *args, struct merge *merge, char *names[ARGS_HOSTS])
{
	int code = 0;

	if (args->words > MERGE_INPUTS_MAX)
		return say_usage("merge: more than %d databases", MERGE_INPUTS_MAX);
	for (uint32_t i = 0; i < args->words; i++)
		merge->input[merge->inputs++].path = args->word[i];
	for (uint32_t i = 0; !code && i < args->host_count; i++)
		code = add_named(merge, args->hosts[i], &names[i]);
	if (code)
		return code;
	if (!args->output || !*args->output)
		return say_usage("merge: -o FILE says what to make of them");
	if (args->db_given)
		return say_usage("--db '%s': merge takes databases as words", args->db);
	return merge->inputs ? 0 : say_usage("merge: no database to merge");
}

/* The exit code. */
static int run(const struct args *args, struct merge *merge)
{
	char real[PATH_MAX];
	int err = resolve(args->output, real), code;

	if (err)
		return say_failed("%s: %s", args->output, strerror(-err));
	code = check_output(args, merge, real);
	if (code)
		return code;
	err = merge_open_inputs(merge);
	if (!err) {
		err = make_part(real);
		if (err)
			return say_failed("%s: %s", args->output, strerror(-err));
		err = write_output(merge, args->now_ms);
	}
	if (err && merge->error[0])
		return say_failed("%s", merge->error);
	if (err)
		return say_failed("%s: %s", args->output, strerror(-err));
	err = finish_part(real);
	if (err)
		return say_failed("%s: %s", args->output, strerror(-err));
	err = put_rows(args, merge);
	if (!err)
		put_total(args, merge);
	return err && err != -EPIPE ? say_failed("standard output: %s", strerror(-err)) : 0;
}

int cmd_merge(const struct args *args)
{
	struct merge *merge = calloc(1, sizeof(*merge));
	char *names[ARGS_HOSTS] = {NULL};
	int code;

	if (!merge)
		return say_failed("merge: %s", strerror(ENOMEM));
	code = find_inputs(args, merge, names);
	if (!code)
		code = run(args, merge);
	remove_part();
	merge_close_inputs(merge);
	for (uint32_t i = 0; i < ARGS_HOSTS; i++)
		free(names[i]);
	free(merge);
	return code;
}
