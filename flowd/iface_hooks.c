/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* iface_hooks.c: see iface_hooks.h. */
#include "flowd/iface_hooks.h"

#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "flowd/fault.h"
#include "flowd/hook_own.h"
#include "flowd/log.h"
#include "flowd/maps_tc.h"
#include "flowd/offload.h"

#define DETACH_TRIES 6 /* with waits between them that double: a third of a second in all */
#define DETACH_WAIT_NS 10000000L
#define LEAVE_TRIES 3

static const char *const dir_names[2] = {"ingress", "egress"};

static bool has(int kind, int dir)
{
	return kind != HOOK_XDP || dir == FLOW_INGRESS;
}

static const struct hook_ops *tc_hook(const struct config *config)
{
	if (config->tc == TC_CLSACT)
		return hooks[HOOK_CLSACT];
	if (config->tc == TC_TCX || hooks[HOOK_TCX]->supported())
		return hooks[HOOK_TCX];
	return hooks[HOOK_CLSACT];
}

/* What fails for want of memory, say, may not fail the next time. 0 or -errno. */
static int detach_by(struct flowd *flowd, const struct hook_iface *iface, int dir,
		     const struct hook_ops *hook)
{
	struct timespec pause = {.tv_nsec = DETACH_WAIT_NS};
	/* where it did not help one, the others are not waited for; nor is anything while packets are counted */
	int tries = !flowd->detaching ? 1 : flowd->left[0] ? 2 : DETACH_TRIES;
	int err = hook->detach(&flowd->env, iface, (enum flow_dir)dir);

	for (int i = 1; err && i < tries; i++) {
		nanosleep(&pause, NULL);
		pause.tv_nsec *= 2;
		err = hook->detach(&flowd->env, iface, (enum flow_dir)dir);
	}
	if (err)
		log_warning("interface '%s': %s not detached from %s: %s", iface->name, hook->name,
			    dir_names[dir], strerror(-err));
	return err;
}

static const char *link_of(const struct iface *iface, enum flow_dir dir, char pin[HOOK_PIN_MAX])
{
	const char *what = iface->by[dir] == hooks[HOOK_XDP] ? "xdp" : dir_names[dir];

	return hook_link_name(&iface->hook, what, pin);
}

static bool has_link(const struct flowd *flowd, const struct iface *iface, enum flow_dir dir)
{
	char pin[HOOK_PIN_MAX];
	int fd = hook_pin_open(&flowd->env, link_of(iface, dir, pin));

	if (fd >= 0)
		close(fd);
	return fd != -ENOENT;
}

/*
 * The program is there before what counts now goes: the verifier takes as long for it as tens of thousands of packets
 * do to come. What would refuse it leaves everything as it is.
 */
static int load_first(struct flowd *flowd, const struct hook_iface *iface, enum flow_dir dir,
		      char *error)
{
	_hushed_ hush = hook_hush();
	int prog = maps_tc_program(&flowd->maps, dir, iface->no_link_layer);

	return prog < 0 ? hook_fail(error, iface, prog, "TC program: %s", hook_said(prog)) : 0;
}

/* Attach by `hook`, once nothing else of ours counts that direction. */
static int attach_by(struct flowd *flowd, struct iface *iface, enum flow_dir dir,
		     const struct hook_ops *hook, char *error)
{
	int err = hook == hooks[HOOK_XDP] ? 0 : load_first(flowd, &iface->hook, dir, error);

	if (err)
		return err;
	for (int i = 0; !err && i < HOOK_KINDS; i++) {
		if (hooks[i] != hook && has(i, dir) &&
		    hooks[i]->attached(&flowd->env, &iface->hook, dir))
			err = detach_by(flowd, &iface->hook, dir, hooks[i]);
	}
	if (err) { /* each packet would count twice */
		snprintf(error, HOOK_ERROR_MAX, "%s: %s is counted by another hook of ours: %s",
			 iface->hook.name, dir_names[dir], strerror(-err));
		return err;
	}
	err = hook->attach(&flowd->env, &iface->hook, dir, iface->mode[dir], error);
	if (err)
		return err;
	iface->by[dir] = hook;
	iface->linked[dir] = has_link(flowd, iface, dir);
	return 0;
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
		if (err != -EOPNOTSUPP && err != -EBUSY) {
			memcpy(error, why, sizeof(why));
			return err;
		}
		snprintf(iface->note, sizeof(iface->note), "%.460s: ingress by TC", why);
		log_warning("%s", iface->note);
	}
	return attach_by(flowd, iface, FLOW_INGRESS, tc_hook(flowd->config), error);
}

/* Whatever a call that fails might hide, it is counted by another hook, since which it is by no other. */
static bool is_by_another(const struct flowd *flowd, const struct hook_iface *iface, int dir,
			  const struct hook_ops *hook)
{
	for (size_t i = 0; i < flowd->ifaces; i++) {
		if (flowd->iface[i].hook.ifindex == iface->ifindex)
			return flowd->iface[i].by[dir] && flowd->iface[i].by[dir] != hook;
	}
	return false;
}

/* Remove all hooks of ours from one direction of a device. 0, or -errno where one could not be. */
static int detach_dir(struct flowd *flowd, const struct hook_iface *iface, int dir)
{
	int first = 0;

	for (int h = 0; h < HOOK_KINDS; h++) {
		int err = has(h, dir) ? detach_by(flowd, iface, dir, hooks[h]) : 0;
		size_t len = strlen(flowd->left);

		if (err && is_by_another(flowd, iface, dir, hooks[h]))
			continue;
		first = first ? first : err;
		if (err && flowd->detaching)
			snprintf(flowd->left + len, sizeof(flowd->left) - len, "%s%s of '%s' by %s",
				 len ? ", " : "", dir_names[dir], iface->name, hooks[h]->name);
	}
	return first;
}

int iface_hooks_attach(struct flowd *flowd, struct iface *iface, char ret_why[HOOK_ERROR_MAX])
{
	int err = attach_ingress(flowd, iface, ret_why);

	FAULT_POINT("start-16-ingress");
	if (!err && flowd->config->egress == EGRESS_TC)
		err = attach_by(flowd, iface, FLOW_EGRESS, tc_hook(flowd->config), ret_why);
	for (int dir = 0; !err && flowd->maps.taken_over && dir < 2; dir++) {
		if (!iface->by[dir])
			(void)detach_dir(flowd, &iface->hook, dir);
	}
	return err;
}

int iface_hooks_again(struct flowd *flowd, struct iface *iface, enum flow_dir dir,
		      char ret_why[HOOK_ERROR_MAX])
{
	return attach_by(flowd, iface, dir, iface->by[dir], ret_why);
}

bool iface_hooks_lost(const struct flowd *flowd, const struct iface *iface, enum flow_dir dir)
{
	return iface->linked[dir] && !has_link(flowd, iface, dir);
}

bool iface_hooks_dead(const struct flowd *flowd, const struct iface *iface, enum flow_dir dir)
{
	uint32_t ifindex, prog;
	char pin[HOOK_PIN_MAX];
	int fd;

	if (!iface->linked[dir] || !has_link(flowd, iface, dir))
		return false;
	fd = hook_link_open(&flowd->env, link_of(iface, dir, pin), &ifindex, &prog);
	if (fd >= 0)
		close(fd);
	return fd == -ENOENT;
}

int iface_hooks_leave_xdp(struct flowd *flowd, struct iface *iface, const char *why)
{
	const struct hook_ops *xdp = iface->by[FLOW_INGRESS];
	char error[HOOK_ERROR_MAX] = "", again[HOOK_ERROR_MAX]; /* the first one's cause is it */
	int err;

	iface->by[FLOW_INGRESS] = NULL;
	err = attach_by(flowd, iface, FLOW_INGRESS, tc_hook(flowd->config), error);
	for (int i = 1; err && i < LEAVE_TRIES; i++)
		err = attach_by(flowd, iface, FLOW_INGRESS, tc_hook(flowd->config), again);
	if (err && xdp->attached(&flowd->env, &iface->hook, FLOW_INGRESS)) {
		iface->by[FLOW_INGRESS] =
			xdp; /* virtio_net, by Linux 6.1, gives up no XDP that it would refuse */
		snprintf(iface->note, sizeof(iface->note), "%.200s, and XDP stays: %.250s", why,
			 error);
	} else if (err) {
		snprintf(iface->note, sizeof(iface->note),
			 "%.200s, and nothing counts ingress: %.250s", why, error);
	} else {
		snprintf(iface->note, sizeof(iface->note), "%.460s: ingress by TC", why);
	}
	log_warning("interface '%s': %s", iface->hook.name, iface->note);
	return err;
}

bool iface_hooks_any(struct flowd *flowd, const struct hook_iface *iface)
{
	for (int i = 0; i < HOOK_KINDS * 2; i++) {
		if (has(i / 2, i % 2) && hooks[i / 2]->attached(&flowd->env, iface, i % 2))
			return true;
	}
	return false;
}

int iface_hooks_detach(struct flowd *flowd, const struct hook_iface *iface)
{
	int in = detach_dir(flowd, iface, FLOW_INGRESS);
	int out = detach_dir(flowd, iface, FLOW_EGRESS);

	return in ? in : out;
}

void iface_hooks_name(uint32_t ifindex, struct hook_iface *ret_iface)
{
	*ret_iface = (struct hook_iface){.ifindex = ifindex};
	/* a device that is gone may have left pins */
	if (!if_indextoname(ifindex, ret_iface->name))
		snprintf(ret_iface->name, sizeof(ret_iface->name), "if%u", ifindex);
}

int iface_hooks_detach_pinned(struct flowd *flowd)
{
	DIR *pins = opendir(flowd->pin_dir);
	const struct dirent *entry;
	int first = 0;

	while (pins && (entry = readdir(pins))) {
		struct hook_iface iface;
		uint32_t ifindex;
		int err;

		if (sscanf(entry->d_name, "link-%u-", &ifindex) != 1 &&
		    sscanf(entry->d_name, "xdp-%u", &ifindex) != 1 &&
		    sscanf(entry->d_name, "clsact-%u-", &ifindex) != 1)
			continue;
		iface_hooks_name(ifindex, &iface);
		err = iface_hooks_detach(flowd, &iface);
		first = first ? first : err;
	}
	if (pins)
		closedir(pins);
	return first;
}

bool iface_hooks_drop_links(struct flowd *flowd)
{
	DIR *pins = opendir(flowd->pin_dir);
	const struct dirent *entry;
	char prog[HOOK_PIN_MAX];
	bool all = pins != NULL;
	uint32_t ifindex;

	while (pins && (entry = readdir(pins))) {
		if (sscanf(entry->d_name, "link-%u-", &ifindex) != 1)
			continue;
		hook_unpin(&flowd->env, entry->d_name);
		snprintf(prog, sizeof(prog), "xdp-%u", ifindex);
		if (strstr(entry->d_name, "-xdp"))
			hook_unpin(&flowd->env, prog);
	}
	if (pins)
		rewinddir(pins);
	while (pins && (entry = readdir(pins)))
		all &= strncmp(entry->d_name, "xdp-", 4) && strncmp(entry->d_name, "clsact-", 7);
	if (pins)
		closedir(pins);
	return all;
}
