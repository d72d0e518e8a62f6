# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""trouble.py: TCP connections in which things go wrong, and what is to be counted of each direction:
retransmits (fast and spurious ones among them), segments out of order, zero windows, as Wireshark's
analysis has them: `make.py --tshark` asks it. Times are milliseconds from the connection's beginning."""
from answer import Frame
from capture import Capture
from cases import Hosts, data
from layers import Ethernet, Tcp

FIN, SYN, RST, ACK = 1, 2, 4, 16
A, B = 40000, 443
M = 1000000


class Talk:
    """A connection between two hosts of its own."""

    def __init__(self, capture, hosts, title, six=False, ether=Ethernet):
        self.capture, self.title, self.ether = capture, title, ether
        self.a, self.b = hosts.pair6() if six else hosts.pair4()
        self.make = hosts.packet6 if six else hosts.packet4
        self.begin = capture.now

    def send(self, way, ms, seq, ack, length=0, flags=ACK, window=8192):
        src, dst, sport, dport = ((self.a, self.b, A, B), (self.b, self.a, B, A))[way]
        self.capture.now = self.begin + int(ms * M)
        self.capture.add(Frame(self.title, self.ether(), self.make(src, dst),
                               Tcp(sport, dport, flags, seq=seq % 2**32, ack=ack % 2**32, window=window),
                               *([data(length)] if length else [])))

    def up(self, *args, **fields):
        self.send(0, *args, **fields)

    def down(self, *args, **fields):
        self.send(1, *args, **fields)

    def open(self, rtt=10, a=1000, b=5000):
        """Ends at `rtt`; the first bytes are numbers a and b."""
        self.up(0, a - 1, 0, flags=SYN)
        self.down(rtt / 2, b - 1, a, flags=SYN | ACK)
        self.up(rtt, a, b)

    def middle(self, a=1000, b=5000):
        """No handshake seen."""
        self.up(0, a, b, 100)
        self.down(0.1, b, a + 100)

    def close(self, up=(0, 0, 0), down=(0, 0, 0)):
        """What is wanted of the directions; the next connection begins a minute later."""
        self.capture.tcp[(self.a, self.b, 6, A, B)] = up
        self.capture.tcp[(self.b, self.a, 6, B, A)] = down
        self.capture.now = self.begin + 60000 * M


class Pairs(Hosts):
    def packet4(self, src, dst):
        self.n -= 1
        packet = self.v4()
        packet.src, packet.dst = src, dst
        return packet

    def packet6(self, src, dst):
        self.n -= 1
        packet = self.v6()
        packet.src, packet.dst = src, dst
        return packet


def lost(talk):
    """Retransmissions of every kind."""
    t = talk("after a timeout")
    t.open()
    t.up(11, 1000, 5000, 100)
    t.up(231, 1000, 5000, 100)
    t.down(236, 5000, 1100)
    t.close(up=(1, 0, 0))
    for title, six in (("fast", False), ("fast, IPv6", True)):
        t = talk(title, six)
        t.open()
        for i in range(6):
            t.up(11 + i / 10, 1000 + i * 100, 5000, 100)
        for i in range(4):
            t.down(16 + i / 10, 5000, 1100)
        t.up(17, 1100, 5000, 100)
        t.down(22, 5000, 1600)
        t.close(up=(1, 0, 0))
    t = talk("spurious")
    t.open()
    t.up(11, 1000, 5000, 100)
    t.up(11.5, 1100, 5000, 100)
    t.down(16, 5000, 1200)
    t.up(16.1, 1000, 5000, 100)
    t.up(16.2, 1100, 5000, 100)
    t.close(up=(2, 0, 0))
    t = talk("five, of which 2^32 is in the middle")
    t.open(10, 2**32 - 250)
    for round_ in range(2):
        for i in range(5):
            t.up(11 + round_ * 300 + i / 10, 2**32 - 250 + i * 100, 5000, 100)
    t.close(up=(5, 0, 0))
    t = talk("SYN twice more, SYN with ACK and FIN once more")
    for ms in (0, 1000, 3000):
        t.up(ms, 999, 0, flags=SYN)
    for ms in (3005, 3505):
        t.down(ms, 4999, 1000, flags=SYN | ACK)
    t.up(3510, 1000, 5000)
    for ms in (3600, 4000):
        t.up(ms, 1000, 5000, flags=FIN | ACK)
    t.down(4005, 5000, 1001, flags=FIN | ACK)
    t.up(4010, 1001, 5001)
    t.close(up=(3, 0, 0), down=(1, 0, 0))


def reordered(talk):
    t = talk("out of order within the initial round trip")
    t.open()
    for ms, seq in ((11, 1000), (11.1, 1200), (11.2, 1300), (15, 1100), (15.1, 1400)):
        t.up(ms, seq, 5000, 100)
    t.close(up=(0, 1, 0))
    t = talk("the same after it")
    t.open()
    for ms, seq in ((11, 1000), (11.1, 1200), (11.2, 1300), (22, 1100), (22.1, 1400)):
        t.up(ms, seq, 5000, 100)
    t.close(up=(1, 0, 0))
    t = talk("no handshake: within 3 ms, and after")
    t.middle()
    for ms, seq in ((1, 1200), (3.9, 1100), (5, 1400), (8.1, 1300)):
        t.up(ms, seq, 5000, 100)
    t.close(up=(1, 1, 0))
    t = talk("the other direction, ten from the end to the beginning")
    t.open(40)
    for i in range(10):
        t.down(50 + i, 5900 - i * 100, 1000, 100)
    t.up(70, 1000, 6000)
    t.close(down=(0, 9, 0))


def closed(talk):
    t = talk("a closed window, probed, and opened")
    t.open()
    t.up(11, 1000, 5000, 100)
    t.down(16, 5000, 1100, window=0)
    for ms in (300, 900):
        t.up(ms, 1100, 5000, 1)
        t.down(ms + 5, 5000, 1100, window=0)
    t.down(1000, 5000, 1100)
    t.up(1001, 1100, 5000, 100)
    t.up(1002, 1200, 5000, 100)
    t.close(down=(0, 0, 3))
    t = talk("kept alive, for minutes")
    t.open()
    t.up(11, 1000, 5000, 100)
    t.down(16, 5000, 1100)
    for i in range(1, 6):
        t.up(i * 7500, 1099, 5000, i % 2)
        t.down(i * 7500 + 5, 5000, 1100)
    t.up(50000, 1100, 5000, 100)
    t.close()
    t = talk("refused")
    t.up(0, 999, 0, flags=SYN)
    t.down(5, 0, 1000, flags=RST | ACK, window=0)
    t.close()
    t = talk("the ports again")
    for ms, first in ((0, 1000), (20000, 3000000)):
        t.up(ms, first - 1, 0, flags=SYN)
        t.down(ms + 5, first * 5 - 1, first, flags=SYN | ACK)
        t.up(ms + 10, first, first * 5)
        t.up(ms + 11, first, first * 5, 100)
        t.up(ms + 400, first, first * 5, 100)
        t.down(ms + 405, first * 5, first + 100)
        t.down(ms + 406, first * 5, first + 100, flags=FIN | ACK)
        t.up(ms + 407, first + 100, first * 5 + 1, flags=FIN | ACK)
        t.down(ms + 412, first * 5 + 1, first + 101)
    t.close(up=(2, 0, 0))


def tcp():
    c, h = Capture("tcp.pcap"), Pairs(60)
    for theme in (lost, reordered, closed):
        theme(lambda title, six=False: Talk(c, h, title, six))
    yield c


THEMES = (tcp,)
