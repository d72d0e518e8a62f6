/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* orphan.c: pins whose network namespace is gone. */
#include "flowd/orphan.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "flowd/maps.h"

/* The index of the link's device; 0: it is gone (kernel/bpf/tcx.c, tcx_link_fill_info). */
static uint32_t link_ifindex(const char *path)
{
	struct bpf_link_info info = {0};
	uint32_t size = sizeof(info), ifindex = UINT32_MAX;
	int fd = bpf_obj_get(path);

	if (fd < 0)
		return ifindex;
	/* the union begins with the index for TCX as for XDP links */
	if (!bpf_obj_get_info_by_fd(fd, &info, &size))
		ifindex = info.xdp.ifindex;
	close(fd);
	return ifindex;
}

static bool links_dead(const char *pin_dir, bool guess)
{
	DIR *dir = opendir(pin_dir);
	unsigned int links = 0, alive = 0;
	const struct dirent *entry;
	char path[512];

	while (dir && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, "link-", 5) != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", pin_dir, entry->d_name);
		links++;
		alive += link_ifindex(path) != 0;
	}
	if (dir)
		closedir(dir);
	return links ? !alive : guess;
}

bool orphan_pinned(const char *pin_dir, uint64_t netns_cookie, bool guess)
{
	struct flow_control control;

	return !maps_pinned_control(pin_dir, &control) && control.netns_cookie != netns_cookie &&
	       links_dead(pin_dir, guess);
}
