#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# names_capture.py: a capture of conversations whose addresses and ports are given.
#
#   names_capture.py OUT.pcap < LINES
#
# A line is SRC SPORT DST DPORT PROTO PACKETS: udp; syn (TCP, the first packet of which is a SYN); ack (TCP
# without one); arp (ports are nothing then).
import ipaddress
import struct
import sys

MACS = bytes.fromhex("020000000a02020000000a01")


def transport(proto, sport, dport, first):
    if proto == "udp":
        return 17, struct.pack(">HHHH", sport, dport, 8, 0)
    flags = 0x02 if proto == "syn" and first else 0x10
    return 6, struct.pack(">HHIIBBHHH", sport, dport, 1, 0, 0x50, flags, 1000, 0, 0)


def frame(src, sport, dst, dport, proto, first):
    src, dst = ipaddress.ip_address(src), ipaddress.ip_address(dst)
    if proto == "arp":
        return MACS + b"\x08\x06" + struct.pack(">HHBBH", 1, 0x800, 6, 4, 1) + \
            MACS[6:] + src.packed + bytes(6) + dst.packed
    number, body = transport(proto, sport, dport, first)
    if src.version == 4:
        return MACS + b"\x08\x00" + struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), 1, 0, 64, number, 0) + \
            src.packed + dst.packed + body
    return MACS + b"\x86\xdd" + struct.pack(">IHBB", 6 << 28, len(body), number, 64) + src.packed + dst.packed + body


def main():
    with open(sys.argv[1], "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        at = 1700000000
        for line in sys.stdin:
            src, sport, dst, dport, proto, count = line.split()
            for i in range(int(count)):
                data = frame(src, int(sport), dst, int(dport), proto, i == 0)
                out.write(struct.pack("<IIII", at, i % 1000000, len(data), len(data)) + data)


main()
