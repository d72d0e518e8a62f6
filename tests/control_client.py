#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""control_client.py SOCKET HOW ...: clients of flowd's control socket that behave badly.

  idle N          that many connections that say nothing; what became of them, as JSON
  hammer SECONDS  requests one after the other; how many were answered
  greedy N        so many ask for the live part and read nothing; ends when its standard input does
  ask WORDS       the first line of the answer
  half WORDS      likewise, of a client that has closed its half of the connection by then
  long            a request without an end; the answer
"""
import json
import resource
import socket
import sys
import time


def connect(path):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.connect(path)  # which waits, without a timeout
    s.settimeout(20)
    return s


def answer(s):
    data = b''
    while True:
        try:
            got = s.recv(1 << 20)
        except ConnectionError:
            return data
        if not got:
            return data
        data += got


def idle(path, n):
    resource.setrlimit(resource.RLIMIT_NOFILE, (n + 100, n + 100))
    all_, refused = [], 0
    for _ in range(n):
        try:
            all_.append(connect(path))
        except OSError:
            refused += 1
    print(json.dumps({'made': len(all_), 'refused': refused}), flush=True)
    sys.stdin.read()
    open_ = 0
    for s in all_:
        s.setblocking(False)
        try:
            open_ += s.recv(1) != b''
        except BlockingIOError:
            open_ += 1
        except OSError:
            pass
    print(json.dumps({'open': open_}), flush=True)


def hammer(path, seconds):
    end, n, words = time.monotonic() + seconds, 0, (b'status\n', b'live\n', b'sample\n', b'nonsense\n')
    while time.monotonic() < end:
        try:
            s = connect(path)
            s.sendall(words[n % len(words)])
            answer(s)
            s.close()
            n += 1
        except OSError:
            pass
    print(n)


def greedy(path, n):
    all_ = []
    for _ in range(n):
        s = connect(path)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        s.sendall(b'live\n')
        all_.append(s)
    print(len(all_), flush=True)
    sys.stdin.read()


def long(path):
    s = connect(path)
    try:
        for _ in range(100):
            s.sendall(b'x' * 1000)
    except OSError:
        pass
    print(answer(s).decode().strip())


def ask(path, *words, half=False):
    s = connect(path)
    s.sendall(' '.join(words).encode() + b'\n')
    if half:
        s.shutdown(socket.SHUT_WR)
    print(answer(s).split(b'\n')[0][:200].decode('utf-8', 'replace'))


def half(path, *words):
    ask(path, *words, half=True)


HOW = {'idle': (idle, int), 'hammer': (hammer, float), 'greedy': (greedy, int), 'ask': (ask, str), 'half': (half, str),
       'long': (long, str)}
function, kind = HOW[sys.argv[2]]
function(sys.argv[1], *map(kind, sys.argv[3:]))
