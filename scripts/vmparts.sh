# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
# shellcheck disable=SC2016,SC2034,SC2154 # what other shells are to expand; what scripts/vmguest.sh reads and has
#
# vmparts.sh: the parts that scripts/vmguest.sh runs over a pair of devices of one driver, each a function
# part_MODE, and part_doctor before all of them.

# As it comes: native XDP where the driver has it, TC where not, by what the doctor said before.
part_native() {
	local want
	want=$(foretold)
	say "foretold: $want: $(says native .detail)"
	MORE=tagged counted native "$want" "$TC_HOOK"
}

rxvlan_of() { in_b ethtool -k vb | sed -n "s/^rx-vlan-offload: \(o[nf]*\).*/\1/p"; }
rxvlan_fixed() { in_b ethtool -k vb | grep -q '^rx-vlan-offload: .*fixed'; }
noted() { # on | off: flowd has seen that
	local note
	note=$(in_b flowctl --db "$DB" status --json | jq -r '.flowd.interfaces[0].vlan_note')
	[ "$1" = on ] && [[ $HOOKS == xdp* ]] && [ -n "$note" ] && return
	[[ $1 == off || $HOOKS != xdp* ]] && [ -z "$note" ]
}

# Tagged frames, with what takes tags off before XDP on and off. NICs that put tags on and off themselves do not
# count them: of 74 bytes are the datagrams, of 102 the answers, and a tag that is seen of 4 more.
tagged() { # LABEL: more_a, more_b
	local state port=9100 end line=0123456789012345678901234567890 vlan before answers
	for end in A:va:1:2 B:vb:2:1; do
		IFS=: read -r ns device own peer <<<"$end"
		ip netns exec "$ns" ethtool -K "$device" txvlan off >/dev/null 2>&1 # veth: the tag is in the bytes
		ip -n "$ns" link add link "$device" name "$device.5" type vlan id 5
		ip -n "$ns" link set "$device.5" addrgenmode none arp off
		ip -n "$ns" link set "$device.5" up
		ip -n "$ns" addr add "10.5.0.$own/24" dev "$device.5"
		ip -n "$ns" neigh replace "10.5.0.$peer" lladdr "02:00:00:00:0a:0$peer" dev "$device.5" nud permanent
	done
	for state in on off; do
		port=$((port + 1))
		rxvlan_fixed || in_b ethtool -K vb rxvlan "$state" >/dev/null
		wait_for carriers
		wait_for noted "$(rxvlan_of)" || fail "$1: rxvlan $state: not noted"
		wait_for quiet
		before=$(sent B vb)
		in_a bash -c "for _ in {1..10}; do echo $line >/dev/udp/10.5.0.2/$port; done" 2>/dev/null
		wait_for quiet
		answers=$(minus "$(sent B vb)" "$before")
		more_b=$(plus "$more_b" "${answers%|*}|$((${answers%|*} * 106))")
		vlan=5
		# veth takes no tag off that is in the bytes
		[[ $HOOKS == xdp* && $DRIVER != veth && $(rxvlan_of) == on ]] && vlan=-
		more_a=$(plus "$more_a" "10|$([ "$vlan" = 5 ] && echo 780 || echo 740)")
		eq "$1: rxvlan $state ($(rxvlan_of)): vlan, packets" "$(in_b flowctl --db "$DB" flows --uniflow --json -n 0 2>/dev/null |
			jq -rs "map(select(.dport == $port)) | \"\\(map(.vlan // \"-\" | tostring) | unique | join(\",\")) \\(map(.packets) | add)\"")" "$vlan 10"
	done
	ip -n A link del va.5
	ip -n B link del vb.5
}

part_tc() { counted tc "$TC_HOOK" "$TC_HOOK" "" --ingress tc; }
part_clsact() { counted clsact clsact clsact "" --ingress tc --tc clsact; }

# Frames of several buffers, where flowd finds the MTU so.
part_jumbo() {
	local want
	if ! ip -n A link set va mtu 9000 || ! ip -n B link set vb mtu 9000; then
		fail "no MTU of 9000"
		return
	fi
	wait_for carriers
	want=$(foretold)
	say "foretold: $want: $(says mtu .detail)"
	counted jumbo "$want" "$TC_HOOK"
	ip -n A link set va mtu 1500
	ip -n B link set vb mtu 1500
	wait_for carriers
}

# Somebody's XDP program in generic mode: it stays, and TC counts what it lets through.
part_generic() {
	rm -f "$DB"*
	in_b ip link set dev vb xdpgeneric obj /bystander.bpf.o sec xdp || { fail "no generic XDP"; return; }
	eq "the doctor sees it" "$(says neighbours)" degraded
	counted "beside a generic program" "$TC_HOOK" "$TC_HOOK" bystander
	match "and flowd names it" "$(cat "$LOG")" 'bystander.*generic'
	in_b ip link set dev vb xdpgeneric off
}

# Datagrams for a socket in B that nobody reads: more than it has room for.
full_socket() {
	$IN_B wltraf serve -p 9997 >/tmp/serve &
	wait_for grep -qs ready /tmp/serve || fail "wltraf serve"
	kill -STOP "$!"
	in_a bash -c 'exec 3>/dev/udp/10.1.0.2/9997; for ((i = 0; i < 700; i++)); do echo "$i" >&3; done'
	kill -KILL "$!"
}

# What the kernel says: datagrams to a port where nobody listens, and a connection that ends.
part_events() {
	local i rcvbuf
	rm -f "$DB"*
	flowd_up "$IN_B" --drops-sample yes || return
	match "events: tracepoints" "$(cat "$LOG")" 'kernel events: (6 of 6|7 of 7) tracepoints'
	for i in 1 2 3 4 5 6 7; do
		in_a bash -c "echo $i >/dev/udp/10.1.0.2/9999"
	done
	in_a bash -c 'exec 3<>/dev/tcp/10.1.0.2/9998' 2>/dev/null
	full_socket
	quiet
	eq "events: drops, by reason" "$(flowctl --db "$DB" drops --json 'udp port 9999' 2>/dev/null |
		jq -r 'select(.source == "trace") | "\(.reason) \(.packets)"')" "NO_SOCKET 7"
	match "events: a reset" "$(flowctl --db "$DB" flows --json 'tcp port 9998' 2>/dev/null)" '"rev_resets":1'
	flowd_down TERM
	eq "events: stored" "$(sql "SELECT sum(packets) FROM event_text WHERE what = 'drop' AND dport = 9999")" 7
	rcvbuf=$(in_b awk '/^Udp:/ && $6 ~ /[0-9]/ { print $6 }' /proc/net/snmp)
	match "events: a full socket drops" "$rcvbuf" '^[1-9][0-9]*$'
	eq "events: a full socket" "$(sql "SELECT sum(packets) FROM event_text WHERE reason = 'SOCKET_RCVBUFF' AND
		dport = 9997 AND dst = '10.1.0.2' AND dir = 'ingress' AND device = 'vb'")" "$rcvbuf"
	eq "events: samples of drops, as counted" \
		"$(sql "SELECT reason, place, dport, sum(packets), count(*) FROM sample_text WHERE why = 'drop' GROUP BY 1, 2, 3")" \
		"$(sql "SELECT reason, place, dport, sum(packets), sum(skbs) FROM event_text WHERE what = 'drop' GROUP BY 1, 2, 3")"
	eq "events: their bytes" "$(sql "SELECT group_concat(hex(substr(frame, 43)))
		FROM (SELECT frame FROM sample WHERE dport = 9999 ORDER BY id)")" 310A,320A,330A,340A,350A,360A,370A
	match "events: a place" "$(sql "SELECT place FROM event_text WHERE dport = 9999")" '^__udp4_lib_rcv'
	nothing_left "events"
}

# Killed and followed, in turn with and without `ip netns exec`, under a flood; and once while nobody
# is there.
part_takeover() {
	local a b i via flood ingress carrier
	rm -f "$DB"*
	flowd_up "$IN_B" || return
	ingress=${HOOKS%%[ ,]*}
	wait_for quiet
	carrier=$(in_a cat /sys/class/net/va/carrier_changes)$(ip netns exec B cat /sys/class/net/vb/carrier_changes)
	a=$(sent A va) b=$(sent B vb)
	ip netns exec A ping -q -i 0.01 10.1.0.2 >/tmp/flood 2>&1 & # not by a function: a shell of its own would get the signal
	flood=$!
	for i in 1 2 3; do
		sleep 0.$((RANDOM % 9 + 1))
		flowd_down KILL
		via=$IN_B
		[ "$i" = 2 ] && via="ip netns exec B"
		flowd_up "$via" || return
		match "kill $i: takes over" "$(cat "$LOG")" 'on the maps of a predecessor'
		attached_as "kill $i" "$ingress" "$TC_HOOK"
	done
	kill -INT "$flood" # it says how many came back
	wait "$flood"
	eq "takeover: nothing is lost" "$(grep -o '[0-9]*% packet loss' /tmp/flood)" "0% packet loss"
	flowd_down KILL
	traffic
	flowd_up "$IN_B" || return
	wait_for quiet
	eq "takeover: the carrier stays" \
		"$(in_a cat /sys/class/net/va/carrier_changes)$(ip netns exec B cat /sys/class/net/vb/carrier_changes)" "$carrier"
	a=$(on_wire A "$(minus "$(sent A va)" "$a")") b=$(on_wire B "$(minus "$(sent B vb)" "$b")")
	flowd_down TERM
	eq "takeover: exit" "$RC" 0
	eq "takeover: ingress, packets|bytes" "$(seen 0)" "$a"
	eq "takeover: egress, packets|bytes" "$(seen 1)" "$b"
	say "takeover: seen in $(seen 0), out $(seen 1) packets|bytes"
	books "takeover"
	nothing_left "takeover"
	flowd_up "$IN_B" || return
	flowd_down KILL
	in_b flowd --detach --config /dev/null --db "$DB" >"$LOG" 2>&1
	eq "detach of a killed one: exit" "$?" 0
	nothing_left "detach of a killed one"
}

programs() { in_b xdp-loader status vb 2>&1; }

# Somebody else's program in the dispatcher: there before flowd, then joining after it.
part_neighbour() {
	local a
	command -v xdp-loader >/dev/null || { skip "no xdp-loader: nobody else in the dispatcher"; return; }
	[ "$(says dispatcher)" = ok ] || { skip "$(says dispatcher .detail)"; return; }
	rm -f "$DB"*
	in_b xdp-loader load -m native vb /bystander.bpf.o
	match "neighbour first: loaded" "$(programs)" bystander
	flowd_up "$IN_B" || return
	wait_for quiet
	a=$(sent A va)
	attached_as "neighbour first" "xdp-native .dispatcher" "$TC_HOOK"
	match "neighbour first: both are there" "$(programs)" 'flow_xdp.*bystander'
	traffic
	wait_for quiet
	a=$(on_wire A "$(minus "$(sent A va)" "$a")")
	flowd_down TERM
	eq "neighbour first: ingress" "$(seen 0)" "$a"
	books "neighbour first"
	match "neighbour first: it stays" "$(programs)" bystander
	[[ $(programs) =~ flow_xdp ]] && fail "neighbour first: ours is there yet: $(programs)"
	nothing_left "neighbour first" "$(xdp_on)"
	in_b xdp-loader unload --all vb
	rm -f "$DB"*
	flowd_up "$IN_B" || return
	in_b xdp-loader load -m native vb /bystander.bpf.o
	wait_for carriers && wait_for quiet
	a=$(sent A va)
	match "neighbour second: both are there" "$(programs)" 'flow_xdp.*bystander'
	traffic
	flowd_down KILL
	flowd_up "$IN_B" || return
	wait_for quiet
	a=$(on_wire A "$(minus "$(sent A va)" "$a")")
	flowd_down TERM
	eq "neighbour second: ingress" "$(seen 0)" "$a"
	match "neighbour second: it stays" "$(programs)" bystander
	[[ $(programs) =~ flow_xdp ]] && fail "neighbour second: ours is there yet: $(programs) $(cat "$LOG")"
	nothing_left "neighbour second" "$(xdp_on)"
	in_b xdp-loader unload --all vb
}

# A pair beside the first, of which nobody answers: v$1 in A, v$2 in B.
more_pair() {
	ip link add "v$1" netns A address 02:00:00:00:0a:11 type veth peer name "v$2" netns B address 02:00:00:00:0a:12
	ip -n A link set "v$1" addrgenmode none arp off up
	ip -n B link set "v$2" addrgenmode none arp off up
	ip -n A addr add "10.$3.0.1/24" dev "v$1"
	ip -n A neigh replace "10.$3.0.2" lladdr 02:00:00:00:0a:12 dev "v$1" nud permanent
}
ten_to() { in_a bash -c "for _ in {1..10}; do echo 0123456789 >/dev/udp/10.$1.0.2/9; done"; }
ingress_of() {
	in_b flowctl --db "$DB" status --json | jq -r --arg name "$1" \
		'[.flowd.interfaces[]? | select(.name == $name and (.gone | not)) | .ingress][0] // "none"'
}
note_of() { in_b flowctl --db "$DB" status --json | jq -r --arg name "$1" '.flowd.interfaces[]? | select(.name == $name) | .note // empty'; }
left_or_noted() { is_by "$1" "$TC_HOOK" || [ -n "$(note_of "$1")" ]; }
is_by() { [[ $(ingress_of "$1") == "$2" ]]; }
up_in() { ip -n "$1" -br link show "$2" | grep -q LOWER_UP; }
pinned_for() { find /sys/fs/bpf/xdp -name "dispatch-$1-*"; } # an index
seen_by() { sql "SELECT sum(seen_packets) FROM books_sum b JOIN interface i ON i.id = b.iface WHERE name = '$1' AND dir = 0"; }

# What becomes of ours in a dispatcher: the MTU grows, somebody takes it off, the device leaves and comes back, and goes.
part_dispatcher() {
	local a vd vh
	[ "$(says dispatcher)" = ok ] || { skip "$(says dispatcher .detail)"; return; }
	rm -f "$DB"*
	more_pair c d 2
	more_pair g h 3
	ip netns add C
	vd=$(ip -n B -j link show vd | jq '.[0].ifindex') vh=$(ip -n B -j link show vh | jq '.[0].ifindex')
	flowd_up "$IN_B" -i vd -i vh || return
	wait_for quiet
	a=$(sent A va)
	for device in vb vd vh; do match "dispatcher: $device" "$(ingress_of $device)" 'xdp-native .dispatcher'; done
	traffic
	ten_to 2
	ten_to 3
	ip -n A link set va mtu 9000
	ip -n B link set vb mtu 9000
	in_b ip link set dev vd xdp off
	wait_for left_or_noted vb || fail "dispatcher: MTU 9000: ingress by $(ingress_of vb)"
	if ! is_by vb "$TC_HOOK"; then # virtio_net of Linux 6.1 keeps the XDP that it would not take
		match "dispatcher: MTU 9000: $(note_of vb)" "$DRIVER $(note_of vb)" '^virtio_net .*XDP stays'
		ip -n A link set va mtu 1500
		ip -n B link set vb mtu 1500
	fi
	wait_for is_by vd "$TC_HOOK" || fail "dispatcher: taken off: ingress by $(ingress_of vd)"
	wait_for carriers
	traffic
	ten_to 2
	ip -n B link set vh netns C
	wait_for is_by vh none || fail "dispatcher: vh left, and is by $(ingress_of vh)"
	eq "dispatcher: pins of a device that left" "$(pinned_for "$vh")" ""
	ip -n C link set vh up
	wait_for up_in A vg && ten_to 3
	ip -n C link set vh netns B
	ip -n B link set vh up
	wait_for is_by vh "$TC_HOOK" || fail "dispatcher: vh came back, and is by $(ingress_of vh)"
	wait_for up_in A vg && ten_to 3
	wait_for quiet
	a=$(minus "$(sent A va)" "$a")
	ip -n A link del vc
	wait_for is_by vd none || fail "dispatcher: vd is gone, and is by $(ingress_of vd)"
	eq "dispatcher: pins of a device that is gone" "$(pinned_for "$vd")" ""
	flowd_down TERM
	eq "dispatcher: exit" "$RC" 0
	eq "dispatcher: vb" "$(seen_by vb)" "${a%|*}"
	eq "dispatcher: vd" "$(seen_by vd)" 20
	eq "dispatcher: vh, but for what it had elsewhere" "$(seen_by vh)" 20
	books "dispatcher"
	ip -n A link del vg
	ip netns del C
	ip -n A link set va mtu 1500
	ip -n B link set vb mtu 1500
	wait_for carriers
	nothing_left "dispatcher"
}

# What the kernel lacks and what mends it, before any module is there.
part_doctor() {
	local modules mend
	modules=/lib/modules/$(uname -r)
	host() { flowctl doctor --json --db "$DB" | jq -r "select(.check == \"$1\") | ${2:-.result}"; }
	eq "no bpffs" "$(host bpffs)" missing
	eval "$(host bpffs .mend)"
	eq "no bpffs, mended" "$(host bpffs)" ok
	if [ -e "$modules/modules.dep" ]; then
		mv "$modules/modules.dep" "$modules/modules.dep.bin" /tmp
		match "no clsact" "$(host clsact)" 'missing|degraded'
		mend=$(host clsact .mend)
		mv /tmp/modules.dep /tmp/modules.dep.bin "$modules"
		eval "$mend"
	fi
	eq "clsact" "$(host clsact)" ok
	for module in $MODULES_WANTED; do modprobe -q "$module"; done
	[ "$(host tcx)" = ok ] || TC_HOOK=clsact
	case "$(uname -r)" in
	6.1.*) eq "tcx before Linux 6.6" "$(host tcx)" degraded ;;
	6.12.*) eq "tcx" "$(host tcx)" ok ;;
	esac
	HOOKS="egress $TC_HOOK"
	flowctl doctor --db "$DB"
	eq "all that flowd needs" "$?" 0
}
