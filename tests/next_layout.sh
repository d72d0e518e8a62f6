#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# next_layout.sh: a flowd whose maps have the next layout: the sources, copied to build/next/src, with larger
# slots and marks and with fields in other places; built there, with its points to be killed at, for
# live_upgrade.sh. Prints its path.
set -eu
cd "$(dirname "$0")/.."
NEXT=build/next/src
FLOW=$NEXT/schema/flow.h

fresh() {
	rm -rf "$NEXT.new"
	mkdir -p "$NEXT.new"
	cp -rp --parents Makefile xdp tc trace flowd cli schema tests/*.mk tests/bench/bench.mk "$NEXT.new"
}

# edit SED-SCRIPT...: each must find something to change
edit() {
	local script
	for script; do
		cp "$FLOW" "$FLOW.before"
		sed -i "$script" "$FLOW"
		if cmp -s "$FLOW" "$FLOW.before"; then
			echo "next_layout.sh: flow.h: nothing to change for '$script'" >&2
			exit 1
		fi
		rm "$FLOW.before"
	done
}

now=$(sed -n 's/^#define FLOW_LAYOUT \([0-9]*\) .*/\1/p' schema/flow.h)
fresh
FLOW=$NEXT.new/schema/flow.h
# a slot of four cache lines, the flow's bytes where its last packet's time was; marks of 128 bytes; the
# key's tunnel, and an interface's cell, the other way round (schema/quick.h wants the rest of the key as it is)
edit "s/^#define FLOW_LAYOUT $now/#define FLOW_LAYOUT $((now + 1))/" \
	'/^struct flow_slot {/,/^}/ { s/__u64 bytes;.*/__u64 LAST;/; s/__u64 last_ns;/__u64 bytes;/ }' \
	'/^struct flow_slot {/,/^}/ s/__u64 LAST;/__u64 last_ns;/' \
	'/^struct flow_slot {/,/^}/ s/^};/\t__u64 more[16];\n};/' \
	'/^struct flow_key {/,/^}/ s/__u32 tunnel_id;/__u32 OUTER;/' \
	'/^struct flow_key {/,/^}/ { s/__u32 outer;/__u32 tunnel_id;/; s/__u32 OUTER;/__u32 outer;/ }' \
	'/^struct flow_mark_version {/,/^}/ s/^};/\t__u64 more[4];\n};/' \
	'/^struct flow_iface {/,/^}/ { s/__u16 ifnum;/__u16 IFNUM;/; s/__u16 marks;/__u16 ifnum;/ }' \
	'/^struct flow_iface {/,/^}/ s/__u16 IFNUM;/__u16 marks;/' \
	's/sizeof(struct flow_slot) == 128/sizeof(struct flow_slot) == 256/' \
	's/64 + FLOW_WAYS \* 128/64 + FLOW_WAYS * 256/' \
	's/sizeof(struct flow_mark) == 64/sizeof(struct flow_mark) == 128/' \
	's/sizeof(struct flow_evicted) == 200/sizeof(struct flow_evicted) == 328/'
# what has not changed is not built again
mkdir -p "$NEXT"
(cd "$NEXT.new" && find . -type f) | while read -r file; do
	cmp -s "$NEXT.new/$file" "$NEXT/$file" && continue
	mkdir -p "$NEXT/$(dirname "$file")"
	cp -p "$NEXT.new/$file" "$NEXT/$file"
done
rm -rf "$NEXT.new"
make -s -C "$NEXT" -j "$(nproc)" FAULTS=1 build/faults/bin/flowd >&2
echo "$PWD/$NEXT/build/faults/bin/flowd"
