#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""make.py: write the captures of this folder and what they are to be accounted as.

  make.py             write all of them beside this file
  make.py --check     make them anew elsewhere; exit 1 and name what is not the same here
  make.py --explain CAPTURE
                      each frame of it by number: title, lengths, answers

The same bytes on every run. An answer is known by construction, see answer.py. Themes are in cases.py
(well-formed) and broken.py (the rest); headers in layers.py and tunnels.py; files in capture.py.
"""
import sys

sys.dont_write_bytecode = True

import argparse
import os
import struct

import broken
import cases
from answer import Frame
from capture import ETHERNET, RAW, Capture, pcap_bytes, pcapng_bytes
from layers import Ethernet, Udp

HERE = os.path.dirname(os.path.abspath(__file__))


def captures():
    for theme in (*cases.THEMES, *broken.THEMES):
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


def main():
    parser = argparse.ArgumentParser(usage="make.py [--check | --explain CAPTURE]")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--explain", metavar="CAPTURE")
    args = parser.parse_args()
    if args.explain:
        return explain(args.explain)
    return check() if args.check else write(HERE)


if __name__ == "__main__":
    sys.exit(main())
