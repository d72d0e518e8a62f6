/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * doctor.h: what this host can do for flowd: a table of checks, each of which looks at one thing and
 * changes nothing. What a check loads to find out is gone when flowctl ends.
 *
 *   ok        flowd makes use of it
 *   degraded  flowd works without, with less
 *   missing   flowd does not work without
 *   unknown   not to be told by this user, or on this kernel
 */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/doctor_nic.h"

struct args;
struct btf;

#define DOCTOR_WORD(len) (4 * (len) + 8) /* room for that many characters in quotes */

enum doctor_state { DOCTOR_OK, DOCTOR_DEGRADED, DOCTOR_MISSING, DOCTOR_UNKNOWN };

struct doctor_finding {
	enum doctor_state state;
	char detail[768]; /* sentences, without a full stop at the end */
	char mend[1024];  /* the command that mends it; empty: none is needed, or none is known */
};

/* What was tried in a network namespace of its own, which ends with the trial: 0 or -errno each. */
struct doctor_lab {
	int ran; /* the rest counts only where this is 0 */
	int tcx;
	int clsact;
	int xdp_generic;
};

struct doctor {
	const struct args *args;
	char options[192]; /* that flowd needs beside its configuration: " -i eth0 --db FILE" */
	bool privileged;   /* has the capabilities that flowd needs */
	uint64_t caps;	   /* effective ones, by number */
	char bpffs[48];	   /* the path of it; empty: there is none */
	struct btf *btf;   /* the kernel's; NULL: there is none */
	struct doctor_lab lab;
	struct doctor_nic nic; /* of checks of an interface */
};

struct doctor_check {
	const char *name;
	void (*look)(const struct doctor *doctor, struct doctor_finding *finding);
};

/* Each ends with a NULL name. */
extern const struct doctor_check doctor_kernel_checks[]; /* cli/doctor_kernel.c */
extern const struct doctor_check doctor_bpf_checks[];	 /* cli/doctor_bpf.c */
extern const struct doctor_check doctor_host_checks[];	 /* cli/doctor_host.c */
extern const struct doctor_check doctor_iface_checks[];	 /* cli/doctor_iface.c */

/* Write a finding: its state and detail; and the command. */
void doctor_found(struct doctor_finding *finding, enum doctor_state state, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void doctor_mend(struct doctor_finding *finding, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Text as a word for a shell, in quotes where it needs them; empty where it has no room. Returns `buf`. */
const char *doctor_word(const char *text, char *buf, size_t size);

/* Load a program that does nothing, of a BPF_PROG_TYPE_ and flags. A descriptor or -errno. */
int doctor_load(int type, uint32_t flags);

/* Capabilities, the kernel's BTF, the lab. libbpf is silenced. */
void doctor_open(struct doctor *doctor, const struct args *args);
void doctor_close(struct doctor *doctor);

/* Is the module on the disk, for the kernel that runs? */
bool doctor_has_module(const char *module);

/* The first line of a file, without its newline; false: it cannot be read, or is empty. */
bool doctor_line(const char *path, char *buf, int size);
