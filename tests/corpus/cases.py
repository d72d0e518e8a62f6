# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""cases.py: well-formed traffic: every protocol that flow(5) speaks of, each in frames of its own
pair of addresses, so that a row that differs names its frame."""
import struct

from answer import Frame
from capture import IPV4, IPV6, LOOP, NULL, RAW, SLL, SLL2, Capture
from layers import (Ah, AhExtension, Arp, Dccp, Discovery, Esp, Ethernet, Extension, Fragment, Icmp,
                    IPv4, IPv6, Layer, Llc, Loopback, Mpls, Payload, Ports, Pppoe, Sll, Snap, Tag,
                    Tcp, Udp, UdpLite, checksum, jumbo_option, patch16)
from tunnels import Erspan, Geneve, Gre, Gtpu, Plain, Vxlan


class Hosts:
    """Addresses: each call another pair of `net`, the same on every run."""

    def __init__(self, net):
        self.net, self.n = net, 0

    def pair4(self):
        self.n += 1
        return tuple("10.%d.%d.%d" % (self.net, self.n, host) for host in (1, 2))

    def pair6(self):
        self.n += 1
        return tuple("2001:db8:%x:%x::%x" % (self.net, self.n, host) for host in (1, 2))

    def v4(self, **fields):
        return IPv4(*self.pair4(), **fields)

    def v6(self, **fields):
        return IPv6(*self.pair6(), **fields)


def data(length):
    return Payload(bytes(i & 0xFF for i in range(length)))


def syn():
    """MSS, SACK permitted, time stamps, window scale."""
    return Tcp(40000, 443, 0x02, bytes.fromhex("020405b40402080a000000010000000001030307"))


def dns():
    """A query for example.com."""
    query = bytes.fromhex("123401000001000000000000076578616d706c6503636f6d0000010001")
    return [Udp(40001, 53), Payload(query)]


def sctp():
    """COOKIE ACK."""
    return Ports(132, 40003, 36412, struct.pack("!II", 7, 0) + bytes([11, 0, 0, 4]))


def summed(proto, text):
    """A header without ports, its Internet checksum in bytes 2 to 4."""
    body = bytes.fromhex(text)
    return Payload(patch16(body, 2, checksum(body)), proto=proto)


def igmp():
    return summed(2, "16000000e0000116")


def ospf():
    body = bytes.fromhex("0201002c0a00000100000000000000000000000000000000" "ffffff00000a020100000028"
                         "0a00000100000000")
    sum_ = checksum(body[:16] + body[24:])
    return Payload(patch16(body, 12, sum_), proto=89)


def pim():
    return summed(103, "200000000001000200690014000400000001")


def vrrp():
    body = bytes.fromhex("210164010001000a0a0000fe") + bytes(8)
    body = body[:6] + b"\0\0" + body[8:]
    return Payload(patch16(body, 6, checksum(body)), proto=112)


def link():
    """Tags, LLC, what is not IP."""
    c, h = Capture("link.pcap"), Hosts(1)

    def tagged(title, *tags):
        c.add(Frame(title, Ethernet(), *tags, h.v4(), *dns()))
        c.add(Frame(title + ", IPv6", Ethernet(), *tags, h.v6(), syn()))
    tagged("untagged")
    tagged("802.1Q", Tag(100))
    tagged("802.1Q, priority only", Tag(0, priority=7))
    tagged("802.1Q, id 4095", Tag(4095))
    tagged("QinQ", Tag(200, 0x88A8), Tag(100))
    tagged("S-tag alone", Tag(200, 0x88A8))
    tagged("two C-tags", Tag(1), Tag(2))
    tagged("0x9100", Tag(7, 0x9100), Tag(8))
    tagged("three tags", Tag(1, 0x88A8), Tag(2), Tag(3))
    tagged("four tags", Tag(1, 0x88A8), Tag(2, 0x88A8), Tag(3), Tag(4))
    tagged("five tags", *[Tag(i) for i in range(1, 6)])
    tagged("LLC/SNAP", Snap())
    tagged("802.1Q, LLC/SNAP", Tag(9), Snap())
    c.add(Frame("LLC: spanning tree", Ethernet(60), Llc(0x42, 0x42), Payload(bytes(35))))
    c.add(Frame("SNAP of Cisco: CDP", Ethernet(60), Snap(0x00000C, 0x2000), Payload(bytes.fromhex(
        "02b40000"))))
    c.add(Frame("802.1Q, LLC", Ethernet(60), Tag(5), Llc(0x42, 0x42), Payload(bytes(35))))
    for title, operation, ethertype in (("ARP request", 1, 0x0806), ("ARP reply", 2, 0x0806),
                                        ("RARP request", 3, 0x8035)):
        c.add(Frame(title, Ethernet(60), Arp(*h.pair4(), operation, ethertype)))
        c.add(Frame("802.1Q, " + title, Ethernet(60), Tag(6), Arp(*h.pair4(), operation, ethertype)))
    c.add(Frame("LLDP", Ethernet(60), Payload(bytes.fromhex("020704020000000001040705") + b"eth00" +
                                              bytes.fromhex("060200780000"), 0x88CC)))
    c.add(Frame("IEEE 802 local experimental", Ethernet(60), Payload()))
    c.add(Frame("padded to 60", Ethernet(60), h.v4(), Udp(1, 2), data(1)))
    c.add(Frame("padded to 60, no payload", Ethernet(60), h.v4(), Tcp(1, 2, 0x10)))
    yield c


def ip():
    """IPv4 options and numbers, IPv6 extension headers and chains of them."""
    c, h = Capture("ip.pcap", "inner"), Hosts(2)
    for title, options in (("router alert", "94040000"), ("record route", "01070704000000" "00"),
                           ("time stamp", "440c0500000000000000000000000000"),
                           ("40 bytes of no operation", "01" * 40)):
        c.add(Frame("IPv4, " + title, Ethernet(), h.v4(options=bytes.fromhex(options)), *dns()))
    for proto in (0, 43, 44, 59, 60, 135, 255):
        c.add(Frame("IPv4, protocol %d" % proto, Ethernet(), h.v4(proto=proto), data(24)))
    extensions = {
        "hop-by-hop": lambda: Extension(0, bytes.fromhex("050200000100")),
        "routing": lambda: Extension(43, bytes([0, 0]) + bytes(4)),
        "fragment, whole": lambda: Fragment(id=9),
        "AH": lambda: AhExtension(0xABCDEF),
        "destination options": lambda: Extension(60, bytes.fromhex("01040000" "0000")),
        "mobility": lambda: Extension(135, bytes([0, 0, 0, 0, 0, 0])),
        "HIP": lambda: Extension(139, bytes.fromhex("02110000" "0000") + bytes(32)),
        "shim6": lambda: Extension(140, bytes.fromhex("80000000" "0000")),
    }
    for title, make in extensions.items():
        c.add(Frame("IPv6, %s, UDP" % title, Ethernet(), h.v6(), make(), *dns()))
        c.add(Frame("IPv6, %s, TCP" % title, Ethernet(), h.v6(), make(), syn()))
    option = extensions["destination options"]
    for count in (2, 5, 6, 7, 8, 12):
        c.add(Frame("IPv6, %d extension headers" % count, Ethernet(), h.v6(),
                    *[option() for _ in range(count)], *dns()))
    c.add(Frame("IPv6, six different ones", Ethernet(), h.v6(), *[extensions[k]() for k in (
        "hop-by-hop", "destination options", "routing", "fragment, whole", "AH", "shim6")], syn()))
    c.add(Frame("IPv6, 2 kB of options", Ethernet(), h.v6(), Extension(
        60, bytes.fromhex("01fc") + bytes(252) + (bytes.fromhex("01fe") + bytes(254)) * 7), *dns()))
    c.add(Frame("IPv6, no next header", Ethernet(), h.v6(next=59), data(0)))
    c.add(Frame("IPv6, protocol 253", Ethernet(), h.v6(), data(24)))
    yield c


def transport():
    """TCP with all its flags, UDP and the others with ports."""
    c, h = Capture("transport.pcap"), Hosts(3)
    src, dst = h.pair4()
    for i, (forward, flags) in enumerate(((1, 0x02), (0, 0x12), (1, 0x10), (1, 0x18), (0, 0x10),
                                          (0, 0x18), (1, 0x11), (0, 0x11), (1, 0x10))):
        way, ports = ((src, dst), (40000, 80)) if forward else ((dst, src), (80, 40000))
        c.add(Frame("a conversation, %d" % i, Ethernet(), IPv4(*way), Tcp(*ports, flags),
                    data(100 if flags & 8 else 0)))
    for bit in range(8):
        c.add(Frame("TCP flag 0x%02x" % (1 << bit), Ethernet(), h.v4(), Tcp(1000, 80, 1 << bit)))
    for flags in (0, 0xFF, 0xC2, 0x52, 0x29):
        c.add(Frame("TCP flags 0x%02x" % flags, Ethernet(), h.v6(), Tcp(1000, 80, flags)))
    for length in (4, 12, 40):
        c.add(Frame("TCP, %d bytes of options" % length, Ethernet(), h.v4(),
                    Tcp(1000, 80, 0x10, b"\1" * length), data(7)))
    c.add(Frame("TCP, ports 0", Ethernet(), h.v4(), Tcp(0, 0, 2)))
    c.add(Frame("TCP, ports 65535", Ethernet(), h.v4(), Tcp(65535, 65535, 2)))
    others = {"UDP": lambda: dns(), "UDP, empty": lambda: [Udp(5, 6)],
              "UDP-Lite": lambda: [UdpLite(40004, 5004), data(20)],
              "UDP-Lite to port 4789": lambda: [UdpLite(40004, 4789), data(60)],
              "SCTP": lambda: [sctp()], "DCCP": lambda: [Dccp(40002, 5001)]}
    for title, make in others.items():
        for around in (h.v4, h.v6):
            c.add(Frame(title, Ethernet(), around(), *make()))
    yield c


def control():
    """ICMP and what routers say to each other; ESP and AH."""
    c, h = Capture("control.pcap", "inner"), Hosts(4)
    a, b = h.pair4()
    inner = [IPv4(b, a), Udp(7, 9), data(0)]
    for title, way, icmp in (("echo request", (a, b), Icmp(8)), ("echo reply", (b, a), Icmp(0)),
                             ("time stamp", (a, b), Icmp(13, rest=bytes(16))),
                             ("redirect", (a, b), Icmp(5, 1, b"\x0a\4\0\xfe"))):
        more = inner if icmp.type == 5 else [data(16)]
        c.add(Frame("ICMP " + title, Ethernet(), IPv4(*way), icmp, *more))
    for code in (0, 1, 3, 4, 13):
        c.add(Frame("ICMP unreachable %d" % code, Ethernet(), IPv4(a, b), Icmp(3, code, bytes(4)),
                    *inner))
    a, b = h.pair6()
    neighbour = bytes(4) + bytes.fromhex("20010db8000400020000000000000002")
    for title, way, type, rest in (("echo request", (a, b), 128, b"\0\7\0\1"),
                                   ("echo reply", (b, a), 129, b"\0\7\0\1"),
                                   ("neighbour solicitation", (a, b), 135, neighbour),
                                   ("neighbour advertisement", (b, a), 136, neighbour),
                                   ("router solicitation", (a, "ff02::2"), 133, bytes(4))):
        c.add(Frame("ICMPv6 " + title, Ethernet(), IPv6(*way), Icmp(type, 0, rest, 58)))
    c.add(Frame("ICMPv6 too big", Ethernet(), IPv6(a, b), Icmp(2, 0, struct.pack("!I", 1280), 58),
                IPv6(b, a), Udp(7, 9)))
    alert = bytes.fromhex("94040000")
    here = h.pair4()[0]
    for title, ip_, body in (("IGMP", IPv4(here, "224.0.1.22", alert), igmp()),
                             ("OSPF", IPv4(here, "224.0.0.5"), ospf()),
                             ("PIM", IPv4(here, "224.0.0.13"), pim()),
                             ("VRRP", IPv4(here, "224.0.0.18"), vrrp())):
        c.add(Frame(title, Ethernet(), ip_, body))
    a, b = h.pair4()
    c.add(Frame("ESP", Ethernet(), IPv4(a, b), Esp(0x1001)))
    c.add(Frame("ESP, back", Ethernet(), IPv4(b, a), Esp(0x2002)))
    c.add(Frame("ESP, IPv6", Ethernet(), h.v6(), Esp(0xFFFFFFFF)))
    c.add(Frame("ESP after AH, IPv6", Ethernet(), h.v6(), AhExtension(77), Esp(78)))
    c.add(Frame("AH, TCP", Ethernet(), h.v4(), Ah(0x3003), syn()))
    c.add(Frame("AH, UDP, IPv6", Ethernet(), h.v6(), AhExtension(0x4004), *dns()))
    c.add(Frame("ESP by UDP port 4500", Ethernet(), h.v4(), Udp(4500, 4500), Payload(bytes.fromhex(
        "00001005" "00000001") + bytes(32))))
    yield c


def labels():
    """MPLS and PPPoE, which are always walked."""
    c, h = Capture("labels.pcap", "inner"), Hosts(5)
    for count in range(1, 11):
        entries = range(1000, 1000 + count)
        c.add(Frame("MPLS, %d entries" % count, Ethernet(), Mpls(*entries), h.v4(), *dns()))
        c.add(Frame("MPLS, %d entries, IPv6" % count, Ethernet(), Mpls(*entries), h.v6(), syn()))
    a, b = h.pair4()
    c.add(Frame("MPLS, there", Ethernet(), Mpls(16), IPv4(a, b), Tcp(1, 2, 2)))
    c.add(Frame("MPLS, back", Ethernet(), Mpls(17), IPv4(b, a), Tcp(2, 1, 0x12)))
    c.add(Frame("MPLS, label 0", Ethernet(), Mpls(0), h.v4(), *dns()))
    c.add(Frame("MPLS, label 1048575", Ethernet(), Mpls(1048575), h.v4(), *dns()))
    c.add(Frame("MPLS multicast", Ethernet(), Mpls(20, ethertype=0x8848), h.v4(), *dns()))
    c.add(Frame("802.1Q, MPLS", Ethernet(), Tag(3), Mpls(21, 22), h.v4(), *dns()))
    c.add(Frame("MPLS, ESP", Ethernet(), Mpls(23), h.v4(), Esp(5)))
    c.add(Frame("MPLS, control word, Ethernet", Ethernet(), Mpls(24), Payload(bytes(4)), Ethernet(),
                h.v4(), *dns()))
    for title, session, inner in (("IPv4", 1, [h.v4(), *dns()]), ("IPv6", 65535, [h.v6(), syn()]),
                                  ("MPLS", 2, [Mpls(30), h.v4(), *dns()])):
        c.add(Frame("PPPoE, " + title, Ethernet(60), Pppoe(session), *inner))
    c.add(Frame("PPPoE, MPLS multicast", Ethernet(), Pppoe(3), Mpls(31, ethertype=0x8848), h.v6(),
                *dns()))
    c.add(Frame("802.1Q, PPPoE", Ethernet(), Tag(7), Pppoe(4), h.v4(), *dns()))
    c.add(Frame("PPPoE, one byte, IPv4", Ethernet(), Pppoe(5, protocol=0x21, squeezed=True), h.v4(),
                *dns()))
    c.add(Frame("PPPoE, one byte, IPv6", Ethernet(), Pppoe(6, protocol=0x57, squeezed=True), h.v6(),
                syn()))
    c.add(Frame("PPPoE, LCP", Ethernet(60), Pppoe(7, protocol=0xC021), Payload(bytes.fromhex(
        "0901000800000000"))))
    c.add(Frame("PPPoE, discovery", Ethernet(60), Discovery()))
    yield c


def inner_frame(h):
    return [Ethernet(), h.v4(), *dns()]


def by_udp(h, port):
    return [Ethernet(), h.v4(), Udp(50000, port)]


def tunnel_kinds(h):
    """Every tunnel once: title and layers. Also what truncation takes (broken.py)."""
    e = inner_frame
    gre = lambda **fields: [Ethernet(), h.v4(), Gre(**fields)]
    pdu = (0x85, bytes.fromhex("0001"))  # PDU session container
    option = bytes.fromhex("01028001" "00000007")
    return {
        "VXLAN": [*by_udp(h, 4789), Vxlan(42), *e(h)],
        "VXLAN, port 8472": [*by_udp(h, 8472), Vxlan(0xFFFFFF), *e(h)],
        "GENEVE": [*by_udp(h, 6081), Geneve(43), *e(h)],
        "GENEVE, options": [*by_udp(h, 6081), Geneve(44, option), Ethernet(), h.v6(), syn()],
        "GENEVE, IPv4": [*by_udp(h, 6081), Geneve(45), h.v4(), syn()],
        "GENEVE, IPv6": [*by_udp(h, 6081), Geneve(46, option * 2), h.v6(), *dns()],
        "GRE": [*gre(), h.v4(), *dns()],
        "GRE, IPv6": [*gre(), h.v6(), syn()],
        "GRE, key": [*gre(key=7), h.v4(), *dns()],
        "GRE, sequence": [*gre(seq=1), h.v4(), *dns()],
        "GRE, checksum, key, sequence": [*gre(key=8, seq=2, sums=True), h.v4(), syn()],
        "GRE, MPLS": [*gre(), Mpls(60, 61), h.v4(), *dns()],
        "gretap": [*gre(), *e(h)],
        "gretap, key": [*gre(key=0xFFF), *e(h)],
        "NVGRE": [*gre(key=0x123456 << 8 | 9), *e(h)],
        "ERSPAN I": [*gre(), Erspan(1), *e(h)],
        "ERSPAN II": [*gre(seq=3), Erspan(2, 100), *e(h)],
        "ERSPAN III": [*gre(seq=4), Erspan(3, 1023), *e(h)],
        "ERSPAN III, subheader": [*gre(seq=5), Erspan(3, 5, True), *e(h)],
        "IPIP": [Ethernet(), h.v4(), Plain(4, 4), h.v4(), *dns()],
        "6in4": [Ethernet(), h.v4(), Plain(4, 6), h.v6(), syn()],
        "4in6": [Ethernet(), h.v6(), Plain(6, 4), h.v4(), syn()],
        "6in6": [Ethernet(), h.v6(), Plain(6, 6), h.v6(), *dns()],
        "GTP-U": [*by_udp(h, 2152), Gtpu(0xCAFE), h.v4(), *dns()],
        "GTP-U, sequence": [*by_udp(h, 2152), Gtpu(2, seq=9), h.v6(), syn()],
        "GTP-U, extensions": [*by_udp(h, 2152), Gtpu(3, [pdu, pdu]), h.v4(), *dns()],
    }


def tunnels():
    c, h = Capture("tunnels.pcap", "inner"), Hosts(6)
    for title, layers in tunnel_kinds(h).items():
        c.add(Frame(title, *layers))
    udp6 = lambda port: [Ethernet(), h.v6(), Udp(50001, port)]
    pdu = (0x85, bytes.fromhex("0001"))
    more = {
        "VXLAN by IPv6": [*udp6(4789), Vxlan(1), *inner_frame(h)],
        "VXLAN, all flags": [*by_udp(h, 4789), Vxlan(2, 0xFF), *inner_frame(h)],
        "VXLAN, inner tags": [*by_udp(h, 4789), Vxlan(3), Ethernet(), Tag(1), Tag(2), h.v4(), syn()],
        "802.1Q, VXLAN, inner tag": [Ethernet(), Tag(5), h.v4(), Udp(5, 4789), Vxlan(4), Ethernet(),
                                     Tag(6), h.v4(), syn()],
        "VXLAN, four inner tags": [*by_udp(h, 4789), Vxlan(5), Ethernet(),
                                   *[Tag(i) for i in range(4)], h.v4(), syn()],
        "VXLAN, five inner tags": [*by_udp(h, 4789), Vxlan(6), Ethernet(),
                                   *[Tag(i) for i in range(5)], h.v4(), syn()],
        "VXLAN, ARP": [*by_udp(h, 4789), Vxlan(7), Ethernet(), Arp(*h.pair4())],
        "VXLAN, LLC": [*by_udp(h, 4789), Vxlan(8), Ethernet(), Llc(0x42, 0x42),
                       Payload(bytes(35))],
        "VXLAN, MPLS": [*by_udp(h, 4789), Vxlan(9), Ethernet(), Mpls(70), h.v4(), syn()],
        "VXLAN, PPPoE": [*by_udp(h, 4789), Vxlan(10), Ethernet(), Pppoe(9), h.v4(), syn()],
        "VXLAN, ESP": [*by_udp(h, 4789), Vxlan(11), Ethernet(), h.v4(), Esp(9)],
        "MPLS, VXLAN": [Ethernet(), Mpls(71), h.v4(), Udp(5, 4789), Vxlan(12), *inner_frame(h)],
        "VXLAN from port 4789 alone": [Ethernet(), h.v4(), Udp(4789, 5), Vxlan(13, bad=True),
                                       *inner_frame(h)],
        "GENEVE by IPv6": [*udp6(6081), Geneve(14), *inner_frame(h)],
        "GENEVE, 252 bytes of options": [*by_udp(h, 6081), Geneve(
            15, (bytes.fromhex("0102801f") + bytes(124)) + bytes.fromhex("0102801e") + bytes(120)),
            *inner_frame(h)],
        "GRE by IPv6": [Ethernet(), h.v6(), Gre(key=1), h.v4(), *dns()],
        "GRE, checksum": [Ethernet(), h.v4(), Gre(sums=True), h.v4(), *dns()],
        "GRE, MPLS multicast": [Ethernet(), h.v4(), Gre(), Mpls(62, ethertype=0x8848), h.v4(), syn()],
        "gretap, key and sequence": [Ethernet(), h.v4(), Gre(key=0x5000 << 8, seq=1), *inner_frame(h)],
        "NVGRE, lowest VSID": [Ethernet(), h.v4(), Gre(key=0x1000 << 8), *inner_frame(h)],
        "NVGRE, highest VSID": [Ethernet(), h.v4(), Gre(key=0xFFFFFE << 8 | 255), *inner_frame(h)],
        "gretap, key above VSIDs": [Ethernet(), h.v4(), Gre(key=0xFFFFFF << 8), *inner_frame(h)],
        "NVGRE, inner tag": [Ethernet(), h.v4(), Gre(key=0x2000 << 8), Ethernet(), Tag(9), h.v4(),
                             syn()],
        "ERSPAN II, tagged, IPv6": [Ethernet(), h.v4(), Gre(seq=1), Erspan(2, 7), Ethernet(), Tag(4),
                                    h.v6(), syn()],
        "ERSPAN III by IPv6": [Ethernet(), h.v6(), Gre(seq=1), Erspan(3, 8), *inner_frame(h)],
        "6in4 after options": [Ethernet(), h.v4(options=b"\1" * 8), Plain(4, 6), h.v6(), *dns()],
        "4in6 after an extension": [Ethernet(), h.v6(), Extension(60, bytes.fromhex("010400000000")),
                                    Plain(6, 4), h.v4(), *dns()],
        "AH, 6in6": [Ethernet(), h.v6(), AhExtension(5), Plain(6, 6), h.v6(), syn()],
        "IPIP, ICMP": [Ethernet(), h.v4(), Plain(4, 4), h.v4(), Icmp(8), data(16)],
        "IPIP, six extensions inside": [Ethernet(), h.v4(), Plain(4, 6), h.v6(), *[Extension(
            60, bytes.fromhex("010400000000")) for _ in range(6)], *dns()],
        "GTP-U by IPv6": [*udp6(2152), Gtpu(4), h.v6(), *dns()],
        "GTP-U, N-PDU number": [*by_udp(h, 2152), Gtpu(5, npdu=3), h.v4(), syn()],
        "GTP-U, all": [*by_udp(h, 2152), Gtpu(6, [pdu], 1, 2), h.v4(), syn()],
        "GTP-U, four extensions": [*by_udp(h, 2152), Gtpu(7, [pdu] * 4), h.v4(), syn()],
        "GTP-U, a long extension": [*by_udp(h, 2152), Gtpu(8, [(0x85, bytes(14)), pdu]), h.v4(),
                                    syn()],
    }
    for title, layers in more.items():
        c.add(Frame(title, *layers))
    conversation(c, h)
    yield c


def conversation(c, h):
    """Both directions of a flow in a tunnel, whose outer source ports differ, and GTP-U's TEIDs."""
    outer, inner = h.pair4(), h.pair4()
    for i in range(4):
        way = 1 if i % 2 else -1
        ports = (1000, 80)[::way]
        c.add(Frame("VXLAN conversation, %d" % i, Ethernet(), IPv4(*outer[::way]), Udp(50000 + i, 4789),
                    Vxlan(99), Ethernet(), IPv4(*inner[::way]), Tcp(*ports, 0x12 if i else 0x02)))
        c.add(Frame("GTP-U conversation, %d" % i, Ethernet(), IPv4(*outer[::way]), Udp(2152, 2152),
                    Gtpu(500 + i % 2), IPv4(*inner[::way]), Tcp(*ports, 0x12 if i else 0x02)))


def nested_layers(h, kind, depth):
    """`depth` tunnels of a kind, one in the other."""
    step = {
        "IPIP": lambda: [h.v4(), Plain(4, 4)],
        "6in6": lambda: [h.v6(), Plain(6, 6)],
        "GRE": lambda: [h.v4(), Gre(key=depth)],
        "GTP-U": lambda: [h.v4(), Udp(2152, 2152), Gtpu(depth)],
        "VXLAN": lambda: [h.v4(), Udp(5, 4789), Vxlan(depth), Ethernet()],
        "GENEVE": lambda: [h.v6(), Udp(5, 6081), Geneve(depth), Ethernet()],
        "gretap": lambda: [h.v4(), Gre(), Ethernet(), Tag(depth)],
    }[kind]
    layers = [Ethernet()]
    for _ in range(depth):
        layers += step()
    return [*layers, h.v6() if kind in ("6in6",) else h.v4(), *dns()]


def nested():
    """Tunnels in tunnels, 1 to 6 deep; the fifth is too deep."""
    c, h = Capture("nested.pcap", "inner"), Hosts(7)
    for kind in ("IPIP", "6in6", "GRE", "GTP-U", "VXLAN", "GENEVE", "gretap"):
        for depth in range(1, 7):
            c.add(Frame("%s, %d deep" % (kind, depth), *nested_layers(h, kind, depth)))
    mixed = [[h.v4(), Udp(5, 4789), Vxlan(1), Ethernet()], [h.v4(), Gre(key=2)], [h.v6(), Plain(6, 4)],
             [h.v4(), Udp(6, 2152), Gtpu(4)], [h.v4(), Udp(7, 6081), Geneve(5), Ethernet()],
             [h.v4(), Plain(4, 6)]]
    for depth in range(1, 7):
        layers = [layer for step in mixed[:depth] for layer in step]
        inside = h.v6() if depth == 6 else h.v6() if depth == 2 else h.v4()
        c.add(Frame("mixed, %d deep" % depth, Ethernet(), Mpls(99), *layers, inside, syn()))
    c.add(Frame("ESP four deep", *nested_layers(h, "IPIP", 4)[:-2], Esp(44)))
    c.add(Frame("MPLS, 6in4, ESP", Ethernet(), Mpls(5), h.v4(), Plain(4, 6), h.v6(), Esp(45)))
    yield c


def jumbo():
    """Frames of 9000 bytes, whole and snapped, and packets of more than 64 kB."""
    c, h = Capture("jumbo.pcap", "inner"), Hosts(8)
    c.add(Frame("9000 bytes, whole", Ethernet(), h.v4(), Udp(1, 2), data(8972)))
    for title, layers in (("TCP", [h.v4(), Tcp(1, 2, 0x18), data(8960)]),
                          ("VXLAN", [h.v4(), Udp(5, 4789), Vxlan(1), Ethernet(), h.v4(),
                                     Tcp(3, 4, 0x10), data(8910)]),
                          ("UDP, IPv6", [h.v6(), Udp(3, 4), data(8952)])):
        c.add(Frame("9000 bytes, snapped, " + title, Ethernet(), *layers), 160, 0)
    for title, transport_ in (("TCP", Tcp(5, 6, 0x18)), ("UDP", Udp(5, 6, length=0)),
                              ("UDP, VXLAN", Udp(5, 4789, length=0))):
        inside = [Vxlan(2), Ethernet(), h.v4(total=0), Tcp(7, 8, 2)] if "VXLAN" in title else []
        c.add(Frame("jumbogram of 70000 bytes, " + title, Ethernet(), h.v6(length=0),
                    jumbo_option(70000), transport_, *inside, data(70000)), 160, 0)
    c.add(Frame("IPv4, total length 0: BIG TCP", Ethernet(), h.v4(total=0), Tcp(9, 10, 0x18),
                data(70000)), 160, 0)
    yield c


def few(h, link_layers):
    """A few frames that every file format and link type is shown with."""
    for title, layers in (("UDP", [h.v4(), *dns()]), ("TCP, IPv6", [h.v6(), syn()]),
                          ("ICMP", [h.v4(), Icmp(8), data(16)])):
        yield Frame(title, *link_layers(layers[0]), *layers)


def formats():
    kinds = (("format-usec-le.pcap", "<", False), ("format-usec-be.pcap", ">", False),
             ("format-nsec-le.pcap", "<", True), ("format-nsec-be.pcap", ">", True),
             ("format-nsec.pcapng", "<", True), ("format-nsec-be.pcapng", ">", True))
    for name, order, nano in kinds:
        c, h = Capture(name, order=order, nano=nano), Hosts(9)
        for frame in few(h, lambda ip_: [Ethernet()]):
            c.add(frame)
        c.add(Frame("snapped", Ethernet(), h.v4(), Tcp(1, 2, 2), data(1000)), 96, 0)
        c.add(Frame("an odd length", Ethernet(), h.v4(), Udp(1, 2), data(3)))
        yield c


def links():
    """Other link types; the frames of each, and one cut at each byte."""
    h = Hosts(10)
    families = {4: 2, 6: 30}
    kinds = (("link-raw.pcap", RAW, "<", lambda ip_: []),
             ("link-sll.pcap", SLL, "<", lambda ip_: [Sll(1)]),
             ("link-sll2.pcap", SLL2, "<", lambda ip_: [Sll(2)]),
             ("link-null.pcap", NULL, "<", lambda ip_: [Loopback("<", families[ip_.version])]),
             ("link-loop.pcap", LOOP, "<", lambda ip_: [Loopback(">", families[ip_.version])]))
    for name, link_type, order, make in kinds:
        c = Capture(name, link=link_type, order=order)
        for frame in few(h, make):
            c.add(frame)
        ip_ = h.v4()
        c.add_cut(Frame("cut", *make(ip_), ip_, Udp(1, 2)))
        odd_links(c, h, link_type)
        yield c
    for name, link_type, around in (("link-ipv4.pcap", IPV4, h.v4), ("link-ipv6.pcap", IPV6, h.v6)):
        c = Capture(name, link=link_type)
        c.add(Frame("UDP", around(), *dns()))
        c.add(Frame("TCP", around(), syn()))
        c.add_cut(Frame("cut", around(), Udp(1, 2)))
        yield c


class Elsewhere(Layer):
    """Bytes of which nothing is known."""

    def __init__(self, text):
        self.data = bytes.fromhex(text)

    def encode(self, payload, under):
        return self.data + payload


def odd_links(c, h, link_type):
    """What may follow the one header and not the other."""
    if link_type in (SLL, SLL2):
        version = 1 if link_type == SLL else 2
        for title, layers in (("802.1Q", [Tag(5), h.v4(), syn()]), ("LLC/SNAP", [Snap(), h.v4(), syn()]),
                              ("two tags", [Tag(5), Tag(6), h.v6(), syn()]),
                              ("MPLS", [Mpls(5), h.v4(), syn()]), ("ARP", [Arp(*h.pair4())]),
                              ("PPPoE", [Pppoe(5), h.v4(), syn()]), ("LLC", [Llc(0x42, 0x42), data(35)])):
            c.add(Frame(title, Sll(version), *layers))
    elif link_type in (NULL, LOOP):
        order = "<" if link_type == NULL else ">"
        for family in (24, 28):
            c.add(Frame("family %d" % family, Loopback(order, family), h.v6(), syn()))
        c.add(Frame("family 7: not IP", Loopback(order, 7), data(40)))
    else:
        c.add(Frame("neither 4 nor 6", Elsewhere("00" * 40)))


THEMES = (link, ip, transport, control, labels, tunnels, nested, jumbo, formats, links)
