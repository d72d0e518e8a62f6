#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""corpus_compare.py: hold what flowctl says of a capture (standard input) against a known answer.

  flowctl --db DB flows --uniflow --json -n 0 | corpus_compare.py [OPTION...] NAME.tsv

A flow agrees when the packets, bytes and TCP flags of all its records together are those of its row.
Records of what is not IP, or of whose addresses nothing is known, are only counted. What TCP repeated, had out
of order and said of closed windows is compared of flows that both know.

  --inner         the table has the columns tunnel, tunnel_id, outer_src, outer_dst; they tell flows apart
  --non-ip        those that are only counted have to be as many as the table says
  --told          the counts of TCP are compared only where the table says `tcp=1`
  --known FILE    differences that are known: table's name without .tsv, TAB, flow or '*', TAB, reason;
                  'tcp' before flow or '*': in the counts of TCP alone

Where a table says `unjudged=N`, its maker could not follow N frames: flows may have as many packets more
than their rows, all together.

Prints lines that begin with `differs`, `known`, `unjudged` and `gone` (known, and not so any more), then
`total<TAB>flows=N<TAB>differ=N<TAB>known=N<TAB>unjudged=N<TAB>gone=N`. Exit 0: no unknown difference;
1: some; 2: usage.
"""
import argparse
import ipaddress
import json
import os
import sys

NON_IP = ("non-ip",)
TCP = 6
TCP_FIELDS = ("retransmits", "out_of_order", "zero_windows")
TUNNEL_FIELDS = ("tunnel", "tunnel_id", "outer_src", "outer_dst")


def plain_address(text):
    """One spelling for an address; IPv4 mapped into IPv6 is IPv4."""
    if text in (None, "", "-"):
        return "-"
    address = ipaddress.ip_address(text)
    mapped = address.ipv4_mapped if address.version == 6 else None
    return str(mapped or address)


class Sums:
    """Packets, bytes and flags of each flow, and the packets that belong to none or to any."""

    def __init__(self):
        self.flows, self.non_ip, self.unjudged = {}, 0, 0
        self.tcp, self.tells_tcp = {}, False

    def add(self, key, packets, octets, flags, tcp):
        old = self.flows.get(key, (0, 0, 0))
        self.flows[key] = (old[0] + packets, old[1] + octets, old[2] | flags)
        if key[2] == TCP:
            self.tcp[key] = tuple(map(sum, zip(self.tcp.get(key, (0, 0, 0)), tcp)))


def flow_key(src, dst, numbers, tunnel):
    proto, sport, dport = (int(n or 0) for n in numbers)
    kind, number, *outer = tunnel or ("-", "-", "-", "-")
    if kind in (None, "-"):
        return plain_address(src), plain_address(dst), proto, sport, dport
    return (plain_address(src), plain_address(dst), proto, sport, dport, kind, str(number),
            *map(plain_address, outer))


def read_table(lines, inner):
    want = Sums()
    for line in lines:
        column = line.rstrip("\n").split("\t")
        if column[0] == "#":
            notes = dict(note.split("=") for note in column[1:])
            want.non_ip = int(notes.get("non_ip", 0))
            want.unjudged = int(notes.get("unjudged", 0))
            want.tells_tcp = notes.get("tcp") == "1"
        elif len(column) >= 8:
            key = flow_key(*column[:2], column[2:5], column[11:15] if inner else None)
            want.add(key, int(column[5]), int(column[6]), int(column[7], 16), map(int, column[8:11]))
    return want


def is_addressless(record):
    """Not IP; or IP cut short before its addresses, which are 0 then."""
    if not record.get("src"):
        return True
    return (not int(ipaddress.ip_address(record["src"])) and not int(ipaddress.ip_address(record["dst"]))
            and "short" in (record.get("marks") or ""))


def read_answer(lines, inner):
    got = Sums()
    for line in lines:
        record = json.loads(line)
        if is_addressless(record):
            got.non_ip += record["packets"]
            continue
        tunnel = [record.get(name) for name in TUNNEL_FIELDS] if inner else None
        key = flow_key(record["src"], record["dst"],
                       (record["proto"], record.get("sport"), record.get("dport")), tunnel)
        got.add(key, record["packets"], record["bytes"], record.get("tcp_flags") or 0,
                [record[name] or 0 if record["proto"] == TCP else 0 for name in TCP_FIELDS])
    return got


def differences(want, got, non_ip):
    """(flow, wanted, got) of each that differs, in order."""
    for key in sorted(set(want.flows) | set(got.flows), key=str):
        if want.flows.get(key) != got.flows.get(key):
            yield key, want.flows.get(key), got.flows.get(key)
    if non_ip and want.non_ip != got.non_ip:
        yield NON_IP, (want.non_ip, 0, 0), (got.non_ip, 0, 0)


def tcp_differences(want, got, told):
    """The same of flows that both know, for the counts of TCP."""
    if told and not want.tells_tcp:
        return
    for key in sorted(set(want.tcp) & set(got.tcp), key=str):
        if want.tcp[key] != got.tcp[key]:
            yield key, want.tcp[key], got.tcp[key]


def surplus(wanted, found):
    """Packets more than wanted; None where there are fewer, or only the bytes or flags differ."""
    packets = (found or (0,))[0] - (wanted or (0,))[0]
    return packets if packets > 0 else None


def is_excused(want, differing):
    """Whether the frames that the table does not judge are enough for all flows with a surplus."""
    return sum(surplus(wanted, found) or 0 for _, wanted, found in differing) <= want.unjudged


def read_known(path, name):
    """Flow or '*' -> reason, of this table."""
    known = {}
    for line in open(path) if path else ():
        column = line.rstrip("\n").split("\t")
        if line.startswith("#") or not line.strip():
            continue
        if len(column) != 3 or not column[2]:
            sys.exit("%s: '%s': not name, flow and reason" % (path, line.rstrip("\n")))
        if column[0] == name:
            known[column[1]] = column[2]
    return known


def figures(sums):
    return "packets %d bytes %d flags 0x%x" % sums if sums else "nothing"


def entry_of(key, known):
    """What the list of known differences calls the flow: with its tunnel, without, or '*'."""
    names = (" ".join(map(str, key)), " ".join(map(str, key[:5])), "*")
    return next((name for name in names if name in known), None)


def tcp_text(counts):
    return "retransmits %d out of order %d zero windows %d" % counts


def judge_tcp(want, got, known, told, used, count):
    """Print what differs in the counts of TCP."""
    tcp_known = {entry[4:]: known[entry] for entry in known if entry.startswith("tcp ")}
    for key, wanted, found in tcp_differences(want, got, told):
        entry = entry_of(key, tcp_known)
        used.add("tcp " + entry if entry else None)
        word = "known" if entry else "differs"
        count[word] += 1
        print("%s\t%s\twant %s\tgot %s%s" % (word, " ".join(map(str, key)), tcp_text(wanted),
                                             tcp_text(found), "\t" + tcp_known[entry] if entry else ""))


def print_gone(known, used):
    gone = [entry for entry in known if entry not in used]
    for entry in gone:
        print("gone\t%s\t%s" % (entry, known[entry]))
    return len(gone)


def judge(want, got, known, non_ip, told):
    """Print all lines; whether nothing unknown differs."""
    used, count = set(), {"differs": 0, "known": 0, "unjudged": 0}
    differing = list(differences(want, got, non_ip))
    excused = is_excused(want, differing)
    for key, wanted, found in differing:
        entry = entry_of(key, known)
        word = "unjudged" if excused and surplus(wanted, found) else "known" if entry else "differs"
        used.add(entry if word == "known" else None)
        count[word] += 1
        print("%s\t%s\twant %s\tgot %s%s" % (word, " ".join(map(str, key)), figures(wanted),
                                             figures(found), "\t" + known[entry] if entry else ""))
    judge_tcp(want, got, known, told, used, count)
    gone = print_gone(known, used)
    print("total\tflows=%d\tdiffer=%d\tknown=%d\tunjudged=%d\tgone=%d" % (
        len(want.flows), count["differs"], count["known"], count["unjudged"], gone))
    return not count["differs"]


def main():
    parser = argparse.ArgumentParser(usage="corpus_compare.py [--inner] [--non-ip] [--told] "
                                     "[--known FILE] NAME.tsv < flows.jsonl")
    parser.add_argument("--inner", action="store_true")
    parser.add_argument("--non-ip", action="store_true")
    parser.add_argument("--told", action="store_true")
    parser.add_argument("--known")
    parser.add_argument("table")
    args = parser.parse_args()
    name = os.path.basename(args.table)
    name = name[:-4] if name.endswith(".tsv") else name
    with open(args.table) as table:
        want = read_table(table, args.inner)
    got = read_answer(sys.stdin, args.inner)
    return 0 if judge(want, got, read_known(args.known, name), args.non_ip,
                      args.told) else 1


if __name__ == "__main__":
    sys.exit(main())
