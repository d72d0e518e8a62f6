/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* offload.c: rx-vlan-offload, by ethtool's ioctl. See offload.h. */
#include "flowd/offload.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "flowd/log.h"

/* Is it on? 1, 0, or -errno. By the index: the name may have changed since the start. */
static int rxvlan_of(uint32_t ifindex)
{
	struct ethtool_value flags = {.cmd = ETHTOOL_GFLAGS};
	struct ifreq request = {0};
	int fd, err = 0;

	if (!if_indextoname(ifindex, request.ifr_name))
		return -errno;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	request.ifr_data = (void *)&flags;
	if (ioctl(fd, SIOCETHTOOL, &request))
		err = -errno;
	close(fd);
	return err ? err : (flags.data & ETH_FLAG_RXVLAN) != 0;
}

static void set_marks(struct flowd *flowd, const struct iface *iface, uint16_t marks)
{
	struct flow_iface *cell = maps_iface(&flowd->maps, iface->hook.ifindex);

	if (cell && cell->ifindex == iface->hook.ifindex)
		__atomic_store_n(&cell->marks, marks, __ATOMIC_RELEASE);
}

static void write_note(const struct iface *iface, int rxvlan, char note[IFACE_VLAN_NOTE_MAX])
{
	if (rxvlan < 0)
		snprintf(note, IFACE_VLAN_NOTE_MAX,
			 "rx-vlan-offload cannot be asked for (%s): where XDP sees no VLAN tag "
			 "there may have been one",
			 strerror(-rxvlan));
	else if (rxvlan)
		snprintf(note, IFACE_VLAN_NOTE_MAX,
			 "rx-vlan-offload is on: the NIC takes VLAN tags off before XDP, so an "
			 "untagged frame is not told from a tagged one (ethtool -K %s rxvlan off)",
			 iface->hook.name);
}

bool offload_look(struct flowd *flowd, struct iface *iface, bool xdp)
{
	int rxvlan = xdp ? rxvlan_of(iface->hook.ifindex) : 0;
	char note[IFACE_VLAN_NOTE_MAX] = "";

	if (rxvlan == -ENXIO || rxvlan == -ENODEV)
		return false; /* gone, which is said elsewhere */
	set_marks(flowd, iface, rxvlan ? FLOW_MARK_VLAN_UNKNOWN : 0);
	write_note(iface, rxvlan, note);
	if (!strcmp(note, iface->vlan_note))
		return false;
	memcpy(iface->vlan_note, note, sizeof(note));
	return true;
}

void offload_look_after(struct flowd *flowd, struct iface *iface)
{
	bool xdp = iface->by[FLOW_INGRESS] == hooks[HOOK_XDP];

	if (!offload_look(flowd, iface, xdp))
		return;
	if (iface->vlan_note[0])
		log_warning("interface '%s': %s", iface->hook.name, iface->vlan_note);
	else if (xdp)
		log_info("interface '%s': rx-vlan-offload is off: XDP sees VLAN tags",
			 iface->hook.name);
}
