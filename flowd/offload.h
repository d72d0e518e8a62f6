/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * offload.h: does a NIC take VLAN tags off before XDP sees the frame? Then a frame whose bytes show
 * no tag is marked as one of unknown VLAN (FLOW_MARK_VLAN_UNKNOWN), not counted as untagged.
 *
 *   ethtool rx-vlan-offload ──► iface->vlan_note      status, log
 *                           ──► cell->marks of ifaces the XDP program's key
 *
 * TC has the tag beside the bytes, so where it counts the ingress nothing is unknown.
 */
#pragma once

#include "flowd/flowd.h"

/*
 * Put mark and note of the interface right. xdp: XDP counts its ingress, or is about to. Where the
 * offload cannot be asked for, tags are unknown. True: the note has changed.
 */
bool offload_look(struct flowd *flowd, struct iface *iface, bool xdp);

/* The same for an interface in steady state; a change is worth a line in the log. */
void offload_look_after(struct flowd *flowd, struct iface *iface);
