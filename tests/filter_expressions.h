/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* filter_expressions.h: filters of pcap-filter(7) that say yes to some frames of vectors.h and no to others. */
#pragma once

/* clang-format off */
static const char *const filter_expressions[] = {
	"ip", "ip6", "arp", "rarp", "not ip", "tcp", "udp", "icmp", "icmp6", "sctp", "igmp", "esp",
	"ah", "vrrp", "pim", "ether proto 0x88cc", "ether proto \\ip", "not arp and not ip6",
	"host 10.1.0.1", "src host 10.1.0.1", "dst host 10.1.0.1", "host 10.1.0.2 and tcp port 5201",
	"net 10.0.0.0/8", "src net 10.1.0.0/30", "not net 10.0.0.0/8", "dst net 10.1.0.2/32",
	"ip6 host 2001:db8::1", "dst host 2001:db8::2", "net 2001:db8::/32",
	"src net 2001:db8::/127", "host 2001:db8::9", "arp host 10.1.0.2",
	"port 5201", "src port 40000", "dst port 40000", "tcp port 5201", "udp dst port 5201",
	"portrange 5000-5300", "udp portrange 1-1023", "not port 5201", "sctp port 5201",
	"tcp[tcpflags] & tcp-syn != 0", "tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn",
	"tcp[tcpflags] == tcp-rst", "tcp[13] & 0xc0 != 0", "tcp[tcpflags] & tcp-rst != 0 or udp",
	"icmp[icmptype] == icmp-echo", "icmp[icmpcode] = 3", "icmp[0:2] = 0x0303",
	"icmp6[icmp6type] == icmp6-neighborsolicit", "icmp6[1] == 1",
	"ip proto 89", "ip proto 136", "ip6 proto 17", "proto 132", "ip[9] == 47", "ip[9] >= 50",
	"ip6[6] == 58", "ip[0] >> 4 == 4", "ip[0] & 0xf0 == 0x40", "ip[12:4] = 0x0a010001",
	"ip[12:4] & 0xffff0000 = 0x0a010000", "ip[16] = 10 and ip[17] = 1",
	"ip[6:2] & 0x1fff != 0", "ip[6:2] & 0x1fff = 0", "ip[6:2] & 0x1fff > 0 and udp",
	"udp[0:2] > 39999", "udp[0:2] = udp[2:2]", "tcp[0:2] + 1 = 40001", "tcp[2:2] % 100 = 1",
	"tcp[0:2] - tcp[2:2] > 1000", "tcp[0:2] & 1 = 0", "tcp[0:2] ^ 40000 = 0",
	"ip[9] * 2 = 34 and udp[2:2] << 1 = 10402", "tcp[0] | 1 = 0x9d", "tcp[0:2] / 10 = 4000",
	"vlan", "vlan 100", "vlan 200", "vlan 0", "vlan 4095", "not vlan", "vlan 100 and udp",
	"vlan and ip6", "vlan 200 and vlan 300", "vlan 200 and vlan 300 and tcp port 5201",
	"vlan and arp", "udp or (vlan and udp)", "ether[12:2] = 0x88a8", "ether[12:2] = 0x8100 and ether[14:2] & 0xfff = 100",
	"llc", "stp", "ether[12:2] <= 1500", "ether[12:2] > 1500", "ether[12:2] <= 1500 and ether[14] = 0x42", "netbeui",
	"vlan 1 and stp", "not llc",
	"arp[6:2] = 1", "arp[6:2] = 2 or rarp", "vlan and arp[6:2] = 2", "arp[7] = 1",
	"arp src host 10.1.0.1", "ip multicast",
	"mpls", "not mpls", "mpls 16", "mpls 100", "mpls and mpls", "mpls and ip", "mpls and ip6",
	"mpls 16 and host 10.1.0.1", "mpls and udp port 5201", "mpls and tcp", "vlan and mpls", "vlan 5 and mpls 16",
	"mpls and net 2001:db8::/32", "mpls and mpls and mpls and ip6", "host 10.1.0.1 or (mpls and host 10.1.0.1)",
	"mpls and not host 10.1.0.1", "mpls and mpls and mpls and tcp[tcpflags] & tcp-syn != 0",
	"ether[12:2] = 0x8847 and ether[14:4] & 0xfffff000 = 0x00010000",
	"pppoes", "pppoes 7", "not pppoes 7", "pppoes 7 and ip", "pppoes 7 and host 10.1.0.1", "pppoes and udp port 5201",
	"pppoes and ip6", "pppoes and not ip", "pppoes and mpls", "pppoed", "pppoes and not port 5201",
	"esp and ip[20:4] = 0x9c401451", "esp or ah", "ip[9] = 51 and ip[24:4] = 0x100", "ip6 proto 6", "ip6 protochain 17",
	"icmp6[icmp6type] = icmp6-routersolicit", "vlan and vlan", "vlan and vlan and vlan", "vlan 5", "ip6 multicast",
	"tcp port 5201 or (ip[8] > 64 and host 192.0.2.9)",
};
/* clang-format on */
