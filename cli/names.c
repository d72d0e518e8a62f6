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

void names_iface(const char *name, char *buf, size_t size)
{
	size_t len = strlen(name), head = IFACE_HEAD, tail = len - IFACE_TAIL;

	if (len <= IFACE_HEAD + 2 + IFACE_TAIL) {
		snprintf(buf, size, "%s", name);
		return;
	}
	while (head && is_inside(name[head]))
		head--;
	while (tail < len && is_inside(name[tail]))
		tail++;
	snprintf(buf, size, "%.*s..%s", (int)head, name, name + tail);
}

int names_has_ports(const struct flow_key *key)
{
	if (!flow_key_is_ip(key) || (key->marks & (FLOW_MARK_FRAGMENT | FLOW_MARK_DEEP)))
		return 0;
	if ((key->marks & FLOW_MARK_SHORT) && !key->sport && !key->dport)
		return 0;
	return key->proto == IPPROTO_TCP || key->proto == IPPROTO_UDP ||
	       key->proto == IPPROTO_DCCP || key->proto == IPPROTO_SCTP ||
	       key->proto == IPPROTO_UDPLITE;
}

void names_endpoint(const struct flow_key *key, const __be32 *addr, __be16 port, char *buf,
		    size_t size)
{
	char text[NAMES_SIZE];

	names_address(key, addr, text, sizeof(text));
	if (!names_has_ports(key))
		snprintf(buf, size, "%s", text);
	else if (key->ethertype == ETH_P_IPV6)
		snprintf(buf, size, "[%s]:%u", text, ntohs(port));
	else
		snprintf(buf, size, "%s:%u", text, ntohs(port));
}
