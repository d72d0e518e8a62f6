#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""pcap_frames.py FOLDER: captures for cli_pcap.sh, of Ethernet and IPv4 with right checksums.

stream.pcap is TCP of full segments in runs, the last of each with PSH, between them the answers; a.pcap
and b.pcap are a few UDP and TCP packets, raw.pcap some of them without Ethernet.
"""
import struct
import sys
def csum(b):
    b += b'\0' * (len(b) & 1)
    s = sum(struct.unpack('!%dH' % (len(b) // 2), b))
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff
def ip(src, dst, proto, ident, body):
    h = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(body), ident & 0xffff, 0x4000, 64, proto, 0,
                    bytes([10, 0, 0, src]), bytes([10, 0, 0, dst]))
    h = h[:10] + struct.pack('!H', csum(h)) + h[12:]
    return b'\2\0\0\0\0' + bytes([dst]) + b'\2\0\0\0\0' + bytes([src]) + b'\x08\0' + h + body
def l4(src, dst, proto, head, at, data):
    b = head + data
    pseudo = bytes([10, 0, 0, src, 10, 0, 0, dst, 0, proto]) + struct.pack('!H', len(b))
    c = csum(pseudo + b)
    return b[:at] + struct.pack('!H', c or 0xffff) + b[at + 2:]
def tcp(src, dst, sport, dport, seq, ack, flags, data, ident):
    h = struct.pack('!HHIIBBHHH', sport, dport, seq & 0xffffffff, ack, 0x80, flags, 500, 0, 0)
    h += b'\1\1\x08\x0a' + struct.pack('!II', 7, 9)
    return ip(src, dst, 6, ident, l4(src, dst, 6, h, 16, data))
def udp(src, dst, sport, dport, data, ident):
    return ip(src, dst, 17, ident, l4(src, dst, 17, struct.pack('!HHHH', sport, dport, 8 + len(data), 0), 6, data))
def write(name, frames, link=1):
    with open(sys.argv[1] + '/' + name, 'wb') as f:
        f.write(struct.pack('<IHHIIII', 0xa1b23c4d, 2, 4, 0, 0, 65535, link))
        for ns, b in frames:
            f.write(struct.pack('<IIII', ns // 10**9, ns % 10**9, len(b), len(b)) + b)
at = 1795264440 * 10**9
stream, seq, ident = [], 0xffff0000, 65500
for run in range(12):
    count = 1 + run * 3
    for i in range(count):
        size = 1448 if i + 1 < count or run % 2 else 700 + run
        stream.append((at, tcp(1, 2, 40000, 443, seq, 5, 0x18 if i + 1 == count else 0x10,
                               bytes((seq + j) * 11 & 255 for j in range(size)), ident)))
        seq, ident, at = seq + size, ident + 1, at + 1000
    stream.append((at, tcp(2, 1, 443, 40000, 5, seq & 0xffffffff, 0x10, b'', run)))
    at += 100000
stream.append((at, tcp(1, 2, 40000, 443, seq, 5, 0x11, b'', ident)))
write('stream.pcap', stream)
at = 1795264440 * 10**9 + 1
a = []
for i in range(60):
    a.append((at + i * 10**9, udp(1 + i % 3, 9, 5000, 53, b'x' * (i * 3), i) if i % 2 else
              tcp(1, 2, 40001, 80, 1000 * i, 1, 4 if i == 58 else 0x10, b'y' * i, i)))
write('a.pcap', a)
write('b.pcap', [(at + i * 10**9, udp(7, 8, 1234, 4321, b'z', i)) for i in range(5)])
write('raw.pcap', [(ns, b[14:]) for ns, b in a[:20]], 101)
