/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* merge_table.c: see merge_table.h and schema/schema.sql. */
#include "cli/merge_table.h"

#include <string.h>

#include "schema/db.h"

#define KEY_COLUMNS "ethertype, vlan, cvlan, marks, proto, src, dst, sport, dport"
#define KEY_ROLES "========="
#define OF_FLOW "EXISTS (SELECT 1 FROM flow WHERE flow.id = flow)"

const struct merge_table merge_flow = {
	"flow",
	3,
	DB_FLOW_COLUMNS,
	"i=f==============",
	"count(*), sum(packets), sum(bytes), sum(l2_bytes), sum(rev_packets), sum(rev_bytes), "
	"sum(rev_l2_bytes), sum(duration_ms), sum(tcp_flags), sum(sport), sum(dport)",
	NULL,
};

const struct merge_table merge_beside[] = {
	{"flow_tunnel", 3, "flow, kind, tunnel_id, rev_tunnel_id, outer_src, outer_dst",
	 "i=====", "count(*), sum(kind), sum(tunnel_id)", OF_FLOW},
	{"flow_tcp", 3,
	 "flow, retransmits, retransmitted_bytes, out_of_order, dup_acks, zero_windows, resets, "
	 "keep_alives, syn_repeats, retransmits_kernel, drops, drop_bytes, rev_retransmits, "
	 "rev_retransmitted_bytes, rev_out_of_order, rev_dup_acks, rev_zero_windows, rev_resets, "
	 "rev_keep_alives, rev_syn_repeats, rev_retransmits_kernel, rev_drops, rev_drop_bytes",
	 "i======================",
	 "count(*), sum(retransmits), sum(rev_retransmits), sum(drops), sum(rev_drops)", OF_FLOW},
	{"flow_rtt", 3,
	 "flow, handshake_us, rtt_count, rtt_sum_us, rtt_min_us, rtt_max_us, rev_handshake_us, "
	 "rev_rtt_count, rev_rtt_sum_us, rev_rtt_min_us, rev_rtt_max_us",
	 "i==========",
	 "count(*), sum(rtt_count), sum(rtt_sum_us), sum(rev_rtt_count), sum(rev_rtt_sum_us)",
	 OF_FLOW},
	{"flow_socket", 3,
	 "flow, side, pid, process, srtt_us, min_rtt_us, cwnd, retransmits, delivered, lost, "
	 "bytes_acked, bytes_received, delivery_rate",
	 "i==w=========", "count(*), sum(bytes_acked), sum(bytes_received)", OF_FLOW},
	{NULL, 0, NULL, NULL, NULL, NULL},
};

const struct merge_table merge_with_ids[] = {
	{"event", 3,
	 "id, duration_ms, what, iface, device, dir, " KEY_COLUMNS
	 ", reason, place, packets, bytes, skbs, folded",
	 "i==fw=" KEY_ROLES "ww====", "count(*), sum(packets), sum(bytes), sum(skbs)", NULL},
	{"sample", 4,
	 "id, iface, device, dir, link, length, packets, gso_size, rate, why, " KEY_COLUMNS
	 ", tunnel_kind, tunnel_id, reason, place, frame",
	 "ifw=======" KEY_ROLES "==ww=", "count(*), sum(length), sum(length(frame))", NULL},
	{NULL, 0, NULL, NULL, NULL, NULL},
};

#define BOOKS "seen_packets, seen_bytes, recorded_packets, recorded_bytes"
#define OF_MINUTE                                                                               \
	"held_packets, held_bytes, short_packets, short_bytes, deep_packets, deep_bytes, "      \
	"folded_packets, folded_bytes, catchall_packets, catchall_bytes, unaccounted_packets, " \
	"unaccounted_bytes"

const struct merge_table merge_plain[] = {
	{"ledger", 3, "minute_ms, iface, dir, " BOOKS ", " OF_MINUTE ", nic_packets, nic_bytes",
	 "=f===================",
	 "count(*), sum(seen_packets), sum(seen_bytes), sum(recorded_packets), "
	 "sum(recorded_bytes), sum(held_packets), sum(unaccounted_packets), sum(nic_packets)",
	 NULL},
	{"books_sum", 3,
	 "iface, dir, " BOOKS ", nic_packets, nic_bytes, nic_seen_packets, nic_seen_bytes",
	 "f=========", "count(*), sum(seen_packets), sum(recorded_packets)", NULL},
	{"counter", 3, "minute_ms, iface, source, name, value", "=fww=", "sum(value)", NULL},
	{NULL, 0, NULL, NULL, NULL, NULL},
};

#define TALKER_SUMS                                                                   \
	"sum(flows), sum(packets), sum(bytes), sum(l2_bytes), sum(rev_packets), "     \
	"sum(rev_bytes), sum(rev_l2_bytes), sum(retransmits), sum(rev_retransmits), " \
	"sum(drops), sum(rev_drops), sum(rtt_count), sum(rtt_sum_us)"

const struct merge_table merge_talker[] = {
	{"talker_minute", 5, NULL, NULL, TALKER_SUMS, NULL},
	{"talker_hour", 5, NULL, NULL, TALKER_SUMS, NULL},
	{NULL, 0, NULL, NULL, NULL, NULL},
};

size_t merge_table_columns(const struct merge_table *table)
{
	return strlen(table->roles);
}
