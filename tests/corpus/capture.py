# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""capture.py: captures and their answers as files: pcap in its four kinds, pcapng, and tables.

A frame is written with as many bytes as `cap` says; `wire` is its length by the record. Time goes on by
a millisecond a frame, from a fixed beginning.
"""
import struct

ETHERNET, NULL, RAW, LOOP, SLL = 1, 0, 101, 108, 113
IPV4, IPV6, SLL2 = 228, 229, 276
BEGIN_NS = 1_700_000_000_000_000_000
STEP_NS = 1_000_000


class Record:
    """A frame as captured: `found` is the frame whose flow a fragment belongs to with
    `fragments = track`."""

    def __init__(self, frame, cap, wire, time_ns, found):
        self.frame, self.cap, self.wire, self.time_ns = frame, cap, wire, time_ns
        self.found = found or frame

    def data(self):
        return self.frame.data[:self.cap]

    def answer(self, table):
        if table == "track":
            return self.found.answer("outer", self.cap if self.found is self.frame else None)
        return self.frame.answer(table, self.cap)


class Capture:
    """A file NAME, and which tables it has beside the first: `inner`, `track`."""

    def __init__(self, name, *tables, link=ETHERNET, order="<", nano=False):
        self.name, self.tables, self.link, self.order = name, ("outer", *tables), link, order
        self.nano = nano
        self.records = []
        self.tcp = {}  # row's key -> retransmits, out_of_order, zero_windows; 0 where it is not
        self.now = BEGIN_NS

    def add(self, frame, cap=None, wire=None, found=None):
        """`wire` of 0 means the length of the frame."""
        cap = len(frame.data) if cap is None else cap
        wire = cap if wire is None else wire or len(frame.data)
        self.records.append(Record(frame, cap, wire, self.now, found))
        self.now += STEP_NS
        return frame

    def add_cut(self, frame, start=0):
        """Cut at each byte, in two ways: the frame ends there, or what was captured of it does; up to
        where all is known. `start`: what lies before was cut elsewhere."""
        known = max(answers[-1][0] for answers in frame.answers.values())
        for cap in range(start, min(known + 2, len(frame.data))):
            self.add(frame, cap)
            self.add(frame, cap, 0)
        self.add(frame)

    def wait(self, seconds):
        self.now += seconds * 1_000_000_000

    def files(self):
        """Names and contents: the capture and its tables."""
        encode = pcapng_bytes if self.name.endswith(".pcapng") else pcap_bytes
        yield self.name, encode(self)
        for table in self.tables:
            suffix = "" if table == "outer" else "." + table
            yield "%s%s.tsv" % (self.name, suffix), table_text(self, table).encode()


def pcap_bytes(capture):
    """draft-ietf-opsawg-pcap; `order` and `nano` are in the magic number."""
    order, magic = capture.order, 0xA1B23C4D if capture.nano else 0xA1B2C3D4
    out = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 262144, capture.link)]
    for record in capture.records:
        seconds, ns = divmod(record.time_ns, 1_000_000_000)
        out.append(struct.pack(order + "IIII", seconds, ns if capture.nano else ns // 1000,
                               record.cap, record.wire))
        out.append(record.data())
    return b"".join(out)


def block(order, kind, body):
    body += bytes(-len(body) % 4)
    length = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + length + body + length


def interface_block(order, link):
    """With if_tsresol: nanoseconds."""
    return block(order, 1, struct.pack(order + "HHI", link, 0, 262144) +
                 struct.pack(order + "HHBxxx", 9, 1, 9) + bytes(4))


def section_block(order):
    return block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))


def pcapng_bytes(capture, links=None):
    """draft-ietf-opsawg-pcapng: one section; `links`: of its interfaces, in turn those of frames."""
    order, links = capture.order, links or [capture.link]
    out = [section_block(order)] + [interface_block(order, link) for link in links]
    for i, record in enumerate(capture.records):
        head = struct.pack(order + "IIIII", i % len(links), record.time_ns >> 32,
                           record.time_ns & 0xFFFFFFFF, record.cap, record.wire)
        out.append(block(order, 6, head + record.data()))
    return b"".join(out)


def row_key(answer, table):
    key = answer[:5]
    if table == "inner":
        key += tuple("-" if v is None else v for v in answer[6:])
    return key


def table_text(capture, table):
    """One row a flow, in the order of first frames; the last line counts what has no addresses."""
    rows, non_ip = {}, 0
    for record in capture.records:
        answer = record.answer(table)
        if answer is None:
            non_ip += 1
            continue
        row = rows.setdefault(row_key(answer, table), [0, 0, 0])
        row[0] += 1
        row[1] += record.wire
        row[2] |= answer.flags
    lines = ["\t".join(map(str, (*key[:5], packets, bytes_, hex(flags),
                                *capture.tcp.get(key[:5], (0, 0, 0)), *key[5:])))
             for key, (packets, bytes_, flags) in rows.items()]
    return "\n".join(lines + ["#\tnon_ip=%d\tunjudged=0%s" % (non_ip, "\ttcp=1" if capture.tcp else "")]) + "\n"
