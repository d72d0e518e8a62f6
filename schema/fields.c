/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fields.c: each field of a flow record once. Pure.
 *
 * IPFIX numbers are IANA's. Those of reverse fields are the forward ones under RFC 5103's reverse
 * enterprise number 29305; src and dst are 8 and 12 for IPv4 and 27 and 28 for IPv6.
 */
#include "schema/fields.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define VLAN_ID 0xfff

const char *const event_retransmit_name[EVENT_RETRANSMIT_MAX] = {
	[EVENT_RETRANSMIT_OTHER] = "other",	[EVENT_RETRANSMIT_SYN] = "syn",
	[EVENT_RETRANSMIT_SYN_ACK] = "syn-ack", [EVENT_RETRANSMIT_FAST] = "fast",
	[EVENT_RETRANSMIT_TIMEOUT] = "timeout", [EVENT_RETRANSMIT_PROBE] = "probe",
};

static bool is_arp(const struct flow_key *key)
{
	return key->ethertype == ETH_P_ARP || key->ethertype == ETH_P_RARP;
}

static bool is_tcp(const struct flow_key *key)
{
	return flow_key_is_ip(key) && key->proto == IPPROTO_TCP;
}

static bool is_zero(const __be32 *addr)
{
	return !(addr[0] | addr[1] | addr[2] | addr[3]);
}

/*
 * Who sent a folded flow's packets is unknown; in its reverse, to whom they went. So is all of an IP
 * header that was cut short itself.
 */
static bool is_unknown(const struct flow_key *key, const __be32 *addr)
{
	if ((key->marks & FLOW_MARK_SHORT) && !key->proto && is_zero(key->src) && is_zero(key->dst))
		return true;
	return (key->marks & FLOW_MARK_FOLDED) && is_zero(addr);
}

static bool address_text(const struct flow_key *key, const __be32 *addr, char *buf, size_t size)
{
	int family = key->ethertype == ETH_P_IPV6 ? AF_INET6 : AF_INET;

	return !is_unknown(key, addr) && inet_ntop(family, addr, buf, (socklen_t)size);
}

static bool src_text(const struct flow_record *rec, char *buf, size_t size)
{
	return flow_key_is_ip(&rec->key) && address_text(&rec->key, rec->key.src, buf, size);
}

static bool dst_text(const struct flow_record *rec, char *buf, size_t size)
{
	return flow_key_is_ip(&rec->key) && address_text(&rec->key, rec->key.dst, buf, size);
}

static bool arp_spa_text(const struct flow_record *rec, char *buf, size_t size)
{
	return is_arp(&rec->key) && address_text(&rec->key, rec->key.src, buf, size);
}

static bool arp_tpa_text(const struct flow_record *rec, char *buf, size_t size)
{
	return is_arp(&rec->key) && address_text(&rec->key, rec->key.dst, buf, size);
}

static bool outer_text(const struct flow_record *rec, const __be32 *addr, char *buf, size_t size)
{
	int family = rec->outer_ethertype == ETH_P_IPV6 ? AF_INET6 : AF_INET;

	return rec->outer_ethertype && inet_ntop(family, addr, buf, (socklen_t)size);
}

static bool outer_src_text(const struct flow_record *rec, char *buf, size_t size)
{
	return outer_text(rec, rec->outer_src, buf, size);
}

static bool outer_dst_text(const struct flow_record *rec, char *buf, size_t size)
{
	return outer_text(rec, rec->outer_dst, buf, size);
}

static bool dir_text(const struct flow_record *rec, char *buf, size_t size)
{
	snprintf(buf, size, "%s", rec->key.dir == FLOW_INGRESS ? "ingress" : "egress");
	return true;
}

struct name {
	uint16_t value;
	const char *name;
};

static const struct name ethertype_names[] = {
	{ETH_P_IP, "ipv4"},    {ETH_P_IPV6, "ipv6"}, {ETH_P_ARP, "arp"},    {ETH_P_RARP, "rarp"},
	{FLOW_ETH_LLC, "llc"}, {ETH_P_LLDP, "lldp"}, {ETH_P_8021Q, "vlan"}, {0, NULL},
};

static const struct name mark_names[] = {
	{FLOW_MARK_FRAGMENT, "fragment"},
	{FLOW_MARK_SHORT, "short"},
	{FLOW_MARK_DEEP, "deep"},
	{FLOW_MARK_FOLDED, "folded"},
	{FLOW_MARK_CATCHALL, "catchall"},
	{FLOW_MARK_STAG, "stag"},
	{FLOW_MARK_MIRRORED, "mirrored"},
	{FLOW_MARK_VLAN_UNKNOWN, "vlan-unknown"},
	{0, NULL},
};

static const struct name tunnel_names[] = {
	{FLOW_TUNNEL_MPLS, "mpls"},
	{FLOW_TUNNEL_PPPOE, "pppoe"},
	{FLOW_TUNNEL_VXLAN, "vxlan"},
	{FLOW_TUNNEL_GENEVE, "geneve"},
	{FLOW_TUNNEL_GRE, "gre"},
	{FLOW_TUNNEL_NVGRE, "nvgre"},
	{FLOW_TUNNEL_ERSPAN, "erspan"},
	{FLOW_TUNNEL_IPIP, "ipip"},
	{FLOW_TUNNEL_6IN4, "6in4"},
	{FLOW_TUNNEL_4IN6, "4in6"},
	{FLOW_TUNNEL_6IN6, "6in6"},
	{FLOW_TUNNEL_GTPU, "gtpu"},
	{FLOW_TUNNEL_ESP, "esp"},
	{FLOW_TUNNEL_AH, "ah"},
	{FLOW_TUNNEL_PBB, "pbb"},
	{FLOW_TUNNEL_FABRICPATH, "fabricpath"},
	{0, NULL},
};

static const struct name end_names[] = {
	{END_IDLE, "idle"},	{END_ACTIVE, "active"},	      {END_FLOW, "end"},
	{END_FORCED, "forced"}, {END_RESOURCES, "resources"}, {0, NULL},
};

static bool name_text(const struct name *names, uint16_t value, char *buf, size_t size)
{
	for (const struct name *n = names; n->name; n++) {
		if (n->value == value) {
			snprintf(buf, size, "%s", n->name);
			return true;
		}
	}
	return false;
}

/* 0 is "unknown": a catch-all's, or that of a frame too short to say. */
static bool ethertype_text(const struct flow_record *rec, char *buf, size_t size)
{
	uint16_t value = rec->key.ethertype;

	if (name_text(ethertype_names, value, buf, size))
		return true;
	snprintf(buf, size, "0x%04x", value);
	return value != 0;
}

static bool marks_text(const struct flow_record *rec, char *buf, size_t size)
{
	size_t len = 0;

	for (const struct name *n = mark_names; n->name && len < size; n++) {
		if (rec->key.marks & n->value)
			len += (size_t)snprintf(buf + len, size - len, "%s%s", len ? "," : "",
						n->name);
	}
	return len > 0;
}

static bool end_reason_text(const struct flow_record *rec, char *buf, size_t size)
{
	return name_text(end_names, rec->end_reason, buf, size);
}

static bool tunnel_text(const struct flow_record *rec, char *buf, size_t size)
{
	return name_text(tunnel_names, rec->key.tunnel_kind, buf, size);
}

int flow_tunnel_find(const char *name)
{
	for (const struct name *n = tunnel_names; n->name; n++) {
		if (!strcmp(n->name, name))
			return n->value;
	}
	return -ENOENT;
}

uint32_t flow_tunnel_id(uint8_t kind, uint32_t tunnel_id)
{
	return kind == FLOW_TUNNEL_MPLS ? tunnel_id & FLOW_MPLS_LABEL : tunnel_id;
}

/* A field that is a number: its value, and when the record has it. */
#define NUMBER(field, present, value)                                                  \
	static bool field##_number(const struct flow_record *rec, uint64_t *ret_value) \
	{                                                                              \
		if (!(present))                                                        \
			return false;                                                  \
		*ret_value = (uint64_t)(value);                                        \
		return true;                                                           \
	}

NUMBER(start, true, rec->start_ms)
NUMBER(end, true, rec->end_ms)
NUMBER(duration_ms, true, rec->end_ms > rec->start_ms ? rec->end_ms - rec->start_ms : 0)
NUMBER(vlan, rec->key.vlan &FLOW_VLAN_TAGGED, rec->key.vlan &VLAN_ID)
NUMBER(cvlan, rec->key.cvlan &FLOW_VLAN_TAGGED, rec->key.cvlan &VLAN_ID)
NUMBER(proto, flow_key_is_ip(&rec->key), rec->key.proto)
NUMBER(sport, flow_key_is_ip(&rec->key) && !is_unknown(&rec->key, rec->key.src),
       ntohs(rec->key.sport))
NUMBER(dport, flow_key_is_ip(&rec->key) && !is_unknown(&rec->key, rec->key.dst),
       ntohs(rec->key.dport))
NUMBER(tunnel_id, rec->key.tunnel_kind, flow_tunnel_id(rec->key.tunnel_kind, rec->key.tunnel_id))
NUMBER(rev_tunnel_id, rec->key.tunnel_kind && (rec->half[1].packets | rec->half[1].bytes),
       flow_tunnel_id(rec->key.tunnel_kind, rec->rev_tunnel_id))
NUMBER(packets, true, rec->half[0].packets)
NUMBER(bytes, true, rec->half[0].bytes)
NUMBER(ip_bytes, true, rec->half[0].ip_bytes)
NUMBER(tcp_flags, is_tcp(&rec->key), rec->half[0].tcp_flags)
NUMBER(rev_packets, true, rec->half[1].packets)
NUMBER(rev_bytes, true, rec->half[1].bytes)
NUMBER(rev_ip_bytes, true, rec->half[1].ip_bytes)
NUMBER(rev_tcp_flags, is_tcp(&rec->key), rec->half[1].tcp_flags)

/* The same of each direction. */
#define HALVES(field, present, value)                                                         \
	static bool field##_of(const struct flow_record *rec, int which, uint64_t *ret_value) \
	{                                                                                     \
		const struct half_health *h = &rec->health[which];                            \
		if (!(present))                                                               \
			return false;                                                         \
		*ret_value = (value);                                                         \
		return true;                                                                  \
	}                                                                                     \
	static bool field##_number(const struct flow_record *rec, uint64_t *ret_value)        \
	{                                                                                     \
		return field##_of(rec, 0, ret_value);                                         \
	}                                                                                     \
	static bool rev_##field##_number(const struct flow_record *rec, uint64_t *ret_value)  \
	{                                                                                     \
		return field##_of(rec, 1, ret_value);                                         \
	}

HALVES(retransmits, is_tcp(&rec->key), h->count.retransmits)
HALVES(retransmitted_bytes, is_tcp(&rec->key), h->count.retransmitted_bytes)
HALVES(out_of_order, is_tcp(&rec->key), h->count.out_of_order)
HALVES(dup_acks, is_tcp(&rec->key), h->count.dup_acks)
HALVES(zero_windows, is_tcp(&rec->key), h->count.zero_windows)
HALVES(resets, is_tcp(&rec->key), h->count.resets)
HALVES(keep_alives, is_tcp(&rec->key), h->count.keep_alives)
HALVES(syn_repeats, is_tcp(&rec->key), h->count.syn_repeats)
HALVES(retransmits_kernel, is_tcp(&rec->key), h->retransmits_kernel)
HALVES(drops, h, h->drops)
HALVES(drop_bytes, h, h->drop_bytes)
HALVES(handshake_us, h->handshake_us, h->handshake_us)
HALVES(rtt_us, h->count.rtt_count, h->count.rtt_sum_us / h->count.rtt_count)
HALVES(rtt_min_us, h->count.rtt_count, h->rtt_min_us)
HALVES(rtt_max_us, h->count.rtt_count, h->rtt_max_us)
HALVES(rtt_samples, h->count.rtt_count, h->count.rtt_count)

/* The kernel's name of it, which is any bytes. */
static bool process_text(const struct flow_record *rec, char *buf, size_t size)
{
	const struct flow_socket *socket = &rec->socket;

	if (!socket->has || !*socket->process)
		return false;
	snprintf(buf, size, "%.*s", (int)sizeof(socket->process), socket->process);
	return true;
}

/* 0 is unknown. */
#define SOCKET(field) NUMBER(field, rec->socket.has && rec->socket.field, rec->socket.field)
SOCKET(pid)
SOCKET(srtt_us)
SOCKET(min_rtt_us)
SOCKET(cwnd)
SOCKET(delivery_rate)

#define TIME_ROW(field, heading, ie, text_of_help)                                                 \
	{                                                                                          \
		.name = #field, .title = heading, .unit = "ms", .help = text_of_help, .ipfix = ie, \
		.kind = FIELD_TIME, .number = field##_number                                       \
	}
#define TEXT_ROW(field, heading, sql, ie, text_of_help)                                \
	{                                                                              \
		.name = #field, .title = heading, .column = sql, .help = text_of_help, \
		.ipfix = ie, .kind = FIELD_TEXT, .text = field##_text                  \
	}
#define NUMBER_ROW(field, heading, of, sql, ie, text_of_help)                                      \
	{                                                                                          \
		.name = #field, .title = heading, .unit = of, .column = sql, .help = text_of_help, \
		.ipfix = ie, .kind = FIELD_NUMBER, .number = field##_number                        \
	}
#define REVERSE_ROW(field, heading, of, sql, ie, text_of_help)                         \
	{                                                                              \
		.name = "rev_" #field, .title = heading, .unit = of, .column = sql,    \
		.help = text_of_help, .ipfix = ie, .kind = FIELD_NUMBER, .reverse = 1, \
		.number = rev_##field##_number                                         \
	}

/* What is known of each direction: the initiator's, and the same of the responder's. */
#define HALVES_ROWS(field, heading, of, ie, text_of_help)       \
	NUMBER_ROW(field, heading, of, NULL, ie, text_of_help), \
		REVERSE_ROW(field, "REV " heading, of, NULL, ie, "the same of the responder")

/* clang-format off */
const struct field fields[] = {
	TIME_ROW(start, "START", 152, "first packet of the record, of either direction"),
	TIME_ROW(end, "END", 153, "last packet of the record, of either direction"),
	TEXT_ROW(dir, "DIR", "dir", 61,
		"way of the initiator's packets at the interface: ingress or egress"),
	TEXT_ROW(ethertype, "TYPE", "ethertype", 256,
		"ipv4, ipv6, arp, rarp, llc, lldp, vlan (tags nested too deep or cut short) "
		"or the number in hexadecimal; none where unknown"),
	NUMBER_ROW(vlan, "VLAN", NULL, "vlan", 243,
		"VLAN id of the outer tag; none where untagged"),
	NUMBER_ROW(cvlan, "CVLAN", NULL, "cvlan", 245,
		"VLAN id of the inner tag of QinQ; none where there is one tag or none"),
	NUMBER_ROW(proto, "PROTO", NULL, "proto", 4, "IP protocol number; none where not IP"),
	TEXT_ROW(src, "SRC", "src", 8,
		"IP address of the initiator; none where not IP and in folded flows"),
	TEXT_ROW(dst, "DST", "dst", 12, "IP address of the responder; none where not IP"),
	NUMBER_ROW(sport, "SPORT", NULL, "sport", 7,
		"port of the initiator, or ICMP type; 0 where the protocol has none and in "
		"fragments after the first; none where not IP and in folded flows"),
	NUMBER_ROW(dport, "DPORT", NULL, "dport", 11,
		"port of the responder, or ICMP code; 0 as for sport; none where not IP"),
	TEXT_ROW(arp_spa, "ARP SENDER", "src", 0,
		"sender's protocol address in ARP and RARP; none elsewhere"),
	TEXT_ROW(arp_tpa, "ARP TARGET", "dst", 0,
		"target's protocol address in ARP and RARP; none elsewhere"),
	NUMBER_ROW(packets, "PACKETS", "packets", "packets", 2,
		"packets of the initiator, as on the wire: segments of a super-packet count "
		"each"),
	NUMBER_ROW(bytes, "BYTES", "bytes", "bytes", 352,
		"bytes of the initiator's frames, link header included, without preamble and "
		"FCS"),
	NUMBER_ROW(ip_bytes, "IP BYTES", "bytes", "ip_bytes", 1,
		"bytes of the initiator's IP packets; 0 where not IP"),
	NUMBER_ROW(tcp_flags, "FLAGS", NULL, NULL, 6,
		"TCP flags of the initiator's packets, ORed; none where not TCP"),
	REVERSE_ROW(packets, "REV PACKETS", "packets", "rev_packets", 2,
		"packets of the responder"),
	REVERSE_ROW(bytes, "REV BYTES", "bytes", "rev_bytes", 352,
		"bytes of the responder's frames"),
	REVERSE_ROW(ip_bytes, "REV IP BYTES", "bytes", "rev_ip_bytes", 1,
		"bytes of the responder's IP packets"),
	REVERSE_ROW(tcp_flags, "REV FLAGS", NULL, NULL, 6,
		"TCP flags of the responder's packets, ORed; none where not TCP"),
	TEXT_ROW(marks, "MARKS", "marks", 0,
		"comma list: fragment (after the first: ports unknown), short (headers cut "
		"short), deep (nested too deep), folded (no room: sender unknown), catchall "
		"(no room at all), stag (outer tag is 802.1ad), mirrored (both directions "
		"went the same way), vlan-unknown (the NIC takes tags off before XDP: no tag "
		"does not mean untagged); none where none"),
	TEXT_ROW(end_reason, "END REASON", "end_reason", 136,
		"flowEndReason of RFC 5102: idle (idle timeout), active (active timeout), end "
		"(end of flow detected), forced (forced end), resources (lack of resources); "
		"none while the flow lives"),
	NUMBER_ROW(duration_ms, "DURATION", "ms", "duration_ms", 161, "end - start"),
	TEXT_ROW(tunnel, "TUNNEL", NULL, 0,
		"what is around the packets: mpls, pppoe, vxlan, geneve, gre, nvgre, erspan, ipip, "
		"6in4, 4in6, 6in6, gtpu, esp, ah, pbb or fabricpath; none where nothing is that was looked into"),
	NUMBER_ROW(tunnel_id, "TUNNEL ID", NULL, NULL, 351,
		"MPLS top label, PPPoE session, VNI, GRE key, VSID, ERSPAN session, TEID, SPI, I-SID "
		"or FTag of the initiator's packets; none where not in a tunnel"),
	REVERSE_ROW(tunnel_id, "REV TUNNEL ID", NULL, NULL, 351,
		"the same of the responder's packets"),
	TEXT_ROW(outer_src, "OUTER SRC", NULL, 0,
		"tunnel endpoint that sent the initiator's packets; none where there is no such "
		"endpoint, or it is no longer known"),
	TEXT_ROW(outer_dst, "OUTER DST", NULL, 0, "tunnel endpoint that they were sent to"),
	HALVES_ROWS(retransmits, "RETRANSMITS", "packets", 0,
		"TCP segments of the initiator, seen here, that carry data, SYN or FIN and do not advance "
		"its sequence number, apart from out_of_order and keep_alives; none where not TCP"),
	HALVES_ROWS(retransmitted_bytes, "RETRANSMITTED", "bytes", 0,
		"bytes of payload in retransmits; none where not TCP"),
	HALVES_ROWS(out_of_order, "OUT OF ORDER", "packets", 0,
		"segments of the initiator that carry data, SYN or FIN, do not advance its sequence number "
		"and came within the connection's initial round trip, or 3 ms, of the newest segment; "
		"none where not TCP"),
	HALVES_ROWS(dup_acks, "DUP ACKS", "packets", 0,
		"ACKs of the initiator that repeat the one before and carry nothing; none where not TCP"),
	HALVES_ROWS(zero_windows, "ZERO WINDOWS", "packets", 0,
		"segments of the initiator, but SYN, FIN and RST, that leave the other side no room to "
		"send; none where not TCP"),
	HALVES_ROWS(resets, "RESETS", "packets", 0,
		"segments of the initiator with RST; none where not TCP"),
	HALVES_ROWS(keep_alives, "KEEP ALIVES", "packets", 0,
		"segments of the initiator with at most one byte, which the other side has acknowledged "
		"already (RFC 9293 section 3.8.4); none where not TCP"),
	HALVES_ROWS(syn_repeats, "SYN REPEATS", "packets", 0,
		"SYN, or SYN with ACK, of the initiator again; in retransmits too; none where not TCP"),
	HALVES_ROWS(retransmits_kernel, "KERNEL RETRANSMITS", "packets", 0,
		"segments of the initiator that this host's own TCP sent again; none where not TCP"),
	HALVES_ROWS(drops, "DROPS", "packets", 133,
		"packets of the initiator, of any protocol, that this host's kernel dropped"),
	HALVES_ROWS(drop_bytes, "DROPPED", "bytes", 0, "bytes of frames in drops"),
	HALVES_ROWS(handshake_us, "HANDSHAKE", "us", 0,
		"from the initiator's SYN at this monitor to its answer; of the responder: from SYN with "
		"ACK to its answer; none where it was not seen"),
	HALVES_ROWS(rtt_us, "RTT", "us", 0,
		"mean round trip from the initiator's packets at this monitor to their answers, handshake "
		"included: to the responder and back; none without a sample"),
	HALVES_ROWS(rtt_min_us, "MIN RTT", "us", 0, "the shortest of them"),
	HALVES_ROWS(rtt_max_us, "MAX RTT", "us", 0, "the longest of them"),
	HALVES_ROWS(rtt_samples, "RTT SAMPLES", NULL, 0, "how many they are; none without one"),
	TEXT_ROW(process, "PROCESS", NULL, 0,
		"name of the process of this host that had the connection when it closed; none where "
		"unknown, as in all that follow"),
	NUMBER_ROW(pid, "PID", NULL, NULL, 0, "its number"),
	NUMBER_ROW(srtt_us, "SRTT", "us", NULL, 0,
		"smoothed round trip (RFC 6298) of this host's TCP when the connection closed"),
	NUMBER_ROW(min_rtt_us, "TCP MIN RTT", "us", NULL, 0, "shortest round trip that it measured lately"),
	NUMBER_ROW(cwnd, "CWND", "packets", NULL, 0, "its congestion window, in segments"),
	NUMBER_ROW(delivery_rate, "DELIVERY RATE", "bytes/s", NULL, 0,
		"rate at which its data were delivered last, in bytes a second"),
	{.name = NULL},
};
/* clang-format on */

const struct field *field_find(const char *name)
{
	for (const struct field *f = fields; f->name; f++) {
		if (!strcmp(f->name, name))
			return f;
	}
	return NULL;
}
