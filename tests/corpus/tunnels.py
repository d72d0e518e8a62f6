# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""tunnels.py: tunnel headers. What is none by the rules of flow(5) (`bad`) ends the walk: the outer
headers are the flow then."""
import struct

from layers import Ethernet, IPv4, IPv6, Layer, Mpls


def carries_packet(layer):
    return isinstance(layer, (IPv4, IPv6))


def enter(w, layer, length, tunnel, number, bad=False):
    """Into what `layer` holds; `bad`: it is no tunnel."""
    above = layer.above
    wrong = carries_packet(above) and above.version != (4 if isinstance(above, IPv4) else 6)
    if bad or wrong or not isinstance(above, (Ethernet, IPv4, IPv6, Mpls)):
        return w.stop()
    w.enter(length, tunnel, number)


class Vxlan(Layer):
    """RFC 7348."""

    def __init__(self, vni, flags=8, bad=False):
        self.vni, self.flags, self.bad = vni, flags, bad or not flags & 8

    def encode(self, payload, under):
        return struct.pack("!II", self.flags << 24, self.vni << 8) + payload

    def walk(self, w):
        enter(w, self, 8, "vxlan", self.vni, self.bad)


def inner_type(layer):
    return 0x6558 if isinstance(layer, Ethernet) else layer.ethertype


class Geneve(Layer):
    """RFC 8926. `words`: the options' length field where it is not the truth."""

    def __init__(self, vni, options=b"", version=0, words=None, type=None):
        self.vni, self.options, self.version, self.type = vni, options, version, type
        self.words = len(options) // 4 if words is None else words

    def encode(self, payload, under):
        type = inner_type(self.above) if self.type is None else self.type
        return struct.pack("!BBHI", self.version << 6 | self.words, 0, type,
                           self.vni << 8) + self.options + payload

    def walk(self, w):
        followed = self.type is None and not isinstance(self.above, Mpls)
        enter(w, self, 8 + 4 * self.words, "geneve", self.vni, self.version or not followed)


class Gtpu(Layer):
    """3GPP TS 29.281 section 5. `extensions`: (type, content) pairs, content 4 n - 2 bytes."""

    def __init__(self, teid, extensions=(), seq=None, npdu=None, type=255, first=0x30, bad=False):
        self.teid, self.extensions, self.seq, self.npdu = teid, extensions, seq, npdu
        self.type, self.first, self.bad = type, first, bad

    def head(self):
        """What follows the first 8 bytes."""
        if not self.extensions and self.seq is None and self.npdu is None:
            return b""
        types = [type for type, _ in self.extensions] + [0]
        head = struct.pack("!HBB", self.seq or 0, self.npdu or 0, types[0])
        for (_, content), after in zip(self.extensions, types[1:]):
            head += bytes([(len(content) + 2) // 4]) + content + bytes([after])
        return head

    def encode(self, payload, under):
        flags = (4 if self.extensions else 0) | (2 if self.seq is not None else 0)
        flags |= 1 if self.npdu is not None else 0
        body = self.head() + payload
        return struct.pack("!BBHI", self.first | flags, self.type, len(body), self.teid) + body

    def walk(self, w):
        bad = self.bad or self.first != 0x30 or self.type != 255 or len(self.extensions) > 4
        enter(w, self, 8 + len(self.head()), "gtpu", self.teid, bad)


class Gre(Layer):
    """RFC 2784, RFC 2890. `bits`: further bits of the first 16: 0x4000 routing, 1 the version of PPTP."""
    proto = 47

    def __init__(self, key=None, seq=None, sums=False, type=None, bits=0):
        self.key, self.seq, self.sums, self.type, self.bits = key, seq, sums, type, bits

    def encode(self, payload, under):
        type = inner_type(self.above) if self.type is None else self.type
        flags = self.bits | (0x8000 if self.sums else 0)
        flags |= (0x2000 if self.key is not None else 0) | (0x1000 if self.seq is not None else 0)
        head = struct.pack("!HH", flags, type) + (bytes(4) if self.sums else b"")
        for word in (self.key, self.seq):
            head += b"" if word is None else struct.pack("!I", word)
        return head + payload

    def size(self):
        return 4 + 4 * (self.sums + (self.key is not None) + (self.seq is not None))

    def is_nvgre(self):
        alone = self.key is not None and self.seq is None and not self.sums
        return alone and isinstance(self.above, Ethernet) and 0x1000 <= self.key >> 8 <= 0xFFFFFE

    def walk(self, w):
        if isinstance(self.above, Erspan):
            w.off += self.size()
            return
        tunnel, number = ("nvgre", self.key >> 8) if self.is_nvgre() else ("gre", self.key or 0)
        enter(w, self, self.size(), tunnel, number, self.bits or self.type is not None)


class Erspan(Layer):
    """Types 1, 2 and 3 (draft-foschiano-erspan); in GRE, with a sequence number but for type 1."""

    def __init__(self, kind, session=0, sub=False, version=None):
        self.kind, self.session, self.sub = kind, session, sub
        self.version = {1: 0, 2: 1, 3: 2}[kind] if version is None else version
        self.ethertype = 0x22EB if kind == 3 else 0x88BE

    def head(self):
        first = struct.pack("!I", self.version << 28 | 100 << 16 | self.session)
        if self.kind == 1:
            return b""
        if self.kind == 2:
            return first + bytes(4)
        return first + struct.pack("!IHH", 5, 0, int(self.sub)) + (bytes(8) if self.sub else b"")

    def encode(self, payload, under):
        return self.head() + payload

    def walk(self, w):
        bad = self.version != {1: 0, 2: 1, 3: 2}[self.kind]
        enter(w, self, len(self.head()), "erspan", self.session, bad)


PLAIN = {(4, 4): "ipip", (4, 6): "6in4", (6, 4): "4in6", (6, 6): "6in6"}


class Plain(Layer):
    """IP in IP (RFC 2003, RFC 2473, RFC 4213): no header of its own. `lie`: the number of the IP
    header before it, where what follows is of the other version."""

    def __init__(self, outer, inner, lie=False):
        self.versions, self.lie = (outer, inner), lie
        self.proto = {4: 4, 6: 41}[inner]

    def encode(self, payload, under):
        return payload

    def walk(self, w):
        enter(w, self, 0, PLAIN[self.versions], 0, self.lie)

