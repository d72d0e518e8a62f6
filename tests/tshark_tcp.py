#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""tshark_tcp.py: what tshark says of TCP in a capture, and whether flowctl says the same.

  tshark_tcp.py CAPTURE > SUMS              one JSON object for each direction of each connection
  flowctl --db DB flows --uniflow --json -n 0 | tshark_tcp.py --compare SUMS [OPTION...]

  --iface NAME      records of that interface only
  --judge NAME,...  the counts that are judged (default: retransmits,out_of_order)
  --limit N         how far a count may be off (default 2) where that is more than
  --percent N       so much of it (default 2)
  --least N         directions with fewer data packets are shown, not judged

retransmits are frames that tshark calls retransmission, fast or spurious, those with SYN apart: they are
syn_repeats. `below` are frames with data that do not go beyond what was seen of their direction: what
a retransmission or a late segment is to who sees them here, whatever it is called. handshake_us is from the
only SYN to its answer, reverse likewise; where one was repeated, null. rtt_min_us is the least time to an
ACK. A frame counts as one, so a GSO packet does. Connections are told apart by addresses and ports alone.
flowctl's `below` are its retransmits and out_of_order together. SUMS may be tcp_truth.py's as well.

Prints the number wanted and flowctl's for each count of each direction; exit 1 where one that is judged
differs, 2: usage.
"""
import argparse
import ipaddress
import json
import subprocess
import sys

FLAGGED = ("retransmission", "fast_retransmission", "spurious_retransmission", "out_of_order", "duplicate_ack",
           "zero_window", "keep_alive", "initial_rtt", "ack_rtt")
FIELDS = ["frame.time_epoch", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "tcp.srcport", "tcp.dstport",
          "tcp.len", "tcp.flags", "tcp.seq"] + ["tcp.analysis." + name for name in FLAGGED]
COUNTS = ("packets", "data", "below", "retransmits", "out_of_order", "dup_acks", "zero_windows", "resets",
          "keep_alives", "syn_repeats")
TIMES = ("handshake_us", "rtt_min_us", "initial_us")
SYN, RST, ACK = 2, 4, 16


class Direction:
    """Sums of what one side of a connection sent."""

    def __init__(self):
        self.count = dict.fromkeys(COUNTS, 0)
        self.time = dict.fromkeys(TIMES)
        self.highest = None
        self.syn_at = None

    def add(self, at, length, flags, seq, flag):
        """A frame of this direction."""
        count = self.count
        count["packets"] += 1
        again = flag["retransmission"] or flag["fast_retransmission"] or flag["spurious_retransmission"]
        if flags & SYN:
            count["syn_repeats"] += self.syn_at is not None
            self.time["handshake_us"] = None
            self.syn_at = self.syn_at or at
        else:
            count["retransmits"] += bool(again)
        count["out_of_order"] += bool(flag["out_of_order"])
        count["dup_acks"] += bool(flag["duplicate_ack"])
        count["zero_windows"] += bool(flag["zero_window"])
        count["keep_alives"] += bool(flag["keep_alive"])
        count["resets"] += bool(flags & RST)
        if flag["initial_rtt"]:
            self.time["initial_us"] = round(float(flag["initial_rtt"]) * 1e6)
        if length and not flag["keep_alive"]:
            self.add_data(length, seq)

    def add_data(self, length, seq):
        """Where its bytes are, beside the highest that were seen."""
        self.count["data"] += 1
        end = (seq + length) & 0xffffffff
        if self.highest is None or 0 < (end - self.highest) & 0xffffffff < 1 << 31:
            self.highest = end
        else:
            self.count["below"] += 1

    def answered(self, at, flags, flag):
        """A frame of the other direction, which may answer this one's."""
        if self.syn_at is not None and self.time["handshake_us"] is None and flags & ACK \
                and not self.count["syn_repeats"] and not flags & RST:
            self.time["handshake_us"] = round((at - self.syn_at) * 1e6)
            self.syn_at = -1.0
        if flag["ack_rtt"]:
            us = round(float(flag["ack_rtt"]) * 1e6)
            least = self.time["rtt_min_us"]
            self.time["rtt_min_us"] = us if least is None else min(us, least)


def plain(text):
    """One spelling for an address."""
    address = ipaddress.ip_address(text)
    return str(getattr(address, "ipv4_mapped", None) or address)


def tshark_lines(capture):
    """Fields of each TCP frame."""
    command = ["tshark", "-r", capture, "-n", "-o", "tcp.analyze_sequence_numbers:TRUE",
               "-o", "tcp.relative_sequence_numbers:FALSE", "-o", "tcp.desegment_tcp_streams:FALSE",
               "-Y", "tcp && !icmp && !icmpv6", "-T", "fields", "-E", "occurrence=f"]
    for field in FIELDS:
        command += ["-e", field]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as tshark:
        for line in tshark.stdout:
            yield line.rstrip("\n").split("\t")
    if tshark.returncode:
        sys.exit("tshark_tcp.py: tshark cannot read '%s'" % capture)


def sums_of(capture):
    """Direction for each (src, dst, sport, dport)."""
    found = {}
    for line in tshark_lines(capture):
        at, src4, dst4, src6, dst6, sport, dport, length, flags, seq = line[:10]
        flag = dict(zip(FLAGGED, line[10:]))
        key = (plain(src4 or src6), plain(dst4 or dst6), int(sport), int(dport))
        back = found.setdefault((key[1], key[0], key[3], key[2]), Direction())
        flags = int(flags, 16)
        found.setdefault(key, Direction()).add(float(at), int(length or 0), flags, int(seq), flag)
        back.answered(float(at), flags, flag)
    return {key: direction for key, direction in found.items() if direction.count["packets"]}


def print_sums(capture):
    """The answer for a capture."""
    for key, direction in sorted(sums_of(capture).items()):
        print(json.dumps(dict(zip(("src", "dst", "sport", "dport"), key)) | direction.count | direction.time))


def key_of(row):
    return plain(row["src"]), plain(row["dst"]), row["sport"], row["dport"]


def flowctl_sums(stream, iface):
    """Records of a direction together; times are those of the first that has them, rtt_min_us the least."""
    found = {}
    for line in stream:
        row = json.loads(line)
        if row.get("proto") not in ("tcp", 6) or not row.get("src") or (iface and row.get("iface") != iface):
            continue
        sums = found.setdefault(key_of(row), {})
        for name in COUNTS:
            sums[name] = sums.get(name, 0) + (row.get(name) or 0)
        for name in TIMES:
            old, new = sums.get(name), row.get(name) or None
            least = name == "rtt_min_us" and old and new and new < old
            sums[name] = new if least or not old else old
    for sums in found.values():
        sums["below"] = sums["retransmits"] + sums["out_of_order"]
    return found


def verdict(args, name, want, got):
    """'' where it is not judged or agrees."""
    if name not in args.judge.split(",") or want["data"] < args.least:
        return ""
    return "differs" if abs(want[name] - got[name]) > max(args.limit, args.percent * want[name] / 100) else "agrees"


def compare(args):
    """False where a judged count differs."""
    with open(args.compare, encoding="ascii") as file:
        wanted = [json.loads(line) for line in file]
    found = flowctl_sums(sys.stdin, args.iface)
    failed = 0
    for want in wanted:
        label = "%s.%d > %s.%d" % (want["src"], want["sport"], want["dst"], want["dport"])
        got = found.get(key_of(want))
        if not got:
            print("differs\t%s\tflowctl has no such flow" % label)
            failed += 1
            continue
        for name in COUNTS + TIMES:
            if name == "data" or name not in want or (not want[name] and not got[name]):
                continue
            word = verdict(args, name, want, got)
            failed += word == "differs"
            print("%s\t%s\t%s\twanted %s\tflowctl %s" % (word or "shown", label, name, want[name], got[name]))
    print("total\tdirections=%d\tdiffer=%d" % (len(wanted), failed))
    return not failed


def main():
    parser = argparse.ArgumentParser(description="tshark's words for TCP, beside flowctl's")
    parser.add_argument("capture", nargs="?")
    parser.add_argument("--compare", metavar="SUMS")
    parser.add_argument("--iface")
    parser.add_argument("--judge", default="retransmits,out_of_order")
    parser.add_argument("--limit", type=int, default=2)
    parser.add_argument("--percent", type=float, default=2)
    parser.add_argument("--least", type=int, default=0)
    args = parser.parse_args()
    if bool(args.capture) == bool(args.compare):
        parser.error("either a capture, or --compare SUMS")
    if args.capture:
        print_sums(args.capture)
        return 0
    return 0 if compare(args) else 1


if __name__ == "__main__":
    sys.exit(main())
