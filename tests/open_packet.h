/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* open_packet.h: the socket by which wlsend and wltraf send whole frames out of an interface. */
#pragma once

#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>

/* The program's own: a line with errno's text, and the end. */
__attribute__((noreturn)) void die(const char *what, const char *object);

/* Never fails: dies. */
static inline int open_packet(const char *iface)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	to.sll_ifindex = (int)if_nametoindex(iface);
	if (fd < 0 || !to.sll_ifindex || bind(fd, (void *)&to, sizeof(to)))
		die("interface", iface);
	return fd;
}
