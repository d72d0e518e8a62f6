/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cmd_flows.c: flow records, newest first. JSON and CSV have each field of schema/fields.c; text has
 * columns of its own, which join what belongs together.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/cmd_query.h"
#include "cli/community.h"
#include "cli/flows_health.h"
#include "cli/flows_names.h"
#include "cli/names.h"
#include "cli/output.h"
#include "cli/say.h"
#include "cli/tags.h"

#define LIMIT_DEFAULT 50
#define COLUMNS_MAX 192

struct row {
	const struct flow_record *rec;
	const struct query_iface *iface;
	const struct naming *naming;
	int64_t id; /* flow.id, 0: none yet */
	bool uniflow;
};

ARGS_FLAG(uniflow)
ARGS_FLAG(health)
ARGS_FLAG(id)
ARGS_FLAG(community_id)

const struct args_option cmd_flows_options[] = {
	{"limit", 'n', "N", "at most N rows, 50 unless given; 0: all", args_set_limit},
	{"uniflow", 0, NULL, "a row for each direction", set_uniflow},
	{"health", 'H', NULL, "in text, all columns of TCP's health, drops and the process",
	 set_health},
	{"community-id", 0, NULL, "a column, or field, with the Community ID", set_community_id},
	{"id", 0, NULL, "in text, a column with the id that flowctl pcap --flow takes", set_id},
	{NULL, 0, NULL, NULL, NULL},
};

const char cmd_flows_notes[] =
	"A row is a conversation: PACKETS, BYTES and FLAGS are the initiator's, REV those of the answer.\n"
	"  VLAN   outer.inner; ?: not known, the NIC takes tags off; 5?: not of one direction\n"
	"  PROTO  and what is around the packets: tcp in vxlan 100, icmp 8/0 in mpls 16, esp 0x1234abcd\n"
	"  OUTER  with --tunnel: the endpoints of the tunnel, the initiator's first\n"
	"  MARKS  fragment, short, deep, folded, catchall, stag (802.1ad), mirrored, vlan-unknown\n"
	"  ID     with --id: of the record, for flowctl pcap --flow; a live one has none yet\n"
	"  RETRANS, DROPS, RTT  where a row has some: the initiator's/the responder's; RTT is the mean\n"
	"  END    idle, active, end (FIN, RST), forced, resources, or live: not ended\n"
	"JSON and CSV have all fields, as flowctl(1) lists them.\n";

/* A field of the record as it is, for JSON and CSV. */
static void get_field(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct flow_record *rec = ((const struct row *)row)->rec;
	char text[OUT_TEXT_SIZE];

	if (c->field->text) {
		if (c->field->text(rec, text, sizeof(text)))
			out_set_text(value, text);
	} else if (c->field->number(rec, &value->number)) {
		value->kind = c->field->kind == FIELD_TIME ? OUT_TIME : OUT_NUMBER;
	}
}

/* A text: it has more digits than many a reader of JSON keeps of a number. */
static void get_id(const struct out_column *c, const void *row, struct out_value *value)
{
	long long id = ((const struct row *)row)->id;
	char text[24];

	(void)c;
	if (!id)
		return;
	snprintf(text, sizeof(text), "%lld", id);
	out_set_text(value, text);
}

static void get_community(const struct out_column *c, const void *row, struct out_value *value)
{
	char text[COMMUNITY_ID_SIZE];

	(void)c;
	if (community_id(&((const struct row *)row)->rec->key, text))
		out_set_text(value, text);
}

/* Whose flowd counted it, where that is known. */
static void get_host(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct query_iface *iface = ((const struct row *)row)->iface;

	(void)c;
	if (iface && *iface->host)
		out_set_text(value, iface->host);
}

static void get_iface(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct row *r = row;
	char text[24];

	(void)c;
	snprintf(text, sizeof(text), "#%u", r->rec->iface);
	out_set_text(value, r->iface ? r->iface->name : text);
}

/* The same for a column. */
static void get_iface_short(const struct out_column *c, const void *row, struct out_value *value)
{
	char text[NAMES_SIZE];

	get_iface(c, row, value);
	names_iface(value->text, text, sizeof(text));
	out_set_text(value, text);
}

static void get_start(const struct out_column *c, const void *row, struct out_value *value)
{
	(void)c;
	value->kind = OUT_TIME;
	value->number = (uint64_t)((const struct row *)row)->rec->start_ms;
}

static void get_duration(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct flow_record *rec = ((const struct row *)row)->rec;

	(void)c;
	value->kind = OUT_DURATION;
	value->number = rec->end_ms > rec->start_ms ? (uint64_t)(rec->end_ms - rec->start_ms) : 0;
}

static void get_dir(const struct out_column *c, const void *row, struct out_value *value)
{
	(void)c;
	out_set_text(value, ((const struct row *)row)->rec->key.dir ? "out" : "in");
}

static void get_proto(const struct out_column *c, const void *row, struct out_value *value)
{
	char text[2 * NAMES_SIZE + 8];

	(void)c;
	names_packets(&((const struct row *)row)->rec->key, text, sizeof(text));
	out_set_text(value, text);
}

/* Tunnel endpoints of the initiator's packets. */
static void get_outer(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct flow_record *rec = ((const struct row *)row)->rec;
	struct flow_key outer = {.ethertype = rec->outer_ethertype};
	char src[NAMES_SIZE], dst[NAMES_SIZE], text[2 * NAMES_SIZE + 8];

	(void)c;
	if (!rec->outer_ethertype)
		return;
	names_address(&outer, rec->outer_src, src, sizeof(src));
	names_address(&outer, rec->outer_dst, dst, sizeof(dst));
	snprintf(text, sizeof(text), "%s > %s", src, dst);
	out_set_text(value, text);
}

/* "5.6"; "?" where the NIC takes tags off, "5?" where that is so of the other direction alone. */
static void get_vlan(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct flow_key *key = &((const struct row *)row)->rec->key;
	const char *unknown = key->marks & FLOW_MARK_VLAN_UNKNOWN ? "?" : "";
	char text[24];

	(void)c;
	if (!key->vlan && !*unknown)
		return;
	if (!key->vlan)
		snprintf(text, sizeof(text), "?");
	else if (key->cvlan)
		snprintf(text, sizeof(text), "%u.%u%s", key->vlan & 0xfff, key->cvlan & 0xfff,
			 unknown);
	else
		snprintf(text, sizeof(text), "%u%s", key->vlan & 0xfff, unknown);
	out_set_text(value, text);
}

static void set_endpoint(const struct flow_key *key, bool dst, struct out_value *value)
{
	const __be32 *addr = dst ? key->dst : key->src;
	char text[NAMES_SIZE + 8];

	if (key->ethertype == ETH_P_ARP || key->ethertype == ETH_P_RARP)
		names_address(key, addr, text, sizeof(text));
	else if (flow_key_is_ip(key))
		names_endpoint(key, addr, dst ? key->dport : key->sport, text, sizeof(text));
	else
		return;
	if (!dst && (key->marks & FLOW_MARK_FOLDED))
		snprintf(text, sizeof(text), "(folded)");
	out_set_text(value, text);
}

static void get_src(const struct out_column *c, const void *row, struct out_value *value)
{
	(void)c;
	set_endpoint(&((const struct row *)row)->rec->key, false, value);
}

static void get_dst(const struct out_column *c, const void *row, struct out_value *value)
{
	(void)c;
	set_endpoint(&((const struct row *)row)->rec->key, true, value);
}

static void get_flags(const struct out_column *c, const void *row, struct out_value *value)
{
	get_field(c, row, value);
	if (value->kind == OUT_NUMBER)
		value->kind = OUT_FLAGS;
}

static void get_health(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct row *r = row;

	flows_health_get(r->rec, c->title, r->uniflow, value);
}

/* Of this host, where it is known. */
static void get_process(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct flow_socket *socket = &((const struct row *)row)->rec->socket;
	char text[64], pid[16] = "";

	(void)c;
	if (!socket->has || !(socket->process[0] || socket->pid))
		return;
	if (socket->pid)
		snprintf(pid, sizeof(pid), "[%u]", socket->pid);
	snprintf(text, sizeof(text), "%.*s%s", (int)sizeof(socket->process), socket->process, pid);
	out_set_text(value, text);
}

/* Why it ended; "live" where it did not. */
static void get_end(const struct out_column *c, const void *row, struct out_value *value)
{
	(void)c;
	get_field(c, row, value);
	if (value->kind == OUT_NONE)
		out_set_text(value, "live");
}

/* What is told of it beside: see flows_names.h. */
static void get_name(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct row *r = row;

	flows_names_get(r->naming, r->rec, c, value);
}

/* Where a column is. */
enum text_when {
	IN_ALL,
	IN_BIFLOWS, /* not where each direction is a row */
	IN_TUNNELS, /* where tunnels were asked for */
	IN_HEALTH,  /* with -H */
	IN_IDS,	    /* with --id */
	IN_JOINS,   /* with --community-id */
	IN_NAMES,   /* with --names and the like: several of them, see flows_names_titles */
};

static const struct text_column {
	struct out_column column;
	const char *field;
	enum text_when when;
} text_columns[] = {
	{{NULL, "ID", true, 0, get_id, NULL}, NULL, IN_IDS},
	{{NULL, "START", true, 0, get_start, NULL}, NULL, IN_ALL},
	{{NULL, "SECONDS", false, 3, get_duration, NULL}, NULL, IN_ALL},
	{{NULL, "IFACE", true, 4, get_iface_short, NULL}, NULL, IN_ALL},
	{{NULL, "DIR", true, 5, get_dir, NULL}, NULL, IN_ALL},
	{{NULL, "VLAN", true, 6, get_vlan, NULL}, NULL, IN_ALL},
	{{NULL, "PROTO", true, 0, get_proto, NULL}, NULL, IN_ALL},
	{{NULL, "SRC", true, 0, get_src, NULL}, NULL, IN_ALL},
	{{NULL, "DST", true, 0, get_dst, NULL}, NULL, IN_ALL},
	{{NULL, NULL, true, 0, get_name, NULL}, NULL, IN_NAMES},
	{{NULL, "OUTER", true, 0, get_outer, NULL}, NULL, IN_TUNNELS},
	{{NULL, "PACKETS", false, 1, get_field, NULL}, "packets", IN_ALL},
	{{NULL, "BYTES", false, 0, get_field, NULL}, "bytes", IN_ALL},
	{{NULL, "FLAGS", true, 7, get_flags, NULL}, "tcp_flags", IN_ALL},
	{{NULL, "REV PACKETS", false, 1, get_field, NULL}, "rev_packets", IN_BIFLOWS},
	{{NULL, "REV BYTES", false, 0, get_field, NULL}, "rev_bytes", IN_BIFLOWS},
	{{NULL, "REV FLAGS", true, 7, get_flags, NULL}, "rev_tcp_flags", IN_BIFLOWS},
	{{NULL, "RETRANS", false, OUT_IF_ANY + 3, get_health, NULL}, NULL, IN_ALL},
	{{NULL, "KERNEL", false, 13, get_health, NULL}, NULL, IN_HEALTH},
	{{NULL, "OOO", false, 14, get_health, NULL}, NULL, IN_HEALTH},
	{{NULL, "DUP ACK", false, 15, get_health, NULL}, NULL, IN_HEALTH},
	{{NULL, "ZERO WIN", false, 16, get_health, NULL}, NULL, IN_HEALTH},
	{{NULL, "RESETS", false, 17, get_health, NULL}, NULL, IN_HEALTH},
	{{NULL, "DROPS", false, OUT_IF_ANY + 5, get_health, NULL}, NULL, IN_ALL},
	{{NULL, "RTT", false, OUT_IF_ANY + 7, get_health, NULL}, NULL, IN_ALL},
	{{NULL, "SETUP", false, 12, get_health, NULL}, NULL, IN_HEALTH},
	{{NULL, "PROCESS", true, 11, get_process, NULL}, NULL, IN_HEALTH},
	{{NULL, "MARKS", true, 8, get_field, NULL}, "marks", IN_ALL},
	{{NULL, "END", true, 2, get_end, NULL}, "end_reason", IN_ALL},
	{{NULL, "COMMUNITY ID", true, 0, get_community, NULL}, NULL, IN_JOINS},
};

static bool is_there(const struct args *args, enum text_when when)
{
	switch (when) {
	case IN_BIFLOWS:
		return !args->uniflow;
	case IN_TUNNELS:
		return args->tunnel.mode > TUNNELARG_NONE;
	case IN_HEALTH:
		return args->health;
	case IN_IDS:
		return args->id;
	case IN_JOINS:
		return args->community_id;
	default:
		return true;
	}
}

static size_t add_text_columns(struct out_column *columns, size_t n, const struct args *args,
			       const struct naming *naming)
{
	for (size_t i = 0; i < sizeof(text_columns) / sizeof(text_columns[0]); i++) {
		const struct text_column *from = &text_columns[i];

		if (from->when == IN_NAMES)
			n = flows_names_titles(naming, get_name, columns, n);
		if (from->when == IN_NAMES || !is_there(args, from->when))
			continue;
		columns[n] = from->column;
		if (args->health)
			columns[n].spare %= OUT_IF_ANY;
		columns[n++].field = from->field ? field_find(from->field) : NULL;
	}
	return n;
}

/* Every field, the interface's name before the direction, and the ids. */
static size_t add_fields(struct out_column *columns, size_t n, const struct args *args,
			 const struct naming *naming)
{
	for (const struct field *f = fields; f->name && n < COLUMNS_MAX / 2; f++) {
		if (!strcmp(f->name, "dir"))
			columns[n++] = (struct out_column){.name = "iface", .get = get_iface};
		if (!f->reverse || !args->uniflow)
			columns[n++] =
				(struct out_column){.name = f->name, .get = get_field, .field = f};
	}
	columns[n++] = (struct out_column){.name = "id", .get = get_id};
	columns[n++] = (struct out_column){.name = "host", .get = get_host};
	if (args->community_id)
		columns[n++] = (struct out_column){.name = "community_id", .get = get_community};
	return flows_names_fields(naming, get_name, columns, n);
}

struct flows {
	const struct args *args;
	struct cmd_query *query;
	struct out out;
	struct flows_names names;
	uint64_t rows;
	uint64_t limit; /* UINT64_MAX: none */
};

static int put_row(void *user, const struct flow_record *rec, int64_t id)
{
	struct flows *flows = user;
	struct row row = {.rec = rec,
			  .iface = query_iface(&flows->query->query, rec->iface),
			  .naming = flows->names.naming,
			  .id = id,
			  .uniflow = flows->args->uniflow};

	return flows->args->format->row(&flows->out, &row);
}

static int put_record(struct flows *flows, const struct flow_record *rec)
{
	flows->rows++;
	return flows_names_row(&flows->names, rec, flows->query->query.flow);
}

static int put_match(struct flows *flows, const struct flow_record *rec, unsigned match)
{
	struct flow_record half;
	int err = 0;

	if (!flows->args->uniflow)
		return put_record(flows, rec);
	for (int which = 0; which < 2 && !err && flows->rows < flows->limit; which++) {
		if (!(match & (1U << which)))
			continue;
		flow_record_split(rec, which, &half);
		tags_of_direction(&half.key);
		err = put_record(flows, &half);
	}
	return err;
}

static int put_all(struct flows *flows)
{
	struct flow_record rec;
	unsigned match;
	int err = 0, have;

	while (!err && flows->rows < flows->limit) {
		have = query_next(&flows->query->query, &rec, &match);
		if (have <= 0)
			return have;
		err = put_match(flows, &rec, match);
	}
	return err;
}

static int run(struct flows *flows)
{
	const struct out_ops *format = flows->args->format;
	int err = format->begin(&flows->out), end_err;

	if (!err)
		err = put_all(flows);
	if (!err)
		err = flows_names_flush(&flows->names);
	end_err = format->end(&flows->out);
	return err ? err : end_err;
}

int cmd_flows(const struct args *args)
{
	struct out_column columns[COLUMNS_MAX] = {{.get = NULL}};
	struct cmd_query query;
	struct flows flows = {
		.args = args,
		.query = &query,
		.out = {.columns = columns, .file = stdout},
		.names = {.naming = &query.naming, .put = put_row, .user = &flows},
		.limit = args->limited ? args->limit : LIMIT_DEFAULT,
	};
	int code = cmd_query_open(args, &query), err;

	add_text_columns(columns, add_fields(columns, 0, args, &query.naming), args, &query.naming);
	if (!flows.limit)
		flows.limit = UINT64_MAX;
	if (!code) {
		err = run(&flows);
		code = err ? cmd_query_fail(&query, err) : cmd_query_coverage(args, &query);
	}
	flows_names_free(&flows.names);
	cmd_query_close(&query);
	return code;
}
