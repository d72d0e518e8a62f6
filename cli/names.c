/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* names.c: pure; /etc/protocols is not asked, so that answers are the same everywhere. */
#include "cli/names.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <stdio.h>

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
