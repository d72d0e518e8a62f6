/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* iface.c: interfaces: numbers, rows, hooks. See iface.h. */
#include "flowd/iface.h"

#include <errno.h>
#include <net/if.h>
#include <linux/if_arp.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "flowd/fault.h"
#include "flowd/iface_hooks.h"
#include "flowd/iface_rows.h"
#include "flowd/iface_want.h"
#include "flowd/log.h"
#include "flowd/offload.h"

/* The device's ARPHRD_ type, or -errno. */
static int iface_type(const char *name)
{
	struct ifreq request = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;

	if (fd < 0)
		return -errno;
	memcpy(request.ifr_name, name, strnlen(name, IFNAMSIZ - 1));
	if (ioctl(fd, SIOCGIFHWADDR, &request))
		err = -errno;
	close(fd);
	return err ? err : request.ifr_hwaddr.sa_family;
}

static bool type_is_ethernet(int type)
{
	return type == ARPHRD_ETHER || type == ARPHRD_LOOPBACK;
}

static bool type_is_ip(int type)
{
	static const int types[] = {ARPHRD_NONE,    ARPHRD_PPP, ARPHRD_RAWIP, ARPHRD_TUNNEL,
				    ARPHRD_TUNNEL6, ARPHRD_SIT, ARPHRD_IPGRE, ARPHRD_IP6GRE};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (types[i] == type)
			return true;
	}
	return false;
}

uint32_t iface_mtu(const char *name)
{
	struct ifreq request = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint32_t mtu = 0;

	if (fd < 0)
		return 0;
	memcpy(request.ifr_name, name, strnlen(name, IFNAMSIZ - 1));
	if (!ioctl(fd, SIOCGIFMTU, &request))
		mtu = (uint32_t)request.ifr_mtu;
	close(fd);
	return mtu;
}

bool iface_has_no_link_layer(const char *name)
{
	return type_is_ip(iface_type(name));
}

bool iface_type_counts(int type)
{
	return type_is_ethernet(type) || type_is_ip(type);
}

bool iface_type_is_ip(int type)
{
	return type_is_ip(type);
}

int iface_check(const struct config *config, char ret_error[IFACE_ERROR_MAX])
{
	for (size_t i = 0; i < config->interfaces; i++) {
		const char *name = config->interface[i];
		int type = iface_is_name(name) ? iface_type(name) : ARPHRD_ETHER;

		if (type == -ENODEV) {
			snprintf(ret_error, IFACE_ERROR_MAX,
				 "interface '%s': there is none of that name", name);
			return type;
		}
		if (type < 0) {
			snprintf(ret_error, IFACE_ERROR_MAX, "interface '%s': %s", name,
				 strerror(-type));
			return type;
		}
		if (!iface_type_counts(type)) {
			snprintf(ret_error, IFACE_ERROR_MAX,
				 "interface '%s': link type %d is neither Ethernet nor plain IP",
				 name, type);
			return -EPROTONOSUPPORT;
		}
	}
	return 0;
}

/*
 * The number that a predecessor counted it under; 0: it is to have another, as it has another name since,
 * or is another device of the same index.
 */
static uint32_t number_before(struct flowd *flowd, const struct iface *iface)
{
	const struct flow_iface *cell = maps_iface(&flowd->maps, iface->hook.ifindex);
	uint32_t ifnum =
		cell && cell->ifindex == iface->hook.ifindex ? cell->ifnum % FLOW_IFACES : 0;
	const struct iface_number *number = &flowd->numbers.number[ifnum];

	if (!ifnum || !flowd->sweep.iface[ifnum].id || number->state == NUMBER_USED ||
	    strcmp(number->row.name, iface->hook.name) != 0 ||
	    !iface_hooks_any(flowd, &iface->hook))
		return 0;
	return ifnum;
}

static int register_one(struct flowd *flowd, const char *name, bool by_name, char *error)
{
	struct iface *iface = &flowd->iface[flowd->ifaces];
	uint32_t before;

	memset(iface, 0, sizeof(*iface));
	snprintf(iface->hook.name, sizeof(iface->hook.name), "%s", name);
	iface->hook.ifindex = if_nametoindex(name);
	iface->hook.no_link_layer = iface_has_no_link_layer(name);
	iface->by_name = by_name;
	iface->mtu = iface_mtu(name);
	if (!iface->hook.ifindex) {
		snprintf(error, IFACE_ERROR_MAX, "interface '%s': %s", name, strerror(errno));
		return by_name ? -ENODEV : 0;
	}
	before = number_before(flowd, iface);
	if (before) {
		iface->hook.ifnum = (uint16_t)before;
		iface->id = flowd->sweep.iface[before].id;
		flowd->numbers.number[before].state = NUMBER_USED;
		flowd->numbers.number[before].row.last_ms = 0;
	} else if (iface_number_take(flowd, iface)) {
		if (!by_name)
			return 0; /* links_open() is told of it again: it waits for a number */
		snprintf(error, IFACE_ERROR_MAX,
			 "interface '%s': the maps hold %d interfaces, no more", name,
			 FLOW_IFACES - 1);
		return -ENOSPC;
	}
	flowd->ifaces++;
	return 0;
}

/* What there is that patterns ask for. */
static int register_matches(struct flowd *flowd, char *error)
{
	struct if_nameindex *all = if_nameindex();
	int err = all ? 0 : -errno;

	for (struct if_nameindex *at = all; !err && at && at->if_index; at++) {
		if (iface_wanted(flowd->config, at->if_name) == IFACE_BY_PATTERN &&
		    iface_type_counts(iface_type(at->if_name)))
			err = register_one(flowd, at->if_name, false, error);
	}
	if (all)
		if_freenameindex(all);
	return err;
}

int iface_register(struct flowd *flowd, bool attach, char ret_error[IFACE_ERROR_MAX])
{
	int err = iface_rows_load(flowd);

	err = err ? err : iface_rows_counters(flowd);
	err = err ? err : iface_rows_moved(flowd);
	if (!err)
		err = iface_rows_adopt(flowd, flowd->maps.unclaimed);
	if (!err)
		iface_numbers_begin(flowd);
	for (size_t i = 0; !err && i < flowd->config->interfaces; i++) {
		const char *name = flowd->config->interface[i];

		if (attach && iface_is_name(name))
			err = register_one(flowd, name, true, ret_error);
		if (err)
			return err;
	}
	if (!err && attach && iface_any_pattern(flowd->config)) {
		err = register_matches(flowd, ret_error);
		if (err && ret_error[0])
			return err;
	}
	err = err ? err : iface_rows_write(flowd);
	if (err)
		snprintf(ret_error, IFACE_ERROR_MAX, "database '%s': %s", flowd->config->db,
			 sqlite3_errmsg(flowd->db));
	else
		iface_numbers_open(flowd);
	return err;
}

static bool configured(const struct flowd *flowd, uint32_t ifindex)
{
	for (size_t i = 0; i < flowd->ifaces; i++) {
		if (flowd->iface[i].hook.ifindex == ifindex)
			return true;
	}
	return false;
}

/* Detach from devices that the maps know; keep: but not from those that are configured. */
static int detach_cells(struct flowd *flowd, bool keep)
{
	int first = 0;

	for (uint32_t i = 0; i < FLOW_IFACE_CELLS; i++) {
		uint32_t ifindex = flowd->maps.ifaces[i].ifindex;
		struct hook_iface iface;
		int err;

		if (!ifindex || (keep && configured(flowd, ifindex)))
			continue;
		iface_hooks_name(ifindex, &iface);
		err = iface_hooks_detach(flowd, &iface);
		first = first ? first : err;
	}
	return first;
}

void iface_say_attached(struct flowd *flowd, struct iface *iface)
{
	iface_number_note(flowd, iface);
	log_info("interface '%s': ingress by %s, egress by %s", iface->hook.name,
		 iface->by[0] ? iface->mode[0] : "nothing",
		 iface->by[1] ? iface->mode[1] : "nothing");
	offload_look(flowd, iface, iface->by[FLOW_INGRESS] == hooks[HOOK_XDP]);
	if (iface->vlan_note[0])
		log_warning("interface '%s': %s", iface->hook.name, iface->vlan_note);
}

/* One that a pattern asked for may go while it is attached to: links.c is told. */
static bool is_vanished(const struct iface *iface, int err)
{
	return !iface->by_name && (err == -ENODEV || err == -ENXIO);
}

int iface_attach(struct flowd *flowd, char ret_error[IFACE_ERROR_MAX])
{
	char why[HOOK_ERROR_MAX] = "";

	if (flowd->maps.taken_over)
		(void)detach_cells(flowd, true);
	FAULT_POINT("start-14-cells");
	for (size_t i = 0; i < flowd->ifaces; i++) {
		struct iface *iface = &flowd->iface[i];
		int err = iface_hooks_attach(flowd, iface, why);

		if (is_vanished(iface, err))
			continue;
		if (err) {
			snprintf(ret_error, IFACE_ERROR_MAX, "interface '%s': %s", iface->hook.name,
				 why[0] ? why : strerror(-err));
			return err;
		}
		FAULT_POINT("start-17-egress");
		iface_say_attached(flowd, iface);
	}
	/* what comes later is attached to with fewer privileges, which a dispatcher would not do with */
	flowd->env.alone = true;
	if (!flowd->ifaces)
		log_info("no interface is there yet that a pattern asks for");
	return iface_rows_write(flowd);
}

int iface_detach(struct flowd *flowd)
{
	int err;

	flowd->left[0] = '\0';
	flowd->detaching = true;
	err = detach_cells(flowd, false);
	err = err ? err : iface_hooks_detach_pinned(flowd);
	flowd->detaching = false;
	return err;
}

void iface_say_left(const struct flowd *flowd)
{
	log_err("instance '%s': cannot be detached, and counts on: %s; maps and pins stay with it, for the next "
		"flowd or for flowd --detach",
		flowd->config->instance, flowd->left);
}
