#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""anonymize_judge.py: what flowctl says with --anonymize, held against what it says without.

  anonymize_judge.py rows PLAIN.json ANONYMIZED.json    the same rows in the same order, with other addresses:
                                   each the same one everywhere, no two the same, prefixes kept
  anonymize_judge.py left PLAIN.json FILE...            no address of PLAIN.json is in the files

Says what is wrong, and ends with 1; else with a line of counts.
"""
import ipaddress
import itertools
import json
import re
import sys

ADDRESSES = ("src", "dst", "arp_spa", "arp_tpa", "outer_src", "outer_dst")
NOBODYS = {ipaddress.ip_address(a) for a in ("0.0.0.0", "255.255.255.255", "::")}


def rows_of(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def address(text):
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def addresses_in(text):
    """All that looks like one, in whatever it stands."""
    for word in re.findall(r"\d+\.\d+\.\d+\.\d+|[0-9a-fA-F:]+:[0-9a-fA-F:.]*", text):
        for found in (address(word), address(word.strip(":"))):
            if found:
                yield found


def shared(a, b):
    return a.max_prefixlen - (int(a) ^ int(b)).bit_length()


def compare(plain, made):
    """What is wrong, a line each; fills the mapping as it goes."""
    known = {}
    if len(plain) != len(made):
        yield f"{len(plain)} rows became {len(made)}"
    for number, (row, other) in enumerate(zip(plain, made)):
        for name in row:
            if name not in ADDRESSES or row[name] is None:
                if name != "key" and row[name] != other[name]:
                    yield f"row {number}: {name} was {row[name]}, is {other[name]}"
                continue
            was, now = address(row[name]), address(other[name] or "")
            if not now or now.version != was.version:
                yield f"row {number}: {name} became {other[name]}"
            elif known.setdefault(was, now) != now:
                yield f"row {number}: {name} {was} became {now}, and elsewhere {known[was]}"
    for (was, now), (was2, now2) in itertools.combinations(known.items(), 2):
        if was.version == was2.version and shared(was, was2) != shared(now, now2):
            yield f"{was} and {was2} became {now} and {now2}"
    if not known:
        yield "no addresses at all"


def left(plain, paths):
    originals = {
        address(row[name]) for row in rows_of(plain) for name in ADDRESSES if row.get(name)
    } - NOBODYS
    if not originals:
        yield "no addresses to look for"
    for path in paths:
        with open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                for found in addresses_in(line):
                    if found in originals:
                        yield f"{path}: {found} is in: {line.rstrip()[:200]}"


def main():
    what, plain, *paths = sys.argv[1:]
    if what == "rows":
        wrong = list(compare(rows_of(plain), rows_of(paths[0])))
    else:
        wrong = list(left(plain, paths))
    for line in wrong[:10]:
        print(line)
    if not wrong:
        print(f"ok: {len(rows_of(plain))} rows")
    return 1 if wrong else 0


sys.exit(main())
