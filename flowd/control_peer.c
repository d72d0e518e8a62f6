/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* control_peer.c: see control_peer.h. */
#include "flowd/control_peer.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "flowd/config.h"
#include "flowd/control_client.h"

#define GROUPS_MAX 32
#define PEER_GROUPS_MAX 1024 /* more of one user than that are not looked at */

struct control_rights {
	gid_t socket; /* -1: none */
	gid_t change[GROUPS_MAX];
	size_t changes;
};

/* By name, or a number. */
static bool find_group(const char *name, gid_t *ret_gid)
{
	const struct group *group = getgrnam(name);
	char *end;
	unsigned long number;

	if (group) {
		*ret_gid = group->gr_gid;
		return true;
	}
	errno = 0;
	number = strtoul(name, &end, 10);
	*ret_gid = (gid_t)number;
	return !errno && *name >= '0' && *name <= '9' && !*end && number < (gid_t)-1;
}

static int fail_group(const char *key, const char *name, char *error)
{
	snprintf(error, CONTROL_PEER_ERROR_MAX, "%s '%.64s': no such group", key, name);
	return -ENOENT;
}

int control_rights_open(const struct config *config, struct control_rights **ret_rights,
			char ret_error[CONTROL_PEER_ERROR_MAX])
{
	struct control_rights *rights = calloc(1, sizeof(*rights));
	char list[sizeof(config->control_groups)], *at = list, *name;
	int err = 0;

	if (!rights) {
		snprintf(ret_error, CONTROL_PEER_ERROR_MAX, "no memory");
		return -ENOMEM;
	}
	rights->socket = (gid_t)-1;
	if (config->socket_group[0] && !find_group(config->socket_group, &rights->socket))
		err = fail_group("socket.group", config->socket_group, ret_error);
	snprintf(list, sizeof(list), "%s", config->control_groups);
	while (!err && (name = strsep(&at, ", "))) {
		if (!*name)
			continue;
		if (rights->changes == GROUPS_MAX ||
		    !find_group(name, &rights->change[rights->changes]))
			err = fail_group("control.groups", name, ret_error);
		else
			rights->changes++;
	}
	if (err)
		free(rights);
	else
		*ret_rights = rights;
	return err;
}

void control_rights_free(struct control_rights *rights)
{
	free(rights);
}

gid_t control_rights_group(const struct control_rights *rights)
{
	return rights->socket;
}

static void judge_group(const struct control_rights *rights, gid_t gid, struct control_peer *peer)
{
	if (rights->socket != (gid_t)-1 && gid == rights->socket)
		peer->reads = true;
	for (size_t i = 0; i < rights->changes; i++) {
		if (gid == rights->change[i])
			peer->reads = peer->changes = true;
	}
}

void control_peer_of(const struct control_rights *rights, int fd, struct control_peer *ret_peer)
{
	struct control_peer peer = {.uid = (uid_t)-1};
	gid_t groups[PEER_GROUPS_MAX];
	socklen_t size;
	struct ucred who;

	size = sizeof(who);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) || size != sizeof(who)) {
		*ret_peer = peer;
		return;
	}
	peer.uid = who.uid;
	peer.reads = peer.changes = who.uid == 0 || who.uid == geteuid();
	judge_group(rights, who.gid, &peer);
	size = sizeof(groups);
	if (!getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size)) {
		for (size_t i = 0; i < size / sizeof(groups[0]); i++)
			judge_group(rights, groups[i], &peer);
	}
	*ret_peer = peer;
}
