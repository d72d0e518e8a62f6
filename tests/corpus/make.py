#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""make.py: write the captures of this folder and what they are to be accounted as.

  make.py             write all of them beside this file
  make.py --check     make them anew elsewhere; exit 1 and name what is not the same here
  make.py --explain CAPTURE
                      each frame of it by number: title, lengths, answers
  make.py --tshark    are the counts of TCP what tshark finds in the captures here?

The same bytes on every run. An answer is known by construction, see answer.py. Themes are in cases.py
(well-formed), trouble.py (TCP) and broken.py (the rest); headers in layers.py and tunnels.py; files in capture.py.
"""
import sys

sys.dont_write_bytecode = True

import argparse
import os
import struct
import subprocess

import broken
import cases
import trouble
from answer import Frame
from capture import ETHERNET, RAW, Capture, pcap_bytes, pcapng_bytes
from layers import Ethernet, Udp

HERE = os.path.dirname(os.path.abspath(__file__))


def captures():
    for theme in (*cases.THEMES, *trouble.THEMES, *broken.THEMES):
        yield from theme()


def refused():
    """Files that flowd has to refuse: names and contents."""
    h = cases.Hosts(40)
    c = Capture("refused")
    for _ in range(4):
        c.add(Frame("UDP", Ethernet(), h.v4(), Udp(1, 2)))
    yield "refused-two-links.pcapng", pcapng_bytes(c, [ETHERNET, RAW])
    c.link = 105  # IEEE 802.11
    yield "refused-wifi.pcap", pcap_bytes(c)
    yield "refused-text.pcap", b"dear diary\n" * 10
    yield "refused-empty.pcap", b""
    yield "refused-header.pcap", struct.pack("<IHH", 0xA1B2C3D4, 2, 4)


def everything():
    """Name -> contents of all that is in the folder and made."""
    files, names = {}, []
    for capture in captures():
        files.update(capture.files())
    for name, content in refused():
        files[name] = content
        names.append(name)
    files["refused"] = ("# files that flowd -r has to refuse, naming the file\n" +
                        "".join(name + "\n" for name in names)).encode()
    return files


def write(folder):
    files = everything()
    for name, content in files.items():
        with open(os.path.join(folder, name), "wb") as file:
            file.write(content)
    print("make.py: %d files, %d bytes" % (len(files), sum(map(len, files.values()))))


def stale(files):
    """Names of files that look made and are not."""
    for name in sorted(os.listdir(HERE)):
        if name.endswith((".pcap", ".pcapng", ".tsv")) and name not in files:
            yield name


def differs(name, content):
    try:
        with open(os.path.join(HERE, name), "rb") as file:
            return file.read() != content
    except FileNotFoundError:
        return True


def check():
    files = everything()
    bad = [name + ": differs" for name, content in files.items() if differs(name, content)]
    bad += [name + ": not made by make.py" for name in stale(files)]
    for line in bad:
        print("make.py:", line)
    print("make.py: %d files, %d differ" % (len(files), len(bad)))
    return 1 if bad else 0


def text(answer):
    if answer is None:
        return "not IP or without addresses"
    tunnel = "" if not answer.tunnel else " %s %s" % (answer.tunnel, answer.id)
    outer = "" if not answer.outer_src else " in %s > %s" % (answer.outer_src, answer.outer_dst)
    return "%s > %s proto %d ports %d %d flags 0x%x" % answer[:6] + tunnel + outer


def explain(name):
    for capture in captures():
        if capture.name != os.path.basename(name):
            continue
        for i, record in enumerate(capture.records):
            print("%d: %s: %d of %d bytes" % (i + 1, record.frame.title, record.cap, record.wire))
            for table in capture.tables:
                print("    %s: %s" % (table, text(record.answer(table))))
        return 0
    print("make.py: no capture '%s'" % name, file=sys.stderr)
    return 1


TSHARK_KINDS = (("retransmission", "fast_retransmission", "spurious_retransmission"),
                ("out_of_order",), ("zero_window",))


def tshark_counts(path):
    """Row's key -> retransmits, out_of_order, zero_windows. A spurious or fast one is also plain."""
    fields = ["ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "tcp.srcport", "tcp.dstport"]
    fields += ["tcp.analysis." + name for kind in TSHARK_KINDS for name in kind]
    command = ["tshark", "-r", path, "-Y", "tcp", "-T", "fields"]
    counts = {}
    for line in subprocess.run(command + [x for f in fields for x in ("-e", f)], check=True, text=True,
                               stdout=subprocess.PIPE).stdout.splitlines():
        src4, dst4, src6, dst6, sport, dport, *kinds = line.split("\t")
        row = counts.setdefault((src4 or src6, dst4 or dst6, 6, int(sport), int(dport)), [0, 0, 0])
        for i, found in enumerate((any(kinds[:3]), kinds[3], kinds[4])):
            row[i] += bool(found)
    return counts


def tshark():
    bad = 0
    for capture in captures():
        found = tshark_counts(os.path.join(HERE, capture.name)) if capture.tcp else {}
        for key, wanted in capture.tcp.items():
            if tuple(found.get(key, ())) != wanted:
                bad += 1
                print("make.py: %s: %s: %s, tshark %s" % (capture.name, key, wanted, found.get(key)))
    return 1 if bad else 0


def main():
    parser = argparse.ArgumentParser(usage="make.py [--check | --explain CAPTURE | --tshark]")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--explain", metavar="CAPTURE")
    parser.add_argument("--tshark", action="store_true")
    args = parser.parse_args()
    if args.tshark:
        return tshark()
    if args.explain:
        return explain(args.explain)
    return check() if args.check else write(HERE)


if __name__ == "__main__":
    sys.exit(main())
