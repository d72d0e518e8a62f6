// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * wlsample.c: the packets of a capture into table sample of a database, as if flowd had sampled them.
 *
 *   wlsample [OPTION...] CAPTURE DB
 *
 *   -i NAME   the interface (eth0), made where there is none of that name; "": of none
 *   -d DEV    with -i "": name of the device
 *   -e        they went out
 *   -r N      1 in N was in force (1), 0: none was
 *   -w WHY    bits of enum sample_why (1)
 *   -s BYTES  that are kept of each (9216)
 *   -R WORD -P WORD   of a drop: reason and place
 *   -o NS     is added to each time
 *   -g BYTES  what has more payload than that is a GSO packet of such segments
 *   -m BYTES  TCP segments that follow each other become GSO packets of at most that, as GRO makes them
 *
 * Prints how many rows there are of how many packets. The database is made where there is none; it is
 * one transaction. Exit 3: of that link type there are no samples.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pcap/pcap.h>
#include <sqlite3.h>

#include "schema/db.h"
#include "schema/db_sample.h"
#include "schema/tunnel.h"

#define FIN_SYN_RST_PSH_URG 0x2f
#define PSH_FIN 0x09
#define FRAME_MAX 65536

struct options {
	const char *iface, *device, *reason, *place;
	uint32_t rate, why, snaplen;
	int64_t later_ns;
	uint32_t merge, gso;
	bool egress;
};

static struct options options = {.iface = "eth0",
				 .device = "",
				 .reason = "",
				 .place = "",
				 .rate = 1,
				 .why = 1,
				 .snaplen = 9216};
static struct sqlite3 *db;
static sqlite3_stmt *insert;
static struct db_sample_words words;
static uint32_t iface_id, link_type;
static uint64_t rows, packets;

/* A packet that may still grow. */
static struct {
	bool any;
	int64_t ns;
	uint32_t length, captured, mss, header, packets;
	bool closed;
	uint8_t data[FRAME_MAX];
} held;

static void die(const char *what, const char *why)
{
	fprintf(stderr, "wlsample: %s: %s\n", what, why);
	exit(1);
}

static void check(int rc, const char *what)
{
	if (rc != SQLITE_OK && rc != SQLITE_DONE && rc != SQLITE_ROW)
		die(what, sqlite3_errmsg(db));
}

static int64_t one(const char *sql, const char *text)
{
	sqlite3_stmt *stmt;
	int64_t value = 0;

	check(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), sql);
	if (text)
		sqlite3_bind_text(stmt, 1, text, -1, SQLITE_STATIC);
	if (sqlite3_step(stmt) == SQLITE_ROW)
		value = sqlite3_column_int64(stmt, 0);
	check(sqlite3_finalize(stmt), sql);
	return value;
}

static int64_t word(const char *text)
{
	if (!*text)
		return 0;
	one("INSERT OR IGNORE INTO word (text) VALUES (?)", text);
	return one("SELECT id FROM word WHERE text = ?", text);
}

static uint32_t find_iface(const char *name)
{
	if (!*name)
		return 0;
	if (!one("SELECT count(*) FROM interface WHERE name = ?", name))
		one("INSERT INTO interface (name, ifindex, netns, ifnum, generation, first_ms) "
		    "VALUES (?, 2, 1, 1, 1, 1)",
		    name);
	return (uint32_t)one("SELECT id FROM interface WHERE name = ?", name);
}

static void parse(const uint8_t *data, struct pkt_meta *meta, struct flow_facts *f)
{
	struct flow_wrap wrap;

	if (link_type == 101)
		meta->l3_proto = meta->reach && data[0] >> 4 == 6 ? ETH_P_IPV6 : ETH_P_IP;
	meta->dir = options.egress ? FLOW_EGRESS : FLOW_INGRESS;
	parse_packet(data, meta, f, &wrap);
}

static void put_row(int64_t ns, const uint8_t *data, uint32_t length, uint32_t captured,
		    uint32_t count, uint32_t mss)
{
	struct sample_record sample = {
		.iface = iface_id,
		.link = link_type,
		.length = length,
		.captured = captured < options.snaplen ? captured : options.snaplen,
		.packets = count,
		.rate = options.rate,
		.why = options.why,
		.gso_size = mss,
		.frame = data,
	};
	struct pkt_meta meta = {
		.len = length, .reach = captured, .segments = count, .gso_size = mss};
	struct flow_facts f;
	int64_t id = ns + options.later_ns; /* or the next that is free */

	parse(data, &meta, &f);
	sample.key = f.key;
	while (true) {
		int rc;

		if (db_sample_bind(insert, &sample, id, &words))
			die("sample", "no memory");
		rc = sqlite3_step(insert);
		sqlite3_reset(insert);
		if (rc == SQLITE_DONE)
			break;
		if ((rc & 0xff) != SQLITE_CONSTRAINT)
			check(rc, "sample");
		id++;
	}
	rows++;
	packets += count;
}

static void flush(void)
{
	if (held.any)
		put_row(held.ns, held.data, held.length, held.captured, held.packets,
			held.packets > 1 ? held.mss : 0);
	held.any = false;
}

static uint32_t get32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, 4);
	return ntohl(value);
}

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

/* What GRO asks for: the same headers but for what grows, and an identification that grows by one. */
static bool goes_on(const uint8_t *data, const struct flow_facts *f, uint32_t payload)
{
	uint32_t ip = f->l3_off, th = ip + (data[ip] & 0xfU) * 4;

	if (!held.any || held.closed || held.header != f->off || payload > held.mss ||
	    held.length + payload > options.merge)
		return false;
	if (memcmp(held.data, data, ip + 2) || memcmp(held.data + ip + 6, data + ip + 6, 4) ||
	    memcmp(held.data + ip + 12, data + ip + 12, 8 + 4))
		return false;
	if (get16(data + ip + 4) != (uint16_t)(get16(held.data + ip + 4) + held.packets))
		return false;
	if (get32(data + th + 4) != get32(held.data + th + 4) + held.length - held.header)
		return false;
	return !memcmp(held.data + th + 8, data + th + 8, 5) &&
	       !memcmp(held.data + th + 14, data + th + 14, 2) &&
	       !memcmp(held.data + th + 20, data + th + 20, f->off - th - 20);
}

static void begin(int64_t ns, const uint8_t *data, uint32_t len, const struct flow_facts *f,
		  uint32_t payload)
{
	uint32_t th = f->l3_off + (data[f->l3_off] & 0xfU) * 4;

	flush();
	held.any = true;
	held.ns = ns;
	held.length = held.captured = len;
	held.mss = payload;
	held.header = f->off;
	held.packets = 1;
	held.closed = data[th + 13] & PSH_FIN;
	memcpy(held.data, data, len);
}

static void grow(const uint8_t *data, const struct flow_facts *f, uint32_t payload)
{
	uint32_t th = f->l3_off + (data[f->l3_off] & 0xfU) * 4;

	memcpy(held.data + held.length, data + held.header, payload);
	held.length += payload;
	held.captured = held.length;
	held.packets++;
	held.data[th + 13] |= data[th + 13] & PSH_FIN;
	held.closed = (data[th + 13] & PSH_FIN) || payload < held.mss;
	held.data[f->l3_off + 2] = (uint8_t)((held.length - f->l3_off) >> 8);
	held.data[f->l3_off + 3] = (uint8_t)(held.length - f->l3_off);
}

/* IPv4 and TCP with data, whole. */
static void take(int64_t ns, const uint8_t *data, uint32_t length, uint32_t captured)
{
	struct pkt_meta meta = {.len = length, .reach = captured};
	struct flow_facts f;
	uint32_t payload;

	parse(data, &meta, &f);
	payload = length > f.off ? length - f.off : 0;
	if (options.gso && payload > options.gso) {
		meta.gso_size = options.gso; /* what tunnels it is in is looked at, too */
		parse(data, &meta, &f);
		put_row(ns, data, length, captured, f.packets, f.packets > 1 ? options.gso : 0);
		return;
	}
	if (!options.merge || f.key.ethertype != ETH_P_IP || !(f.segment & PARSE_SEGMENT_TCP) ||
	    captured < length || !payload || f.ip_len != length - f.l3_off || length > 9000 ||
	    (f.tcp_flags & FIN_SYN_RST_PSH_URG & ~PSH_FIN)) {
		flush();
		put_row(ns, data, length, captured, 1, 0);
	} else if (goes_on(data, &f, payload)) {
		grow(data, &f, payload);
	} else {
		begin(ns, data, length, &f, payload);
	}
}

static void read_capture(const char *path)
{
	char error[PCAP_ERRBUF_SIZE];
	pcap_t *pcap =
		pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, error);
	struct pcap_pkthdr *header;
	const u_char *data;
	int rc;

	if (!pcap)
		die(path, error);
	if (pcap_datalink(pcap) != DLT_EN10MB && pcap_datalink(pcap) != DLT_RAW)
		exit(3);
	link_type = pcap_datalink(pcap) == DLT_EN10MB ? 1 : 101;
	while ((rc = pcap_next_ex(pcap, &header, &data)) == 1)
		take(header->ts.tv_sec * 1000000000LL + header->ts.tv_usec, data, header->len,
		     header->caplen < header->len ? header->caplen : header->len);
	flush();
	if (rc == PCAP_ERROR)
		die(path, pcap_geterr(pcap));
	pcap_close(pcap);
}

static void parse_options(int argc, char **argv)
{
	int found;

	while ((found = getopt(argc, argv, "i:d:er:w:s:R:P:o:g:m:")) != -1) {
		switch (found) {
		case 'i':
			options.iface = optarg;
			break;
		case 'd':
			options.device = optarg;
			break;
		case 'e':
			options.egress = true;
			break;
		case 'r':
			options.rate = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case 'w':
			options.why = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case 's':
			options.snaplen = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case 'R':
			options.reason = optarg;
			break;
		case 'P':
			options.place = optarg;
			break;
		case 'o':
			options.later_ns = strtoll(optarg, NULL, 10);
			break;
		case 'g':
			options.gso = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case 'm':
			options.merge = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		default:
			optind = argc;
		}
	}
	if (argc - optind != 2) {
		fputs("usage: wlsample [-i NAME] [-d DEV] [-e] [-r N] [-w WHY] [-s BYTES] [-R WORD] "
		      "[-P WORD] [-o NS] [-g BYTES] [-m BYTES] CAPTURE DB\n",
		      stderr);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct db_error error;
	int lock;

	parse_options(argc, argv);
	if (db_open_writer(argv[optind + 1], false, &db, &lock, &error))
		die("database", error.text);
	one("BEGIN", NULL);
	iface_id = find_iface(options.iface);
	words = (struct db_sample_words){word(options.device), word(options.reason),
					 word(options.place)};
	check(sqlite3_prepare_v2(db, db_sample_insert, -1, &insert, NULL), "sample");
	read_capture(argv[optind]);
	check(sqlite3_finalize(insert), "sample");
	one("COMMIT", NULL);
	db_close(db, lock);
	printf("%" PRIu64 " samples, %" PRIu64 " packets\n", rows, packets);
	return 0;
}
