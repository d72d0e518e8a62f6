/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* iface_follow.c: see iface_follow.h. */
#include "flowd/iface_follow.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "flowd/iface.h"
#include "flowd/iface_hooks.h"
#include "flowd/iface_want.h"
#include "flowd/log.h"
#include "flowd/offload.h"
#include "flowd/samples.h"

static const char *const dir_names[2] = {"ingress", "egress"};

static struct iface *find_index(struct flowd *flowd, uint32_t ifindex)
{
	for (size_t i = 0; i < flowd->ifaces; i++) {
		if (!flowd->iface[i].gone && flowd->iface[i].hook.ifindex == ifindex)
			return &flowd->iface[i];
	}
	return NULL;
}

static struct iface *find_name(struct flowd *flowd, const char *name)
{
	for (size_t i = 0; i < flowd->ifaces; i++) {
		if (!strcmp(flowd->iface[i].hook.name, name))
			return &flowd->iface[i];
	}
	return NULL;
}

/* --- the list ---------------------------------------------------------------------------------- */

/* The place of one that is gone, or a new one; NULL: there is none. */
static struct iface *make_place(struct flowd *flowd, const char *name)
{
	struct iface *iface = find_name(flowd, name);

	if (!iface && flowd->ifaces < FLOW_IFACES)
		iface = &flowd->iface[flowd->ifaces++];
	return iface;
}

/* It has no hooks and no number any more. */
static void end_place(struct flowd *flowd, struct iface *iface, const char *why)
{
	size_t at = (size_t)(iface - flowd->iface);

	if (!iface->by_name) {
		flowd->ifaces--;
		memmove(iface, iface + 1, (flowd->ifaces - at) * sizeof(*iface));
		return;
	}
	iface->gone = true;
	iface->by[0] = iface->by[1] = NULL;
	iface->hook.ifindex = 0;
	iface->hook.ifnum = 0;
	iface->vlan_note[0] = '\0';
	snprintf(iface->note, sizeof(iface->note), "%s", why);
}

/* --- to and fro -------------------------------------------------------------------------------- */

static void let_go(struct flowd *flowd, struct iface *iface, const char *why)
{
	if (iface->by_name)
		log_warning("interface '%s': %s", iface->hook.name, why);
	else
		log_info("interface '%s': %s", iface->hook.name, why);
	iface_hooks_detach(flowd, &iface->hook);
	samples_drop_iface(flowd->samples, iface->hook.ifnum);
	iface_number_leave(flowd, iface->hook.ifnum);
	end_place(flowd, iface, why);
}

/* Said once until there are numbers again. */
static void run_short(struct flowd *flowd, struct iface *iface)
{
	char why[64];

	snprintf(why, sizeof(why), "the maps hold %d interfaces, no more, for now",
		 FLOW_IFACES - 1);
	if (!flowd->iface_short)
		log_warning("interface '%s': %s", iface->hook.name, why);
	flowd->iface_short = true;
	end_place(flowd, iface, why);
}

static void start_samples(struct flowd *flowd, struct iface *iface)
{
	char error[SAMPLE_ERROR_MAX] = "";
	int err = samples_add_iface(flowd->samples, &iface->hook, error);

	iface->unsampled = err == -EAGAIN;
	if (err && err != -EAGAIN)
		log_warning("interface '%s': not sampled: %s", iface->hook.name,
			    error[0] ? error : strerror(-err));
}

static void take(struct flowd *flowd, const struct iface_news *news, enum iface_wish wish)
{
	struct iface *iface = find_name(flowd, news->name);
	char why[HOOK_ERROR_MAX] = "";
	int err;

	if (iface && !iface->gone)
		let_go(flowd, iface, "the interface is gone");
	iface = make_place(flowd, news->name);
	if (!iface)
		return;
	*iface = (struct iface){.by_name = wish == IFACE_BY_NAME, .mtu = news->mtu};
	memcpy(iface->hook.name, news->name, sizeof(iface->hook.name));
	iface->hook.ifindex = news->ifindex;
	iface->hook.no_link_layer = iface_type_is_ip(news->type);
	if (iface_number_take(flowd, iface)) {
		run_short(flowd, iface);
		return;
	}
	err = iface_hooks_attach(flowd, iface, why);
	if (!err) {
		iface_say_attached(flowd, iface);
		start_samples(flowd, iface);
		return;
	}
	/* one that is gone again is no failure */
	if (err != -ENODEV && err != -ENXIO)
		log_warning("interface '%s': not counted: %s", iface->hook.name,
			    why[0] ? why : strerror(-err));
	iface_hooks_detach(flowd, &iface->hook);
	iface_number_undo(flowd, iface->hook.ifnum);
	end_place(flowd, iface, why[0] ? why : strerror(-err));
}

/* The hooks stay; what they count from now on is another row's. */
static void rename_to(struct flowd *flowd, struct iface *iface, const struct iface_news *news,
		      enum iface_wish wish)
{
	struct iface moved = *iface, *place = find_name(flowd, news->name);
	char why[64];

	if (place && !place->gone)
		let_go(flowd, place, "the interface is gone");
	iface = find_index(flowd, news->ifindex);
	snprintf(why, sizeof(why), "is now '%s'", news->name);
	log_info("interface '%s': %s, and counted on under that name", moved.hook.name, why);
	samples_drop_iface(flowd->samples, moved.hook.ifnum);
	iface_number_leave(flowd, moved.hook.ifnum);
	end_place(flowd, iface, why);
	place = make_place(flowd, news->name);
	if (!place)
		return;
	*place = moved;
	place->by_name = wish == IFACE_BY_NAME;
	memcpy(place->hook.name, news->name, sizeof(place->hook.name));
	if (iface_number_take(flowd, place)) {
		iface_hooks_detach(flowd, &place->hook);
		run_short(flowd, place);
		return;
	}
	start_samples(flowd, place);
}

/* --- what the kernel says ---------------------------------------------------------------------- */

static void look_after_one(struct flowd *flowd, struct iface *iface);

static void changed(struct flowd *flowd, struct iface *iface, const struct iface_news *news)
{
	const struct hook_ops *hook = iface->by[FLOW_INGRESS];
	bool grows = iface->mtu && news->mtu > iface->mtu;
	char why[128];
	int err;

	if (news->mtu)
		iface->mtu = news->mtu;
	look_after_one(flowd, iface);
	if (!grows || iface->by[FLOW_INGRESS] != hook || !hook || !hook->carries)
		return;
	err = hook->carries(&flowd->env, &iface->hook, news->mtu);
	if (!err)
		return;
	snprintf(why, sizeof(why), "XDP does not carry MTU %u here (%s)", news->mtu,
		 strerror(-err));
	iface_hooks_leave_xdp(flowd, iface, why);
	iface_number_note(flowd, iface);
}

void iface_follow_news(struct flowd *flowd, const struct iface_news *news, uint32_t round)
{
	struct iface *iface = find_index(flowd, news->ifindex);
	enum iface_wish wish = iface_wanted(flowd->config, news->name);
	char why[64];

	/* of the one that we know nobody said that it went */
	if (iface && flowd->links_missed &&
	    (iface_hooks_dead(flowd, iface, FLOW_INGRESS) ||
	     iface_hooks_dead(flowd, iface, FLOW_EGRESS))) {
		let_go(flowd, iface, "the interface is gone");
		iface = NULL;
	}
	if (!iface && wish && iface_type_counts(news->type)) {
		take(flowd, news, wish);
	} else if (iface && !strcmp(iface->hook.name, news->name)) {
		changed(flowd, iface, news);
	} else if (iface && wish) {
		rename_to(flowd, iface, news, wish);
	} else if (iface) {
		snprintf(why, sizeof(why), "is now '%s', which is not asked for", news->name);
		let_go(flowd, iface, why);
	}
	iface = find_index(flowd, news->ifindex);
	if (iface)
		iface->round = round;
}

void iface_follow_gone(struct flowd *flowd, uint32_t ifindex)
{
	struct iface *iface = find_index(flowd, ifindex);

	if (iface)
		let_go(flowd, iface, "the interface is gone");
}

void iface_follow_round(struct flowd *flowd, uint32_t round)
{
	for (size_t i = flowd->ifaces; i-- > 0;) {
		if (!flowd->iface[i].gone && flowd->iface[i].round != round)
			let_go(flowd, &flowd->iface[i], "the interface is gone");
	}
}

/* --- from time to time ------------------------------------------------------------------------- */

/* A device that goes loses its hooks first, and is heard of as one that is down before it is heard of as gone. */
static bool is_there(const struct iface *iface)
{
	char name[IF_NAMESIZE];

	return if_indextoname(iface->hook.ifindex, name) || errno != ENXIO;
}

/* Its link went with the pin that somebody removed, and with it the hook. */
static int attach_again(struct flowd *flowd, struct iface *iface, int dir)
{
	char why[HOOK_ERROR_MAX] = "", mode[HOOK_NAME_MAX];
	int err;

	memcpy(mode, iface->mode[dir], sizeof(mode));
	err = iface_hooks_again(flowd, iface, (enum flow_dir)dir, why);
	if (err)
		return err;
	snprintf(
		iface->note, sizeof(iface->note),
		"%s was not counted for a while: somebody removed the pin of the %s link, and the link with "
		"it: attached again",
		dir_names[dir], mode);
	log_warning("interface '%s': %s", iface->hook.name, iface->note);
	iface_number_note(flowd, iface);
	return 0;
}

static void look_after_dir(struct flowd *flowd, struct iface *iface, int dir)
{
	const struct hook_ops *hook = iface->by[dir];

	if (!hook || hook->attached(&flowd->env, &iface->hook, (enum flow_dir)dir) ||
	    !is_there(iface))
		return;
	if (iface_hooks_lost(flowd, iface, (enum flow_dir)dir) && !attach_again(flowd, iface, dir))
		return;
	if (hook == hooks[HOOK_XDP]) {
		iface_hooks_leave_xdp(flowd, iface, "somebody removed the XDP program");
		iface_number_note(flowd, iface);
		return;
	}
	iface->by[dir] = NULL;
	snprintf(
		iface->note, sizeof(iface->note),
		"%s is not counted: somebody removed the %s program (restart flowd to put it back)",
		dir_names[dir], iface->mode[dir]);
	log_warning("interface '%s': %s", iface->hook.name, iface->note);
	iface_number_note(flowd, iface);
}

static void look_after_one(struct flowd *flowd, struct iface *iface)
{
	for (int dir = 0; dir < 2; dir++)
		look_after_dir(flowd, iface, dir);
	offload_look_after(flowd, iface);
	if (iface->unsampled)
		start_samples(flowd, iface);
}

void iface_look_after(struct flowd *flowd)
{
	for (size_t i = 0; i < flowd->ifaces; i++) {
		if (!flowd->iface[i].gone)
			look_after_one(flowd, &flowd->iface[i]);
	}
}
