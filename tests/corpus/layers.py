# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""layers.py: headers from the link to the transport.

Each class is one header. encode(payload, under) gives the bytes of it and its payload, `under` being
the layers around it and self.above the one within (None: none). walk(w) tells answer.Walk what can be
known of it. A header is well-formed unless an argument says otherwise: lengths, checksums and the
number of what follows are computed where they are not given.
"""
import ipaddress
import struct

from answer import ENTRIES_MAX, EXTENSIONS_MAX, TAGS_MAX, encode

PAYLOAD_TYPE = 0x88B5  # IEEE 802 local experimental
PAYLOAD_PROTO = 253  # RFC 3692 experimental


def checksum(data):
    """RFC 1071."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def patch16(data, offset, value):
    return data[:offset] + struct.pack("!H", value) + data[offset + 2:]


def inet_checksum(data, offset, under, proto):
    """`data` with its checksum at `offset`, over the pseudo header of the IP layer around it."""
    ip = next((layer for layer in reversed(under) if isinstance(layer, (IPv4, IPv6))), None)
    if not ip:
        return data
    packed = ipaddress.ip_address(ip.src).packed + ipaddress.ip_address(ip.dst).packed
    pseudo = packed + struct.pack("!II", len(data), proto)
    return patch16(data, offset, checksum(pseudo + data) or 0xFFFF)


class Layer:
    ethertype = PAYLOAD_TYPE
    proto = PAYLOAD_PROTO
    above = None

    def encode(self, payload, under):
        raise NotImplementedError

    def walk(self, w):
        w.stop()


class Payload(Layer):
    def __init__(self, data=b"wireledger", ethertype=PAYLOAD_TYPE, proto=PAYLOAD_PROTO):
        self.data, self.ethertype, self.proto = data, ethertype, proto

    def encode(self, payload, under):
        return self.data + payload


class Part(Layer):
    """The bytes from `start` to `stop` of other layers: a fragment of what an IP packet holds."""

    def __init__(self, whole, under, start, stop):
        self.whole, self.proto = whole, whole[0].proto
        self.data = encode(whole, under)[start:stop]
        self.first = not start

    def encode(self, payload, under):
        return self.data + payload

    def walk(self, w):
        for layer in self.whole:
            if self.first and not w.stopped:
                layer.walk(w)


# --- link -----------------------------------------------------------------------------------------

def ethertype_of(layer, payload):
    """What the type field before `layer` says: for LLC the length (IEEE 802.3 section 3.2.6)."""
    if isinstance(layer, Llc):
        return len(payload)
    return layer.ethertype if layer else PAYLOAD_TYPE


class Ethernet(Layer):
    ethertype = proto = None

    def __init__(self, pad=0, type=None):
        self.pad, self.type = pad, type

    def encode(self, payload, under):
        type = ethertype_of(self.above, payload) if self.type is None else self.type
        macs = bytes.fromhex("020000000002020000000001")
        return (macs + struct.pack("!H", type) + payload).ljust(self.pad, b"\0")

    def walk(self, w):
        w.tags = 0
        if w.fits(14):
            w.off += 14


class Tag(Layer):
    """IEEE 802.1Q."""

    def __init__(self, vid, tpid=0x8100, priority=0):
        self.tci, self.ethertype = priority << 13 | vid, tpid

    def encode(self, payload, under):
        return struct.pack("!HH", self.tci, ethertype_of(self.above, payload)) + payload

    def walk(self, w):
        w.tags += 1
        if w.tags > TAGS_MAX:
            return w.stop()
        if w.fits(4):
            w.off += 4


class Llc(Layer):
    """IEEE 802.2; control is one byte. Nothing in it is followed."""

    def __init__(self, dsap, ssap, control=3):
        self.head = bytes([dsap, ssap, control])

    def encode(self, payload, under):
        return self.head + payload


class Snap(Llc):
    """RFC 1042; another OUI than 0 is not followed."""

    def __init__(self, oui=0, type=None):
        super().__init__(0xAA, 0xAA)
        self.oui, self.type = oui, type

    def encode(self, payload, under):
        type = ethertype_of(self.above, payload) if self.type is None else self.type
        return self.head + struct.pack("!I", self.oui)[1:] + struct.pack("!H", type) + payload

    def walk(self, w):
        if self.oui:
            return w.stop()
        if w.fits(8):
            w.off += 8


class Arp(Layer):
    """RFC 826."""

    def __init__(self, sender, target, operation=1, ethertype=0x0806):
        self.fields, self.ethertype = (sender, target, operation), ethertype

    def encode(self, payload, under):
        sender, target, operation = self.fields
        return (struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation) + bytes.fromhex("020000000001") +
                ipaddress.ip_address(sender).packed + bytes(6) +
                ipaddress.ip_address(target).packed + payload)


class Sll(Layer):
    """Linux cooked capture (libpcap: LINKTYPE_LINUX_SLL, LINKTYPE_LINUX_SLL2)."""

    def __init__(self, version=1, protocol=None):
        self.version, self.protocol = version, protocol

    def encode(self, payload, under):
        protocol = self.protocol
        if protocol is None:
            protocol = 4 if isinstance(self.above, Llc) else self.above.ethertype
        mac = bytes.fromhex("0200000000010000")
        if self.version == 1:
            return struct.pack("!HHH", 0, 1, 6) + mac + struct.pack("!H", protocol) + payload
        return struct.pack("!HHIHBB", protocol, 0, 2, 1, 0, 6) + mac + payload

    def walk(self, w):
        w.off += 16 if self.version == 1 else 20


class Loopback(Layer):
    """Four bytes of address family, in the order of the host that captured."""

    def __init__(self, order, family):
        self.head, self.followed = struct.pack(order + "I", family), family in (2, 24, 28, 30)

    def encode(self, payload, under):
        return self.head + payload

    def walk(self, w):
        if not self.followed:
            return w.stop()
        w.off += 4


# --- labels ---------------------------------------------------------------------------------------

class Mpls(Layer):
    """RFC 3032. `bottom`: the last entry has the bottom of stack bit."""

    def __init__(self, *labels, bottom=True, ethertype=0x8847):
        self.labels, self.bottom, self.ethertype = labels, bottom, ethertype

    def encode(self, payload, under):
        entries = [label << 12 | 64 for label in self.labels]
        entries[-1] |= 0x100 if self.bottom else 0
        return struct.pack("!%dI" % len(entries), *entries) + payload

    def walk(self, w):
        w.label(4, "mpls", self.labels[0])
        if not self.bottom or len(self.labels) > ENTRIES_MAX or not isinstance(self.above, (IPv4, IPv6)):
            return w.stop()
        if w.fits(4 * len(self.labels)):
            w.off += 4 * len(self.labels)


PPP = {0x0800: 0x0021, 0x86DD: 0x0057, 0x8847: 0x0281, 0x8848: 0x0283}


class Pppoe(Layer):
    """RFC 2516. `length` counts from the PPP protocol; `squeezed`: that is one byte."""
    ethertype = 0x8864

    def __init__(self, session, first=0x11, code=0, length=None, protocol=None, squeezed=False):
        self.session, self.first, self.code, self.length = session, first, code, length
        self.protocol, self.squeezed = protocol, squeezed

    def encode(self, payload, under):
        protocol = self.protocol if self.protocol is not None else PPP[self.above.ethertype]
        body = struct.pack("!B" if self.squeezed else "!H", protocol) + payload
        length = len(body) if self.length is None else self.length
        return struct.pack("!BBHH", self.first, self.code, self.session, length) + body

    def walk(self, w):
        if self.first != 0x11 or self.code:
            return w.stop()
        if self.length is not None:
            w.limit(6 + self.length)
        w.label(8, "pppoe", self.session)
        if not w.stopped and isinstance(self.above, (IPv4, IPv6, Mpls)):
            w.off += 7 if self.squeezed else 8
        else:
            w.stop()


class Discovery(Payload):
    """PPPoE's first stage: PADI."""

    def __init__(self):
        super().__init__(bytes.fromhex("110900000004") + bytes.fromhex("01010000"), 0x8863)


# --- IP -------------------------------------------------------------------------------------------

def proto_of(layer):
    return layer.proto if layer else PAYLOAD_PROTO


class IPv4(Layer):
    """RFC 791. `offset` is in units of 8."""
    ethertype, proto, version = 0x0800, 4, 4

    def __init__(self, src, dst, options=b"", offset=0, more=False, id=1, total=None, ihl=None,
                 version=4, proto=None):
        self.src, self.dst, self.options, self.offset, self.more = src, dst, options, offset, more
        self.id, self.total, self.ihl, self.version, self.holds = id, total, ihl, version, proto
        self.ihl = 5 + len(options) // 4 if ihl is None else ihl

    def next(self):
        return proto_of(self.above) if self.holds is None else self.holds

    def encode(self, payload, under):
        total = 20 + len(self.options) + len(payload) if self.total is None else self.total
        head = struct.pack("!BBHHHBBH", self.version << 4 | self.ihl, 0, total, self.id,
                           self.more << 13 | self.offset, 64, self.next(), 0)
        head += ipaddress.ip_address(self.src).packed + ipaddress.ip_address(self.dst).packed
        head += self.options
        self.says = total
        return patch16(head, 10, checksum(head)) + payload

    def walk(self, w):
        if self.version != 4:
            return w.stop()
        w.packet(20, self.src, self.dst, self.next())
        header = self.ihl * 4
        if self.ihl < 5 or 0 < self.says < header or not w.fits(header) or self.offset:
            return w.stop()
        if self.says:
            w.limit(self.says)
        w.off += header


class IPv6(Layer):
    """RFC 8200."""
    ethertype, proto, version = 0x86DD, 41, 6

    def __init__(self, src, dst, length=None, version=6, next=None):
        self.src, self.dst, self.length, self.version, self.holds = src, dst, length, version, next

    def next(self):
        return proto_of(self.above) if self.holds is None else self.holds

    def encode(self, payload, under):
        self.says = len(payload) if self.length is None else self.length
        return (struct.pack("!IHBB", self.version << 28, self.says, self.next(), 64) +
                ipaddress.ip_address(self.src).packed + ipaddress.ip_address(self.dst).packed +
                payload)

    def walk(self, w):
        if self.version != 6:
            return w.stop()
        w.packet(40, self.src, self.dst, self.next())
        if self.says or self.next():
            w.limit(40 + self.says)
        w.off += 40
        w.extensions = 0


class Extension(Layer):
    """RFC 8200 section 4. `units`: what the length field says, where it is not the truth."""

    def __init__(self, proto, data, units=None, next=None):
        self.proto, self.data, self.holds = proto, data, next
        self.units = (len(data) + 2) // 8 - 1 if units is None else units

    def next(self):
        return proto_of(self.above) if self.holds is None else self.holds

    def size(self):
        return 8 * (self.units + 1)

    def encode(self, payload, under):
        return bytes([self.next(), self.units]) + self.data + payload

    def walk(self, w):
        w.extensions += 1
        if w.extensions > EXTENSIONS_MAX or not w.fits(8) or not w.fits(self.size()):
            return w.stop()
        w.change(8, proto=self.next())
        self.more(w)
        w.off += self.size()

    def more(self, w):
        pass


class Fragment(Extension):
    """RFC 8200 section 4.5. `offset` is in units of 8."""

    def __init__(self, offset=0, more=False, id=1, next=None, reserved=0):
        super().__init__(44, struct.pack("!HI", offset << 3 | more, id), reserved, next)
        self.offset = offset

    def size(self):
        return 8

    def more(self, w):
        if self.offset:
            w.stop()


class AhExtension(Extension):
    """RFC 4302 in an IPv6 chain: the length field counts words of 4, less 2."""

    def __init__(self, spi, words=3):
        data = bytes(2) + struct.pack("!II", spi, 1) + bytes(4 * words)
        super().__init__(51, data, 1 + words)
        self.spi = spi

    def size(self):
        return 4 * (self.units + 2)

    def more(self, w):
        w.label(8, "ah", self.spi)


def jumbo_option(length):
    """RFC 2675: the hop-by-hop header with the jumbo payload option."""
    return Extension(0, bytes([0xC2, 4]) + struct.pack("!I", length))


# --- transport ------------------------------------------------------------------------------------

class Tcp(Layer):
    """RFC 9293."""
    proto = 6

    def __init__(self, sport, dport, flags=0x18, options=b"", doff=None, seq=1000, ack=None,
                 window=8192):
        self.sport, self.dport, self.flags, self.options = sport, dport, flags, options
        self.doff, self.seq = 5 + len(options) // 4 if doff is None else doff, seq
        self.ack, self.window = (2000 if flags & 0x10 else 0) if ack is None else ack, window

    def encode(self, payload, under):
        data = struct.pack("!HHIIBBHHH", self.sport, self.dport, self.seq, self.ack,
                           self.doff << 4, self.flags, self.window, 0, 0)
        return inet_checksum(data + self.options + payload, 16, under, 6)

    def walk(self, w):
        w.change(4, sport=self.sport, dport=self.dport)
        w.change(20, flags=self.flags)
        w.stop()


class Ports(Layer):
    """What has ports in its first four bytes: SCTP (RFC 9260), UDP-Lite (RFC 3828), DCCP."""

    def __init__(self, proto, sport, dport, rest):
        self.proto, self.sport, self.dport, self.rest = proto, sport, dport, rest

    def encode(self, payload, under):
        return struct.pack("!HH", self.sport, self.dport) + self.rest + payload

    def walk(self, w):
        w.change(4, sport=self.sport, dport=self.dport)
        w.stop()


class Dccp(Ports):
    """A request (RFC 4340 section 5.1): the longer sequence number, a service code."""

    def __init__(self, sport, dport):
        super().__init__(33, sport, dport, bytes([5, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 42]))

    def encode(self, payload, under):
        return inet_checksum(super().encode(payload, under), 6, under, 33)


class UdpLite(Ports):
    def __init__(self, sport, dport, coverage=8):
        super().__init__(136, sport, dport, struct.pack("!HH", coverage, 0))

    def encode(self, payload, under):
        data = super().encode(payload, under)
        return inet_checksum(data, 6, under, 136)  # right where the coverage is the whole


class Udp(Layer):
    """RFC 768."""
    proto = 17

    def __init__(self, sport, dport, length=None):
        self.sport, self.dport, self.length = sport, dport, length

    def encode(self, payload, under):
        length = 8 + len(payload) if self.length is None else self.length
        data = struct.pack("!HHHH", self.sport, self.dport, length & 0xFFFF, 0) + payload
        self.says = length
        return inet_checksum(data, 6, under, 17)

    def walk(self, w):
        w.change(4, sport=self.sport, dport=self.dport)
        if not w.fits(8):
            return
        if self.says >= 8:
            w.limit(self.says)
        w.off += 8


class Icmp(Layer):
    """RFC 792, RFC 4443 (`proto` 58); two bytes are enough to know the type and code."""

    def __init__(self, type, code=0, rest=b"\x12\x34\0\1", proto=1):
        self.type, self.code, self.rest, self.proto = type, code, rest, proto

    def encode(self, payload, under):
        data = bytes([self.type, self.code, 0, 0]) + self.rest + payload
        if self.proto == 58:
            return inet_checksum(data, 2, under, 58)
        return patch16(data, 2, checksum(data))

    def walk(self, w):
        w.change(2, sport=self.type, dport=self.code)
        w.stop()


class Esp(Layer):
    """RFC 4303."""
    proto = 50

    def __init__(self, spi, data=bytes(range(32))):
        self.spi, self.data = spi, data

    def encode(self, payload, under):
        return struct.pack("!II", self.spi, 1) + self.data

    def walk(self, w):
        w.label(8, "esp", self.spi)
        w.stop()


class Ah(Layer):
    """RFC 4302 in IPv4, where it is not walked."""
    proto = 51

    def __init__(self, spi):
        self.spi = spi

    def encode(self, payload, under):
        return (struct.pack("!BBHII", proto_of(self.above), 4, 0, self.spi, 1) + bytes(12) + payload)

    def walk(self, w):
        w.label(8, "ah", self.spi)
        w.stop()
