#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# mmdb.py: writes a database in MaxMind's DB file format 2.0, after its public specification.
#
#   mmdb.py OUT TYPE [4|6 [24|28|32]] < LINES
#
# A line is a network and what is known of it: 192.0.2.0/24 {"country": {"iso_code": "DE"}}. A later line
# goes before an earlier one, so a network inside of another one comes after it. Addresses of IPv4 are
# where IPv6 has ::/96. Numbers become uint32.
import ipaddress
import json
import struct
import sys


class Data:
    """The data section: each value once, texts that are there before by a pointer."""

    def __init__(self):
        self.out = bytearray()
        self.at = {}

    def control(self, kind, size):
        if size < 29:
            more = b""
        elif size < 285:
            size, more = 29, bytes([size - 29])
        elif size < 65821:
            size, more = 30, struct.pack(">H", size - 285)
        else:
            size, more = 31, struct.pack(">I", size - 65821)[1:]
        if kind > 7:
            return bytes([size, kind - 7]) + more
        return bytes([kind << 5 | size]) + more

    def pointer(self, to):
        if to < 2048:
            return bytes([0x20 | to >> 8, to & 0xFF])
        to -= 2048
        if to < 1 << 19:
            return bytes([0x28 | to >> 16]) + struct.pack(">H", to & 0xFFFF)
        to -= (1 << 19)
        if to < 1 << 27:
            return bytes([0x30 | to >> 24]) + struct.pack(">I", to & 0xFFFFFF)[1:]
        return bytes([0x38]) + struct.pack(">I", to + 526336)

    def encode(self, value, share=True):
        if isinstance(value, str):
            raw = value.encode()
            if share and len(raw) > 3:
                if value not in self.at:
                    self.at[value] = len(self.out)
                    self.out += self.control(2, len(raw)) + raw
                return self.pointer(self.at[value])
            return self.control(2, len(raw)) + raw
        if isinstance(value, bool):
            return self.control(14, int(value))
        if isinstance(value, int):
            raw = value.to_bytes(4, "big").lstrip(b"\0")
            return self.control(6, len(raw)) + raw
        if isinstance(value, list):
            return self.control(11, len(value)) + b"".join(self.encode(v, share) for v in value)
        return self.control(7, len(value)) + b"".join(
            self.encode(k, share) + self.encode(v, share) for k, v in value.items())

    def add(self, value):
        key = json.dumps(value, sort_keys=True)
        if ("entry", key) not in self.at:
            raw = self.encode(value)
            self.at["entry", key] = len(self.out)
            self.out += raw
        return self.at["entry", key]


class Tree:
    """Nodes of two sides: None, ("node", number) or ("data", offset)."""

    def __init__(self, version):
        self.version = version
        self.nodes = [[None, None]]

    def add(self, network, entry):
        bits = network.prefixlen
        address = int(network.network_address)
        total = network.max_prefixlen
        if self.version == 6 and total == 32:
            bits, total = bits + 96, 128
        node = 0
        for depth in range(bits - 1):
            side = address >> (total - 1 - depth) & 1
            record = self.nodes[node][side]
            if record is None or record[0] == "data":
                self.nodes.append([record, record])
                record = self.nodes[node][side] = ("node", len(self.nodes) - 1)
            node = record[1]
        self.nodes[node][address >> (total - bits) & 1] = ("data", entry)

    def number(self, record):
        if record is None:
            return len(self.nodes)
        return record[1] if record[0] == "node" else len(self.nodes) + 16 + record[1]

    def write(self, size):
        out = bytearray()
        for left, right in self.nodes:
            left, right = self.number(left), self.number(right)
            if max(left, right) >> size:
                raise SystemExit(f"mmdb.py: {len(self.nodes)} nodes: too many for {size} bits")
            if size == 28:
                out += struct.pack(">I", left)[1:]
                out.append(left >> 24 << 4 | right >> 24)
                out += struct.pack(">I", right)[1:]
            else:
                out += left.to_bytes(size // 8, "big") + right.to_bytes(size // 8, "big")
        return out


def uint(kind, value):
    raw = value.to_bytes(8, "big").lstrip(b"\0")
    return Data().control(kind, len(raw)) + raw


def metadata(tree, size, kind):
    plain = Data()
    text = lambda value: plain.encode(value, share=False)
    fields = {
        "binary_format_major_version": uint(5, 2),
        "binary_format_minor_version": uint(5, 0),
        "build_epoch": uint(9, 1763769600),
        "database_type": text(kind),
        "description": text({"en": "made for a test"}),
        "ip_version": uint(5, tree.version),
        "languages": text(["en"]),
        "node_count": uint(6, len(tree.nodes)),
        "record_size": uint(5, size),
    }
    return b"\xab\xcd\xefMaxMind.com" + plain.control(7, len(fields)) + b"".join(
        text(k) + v for k, v in fields.items())


def main():
    out, kind = sys.argv[1:3]
    version, size = (list(map(int, sys.argv[3:])) + [6, 28][len(sys.argv) - 3:])
    data, tree = Data(), Tree(version)
    for line in sys.stdin:
        if line.strip():
            network, value = line.split(None, 1)
            tree.add(ipaddress.ip_network(network), data.add(json.loads(value)))
    with open(out, "wb") as file:
        file.write(tree.write(size) + bytes(16) + data.out + metadata(tree, size, kind))


main()
