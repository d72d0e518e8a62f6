/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* iface_hooks.c: see iface_hooks.h. */
#include "flowd/iface_hooks.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "flowd/fault.h"
#include "flowd/log.h"
#include "flowd/offload.h"

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

/* Attach by `hook`, once nothing else of ours counts that direction. */
static int attach_by(struct flowd *flowd, struct iface *iface, enum flow_dir dir,
		     const struct hook_ops *hook, char *error)
{
	int err;

	for (int i = 0; i < HOOK_KINDS; i++) {
		if (hooks[i] != hook && has(i, dir) &&
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
		if (err != -EOPNOTSUPP && err != -EBUSY) {
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

		if (has(h, dir))
			err = hooks[h]->detach(&flowd->env, iface, (enum flow_dir)dir);
		if (err)
			log_warning("interface '%s': %s not detached from %s: %s", iface->name,
				    hooks[h]->name, dir_names[dir], strerror(-err));
	}
}

int iface_hooks_attach(struct flowd *flowd, struct iface *iface, char ret_why[HOOK_ERROR_MAX])
{
	int err = attach_ingress(flowd, iface, ret_why);

	FAULT_POINT("start-16-ingress");
	if (!err && flowd->config->egress == EGRESS_TC)
		err = attach_by(flowd, iface, FLOW_EGRESS, tc_hook(flowd->config), ret_why);
	for (int dir = 0; !err && flowd->maps.taken_over && dir < 2; dir++) {
		if (!iface->by[dir])
			detach_dir(flowd, &iface->hook, dir);
	}
	return err;
}

int iface_hooks_leave_xdp(struct flowd *flowd, struct iface *iface, const char *why)
{
	char error[HOOK_ERROR_MAX] = "";
	int err;

	iface->by[FLOW_INGRESS] = NULL;
	err = attach_by(flowd, iface, FLOW_INGRESS, tc_hook(flowd->config), error);
	if (err)
		snprintf(iface->note, sizeof(iface->note),
			 "%.200s, and nothing counts ingress: %.250s", why, error);
	else
		snprintf(iface->note, sizeof(iface->note), "%.460s: ingress by TC", why);
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

void iface_hooks_detach(struct flowd *flowd, const struct hook_iface *iface)
{
	detach_dir(flowd, iface, FLOW_INGRESS);
	detach_dir(flowd, iface, FLOW_EGRESS);
}
