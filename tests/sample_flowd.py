#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""sample_flowd.py SOCKET DB LOST: stands in for flowd, for cli_pcap.sh: answers `status` and `sample`.

Where LOST is not 0, one more is each time.
"""
import json
import socket
import sys
path, db, lost = sys.argv[1], sys.argv[2], int(sys.argv[3])
server = socket.socket(socket.AF_UNIX)
server.bind(path)
server.listen(8)
while True:
    client, _ = server.accept()
    request = client.recv(4096)
    if request == b'status\n':
        client.sendall(json.dumps({'db': db}).encode())
    elif request == b'sample\n':
        for name, link, tail in (('eth0', 'ethernet', {'filter': 'tcp or udp'}), ('eth1', 'ethernet', {'filter': None})):
            client.sendall(json.dumps({'iface': name, 'link': link, 'rate': 1000, 'first': 3, 'triggers': 'reset',
                                       'snaplen': 256, **tail}).encode() + b'\n')
        client.sendall(json.dumps({'chosen': 9, 'lost': lost}).encode() + b'\n')
        lost += bool(lost)
    client.close()
