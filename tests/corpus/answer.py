# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""answer.py: what a frame is to be accounted as, told by the headers it was built from.

A frame is a list of layers (layers.py). Walk goes along that list, outermost first, and each layer
says at which byte more of the answer becomes known: a milestone (offset, answer). However the frame
is cut, its answer is that of the last milestone whose bytes are all there. No byte is ever parsed:
offsets and values are those the layers were built with. The rules are those of flow(5).
"""
from collections import namedtuple

# What a flow is known by; tunnel to outer_dst only count with `tunnel = inner`. None: not IP, or its
# addresses are out of reach.
Answer = namedtuple("Answer", "src dst proto sport dport flags tunnel id outer_src outer_dst")

TAGS_MAX = 4
EXTENSIONS_MAX = 6
ENTRIES_MAX = 8
TUNNELS_MAX = 4
NO_LIMIT = 1 << 40


class Walk:
    """Along the layers of one frame; `off` is where the layer at hand begins."""

    def __init__(self, inner):
        self.inner = inner
        self.off = 0
        self.end = NO_LIMIT  # the innermost limit that enclosing headers give
        self.now = None
        self.milestones = [(0, None)]
        self.stopped = False
        self.tags = self.extensions = self.tunnels = 0
        self.tunnel = self.id = self.outer_src = self.outer_dst = None

    def stop(self):
        self.stopped = True

    def fits(self, length):
        """Whether `length` bytes of this layer lie within the limit; the walk ends where not."""
        if not self.stopped and self.off + length > self.end:
            self.stop()
        return not self.stopped

    def limit(self, length):
        """This layer says that it and what it holds is `length` bytes long."""
        self.end = min(self.end, self.off + length)

    def know(self, length, answer):
        """With the first `length` bytes of this layer the frame is `answer`."""
        if self.fits(length):
            self.now = answer
            self.milestones.append((self.off + length, answer))

    def packet(self, length, src, dst, proto):
        """An IP header: another packet, around which is what was found so far."""
        self.know(length, Answer(src, dst, proto, 0, 0, 0, self.tunnel, self.id, self.outer_src,
                                 self.outer_dst))

    def change(self, length, **fields):
        if not self.stopped:
            self.know(length, self.now._replace(**fields))

    def label(self, length, tunnel, number):
        """MPLS, PPPoE, ESP, AH: kept where nothing was found further out."""
        if not self.fits(length) or self.tunnel:
            return
        self.tunnel, self.id = tunnel, number
        if self.now:
            self.change(length, tunnel=tunnel, id=number)

    def enter(self, length, tunnel, number):
        """A tunnel header of `length` bytes; entered where a byte of what it holds is there too."""
        if not self.inner or self.tunnels == TUNNELS_MAX or not self.fits(length + 1):
            return self.stop()
        self.tunnels += 1
        self.tunnel, self.id = tunnel, number
        self.outer_src, self.outer_dst = self.now.src, self.now.dst
        self.know(length + 1, None)
        self.off += length


class Frame:
    """Bytes and answers of a list of layers."""

    def __init__(self, title, *layers):
        self.title = title
        self.data = encode(layers)
        self.answers = {mode: milestones(layers, mode == "inner") for mode in ("outer", "inner")}

    def answer(self, mode, reach=None):
        """The answer where `reach` bytes of the frame are there."""
        reach = len(self.data) if reach is None else reach
        return [answer for offset, answer in self.answers[mode] if offset <= reach][-1]


def encode(layers, under=()):
    """Bytes of layers that lie within `under`."""
    if not layers:
        return b""
    first, rest = layers[0], layers[1:]
    first.above = rest[0] if rest else None
    return first.encode(encode(rest, (*under, first)), under)


def milestones(layers, inner):
    walk = Walk(inner)
    for layer in layers:
        if walk.stopped:
            break
        layer.walk(walk)
    return walk.milestones
