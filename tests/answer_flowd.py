#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""answer_flowd.py SOCKET TEXT [LOG]: stands in for flowd: whatever it is asked, it answers TEXT, and ends the connection.

What it is asked goes to the file LOG.
"""
import socket
import sys
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen(8)
while True:
    client, _ = server.accept()
    request = client.recv(65536)
    if len(sys.argv) > 3:
        with open(sys.argv[3], 'ab') as log:
            log.write(request)
    try:
        client.sendall(sys.argv[2].encode())
    except OSError:
        pass
    client.close()
