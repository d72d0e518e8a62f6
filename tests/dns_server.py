#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# dns_server.py: a name server at port 53 of 127.0.0.1, for reverse lookups, that does what it is told.
#
#   dns_server.py MODE LOG [UNTIL]
#
#   answer   PTR by the address's last byte: 200 and more are answers as they are bad (below), odd ones
#            host-N.example.org, even ones have no name (NXDOMAIN)
#   fail     SERVFAIL to everything
#   silent   nothing, ever
#   held     as `answer`, but not before a file UNTIL exists
#
# LOG gets the name of each question as it comes, a line each; and `ready` first.
import os
import select
import socket
import struct
import sys
import time

BAD = {
    200: [b"\x1b[31mred", b"example", b"org"],
    201: [b"a,b\"c\r\nd", b"example", b"org"],
    202: [b"8", b"8", b"8", b"8"],
    203: [b"x" * 63, b"y" * 63, b"z" * 63, b"w" * 58],
    204: [b"=cmd|' /C calc'!A0", b"example"],
    205: [b"-rf"],
    206: [],
    207: [b"one", b"word" * 4, b"\xe2\x80\xae" * 4],
}


def question(data):
    """Labels, and where the question ends."""
    at, labels = 12, []
    while data[at]:
        labels.append(data[at + 1:at + 1 + data[at]])
        at += data[at] + 1
    return labels, at + 5


def pointer(name):
    return b"".join(bytes([len(label)]) + label for label in name) + b"\0"


def answer(data, labels, end):
    last = int(labels[0]) if labels[-2] == b"in-addr" else int(b"".join(reversed(labels[:2])), 16)
    if last in BAD:
        name = BAD[last]
    elif last % 2:
        name = [b"host-%d" % last, b"example", b"org"]
    else:
        name = None
    head = struct.pack(">HHHHH", 0x8180 if name is not None else 0x8183, 1, int(name is not None), 0, 0)
    reply = data[:2] + head + data[12:end]
    if name is not None:
        text = pointer(name)
        reply += b"\xc0\x0c" + struct.pack(">HHIH", 12, 1, 300, len(text)) + text
    return reply


def main():
    mode, log = sys.argv[1], open(sys.argv[2], "a", buffering=1)
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    sock.bind(("127.0.0.1", 53))
    print("ready", file=log)
    held = []
    while True:
        readable, _, _ = select.select([sock], [], [], 0.05)
        if readable:
            data, client = sock.recvfrom(4096)
            labels, end = question(data)
            print(b".".join(labels).decode(), file=log)
            if mode == "fail":
                sock.sendto(data[:2] + struct.pack(">HHHHH", 0x8182, 1, 0, 0, 0) + data[12:end], client)
            elif mode in ("answer", "held"):
                held.append((answer(data, labels, end), client))
        if mode == "answer" or (mode == "held" and os.path.exists(sys.argv[3])):
            for reply, client in held:
                sock.sendto(reply, client)
            held = []


main()
