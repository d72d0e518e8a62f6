#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""geo_judge.py: hold groups country and as against the records that they are made of.

  geo_judge.py NETWORKS WHAT FLOWS.json TOP.json

NETWORKS are lines as mmdb.py reads them: of those that an address is in, the last one counts. WHAT is
`country` or `as`. FLOWS.json is what `flowctl flows --json -n 0` said, with fields of that kind or without,
TOP.json what `flowctl top --group WHAT --json -n 0` did. Prints what differs, and `ok: N rows` at the end.
"""
import collections
import ipaddress
import json
import sys


def value_of(known, what):
    if known is None:
        return None
    if what == "country":
        for path in (("country", "iso_code"), ("registered_country", "iso_code"), ("country_code",), ("country",)):
            at = known
            for step in path:
                at = at.get(step) if isinstance(at, dict) else None
            if isinstance(at, str):
                return None if at == "ZZ" else at
        return None
    number = known.get("autonomous_system_number", known.get("asn"))
    return int(number[2:]) if isinstance(number, str) else number


def main():
    networks, what, flows, top = sys.argv[1:]
    nets, wrong = [], 0
    for line in open(networks):
        network, known = line.split(None, 1)
        nets.append((ipaddress.ip_network(network), value_of(json.loads(known), what)))

    def find(address):
        address, found = ipaddress.ip_address(address), None
        for network, value in nets:
            if address.version == network.version and address in network:
                found = value
        return found

    want = collections.defaultdict(lambda: [0, 0, 0])
    for line in open(flows):
        flow = json.loads(line)
        keys = set()
        for end in ("src", "dst"):
            if flow["ethertype"] in ("ipv4", "ipv6"):
                value = find(flow[end])
                told = flow.get(f"{end}_{what}")
                if f"{end}_{what}" in flow and told != value:
                    print(f"{flow[end]}: {end}_{what} {told}, wanted {value}")
                    wrong += 1
                keys.add("(unknown)" if value is None else f"AS{value}" if what == "as" else value)
            else:
                keys.add(f"({flow['ethertype']})")
        for key in keys:
            for i, field in enumerate(("packets", "bytes")):
                want[key][i] += flow[field] + flow["rev_" + field]
            want[key][2] += 1
    got = {}
    for line in open(top):
        row = json.loads(line)
        got[row["key"]] = [row["packets"], row["bytes"], row["flows"]]
    for key in sorted(set(want) | set(got)):
        if want.get(key) != got.get(key):
            print(f"{key}: {got.get(key)}, wanted {want.get(key)}")
            wrong += 1
    if not wrong:
        print(f"ok: {len(got)} rows")
    sys.exit(wrong > 0)


main()
