#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""packets_pcap.py FILE: a capture of the packets that standard input names, one a line:

SECONDS SRC DST udp|tcp SPORT DPORT LENGTH [SEQ]

of Ethernet and IPv4 or IPv6, LENGTH bytes long, in the order of time; TCP has ACK set. Checksums are 0.
"""
import ipaddress
import struct
import sys


def frame(src, dst, proto, sport, dport, length, seq=1):
    src, dst = ipaddress.ip_address(src), ipaddress.ip_address(dst)
    head = 14 + (20 if src.version == 4 else 40)
    number = {"udp": 17, "tcp": 6}[proto]
    payload = length - head
    if number == 17:
        body = struct.pack("!HHHH", sport, dport, payload, 0)
    else:
        body = struct.pack("!HHIIBBHHH", sport, dport, seq, 1, 0x50, 0x10, 500, 0, 0)
    assert payload >= len(body), "too short"
    body += bytes(payload - len(body))
    if src.version == 4:
        ip = struct.pack("!BBHHHBBH", 0x45, 0, length - 14, 0, 0x4000, 64, number, 0)
        kind = b"\x08\x00"
    else:
        ip = struct.pack("!IHBB", 6 << 28, payload, number, 64)
        kind = b"\x86\xdd"
    return b"\2\0\0\0\0\2\2\0\0\0\0\1" + kind + ip + src.packed + dst.packed + body


def main():
    packets = []
    for line in sys.stdin:
        word = line.split()
        if word:
            ns = round(float(word[0]) * 1000) * 10**6
            packets.append((ns, frame(*word[1:4], *map(int, word[4:]))))
    packets.sort(key=lambda p: p[0])
    with open(sys.argv[1], "wb") as out:
        out.write(struct.pack("<IHHIIII", 0xa1b23c4d, 2, 4, 0, 0, 65535, 1))
        for ns, data in packets:
            out.write(struct.pack("<IIII", ns // 10**9, ns % 10**9, len(data), len(data)) + data)


main()
