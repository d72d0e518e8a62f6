/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* status_nic.c: NIC counters beside the books. See status_nic.h. */
#include "cli/status_nic.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <string.h>

#include "cli/names.h"
#include "cli/output.h"
#include "cli/status_db.h"

/* Minutes in which a NIC's counter was known. */
static const char nic_sql[] = "SELECT dir, sum(nic_packets), sum(seen_packets) FROM ledger "
			      "WHERE iface = ?1 AND nic_packets IS NOT NULL GROUP BY dir";

static const char counter_sql[] =
	"SELECT s.text, n.text, sum(c.value), "
	"sum(CASE WHEN c.minute_ms = (SELECT max(minute_ms) FROM ledger) THEN c.value ELSE 0 END) "
	"FROM counter c JOIN word s ON s.id = c.source JOIN word n ON n.id = c.name "
	"WHERE c.iface = ?1 GROUP BY c.source, c.name ORDER BY s.text, n.text";

static const char *const nic_names[] = {"nic_packets", "nic_seen_packets",
					"nic_difference_packets"};

static void set_nic(json_t *object, struct sqlite3_stmt *row)
{
	size_t dir = sqlite3_column_int(row, 0) ? 1 : 0;
	int64_t nic = sqlite3_column_int64(row, 1), seen = sqlite3_column_int64(row, 2);
	const int64_t value[] = {nic, seen, nic - seen};

	for (size_t i = 0; i < sizeof(value) / sizeof(value[0]); i++)
		json_array_set_new(json_object_get(object, nic_names[i]), dir,
				   json_integer(value[i]));
}

static void add_counter(json_t *object, struct sqlite3_stmt *row)
{
	json_t *counter =
		json_pack("{s:o, s:o, s:I, s:I}", "source",
			  status_db_text((const char *)sqlite3_column_text(row, 0)), "name",
			  status_db_text((const char *)sqlite3_column_text(row, 1)), "gained",
			  (json_int_t)sqlite3_column_int64(row, 2), "last_minute",
			  (json_int_t)sqlite3_column_int64(row, 3));

	json_array_append_new(json_object_get(object, "counters"), counter);
}

/* Each row of a query about an interface; one that asks for what an older database lacks has none. */
static int each(struct sqlite3 *db, const char *sql, int64_t iface, json_t *object,
		void (*take)(json_t *object, struct sqlite3_stmt *row))
{
	struct sqlite3_stmt *row;
	int rc = sqlite3_prepare_v2(db, sql, -1, &row, NULL);

	if (rc)
		return rc == SQLITE_ERROR ? SQLITE_OK : rc;
	sqlite3_bind_int64(row, 1, iface);
	while ((rc = sqlite3_step(row)) == SQLITE_ROW)
		take(object, row);
	sqlite3_finalize(row);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int status_nic_read(struct sqlite3 *db, int64_t iface, json_t *object)
{
	int rc = SQLITE_OK;

	for (size_t i = 0; iface && i < sizeof(nic_names) / sizeof(nic_names[0]); i++)
		json_object_set_new(object, nic_names[i], json_pack("[n, n]"));
	json_object_set_new(object, "counters", json_array());
	if (iface)
		rc = each(db, nic_sql, iface, object, set_nic);
	return rc ? rc : each(db, counter_sql, iface, object, add_counter);
}

struct nic_row {
	const json_t *iface;
	size_t dir;
};

struct counter_row {
	const json_t *iface; /* NULL: the host */
	const json_t *counter;
};

static void set_name(const json_t *iface, struct out_value *value)
{
	const char *name = json_string_value(json_object_get(iface, "name"));
	char text[NAMES_SIZE];

	names_iface(name ? name : "?", text, sizeof(text));
	out_set_text(value, text);
}

static const json_t *nic_member(const struct nic_row *row, const char *name)
{
	return json_array_get(json_object_get(row->iface, name), row->dir);
}

static void get_nic_name(const struct out_column *c, const void *row, struct out_value *value)
{
	(void)c;
	set_name(((const struct nic_row *)row)->iface, value);
}

static void get_nic_dir(const struct out_column *c, const void *row, struct out_value *value)
{
	(void)c;
	out_set_text(value, ((const struct nic_row *)row)->dir ? "out" : "in");
}

/* With its sign. */
static void get_nic_count(const struct out_column *c, const void *row, struct out_value *value)
{
	json_int_t n = json_integer_value(nic_member(row, c->name));
	char text[40] = "-", digits[32];

	strcpy(text + (n < 0), out_count((uint64_t)(n < 0 ? -n : n), digits));
	out_set_text(value, text);
}

/* What such a difference may come from, by direction and by which of the two is more. */
static void get_nic_meaning(const struct out_column *c, const void *row, struct out_value *value)
{
	static const char *const more[2] = {
		"dropped, redirected or merged before the hook: another XDP or TC program, GRO, LRO",
		"sent past the hook: XDP, packet sockets without queue, offload",
	};
	static const char *const fewer[2] = {
		"the NIC counts GSO packets once (veth, tun, virtio)",
		"dropped behind the hook (queue, driver), or the NIC counts GSO packets once (veth, tun)",
	};
	const struct nic_row *r = row;
	json_int_t n = json_integer_value(nic_member(r, "nic_difference_packets"));

	(void)c;
	out_set_text(value, n > 0 ? more[r->dir] : n < 0 ? fewer[r->dir] : "none");
}

static const struct out_column nic_columns[] = {
	{NULL, "IFACE", true, 0, get_nic_name, NULL},
	{NULL, "DIR", true, 0, get_nic_dir, NULL},
	{"nic_packets", "NIC PACKETS", false, 0, get_nic_count, NULL},
	{"nic_seen_packets", "SEEN", false, 0, get_nic_count, NULL},
	{"nic_difference_packets", "DIFFERENCE", false, 0, get_nic_count, NULL},
	{NULL, "WHICH MAY BE", true, 1, get_nic_meaning, NULL},
	{NULL, NULL, false, 0, NULL, NULL},
};

static void get_counter_name(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct counter_row *r = row;

	(void)c;
	if (r->iface)
		set_name(r->iface, value);
	else
		out_set_text(value, "(host)");
}

static void get_counter_text(const struct out_column *c, const void *row, struct out_value *value)
{
	const json_t *counter = ((const struct counter_row *)row)->counter;
	const char *text = json_string_value(json_object_get(counter, c->name));

	if (text)
		out_set_text(value, text);
}

static void get_counter_number(const struct out_column *c, const void *row, struct out_value *value)
{
	const json_t *counter = ((const struct counter_row *)row)->counter;

	value->kind = OUT_NUMBER;
	value->number = (uint64_t)json_integer_value(json_object_get(counter, c->name));
}

static const struct out_column counter_columns[] = {
	{NULL, "IFACE", true, 0, get_counter_name, NULL},
	{"source", "SOURCE", true, 0, get_counter_text, NULL},
	{"name", "COUNTER", true, 0, get_counter_text, NULL},
	{"gained", "GAINED", false, 0, get_counter_number, NULL},
	{"last_minute", "LAST MINUTE", false, 0, get_counter_number, NULL},
	{NULL, NULL, false, 0, NULL, NULL},
};

/* A table without rows is left out altogether. */
struct lazy {
	struct out out;
	bool begun;
	int err;
};

static void put_row(struct lazy *lazy, const void *row)
{
	if (!lazy->begun) {
		fputc('\n', lazy->out.file);
		lazy->begun = true;
		lazy->err = out_text.begin(&lazy->out);
	}
	if (!lazy->err)
		lazy->err = out_text.row(&lazy->out, row);
}

static int put_end(struct lazy *lazy)
{
	int err = lazy->begun ? out_text.end(&lazy->out) : 0;

	return lazy->err ? lazy->err : err;
}

static int put_nics(const json_t *ifaces, FILE *file)
{
	struct lazy lazy = {.out = {.columns = nic_columns, .file = file}};
	const json_t *iface;

	for (size_t i = 0; (iface = json_array_get(ifaces, i)); i++) {
		for (size_t dir = 0; dir < 2; dir++) {
			struct nic_row row = {iface, dir};

			if (json_is_integer(nic_member(&row, "nic_packets")))
				put_row(&lazy, &row);
		}
	}
	return put_end(&lazy);
}

/* Work that one CPU gave to another is no trouble. */
static bool is_trouble(const json_t *counter)
{
	const char *name = json_string_value(json_object_get(counter, "name"));

	return !name || !strstr(name, "received_rps");
}

static void put_counters(struct lazy *lazy, const json_t *iface, const json_t *counters)
{
	const json_t *counter;

	for (size_t i = 0; (counter = json_array_get(counters, i)); i++) {
		struct counter_row row = {iface, counter};

		if (is_trouble(counter))
			put_row(lazy, &row);
	}
}

int status_nic_text(const json_t *root, FILE *file)
{
	struct lazy lazy = {.out = {.columns = counter_columns, .file = file}};
	const json_t *ifaces = json_object_get(root, "interfaces"), *iface;
	int err = put_nics(ifaces, file), end_err;

	for (size_t i = 0; !err && (iface = json_array_get(ifaces, i)); i++)
		put_counters(&lazy, iface, json_object_get(iface, "counters"));
	if (!err)
		put_counters(&lazy, NULL, json_object_get(root, "host_counters"));
	end_err = put_end(&lazy);
	return err ? err : end_err;
}
