#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""tcp_truth.py: what a capture has of TCP retransmissions and late segments, by what the ends sent.

  tcp_truth.py CAPTURE END [END] > SUMS        for tshark_tcp.py --compare SUMS

CAPTURE was made somewhere between two hosts, each END on the interface of one of them, at the same time
(tests/record_lossy.sh): pcap files of Ethernet with nanoseconds. A frame of CAPTURE is known in its sender's
END by its sequence number and IPv4 identification, which differs between a segment and the same one sent
again; over IPv6 by the sequence number and timestamp option. Each frame with data is, in this order:

  duplicates    the same frame was here before: the network doubled it
  retransmits   its sender had sent its first byte before
  out_of_order  its sender had not, and here it does not go beyond what was seen: it was overtaken
  unknown       its sender's END does not have it

`below` are all that do not go beyond what was seen here. A GSO packet counts as the one frame that it is.
"""
import json
import struct
import sys
from ipaddress import ip_address


def frames(path):
    """(time in ns, bytes) of each"""
    with open(path, "rb") as file:
        data = file.read()
    if struct.unpack_from("<I", data)[0] != 0xa1b23c4d:
        sys.exit("tcp_truth.py: '%s': not a little-endian pcap with nanoseconds" % path)
    at = 24
    while at + 16 <= len(data):
        seconds, ns, size, _ = struct.unpack_from("<IIII", data, at)
        yield seconds * 10 ** 9 + ns, data[at + 16:at + 16 + size]
        at += 16 + size


def option(options, wanted, form):
    """The number in one of TCP's options; 0: none"""
    at = 0
    while at + 1 < len(options):
        if options[at] == wanted:
            return struct.unpack_from(form, options, at + 2)[0]
        at += 1 if options[at] < 2 else max(options[at + 1], 2)
    return 0


def segments(path):
    """(time, flow, sequence, bytes of data, id, what a SYN allows) of each frame of TCP"""
    for time, frame in frames(path):
        kind = struct.unpack_from(">H", frame, 12)[0]
        if kind == 0x0800 and frame[23] == 6:
            header, length = 14 + (frame[14] & 15) * 4, struct.unpack_from(">H", frame, 16)[0] + 14
            src, dst, ident = frame[26:30], frame[30:34], struct.unpack_from(">H", frame, 18)[0]
        elif kind == 0x86dd and frame[20] == 6:
            header, length = 54, struct.unpack_from(">H", frame, 18)[0] + 54
            src, dst, ident = frame[22:38], frame[38:54], None
        else:
            continue
        sport, dport, seq = struct.unpack_from(">HHI", frame, header)
        payload = header + (frame[header + 12] >> 4) * 4
        options, room = frame[header + 20:payload], 0
        if ident is None:
            ident = option(options, 8, ">I")
        if frame[header + 13] & 2:
            room = option(options, 2, ">H") - (12 if option(options, 8, ">I") else 0)
        yield time, (src, dst, sport, dport), seq, length - payload, ident, room


class Highest:
    """The end of what was seen of a direction."""

    def __init__(self):
        self.end = None

    def grows(self, seq, size):
        end = (seq + size) & 0xffffffff
        if self.end is None or 0 < (end - self.end) & 0xffffffff < 1 << 31:
            self.end = end
            return True
        return False

    def has(self, seq):
        return self.end is not None and 0 < (self.end - seq) & 0xffffffff < 1 << 31


def sent_by(path):
    """{flow: (first time, {(sequence, id): sent before})} of an end, GSO packets cut"""
    flows, mss = {}, 65535
    for time, flow, seq, size, ident, room in segments(path):
        mss = min(mss, room or mss)
        _, sent, highest = flows.setdefault(flow, (time, {}, Highest()))
        for i, offset in enumerate(range(0, size, mss)):
            at = (seq + offset) & 0xffffffff
            shown = (ident + i) & 0xffff if len(flow[0]) == 4 else ident
            sent[at, shown] = sent.get((at, shown), False) or highest.has(at)
            highest.grows(at, min(mss, size - offset))
    return flows


def judge(count, again, before, grows):
    """What a frame is; again: None where its sender does not have it."""
    count["data"] += 1
    count["below"] += not grows
    if before:
        count["duplicates"] += 1
    elif again is None:
        count["unknown"] += 1
    elif again:
        count["retransmits"] += 1
    elif not grows:
        count["out_of_order"] += 1


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit("usage: tcp_truth.py CAPTURE END [END]")
    here = list(segments(sys.argv[1]))
    origins = [sent_by(path) for path in sys.argv[2:]]
    counts, highest, seen = {}, {}, set()
    for _, flow, seq, size, ident, _ in here:
        if not size:
            continue
        count = counts.setdefault(flow, dict.fromkeys(
            ("data", "below", "retransmits", "out_of_order", "duplicates", "unknown"), 0))
        origin = min((o[flow] for o in origins if flow in o), key=lambda o: o[0], default=(0, {}))
        grows = highest.setdefault(flow, Highest()).grows(seq, size)
        judge(count, origin[1].get((seq, ident)), (flow, seq, ident) in seen, grows)
        seen.add((flow, seq, ident))
    for (src, dst, sport, dport), count in sorted(counts.items()):
        row = {"src": str(ip_address(src)), "dst": str(ip_address(dst)), "sport": sport, "dport": dport}
        print(json.dumps(row | count))


if __name__ == "__main__":
    main()
