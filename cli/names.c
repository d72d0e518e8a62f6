/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* names.c: pure; /etc/protocols is not asked, so that answers are the same everywhere. */
#include "cli/names.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/tunnelarg.h"
#include "schema/fields.h"
#include "schema/talker.h"

/* Keywords of IANA's registry, in lower case, as pcap-filter(7) has them where it does. */
static const struct {
	unsigned proto;
	const char *name;
} protos[] = {
	{1, "icmp"},  {2, "igmp"},  {4, "ipip"},   {6, "tcp"},	  {17, "udp"},	 {33, "dccp"},
	{41, "ipv6"}, {47, "gre"},  {50, "esp"},   {51, "ah"},	  {58, "icmp6"}, {88, "eigrp"},
	{89, "ospf"}, {103, "pim"}, {112, "vrrp"}, {115, "l2tp"}, {132, "sctp"}, {136, "udplite"},
};

void names_proto(unsigned proto, char *buf, size_t size)
{
	for (size_t i = 0; i < sizeof(protos) / sizeof(protos[0]); i++) {
		if (protos[i].proto == proto) {
			snprintf(buf, size, "%s", protos[i].name);
			return;
		}
	}
	snprintf(buf, size, "proto %u", proto);
}

void names_stand_in(const struct flow_key *key, char *buf, size_t size)
{
	const struct field *field = field_find("ethertype");
	struct flow_record rec = {.key = *key};
	char text[32];

	if (key->marks & FLOW_MARK_CATCHALL)
		snprintf(buf, size, "(no detail)");
	else if (key->marks & FLOW_MARK_FOLDED)
		snprintf(buf, size, "(folded)");
	else if (flow_key_is_ip(key) || !field || !field->text(&rec, text, sizeof(text)))
		snprintf(buf, size, "(cut short)");
	else
		snprintf(buf, size, "(%s)", text);
}

void names_address(const struct flow_key *key, const __be32 *addr, char *buf, size_t size)
{
	if (!inet_ntop(key->ethertype == ETH_P_IPV6 ? AF_INET6 : AF_INET, addr, buf,
		       (socklen_t)size))
		snprintf(buf, size, "?");
}

void names_tunnel(uint8_t kind, uint32_t tunnel_id, char *buf, size_t size)
{
	const struct field *field = field_find("tunnel");
	struct flow_record rec = {.key = {.tunnel_kind = kind}};
	uint32_t id = flow_tunnel_id(kind, tunnel_id);
	char name[32];

	if (!field || !field->text(&rec, name, sizeof(name)))
		snprintf(buf, size, "(none)");
	else if (!tunnelarg_id_max(kind) ||
		 (!id && (kind == FLOW_TUNNEL_GRE || kind == FLOW_TUNNEL_ERSPAN)))
		snprintf(buf, size, "%s", name);
	else if (kind == FLOW_TUNNEL_ESP || kind == FLOW_TUNNEL_AH || kind == FLOW_TUNNEL_GTPU)
		snprintf(buf, size, "%s 0x%08x", name, id);
	else
		snprintf(buf, size, "%s %u", name, id);
}

#define IFACE_HEAD 18 /* bytes: with the dots in place of the middle, 32 */
#define IFACE_TAIL 12

/* No character of UTF-8 is cut in two. */
static bool is_inside(char byte)
{
	return (byte & 0xc0) == 0x80;
}

void names_shorten(const char *name, size_t head, size_t tail, char *buf, size_t size)
{
	size_t len = strlen(name), from = len - tail;

	if (len <= head + 2 + tail) {
		snprintf(buf, size, "%s", name);
		return;
	}
	while (head && is_inside(name[head]))
		head--;
	while (from < len && is_inside(name[from]))
		from++;
	snprintf(buf, size, "%.*s..%s", (int)head, name, name + from);
}

void names_iface(const char *name, char *buf, size_t size)
{
	names_shorten(name, IFACE_HEAD, IFACE_TAIL, buf, size);
}

void names_endpoint(const struct flow_key *key, const __be32 *addr, __be16 port, char *buf,
		    size_t size)
{
	char text[NAMES_SIZE];

	names_address(key, addr, text, sizeof(text));
	if (!talker_has_ports(key))
		snprintf(buf, size, "%s", text);
	else if (key->ethertype == ETH_P_IPV6)
		snprintf(buf, size, "[%s]:%u", text, ntohs(port));
	else
		snprintf(buf, size, "%s:%u", text, ntohs(port));
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

void names_packets(const struct flow_key *key, char *buf, size_t size)
{
	char proto[NAMES_SIZE], tunnel[NAMES_SIZE];

	inner_proto(key, proto, sizeof(proto));
	names_tunnel(key->tunnel_kind, key->tunnel_id, tunnel, sizeof(tunnel));
	if (!key->tunnel_kind)
		snprintf(buf, size, "%s", proto);
	else if (is_own_tunnel(key))
		snprintf(buf, size, "%s%s", tunnel,
			 key->marks & FLOW_MARK_FRAGMENT ? " fragments" : "");
	else
		snprintf(buf, size, "%s in %s", proto, tunnel);
}
