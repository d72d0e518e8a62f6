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
#include "cli/names.h"
#include "cli/output.h"
#include "cli/say.h"
#include "cli/tags.h"

#define LIMIT_DEFAULT 50
#define COLUMNS_MAX 192

struct row {
	const struct flow_record *rec;
	const struct query_iface *iface;
};

static int set_uniflow(struct args *args, const char *value)
{
	(void)value;
	args->uniflow = true;
	return 0;
}

const struct args_option cmd_flows_options[] = {
	{"limit", 'n', "N", "at most N rows, 50 unless given; 0: all", args_set_limit},
	{"uniflow", 0, NULL, "a row for each direction", set_uniflow},
	{NULL, 0, NULL, NULL, NULL},
};

const char cmd_flows_notes[] =
	"A row is a conversation: PACKETS, BYTES and FLAGS are the initiator's, REV those of the answer.\n"
	"  VLAN   outer.inner; ?: not known, the NIC takes tags off; 5?: not of one direction\n"
	"  PROTO  and what is around the packets: tcp in vxlan 100, icmp 8/0 in mpls 16, esp 0x1234abcd\n"
	"  OUTER  with --tunnel: the endpoints of the tunnel, the initiator's first\n"
	"  MARKS  fragment, short, deep, folded, catchall, stag (802.1ad), mirrored, vlan-unknown\n"
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

/* The tunnel is the protocol itself: "esp 0x1234abcd", and a label around what is not IP. */
static bool is_own_tunnel(const struct flow_key *key)
{
	switch (key->tunnel_kind) {
	case FLOW_TUNNEL_ESP:
		return key->proto == IPPROTO_ESP;
	case FLOW_TUNNEL_AH:
		return key->proto == IPPROTO_AH;
	case FLOW_TUNNEL_MPLS:
		return key->ethertype == ETH_P_MPLS_UC || key->ethertype == ETH_P_MPLS_MC;
	case FLOW_TUNNEL_PPPOE:
		return key->ethertype == ETH_P_PPP_SES;
	}
	return false;
}

/* "tcp", "icmp 8/0", "tcp fragments", "(arp)". */
static void inner_proto(const struct flow_key *key, char *text, size_t size)
{
	const char *fragments = key->marks & FLOW_MARK_FRAGMENT ? " fragments" : "";
	char proto[NAMES_SIZE];

	if (!flow_key_is_ip(key))
		return names_stand_in(key, text, size);
	names_proto(key->proto, proto, sizeof(proto));
	if ((key->proto == IPPROTO_ICMP || key->proto == IPPROTO_ICMPV6) && !*fragments)
		snprintf(text, size, "%.32s %u/%u", proto, ntohs(key->sport), ntohs(key->dport));
	else
		snprintf(text, size, "%.32s%s", proto, fragments);
}

/* The protocol and what is around it: "tcp in vxlan 100". */
static void get_proto(const struct out_column *c, const void *row, struct out_value *value)
{
	const struct flow_key *key = &((const struct row *)row)->rec->key;
	char proto[NAMES_SIZE], tunnel[NAMES_SIZE], text[2 * NAMES_SIZE + 8];

	(void)c;
	inner_proto(key, proto, sizeof(proto));
	names_tunnel(key->tunnel_kind, key->tunnel_id, tunnel, sizeof(tunnel));
	if (!key->tunnel_kind)
		snprintf(text, sizeof(text), "%s", proto);
	else if (is_own_tunnel(key))
		snprintf(text, sizeof(text), "%s%s", tunnel,
			 key->marks & FLOW_MARK_FRAGMENT ? " fragments" : "");
	else
		snprintf(text, sizeof(text), "%s in %s", proto, tunnel);
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

/* Why it ended; "live" where it did not. */
static void get_end(const struct out_column *c, const void *row, struct out_value *value)
{
	(void)c;
	get_field(c, row, value);
	if (value->kind == OUT_NONE)
		out_set_text(value, "live");
}

static const struct text_column {
	struct out_column column;
	const char *field;
	bool reverse; /* not where each direction is a row */
	bool outer;   /* only where tunnels were asked for */
} text_columns[] = {
	{{NULL, "START", true, 0, get_start, NULL}, NULL, false, false},
	{{NULL, "SECONDS", false, 3, get_duration, NULL}, NULL, false, false},
	{{NULL, "IFACE", true, 4, get_iface_short, NULL}, NULL, false, false},
	{{NULL, "DIR", true, 5, get_dir, NULL}, NULL, false, false},
	{{NULL, "VLAN", true, 6, get_vlan, NULL}, NULL, false, false},
	{{NULL, "PROTO", true, 0, get_proto, NULL}, NULL, false, false},
	{{NULL, "SRC", true, 0, get_src, NULL}, NULL, false, false},
	{{NULL, "DST", true, 0, get_dst, NULL}, NULL, false, false},
	{{NULL, "OUTER", true, 0, get_outer, NULL}, NULL, false, true},
	{{NULL, "PACKETS", false, 1, get_field, NULL}, "packets", false, false},
	{{NULL, "BYTES", false, 0, get_field, NULL}, "bytes", false, false},
	{{NULL, "FLAGS", true, 7, get_flags, NULL}, "tcp_flags", false, false},
	{{NULL, "REV PACKETS", false, 1, get_field, NULL}, "rev_packets", true, false},
	{{NULL, "REV BYTES", false, 0, get_field, NULL}, "rev_bytes", true, false},
	{{NULL, "REV FLAGS", true, 7, get_flags, NULL}, "rev_tcp_flags", true, false},
	{{NULL, "MARKS", true, 8, get_field, NULL}, "marks", false, false},
	{{NULL, "END", true, 2, get_end, NULL}, "end_reason", false, false},
};

static size_t add_text_columns(struct out_column *columns, size_t n, const struct args *args)
{
	bool outer = args->tunnel.mode > TUNNELARG_NONE;

	for (size_t i = 0; i < sizeof(text_columns) / sizeof(text_columns[0]); i++) {
		const struct text_column *from = &text_columns[i];

		if ((from->reverse && args->uniflow) || (from->outer && !outer))
			continue;
		columns[n] = from->column;
		columns[n++].field = from->field ? field_find(from->field) : NULL;
	}
	return n;
}

/* Every field, and the interface's name before the direction. */
static size_t add_fields(struct out_column *columns, size_t n, bool uniflow)
{
	for (const struct field *f = fields; f->name && n < COLUMNS_MAX / 2; f++) {
		if (!strcmp(f->name, "dir"))
			columns[n++] = (struct out_column){.name = "iface", .get = get_iface};
		if (!f->reverse || !uniflow)
			columns[n++] =
				(struct out_column){.name = f->name, .get = get_field, .field = f};
	}
	return n;
}

struct flows {
	const struct args *args;
	struct cmd_query *query;
	struct out out;
	uint64_t rows;
	uint64_t limit; /* UINT64_MAX: none */
};

static int put_record(struct flows *flows, const struct flow_record *rec)
{
	struct row row = {.rec = rec, .iface = query_iface(&flows->query->query, rec->iface)};

	flows->rows++;
	return flows->args->format->row(&flows->out, &row);
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
		.limit = args->limited ? args->limit : LIMIT_DEFAULT,
	};
	size_t n = add_fields(columns, 0, args->uniflow);
	int code = cmd_query_open(args, &query), err;

	add_text_columns(columns, n, args);
	if (!flows.limit)
		flows.limit = UINT64_MAX;
	if (!code) {
		err = run(&flows);
		code = err ? cmd_query_fail(&query, err) : cmd_query_coverage(args, &query);
	}
	cmd_query_close(&query);
	return code;
}
