#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""cryptopan.py: what flowctl --anonymize makes of addresses, held against a Crypto-PAn of its own.

  cryptopan.py rows KEY PLAIN.json MADE.json      rows of flowctl flows --json, without and with it
  cryptopan.py packets KEY PLAIN MADE             captures of flowctl pcap, likewise, as tshark reads them:
                                                  the same packets, times, lengths, ports, TCP numbers; each IP
                                                  address the one that Crypto-PAn makes of it, each MAC
                                                  address the same one everywhere; of a pcap: no address of a
                                                  packet is in its bytes

KEY is a key file of hexadecimal digits. Written from the paper (Xu, Fan, Ammar, Moon 2002) and FIPS 197
alone. Says what is wrong, and ends with 1; else with a line of counts.
"""
import ipaddress
import json
import struct
import subprocess
import sys

ADDRESSES = ("src", "dst", "arp_spa", "arp_tpa", "outer_src", "outer_dst")
IP_FIELDS = (
    "ip.src ip.dst ipv6.src ipv6.dst arp.src.proto_ipv4 arp.dst.proto_ipv4 icmp.redir_gw igmp.maddr "
    "icmpv6.nd.ns.target_address icmpv6.nd.na.target_address icmpv6.nd.rd.target_address "
    "icmpv6.rd.na.destination_address icmpv6.opt.rdnss icmpv6.mld.multicast_address "
    "ipv6.routing.src.addr ipv6.routing.mipv6.home_address ipv6.routing.srh.addr"
).split()
MAC_FIELDS = "eth.dst eth.src arp.src.hw_mac arp.dst.hw_mac icmpv6.opt.linkaddr".split()
SAME_FIELDS = (
    "frame.time_epoch frame.len vlan.id tcp.srcport tcp.dstport tcp.seq_raw tcp.flags udp.srcport udp.dstport "
    "vxlan.vni gre.key icmp.type icmpv6.type ip.id ip.ttl"
).split()


def double(value):
    return (value << 1) ^ (0x11B if value & 0x80 else 0)


def make_sbox():
    box, p, q = [0] * 256, 1, 1
    while True:
        p ^= double(p)
        for shift in (1, 2, 4):
            q ^= q << shift
        q &= 0xFF
        q ^= 0x09 if q & 0x80 else 0
        rotated = q
        for shift in (1, 2, 3, 4):
            rotated ^= (q << shift | q >> (8 - shift)) & 0xFF
        box[p] = rotated ^ 0x63
        if p == 1:
            break
    box[0] = 0x63
    return box


SBOX = make_sbox()
TABLE = [double(s) << 24 | s << 16 | s << 8 | double(s) ^ s for s in SBOX]
TABLES = [[(t >> 8 * i | t << 32 - 8 * i) & 0xFFFFFFFF for t in TABLE] for i in range(4)]


class Aes:
    def __init__(self, key):
        words, rcon = list(struct.unpack("!4I", key)), 1
        for i in range(4, 44):
            word = words[i - 1]
            if i % 4 == 0:
                word = (word << 8 | word >> 24) & 0xFFFFFFFF
                word = sum(SBOX[word >> s & 0xFF] << s for s in (0, 8, 16, 24)) ^ rcon << 24
                rcon = double(rcon)
            words.append(words[i - 4] ^ word)
        self.words = words

    def encrypt(self, block):
        state = [a ^ b for a, b in zip(struct.unpack("!4I", block), self.words)]
        for number in range(1, 10):
            state = [
                TABLES[0][state[i] >> 24]
                ^ TABLES[1][state[(i + 1) % 4] >> 16 & 0xFF]
                ^ TABLES[2][state[(i + 2) % 4] >> 8 & 0xFF]
                ^ TABLES[3][state[(i + 3) % 4] & 0xFF]
                ^ self.words[4 * number + i]
                for i in range(4)
            ]
        last = [
            sum(SBOX[state[(i + n) % 4] >> s & 0xFF] << s for n, s in enumerate((24, 16, 8, 0)))
            ^ self.words[40 + i]
            for i in range(4)
        ]
        return struct.pack("!4I", *last)


class CryptoPan:
    def __init__(self, key):
        self.aes = Aes(key[:16])
        self.pad = int.from_bytes(self.aes.encrypt(key[16:]), "big")
        self.flips = {}
        self.known = {}

    def flip(self, bits, prefix):
        """Whether the bit behind that prefix is turned; `prefix` has 128 bits."""
        found = self.flips.get((bits, prefix))
        if found is None:
            block = prefix | self.pad & ((1 << 128 - bits) - 1)
            found = self.flips[bits, prefix] = self.aes.encrypt(block.to_bytes(16, "big"))[0] >> 7
        return found

    def address(self, addr):
        if addr not in self.known:
            size, turned = addr.max_prefixlen, 0
            value = int(addr) << 128 - size
            for i in range(size):
                turned |= self.flip(i, value >> 128 - i << 128 - i) << size - 1 - i
            self.known[addr] = type(addr)(int(addr) ^ turned)
        return self.known[addr]


def make(path):
    with open(path, encoding="ascii") as file:
        pan = CryptoPan(bytes.fromhex(file.read().strip()))
    reference = CryptoPan(bytes.fromhex("1522178d33a4cf80130a5b1649907d10d8988f837979652762574c2d2a842202"))
    if str(reference.address(ipaddress.ip_address("128.11.68.132"))) != "135.242.180.132":
        sys.exit("this is not Crypto-PAn")
    return pan


def rows_of(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def compare_rows(pan, plain, made):
    count = 0
    for was, now in zip(rows_of(plain), rows_of(made), strict=True):
        for name in ADDRESSES:
            if was.get(name):
                count += 1
                want = str(pan.address(ipaddress.ip_address(was[name])))
                if now[name] != want:
                    yield f"{name} {was[name]} became {now[name]}, not {want}"
    yield count


def fields_of(path):
    """Of each packet a list of values for each field."""
    command = ["tshark", "-n", "-r", path, "-T", "fields", "-E", "separator=|", "-E", "occurrence=a"]
    for name in ("ip.defragment", "ipv6.defragment", "tcp.desegment_tcp_streams", "tcp.relative_sequence_numbers"):
        command += ["-o", name + ":FALSE"]
    names = (*SAME_FIELDS, *IP_FIELDS, *MAC_FIELDS)
    for name in names:
        command += ["-e", name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = [line for line in done.stderr.splitlines() if not line.startswith("Running as user")]
    if done.returncode or said:
        sys.exit(f"{path}: tshark says: {said}")
    return [
        {name: value.split(",") if value else [] for name, value in zip(names, line.split("|"))}
        for line in done.stdout.splitlines()
    ]


def bytes_of(path):
    """Of each packet of a pcap; None: it is none."""
    with open(path, "rb") as file:
        data = file.read()
    if data[:4] != b"\x4d\x3c\xb2\xa1":
        return None
    at, found = 24, []
    while at < len(data):
        captured = struct.unpack_from("<I", data, at + 8)[0]
        found.append(data[at + 16 : at + 16 + captured])
        at += 16 + captured
    return found


def packed(name, text):
    return bytes.fromhex(text.replace(":", "")) if name in MAC_FIELDS else ipaddress.ip_address(text).packed


def is_anybody(address):
    """In masks, padding and fields that are not set: nobody's."""
    return len(set(address)) < 3


class Judge:
    def __init__(self, pan):
        self.pan = pan
        self.macs = {}
        self.count = 0

    def address(self, name, was, now):
        self.count += 1
        if name in MAC_FIELDS:
            want = self.macs.setdefault(was, now)
            if (int(was[:2], 16) ^ int(now[:2], 16)) & 3 or (was == now) != (len(set(packed(name, was))) == 1):
                want = "one with its bits for groups, and no other"
        else:
            want = str(self.pan.address(ipaddress.ip_address(was)))
        if now != want:
            yield f"{name} {was} became {now}, not {want}"

    def packet(self, was, now):
        """What was cut off is in `was` alone, behind the rest."""
        for name, values in now.items():
            if was[name] and len(values) > len(was[name]):
                yield f"{name}: {was[name]} became {values}"
            for before, after in zip(was[name], values):
                if after in ("0", "0.0.0.0", "::"):  # cleared: no address that Crypto-PAn makes here
                    continue
                if name not in SAME_FIELDS:
                    yield from self.address(name, before, after)
                elif before != after:
                    yield f"{name} {before} became {after}"

    def left(self, was, frame):
        made = {self.pan.address(a).packed for a in list(self.pan.known)}
        for name in (*IP_FIELDS, *MAC_FIELDS):
            for text in was[name]:
                found = packed(name, text)
                if not is_anybody(found) and found in frame and found not in made:
                    yield f"{name} {text} is left in {frame.hex()}"


def compare_packets(pan, plain, made):
    judge = Judge(pan)
    frames = bytes_of(made)
    before, after = fields_of(plain), fields_of(made)
    if len(before) != len(after):
        yield f"{len(before)} packets became {len(after)}"
    for number, (was, now) in enumerate(zip(before, after)):
        wrong = list(judge.packet(was, now))
        if frames:
            wrong += judge.left(was, frames[number])
        for line in wrong:
            yield f"packet {number + 1}: {line}"
    if len(set(judge.macs.values())) != len(judge.macs):
        yield "two MAC addresses became one"
    yield judge.count


def main():
    what, key, plain, made = sys.argv[1:]
    compare = compare_rows if what == "rows" else compare_packets
    *wrong, count = compare(make(key), plain, made)
    for line in wrong[:10]:
        print(line)
    if not wrong:
        print(f"ok: {count} addresses")
    return 1 if wrong else 0


sys.exit(main())
