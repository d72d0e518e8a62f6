# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""broken.py: what is cut, lies about lengths, or comes in pieces."""
import struct

from answer import Frame
from capture import Capture
from cases import (Elsewhere, Hosts, by_udp, data, dns, igmp, inner_frame, nested_layers, ospf, pim,
                   sctp, syn, tunnel_kinds, vrrp)
from layers import (Ah, AhExtension, Arp, Dccp, Esp, Ethernet, Extension, Fragment, Icmp, IPv4, IPv6, Llc,
                    Mpls, Part, Payload, Pppoe, Snap, Tag, Tcp, Udp, UdpLite, jumbo_option)
from tunnels import Erspan, Geneve, Gre, Gtpu, Plain, Vxlan


def pad6():
    """Options of 8 bytes: PadN."""
    return bytes.fromhex("010400000000")


# --- fragments ------------------------------------------------------------------------------------

class Datagram:
    """What is sent in pieces; `family` 4 or 6."""

    def __init__(self, h, family, whole, id=7, link=(), hosts=None):
        self.hosts = hosts or (h.pair4() if family == 4 else h.pair6())
        self.family, self.whole, self.id, self.link = family, whole, id, link

    def ip(self, **fields):
        return IPv4(*self.hosts, **fields) if self.family == 4 else IPv6(*self.hosts)

    def layers(self, start, stop, more, number=None):
        """The piece from byte `start` to `stop`; `number` is another than the protocol's."""
        part = Part(self.whole, (self.ip(),), start, stop)
        if number is not None:
            part.proto = number
        if self.family == 4:
            return [self.ip(offset=start // 8, more=more, id=self.id), part]
        return [self.ip(), Fragment(start // 8, more, self.id), part]

    def piece(self, title, start, stop, more=True, number=None):
        return Frame(title, Ethernet(), *self.link, *self.layers(start, stop, more, number))


def fragment_kinds(h, family):
    """Datagrams by protocol."""
    icmp = Icmp(8) if family == 4 else Icmp(128, proto=58)
    yield "UDP", Datagram(h, family, [Udp(1000, 2000), data(60)])
    yield "TCP", Datagram(h, family, [Tcp(1001, 2001, 0x18), data(60)])
    yield "ICMP", Datagram(h, family, [icmp, data(60)])
    yield "ESP", Datagram(h, family, [Esp(99, bytes(64))])


def fragment_orders(c, h, family):
    for order in ((0, 1, 2), (2, 0, 1), (2, 1, 0), (1, 2), (0, 2), (0, 0, 1, 1, 2)):
        for title, d in fragment_kinds(h, family):
            pieces = [d.piece("%s, piece %d of %s" % (title, i, order), 24 * i, 24 * (i + 1), i < 2)
                      for i in range(3)]
            first = None
            for i in order:
                c.add(pieces[i], found=first if i else None)
                first = first or (pieces[0] if i == 0 else None)


def fragment_shapes(c, h, family):
    """Overlapping ones, tiny ones, ones without payload, ones beyond 64 kB."""
    for title, cuts in (("overlapping", ((0, 24), (16, 48), (40, 68))),
                        ("the same twice", ((0, 24), (24, 48), (24, 48), (48, 68))),
                        ("8 bytes each", tuple((i, i + 8) for i in range(0, 64, 8))),
                        ("the first without payload", ((0, 0), (8, 68)))):
        for name, d in fragment_kinds(h, family):
            first = None
            for start, stop in cuts:
                frame = d.piece("%s, %s, %d to %d" % (name, title, start, stop), start, stop, stop < 64)
                c.add(frame, found=first)
                first = first or frame
    d = Datagram(h, family, [Udp(1, 2), Payload(bytes(65600))])
    c.add(d.piece("ends beyond 64 kB", 65528, 65600, False))


def fragment_times(c, h, family):
    """The first fragment is remembered for 30 s."""
    for seconds in (20, 40):
        d = Datagram(h, family, [Udp(seconds, 2), data(60)])
        first = c.add(d.piece("the first", 0, 24))
        c.wait(seconds)
        c.add(d.piece("the next, %d s later" % seconds, 24, 68, False),
              found=first if seconds < 30 else None)


def fragment_names(c, h, family):
    """What tells datagrams apart: id, addresses, tags, protocol (IPv4)."""
    d = Datagram(h, family, [Udp(1, 2), data(60)])
    first = c.add(d.piece("id 7", 0, 24))
    again = Datagram(h, family, [Udp(3, 4), data(60)], hosts=d.hosts, id=8)
    other = c.add(again.piece("id 8, other ports", 0, 24))
    c.add(d.piece("id 7, the next", 24, 68, False), found=first)
    c.add(again.piece("id 8, the next", 24, 68, False), found=other)
    reused = Datagram(h, family, [Udp(5, 6), data(60)], hosts=d.hosts)
    first = c.add(reused.piece("id 7 again, other ports", 0, 24))
    c.add(reused.piece("id 7 again, the next", 24, 68, False), found=first)
    c.add(Datagram(h, family, [Udp(1, 2), data(60)], hosts=d.hosts[::-1]).piece(
        "id 7, the other way", 24, 68, False))
    c.add(Datagram(h, family, [Udp(1, 2), data(60)], hosts=d.hosts, link=[Tag(5)]).piece(
        "id 7, another VLAN", 24, 68, False))
    number = reused.piece("id 7, protocol 60", 24, 68, False, number=60)
    c.add(number, found=None if family == 4 else first)


def fragments():
    c, h = Capture("fragments.pcap", "track"), Hosts(20)
    fragment_orders(c, h, 4)
    fragment_shapes(c, h, 4)
    fragment_times(c, h, 4)
    fragment_names(c, h, 4)
    tagged = Datagram(h, 4, [Udp(9, 9), data(60)], link=[Tag(1), Tag(2)])
    first = c.add(tagged.piece("tagged", 0, 24))
    c.add(tagged.piece("tagged, the next", 24, 68, False), found=first)
    label = Datagram(h, 4, [Udp(9, 9), data(60)], link=[Mpls(5, 6)])
    first = c.add(label.piece("MPLS", 0, 24))
    c.add(label.piece("MPLS, the next", 24, 68, False), found=first)
    c.add(Frame("do not fragment, offset 0", Ethernet(), h.v4(id=0), Udp(1, 2), data(8)))
    yield c
    c, h = Capture("fragments6.pcap", "track"), Hosts(21)
    fragment_orders(c, h, 6)
    fragment_shapes(c, h, 6)
    fragment_times(c, h, 6)
    fragment_names(c, h, 6)
    c.add(Frame("a fragment header of the whole", Ethernet(), h.v6(), Fragment(id=7), *dns()))
    options = Datagram(h, 6, [Extension(60, pad6()), Udp(4, 5), data(60)])
    first = c.add(options.piece("options after the fragment header", 0, 24))
    c.add(options.piece("options, the next", 24, 76, False), found=first)
    yield c
    yield from fragmented_tunnels()


def fragmented_tunnels():
    """Fragments around and inside tunnels."""
    c, h = Capture("fragments-tunnels.pcap", "inner", "track"), Hosts(22)
    for title, whole, cut in (
            ("VXLAN", [Udp(5, 4789), Vxlan(1), Ethernet(), h.v4(), Udp(7, 8), data(60)], 72),
            ("VXLAN, cut in the inner header", [Udp(5, 4789), Vxlan(2), *inner_frame(h)], 40),
            ("IPIP", [Plain(4, 4), h.v4(), Tcp(7, 8, 2), data(60)], 48),
            ("GRE", [Gre(key=9), h.v6(), Udp(7, 8), data(60)], 64)):
        d = Datagram(h, 4, whole)
        first = c.add(d.piece(title + ", first", 0, cut))
        c.add(d.piece(title + ", next", cut, 160, False), found=first)
    for title, around in (("VXLAN", [Udp(5, 4789), Vxlan(3), Ethernet()]), ("IPIP", [Plain(4, 4)])):
        inside = Datagram(h, 4, [Udp(7, 8), data(60)])
        outer = h.pair4()
        for start, stop, more in ((0, 24, True), (24, 68, False)):
            c.add(Frame("%s, fragment inside at %d" % (title, start), Ethernet(), IPv4(*outer), *around,
                        *inside.layers(start, stop, more)))
    yield c


# --- lengths --------------------------------------------------------------------------------------

def lengths():
    """Lengths that are none: of IP, TCP, UDP, PPPoE."""
    c, h = Capture("lengths.pcap", "inner"), Hosts(23)

    def v4(title, transport, **fields):
        c.add(Frame("IPv4, %s: %s" % (title, fields), Ethernet(), h.v4(**fields), transport, data(20)))

    for total in (0, 1, 19, 20, 22, 23, 24, 39, 40, 41, 61, 65535):
        v4("TCP", Tcp(1, 2, 0x12), total=total)
    for total in (20, 23, 24, 27, 28, 29, 65535):
        v4("UDP", Udp(1, 2), total=total)
    for total in (20, 21, 22, 24):
        v4("ICMP", Icmp(8), total=total)
    for ihl in range(5):
        v4("TCP", Tcp(1, 2, 0x12), ihl=ihl)
    v4("header beyond the total length", Tcp(1, 2, 0x12), ihl=15, total=40)
    for version in (0, 5, 6, 15):
        v4("TCP", Tcp(1, 2, 0x12), version=version)
    lengths6(c, h)
    for doff in (0, 1, 4, 15):
        for ip in (h.v4(), h.v6()):
            c.add(Frame("TCP, data offset %d" % doff, Ethernet(), ip, Tcp(1, 2, 0x02, doff=doff),
                        data(4)))
    c.add(Frame("TCP, options not captured", Ethernet(), h.v4(), Tcp(1, 2, 2, b"\1" * 40)), 54, 0)
    for length in (0, 1, 7, 8, 9, 28, 29, 65535):
        c.add(Frame("UDP, length %d" % length, Ethernet(), h.v4(), Udp(1, 2, length), data(20)))
    for length in (0, 1, 2, 21, 22, 23, 25, 26, 29, 30, 31, 65535):
        c.add(Frame("PPPoE, length %d" % length, Ethernet(), Pppoe(1, length=length), h.v4(), Udp(1, 2),
                    data(20)))
    c.add(Frame("PPPoE, length within IPv4 options", Ethernet(), Pppoe(1, length=40),
                h.v4(options=b"\1" * 40), Udp(1, 2)))
    for first, code in ((0x12, 0), (0x21, 0), (0x11, 9), (0, 0)):
        c.add(Frame("PPPoE, version and type 0x%02x, code %d" % (first, code), Ethernet(),
                    Pppoe(1, first, code), h.v4(), Udp(1, 2)))
    c.add(Frame("options of IPv4 not captured", Ethernet(), h.v4(options=b"\1" * 40), Udp(1, 2)), 40, 0)
    yield c


def lengths6(c, h):
    for length in (0, 3, 4, 19, 20, 21, 65535):
        c.add(Frame("IPv6, payload length %d: TCP" % length, Ethernet(), h.v6(length=length),
                    Tcp(1, 2, 0x12), data(20)))
    for length in (0, 7, 8, 11, 12, 15, 16):
        c.add(Frame("IPv6, payload length %d: options, UDP" % length, Ethernet(), h.v6(length=length),
                    Extension(60, pad6()), Udp(1, 2), data(4)))
    c.add(Frame("IPv6, payload length 0, hop-by-hop without jumbo", Ethernet(), h.v6(length=0),
                Extension(0, pad6()), Udp(1, 2), data(4)))
    c.add(Frame("IPv6, jumbo option, payload length not 0", Ethernet(), h.v6(), jumbo_option(70000),
                Udp(1, 2), data(4)))
    for proto in (0, 43, 60, 135, 139, 140):
        c.add(Frame("IPv6, extension %d longer than the packet" % proto, Ethernet(), h.v6(),
                    Extension(proto, pad6(), 255), Udp(1, 2), data(4)))
    c.add(Frame("IPv6, extension longer than what was captured", Ethernet(), h.v6(),
                Extension(60, bytes([1, 252]) + bytes(252)), Udp(1, 2), data(4)), 100, 0)
    c.add(Frame("IPv6, fragment header, reserved byte set", Ethernet(), h.v6(), Fragment(reserved=5),
                Udp(1, 2), data(4)))
    for version in (0, 4, 7):
        c.add(Frame("IPv6, version %d" % version, Ethernet(), h.v6(version=version), Udp(1, 2)))


# --- tunnels that are none ------------------------------------------------------------------------

def pdu():
    return 0x85, bytes.fromhex("0001")


def bad_tunnels():
    c, h = Capture("bad-tunnels.pcap", "inner"), Hosts(24)
    gre = lambda **fields: [Ethernet(), h.v4(), Gre(**fields)]
    frame = lambda: inner_frame(h)
    none = {
        "VXLAN without I": [*by_udp(h, 4789), Vxlan(1, 0xF7), *frame()],
        "GENEVE, version 1": [*by_udp(h, 6081), Geneve(1, version=1), *frame()],
        "GENEVE, options beyond the packet": [*by_udp(h, 6081), Geneve(2, words=63), *frame()],
        "GENEVE of another type": [*by_udp(h, 6081), Geneve(3, type=0x88B5), data(40)],
        "GENEVE, MPLS": [*by_udp(h, 6081), Geneve(4), Mpls(5), h.v4(), *dns()],
        "GRE, version 1 (PPTP)": [*gre(key=5, bits=1, type=0x880B), data(20)],
        "GRE, version 7": [*gre(bits=7), h.v4(), *dns()],
        "GRE, routing": [*gre(bits=0x4000), Elsewhere("0000000000000000"), h.v4(), *dns()],
        "GRE of another type": [*gre(type=0x88B5), data(40)],
        "GRE, type 0": [*gre(type=0), data(40)],
        "ERSPAN II, version 0": [*gre(seq=1), Erspan(2, 1, version=0), *frame()],
        "ERSPAN II, version 2": [*gre(seq=1), Erspan(2, 1, version=2), *frame()],
        "ERSPAN III, version 1": [*gre(seq=1), Erspan(3, 1, version=1), *frame()],
        "GTP, version 2": [*by_udp(h, 2152), Gtpu(1, first=0x50), h.v4(), *dns()],
        "GTP'": [*by_udp(h, 2152), Gtpu(2, first=0x20), h.v4(), *dns()],
        "GTP-U, echo request": [*by_udp(h, 2152), Gtpu(0, seq=1, type=1)],
        "GTP-U, end marker": [*by_udp(h, 2152), Gtpu(3, type=254)],
        "GTP-U, five extensions": [*by_udp(h, 2152), Gtpu(4, [pdu()] * 5), h.v4(), *dns()],
        "GTP-U, an extension of length 0": [*by_udp(h, 2152), Gtpu(5, [(0x85, b"")], bad=True), h.v4(),
                                            *dns()],
        "GTP-U, not IP": [*by_udp(h, 2152), Gtpu(6), data(40)],
        "IPIP, version 6": [Ethernet(), h.v4(), Plain(4, 4), h.v4(version=6), *dns()],
        "IPIP, version 0": [Ethernet(), h.v4(), Plain(4, 4), h.v4(version=0), *dns()],
        "6in4, version 4": [Ethernet(), h.v4(), Plain(4, 6), h.v6(version=4), *dns()],
        "4in6, version 6": [Ethernet(), h.v6(), Plain(6, 4), h.v4(version=6), *dns()],
        "GRE, IPv4 of version 6": [*gre(), h.v4(version=6), *dns()],
        "GENEVE, IPv6 of version 4": [*by_udp(h, 6081), Geneve(7), h.v6(version=4), *dns()],
        "IPIP, nothing inside": [Ethernet(60), h.v4(), Plain(4, 4)],
        "6in6, nothing inside": [Ethernet(60), h.v6(), Plain(6, 6)],
        "GRE, nothing inside": [Ethernet(60), h.v4(), Gre(type=0x0800)],
        "VXLAN, nothing inside": [Ethernet(60), *by_udp(h, 4789)[1:], Vxlan(8), Ethernet()],
        "IPIP, an inner seventh extension": [Ethernet(), h.v4(), Plain(4, 6), h.v6(), *[
            Extension(60, pad6()) for _ in range(7)], *dns()],
        "GRE, MPLS, nine entries": [*gre(), Mpls(*range(9)), h.v4(), *dns()],
        "GRE, MPLS, nothing inside": [*gre(), Mpls(5), data(0)],
        "GRE, MPLS, neither 4 nor 6": [*gre(), Mpls(5), data(20)],
    }
    for title, layers in none.items():
        c.add(Frame(title, *layers))
    limited_tunnels(c, h)
    yield c


def limited_tunnels(c, h):
    """A length further out ends within the tunnel: the rest is padding."""
    sizes = {"VXLAN": (8, 15, 16, 29, 30, 49, 50, 53, 54, 57, 58, 65),
             "GENEVE": (8, 15, 16, 29, 30, 49, 50, 54), "GTP": (8, 15, 16, 17, 35, 36, 40, 44)}
    for name, lengths_ in sizes.items():
        for length in lengths_:
            tunnel = {"VXLAN": [Udp(5, 4789, length), Vxlan(9), Ethernet()],
                      "GENEVE": [Udp(5, 6081, length), Geneve(9), Ethernet()],
                      "GTP": [Udp(5, 2152, length), Gtpu(9)]}[name]
            c.add(Frame("%s, UDP length %d" % (name, length), Ethernet(), h.v4(), *tunnel, h.v4(),
                        Udp(1, 2), data(8)))
    for total in (20, 21, 39, 40, 43, 44, 47, 48, 49):
        c.add(Frame("IPIP, outer total length %d" % total, Ethernet(), h.v4(total=total), Plain(4, 4),
                    h.v4(), Udp(1, 2), data(8)))
    for total in (20, 23, 24, 27, 28, 29, 47, 48, 52, 56):
        c.add(Frame("GRE, key, outer total length %d" % total, Ethernet(), h.v4(total=total),
                    Gre(key=1), h.v4(), Udp(1, 2), data(8)))


def labels_cut_off():
    """Stacks that do not end, and what is not IP below them."""
    c, h = Capture("bad-labels.pcap", "inner"), Hosts(25)
    for count in (1, 2, 8, 9, 12):
        c.add(Frame("MPLS, %d entries, no bottom" % count, Ethernet(), Mpls(*range(count), bottom=False)))
    c.add(Frame("MPLS, nothing below", Ethernet(), Mpls(5), data(0)))
    for text in ("00", "45", "60", "50" * 40, "00" * 40):
        c.add(Frame("MPLS, below it %s" % text[:8], Ethernet(), Mpls(5), Elsewhere(text)))
    for tpid in (0x8100, 0x88A8, 0x9100):
        c.add(Frame("tag 0x%04x cut short" % tpid, Ethernet(type=tpid), data(3)))
        c.add(Frame("second tag 0x%04x cut short" % tpid, Ethernet(), Tag(1), Elsewhere("")))
    c.add(Frame("ARP of 8-byte addresses", Ethernet(), Payload(
        struct.pack("!HHBBH", 1, 0x0800, 8, 4, 1) + bytes(24), 0x0806)))
    c.add(Frame("length 1500 and no LLC", Ethernet(type=1500)))
    c.add(Frame("type 1501", Ethernet(type=1501), data(46)))
    c.add(Frame("length 0", Ethernet(type=0), data(46)))
    c.add(Frame("IPv4 in tags, none captured", Ethernet(), Tag(1), Tag(2), h.v4(), Udp(1, 2)), 22, 0)
    yield c


# --- cut at each byte -----------------------------------------------------------------------------

def cut_link():
    c, h = Capture("cut-link.pcap", "inner"), Hosts(26)
    kinds = {
        "IPv4, UDP": [h.v4(), Udp(1, 2)],
        "802.1Q": [Tag(1), h.v4(), Udp(1, 2)],
        "QinQ": [Tag(1, 0x88A8), Tag(2), h.v6(), Udp(1, 2)],
        "five tags": [*[Tag(i) for i in range(5)], h.v4(), Udp(1, 2)],
        "LLC": [Llc(0x42, 0x42), data(4)],
        "LLC/SNAP": [Snap(), h.v4(), Udp(1, 2)],
        "ARP": [Arp(*h.pair4())],
        "MPLS": [Mpls(7), h.v4(), Udp(1, 2)],
        "MPLS, three entries": [Mpls(7, 8, 9), h.v6(), Udp(1, 2)],
        "PPPoE": [Pppoe(3), h.v4(), Udp(1, 2)],
        "PPPoE, one byte": [Pppoe(4, protocol=0x57, squeezed=True), h.v6(), Udp(1, 2)],
        "PPPoE, MPLS": [Pppoe(5), Mpls(8), h.v4(), Udp(1, 2)],
    }
    for title, layers in kinds.items():
        c.add_cut(Frame(title, Ethernet(), *layers))
    yield c


def cut_ip():
    c, h = Capture("cut-ip.pcap", "inner"), Hosts(27)
    kinds = {
        "IPv4 options": [h.v4(options=b"\1" * 12), Udp(1, 2)],
        "TCP": [h.v4(), Tcp(1, 2, 0x12, b"\1" * 8)], "TCP, IPv6": [h.v6(), Tcp(1, 2, 0x12)],
        "UDP": [h.v4(), Udp(1, 2), data(4)], "UDP-Lite": [h.v4(), UdpLite(1, 2)],
        "SCTP": [h.v4(), sctp()], "DCCP": [h.v6(), Dccp(1, 2)],
        "ICMP": [h.v4(), Icmp(8)], "ICMPv6": [h.v6(), Icmp(128, proto=58)],
        "IGMP": [h.v4(), igmp()], "OSPF": [h.v4(), ospf()], "PIM": [h.v4(), pim()],
        "VRRP": [h.v4(), vrrp()], "ESP": [h.v4(), Esp(5)],
        "ESP, IPv6": [h.v6(), Esp(5)], "AH": [h.v4(), Ah(6), Udp(1, 2)],
        "fragment": [h.v4(offset=9), data(16)],
        "IPv6, hop-by-hop": [h.v6(), Extension(0, pad6()), Udp(1, 2)],
        "IPv6, routing of 24 bytes": [h.v6(), Extension(43, bytes(22)), Udp(1, 2)],
        "IPv6, fragment header": [h.v6(), Fragment(), Udp(1, 2)],
        "IPv6, fragment": [h.v6(), Fragment(9), data(16)],
        "IPv6, AH": [h.v6(), AhExtension(8), Tcp(1, 2, 2)],
        "IPv6, destination options": [h.v6(), Extension(60, pad6()), Udp(1, 2)],
        "IPv6, mobility": [h.v6(), Extension(135, pad6()), Udp(1, 2)],
        "IPv6, HIP": [h.v6(), Extension(139, pad6()), Udp(1, 2)],
        "IPv6, shim6": [h.v6(), Extension(140, pad6()), Udp(1, 2)],
        "IPv6, four extensions": [h.v6(), Extension(0, pad6()), Extension(60, pad6()),
                                  Extension(43, pad6()), Extension(60, pad6()), Udp(1, 2)],
        "IPv6, seven extensions": [h.v6(), *[Extension(60, pad6()) for _ in range(7)], Udp(1, 2)],
    }
    for title, layers in kinds.items():
        c.add_cut(Frame(title, Ethernet(), *layers), 14)
    yield c


def cut_tunnels():
    """Tunnels in two files: 34 bytes of Ethernet and IPv4 are cut elsewhere."""
    h = Hosts(28)
    kinds = list(tunnel_kinds(h).items())
    for name, some in (("cut-tunnels.pcap", kinds[:11]), ("cut-tunnels2.pcap", kinds[11:])):
        c = Capture(name, "inner")
        for title, layers in some:
            c.add_cut(Frame(title, *layers), 34)
        yield c
    c = Capture("cut-nested.pcap", "inner")
    for kind, depth in (("IPIP", 5), ("VXLAN", 3), ("GTP-U", 2)):
        c.add_cut(Frame("%s, %d deep" % (kind, depth), *nested_layers(h, kind, depth)), 34)
    yield c


THEMES = (fragments, lengths, bad_tunnels, labels_cut_off, cut_link, cut_ip, cut_tunnels)
