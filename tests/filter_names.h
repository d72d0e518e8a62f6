/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * filter_names.h: what libpcap asks for names, for the one file of a program that compiles filters which
 * were made at random.
 */
#pragma once

#include <dlfcn.h>
#include <netdb.h>
#include <stddef.h>

/* libpcap asks for names; nobody shall be asked for them here. */
int getaddrinfo(const char *restrict node, const char *restrict service,
		const struct addrinfo *restrict hints, struct addrinfo **restrict ret_info)
{
	int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
	struct addrinfo numeric = {.ai_family = PF_UNSPEC};

	*(void **)&next = dlsym(RTLD_NEXT, "getaddrinfo");
	if (hints)
		numeric = *hints;
	numeric.ai_flags |= AI_NUMERICHOST;
	return next ? next(node, service, &numeric, ret_info) : EAI_NONAME;
}
