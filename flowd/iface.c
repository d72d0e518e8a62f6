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
#include "flowd/iface_rows.h"
#include "flowd/log.h"
#include "flowd/offload.h"

static const char *const dir_names[2] = {"ingress", "egress"};

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

bool iface_has_no_link_layer(const char *name)
{
	return type_is_ip(iface_type(name));
}

int iface_check(const struct config *config, char ret_error[IFACE_ERROR_MAX])
{
	for (size_t i = 0; i < config->interfaces; i++) {
		const char *name = config->interface[i];
		int type = iface_type(name);

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
		if (!type_is_ethernet(type) && !type_is_ip(type)) {
			snprintf(ret_error, IFACE_ERROR_MAX,
				 "interface '%s': link type %d is neither Ethernet nor plain IP",
				 name, type);
			return -EPROTONOSUPPORT;
		}
	}
	return 0;
}

/* A number that no key in the maps has: not in a cell, not in a row of this generation. */
static uint32_t free_number(const struct flowd *flowd)
{
	bool taken[FLOW_IFACES] = {true};

	for (uint32_t i = 0; i < FLOW_IFACE_CELLS; i++)
		taken[flowd->maps.ifaces[i].ifnum % FLOW_IFACES] = true;
	for (uint32_t i = 1; i < FLOW_IFACES; i++) {
		if (!taken[i] && !flowd->sweep.iface[i].id)
			return i;
	}
	return 0;
}

/* Enter the interface in the table that BPF looks it up in. */
static int number_iface(struct flowd *flowd, struct iface *iface)
{
	struct flow_iface *cell = maps_iface(&flowd->maps, iface->hook.ifindex);

	if (!cell)
		return -ENOSPC;
	if (!cell->ifindex) {
		cell->ifnum = (uint16_t)free_number(flowd);
		if (!cell->ifnum)
			return -ENOSPC;
		__atomic_store_n(&cell->ifindex, iface->hook.ifindex, __ATOMIC_RELEASE);
		FAULT_POINT("new-3-number");
	}
	iface->hook.ifnum = cell->ifnum;
	return 0;
}

static int register_one(struct flowd *flowd, const char *name, char *error)
{
	struct iface *iface = &flowd->iface[flowd->ifaces++];
	struct sweep_iface *numbered;
	int err;

	memcpy(iface->hook.name, name, sizeof(iface->hook.name));
	iface->hook.ifindex = if_nametoindex(name);
	iface->hook.no_link_layer = iface_has_no_link_layer(name);
	if (!iface->hook.ifindex) {
		snprintf(error, IFACE_ERROR_MAX, "interface '%s': %s", name, strerror(errno));
		return -ENODEV;
	}
	err = number_iface(flowd, iface);
	if (err) {
		snprintf(error, IFACE_ERROR_MAX,
			 "interface '%s': the maps hold %d interfaces, no more", name,
			 FLOW_IFACES - 1);
		return err;
	}
	numbered = &flowd->sweep.iface[iface->hook.ifnum];
	if (!numbered->id)
		err = iface_row_insert(flowd, name, iface->hook.ifindex, iface->hook.ifnum);
	if (err)
		snprintf(error, IFACE_ERROR_MAX, "interface '%s': database: %s", name,
			 sqlite3_errmsg(flowd->db));
	iface->id = numbered->id;
	return err;
}

int iface_register(struct flowd *flowd, char ret_error[IFACE_ERROR_MAX])
{
	int err = iface_rows_load(flowd);

	err = err ? err : iface_rows_counters(flowd);
	if (!err)
		err = iface_rows_adopt(flowd);
	/* new maps' books begin with nothing: what their predecessors counted is not before them */
	for (size_t i = 0; !err && flowd->upgrade && i < FLOW_IFACES; i++)
		flowd->sweep.iface[i].opening = false;
	if (err) {
		snprintf(ret_error, IFACE_ERROR_MAX, "database '%s': %s", flowd->config->db,
			 sqlite3_errmsg(flowd->db));
		return err;
	}
	for (size_t i = 0; !err && i < flowd->config->interfaces; i++)
		err = register_one(flowd, flowd->config->interface[i], ret_error);
	return err;
}

static const struct hook_ops *tc_hook(const struct config *config)
{
	if (config->tc == TC_CLSACT)
		return hooks[HOOK_CLSACT];
	if (config->tc == TC_TCX || hooks[HOOK_TCX]->supported())
		return hooks[HOOK_TCX];
	return hooks[HOOK_CLSACT];
}

/* Attach by `hook`, once nothing else of ours counts that direction. */
static int attach_by(struct flowd *flowd, struct iface *iface, enum flow_dir dir,
		     const struct hook_ops *hook, char *error)
{
	int err;

	for (int i = 0; i < HOOK_KINDS; i++) {
		if (hooks[i] != hook && (hooks[i] != hooks[HOOK_XDP] || dir == FLOW_INGRESS) &&
		    hooks[i]->attached(&flowd->env, &iface->hook, dir))
			hooks[i]->detach(&flowd->env, &iface->hook, dir);
	}
	err = hook->attach(&flowd->env, &iface->hook, dir, iface->mode[dir], error);
	if (!err)
		iface->by[dir] = hook;
	return err;
}

static int attach_ingress(struct flowd *flowd, struct iface *iface, char *error)
{
	char why[HOOK_ERROR_MAX];
	int err = -EOPNOTSUPP;

	if (flowd->config->ingress == INGRESS_NONE)
		return 0;
	snprintf(why, sizeof(why), "%s: no link layer", iface->hook.name);
	if (flowd->config->ingress == INGRESS_XDP) {
		if (!iface->hook.no_link_layer) {
			offload_look(flowd, iface, true); /* before the first packet */
			err = attach_by(flowd, iface, FLOW_INGRESS, hooks[HOOK_XDP], why);
		}
		if (err != -EOPNOTSUPP) {
			memcpy(error, why, sizeof(why));
			return err;
		}
		snprintf(iface->note, sizeof(iface->note), "%.460s: ingress by TC", why);
		log_warning("%s", iface->note);
	}
	return attach_by(flowd, iface, FLOW_INGRESS, tc_hook(flowd->config), error);
}

/* Remove all hooks of ours from one direction of a device. */
static void detach_dir(struct flowd *flowd, const struct hook_iface *iface, int dir)
{
	for (int h = 0; h < HOOK_KINDS; h++) {
		int err = 0;

		if (h != HOOK_XDP || dir == FLOW_INGRESS)
			err = hooks[h]->detach(&flowd->env, iface, (enum flow_dir)dir);
		if (err)
			log_warning("interface '%s': %s not detached from %s: %s", iface->name,
				    hooks[h]->name, dir_names[dir], strerror(-err));
	}
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
static void detach_cells(struct flowd *flowd, bool keep)
{
	for (uint32_t i = 0; i < FLOW_IFACE_CELLS; i++) {
		struct hook_iface iface = {.ifindex = flowd->maps.ifaces[i].ifindex};

		if (!iface.ifindex || (keep && configured(flowd, iface.ifindex)))
			continue;
		/* a device that is gone may have left pins */
		if (!if_indextoname(iface.ifindex, iface.name))
			snprintf(iface.name, sizeof(iface.name), "if%u", iface.ifindex);
		detach_dir(flowd, &iface, FLOW_INGRESS);
		detach_dir(flowd, &iface, FLOW_EGRESS);
	}
}

/* After all is attached: the row, and what there is to say. */
static void note_attached(struct flowd *flowd, struct iface *iface)
{
	iface_row_note(flowd, iface);
	log_info("interface '%s': ingress by %s, egress by %s", iface->hook.name,
		 iface->by[0] ? iface->mode[0] : "nothing",
		 iface->by[1] ? iface->mode[1] : "nothing");
	offload_look(flowd, iface, iface->by[FLOW_INGRESS] == hooks[HOOK_XDP]);
	if (iface->vlan_note[0])
		log_warning("interface '%s': %s", iface->hook.name, iface->vlan_note);
}

int iface_attach(struct flowd *flowd, char ret_error[IFACE_ERROR_MAX])
{
	char why[HOOK_ERROR_MAX] = "";

	if (flowd->maps.taken_over)
		detach_cells(flowd, true);
	FAULT_POINT("start-14-cells");
	for (size_t i = 0; i < flowd->ifaces; i++) {
		struct iface *iface = &flowd->iface[i];
		int err = attach_ingress(flowd, iface, why);

		FAULT_POINT("start-16-ingress");
		if (!err && flowd->config->egress == EGRESS_TC)
			err = attach_by(flowd, iface, FLOW_EGRESS, tc_hook(flowd->config), why);
		if (err) {
			snprintf(ret_error, IFACE_ERROR_MAX, "interface '%s': %s", iface->hook.name,
				 why[0] ? why : strerror(-err));
			return err;
		}
		for (int dir = 0; flowd->maps.taken_over && dir < 2; dir++) {
			if (!iface->by[dir])
				detach_dir(flowd, &iface->hook, dir);
		}
		FAULT_POINT("start-17-egress");
		note_attached(flowd, iface);
	}
	return 0;
}

void iface_detach(struct flowd *flowd)
{
	detach_cells(flowd, false);
}

void iface_gone(struct flowd *flowd, uint32_t ifindex)
{
	for (size_t i = 0; i < flowd->ifaces; i++) {
		struct iface *iface = &flowd->iface[i];

		if (iface->hook.ifindex != ifindex || iface->gone)
			continue;
		iface->gone = true;
		iface->by[0] = iface->by[1] = NULL;
		snprintf(iface->note, sizeof(iface->note), "the interface is gone");
		log_warning("interface '%s': %s", iface->hook.name, iface->note);
		offload_look_after(flowd, iface);
	}
}

void iface_changed(struct flowd *flowd, uint32_t ifindex)
{
	for (size_t i = 0; i < flowd->ifaces; i++) {
		if (flowd->iface[i].hook.ifindex == ifindex)
			offload_look_after(flowd, &flowd->iface[i]);
	}
}

static void look_after_one(struct flowd *flowd, struct iface *iface, int dir)
{
	const struct hook_ops *hook = iface->by[dir];

	if (!hook || strstr(iface->mode[dir], "dispatcher") ||
	    hook->attached(&flowd->env, &iface->hook, (enum flow_dir)dir))
		return;
	iface->by[dir] = NULL;
	snprintf(
		iface->note, sizeof(iface->note),
		"%s is not counted: somebody removed the %s program (restart flowd to put it back)",
		dir_names[dir], iface->mode[dir]);
	log_warning("interface '%s': %s", iface->hook.name, iface->note);
}

void iface_look_after(struct flowd *flowd)
{
	for (size_t i = 0; i < flowd->ifaces; i++) {
		struct iface *iface = &flowd->iface[i];

		for (int dir = 0; dir < 2 && !iface->gone; dir++)
			look_after_one(flowd, iface, dir);
		offload_look_after(flowd, iface);
	}
}
