/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* doctor_kernel.c: checks of the kernel as it was built, started and set. */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "schema/bpffs.h"
#include "schema/flow.h"

#define MB (1024.0 * 1024.0)
#define SLOTS_DEFAULT 65536
#define SLOTS_LEAST 1024
#define RINGS_MB 72.0 /* --ring and --sample-ring */
#define LANDLOCK_VERSION 1U

static void look_kernel(const struct doctor *doctor, struct doctor_finding *finding)
{
	struct utsname names;

	(void)doctor;
	if (uname(&names))
		doctor_found(finding, DOCTOR_UNKNOWN, "%s", strerror(errno));
	else
		doctor_found(finding, DOCTOR_OK,
			     "Linux %s, %s, %d possible CPUs; what follows was tried, not taken "
			     "from the version",
			     names.release, names.machine, libbpf_num_possible_cpus());
}

/* Outside of a container root can have them all. */
static void look_capabilities(const struct doctor *doctor, struct doctor_finding *finding)
{
	static const struct {
		int number;
		const char *name;
		const char *option;
	} need[] = {
		{CAP_BPF, " CAP_BPF", " --cap-add BPF"},
		{CAP_NET_ADMIN, " CAP_NET_ADMIN", " --cap-add NET_ADMIN"},
		{CAP_PERFMON, " CAP_PERFMON", " --cap-add PERFMON"},
	};
	char without[64] = "", options[96] = "";

	for (size_t i = 0; i < sizeof(need) / sizeof(need[0]); i++) {
		if (doctor->caps & 1ULL << need[i].number)
			continue;
		strcat(without, *without ? "," : "");
		strcat(without, need[i].name);
		strcat(options, need[i].option);
	}
	if (!*without) {
		doctor_found(finding, DOCTOR_OK,
			     "CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON are there%s",
			     doctor->caps & 1ULL << CAP_SYS_ADMIN
				     ? ""
				     : "; without CAP_SYS_ADMIN flowd sees no other XDP program in "
				       "libxdp's dispatcher, and does not join them");
		return;
	}
	doctor_found(finding, DOCTOR_MISSING,
		     "this process has no%s: it can neither start flowd nor try all that is "
		     "listed here",
		     without);
	if (geteuid())
		doctor_mend(finding, "sudo flowctl doctor");
	else
		doctor_mend(finding,
			    "docker run --network host -v " BPFFS_PATH ":" BPFFS_PATH "%s ...",
			    options);
}

static bool jitted(void)
{
	struct bpf_prog_info info = {0};
	uint32_t size = sizeof(info);
	int fd = doctor_load(BPF_PROG_TYPE_SCHED_CLS, 0);
	bool found = fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &size) && info.jited_prog_len;

	if (fd >= 0)
		close(fd);
	return found;
}

static void look_jit(const struct doctor *doctor, struct doctor_finding *finding)
{
	char line[16];

	if (doctor->privileged && jitted()) {
		doctor_found(finding, DOCTOR_OK, "BPF programs run as machine code");
	} else if (!doctor_line("/proc/sys/net/core/bpf_jit_enable", line, sizeof(line))) {
		doctor_found(finding, DOCTOR_UNKNOWN,
			     "net.core.bpf_jit_enable is not to be seen here (another network "
			     "namespace than the host's, or a kernel without a BPF JIT)");
	} else if (*line == '0') {
		doctor_found(finding, DOCTOR_DEGRADED,
			     "BPF programs are interpreted, several times slower");
		doctor_mend(finding, "sysctl -w net.core.bpf_jit_enable=1");
	} else {
		doctor_found(finding, DOCTOR_OK, "net.core.bpf_jit_enable is %s", line);
	}
}

static void look_btf(const struct doctor *doctor, struct doctor_finding *finding)
{
	static const char path[] = "/sys/kernel/btf/vmlinux";
	struct stat st;

	if (doctor->btf && !stat(path, &st)) {
		doctor_found(finding, DOCTOR_OK, "the kernel tells its types (%s, %.1f MB)", path,
			     (double)st.st_size / MB);
		return;
	}
	doctor_found(finding, DOCTOR_DEGRADED,
		     "the kernel does not tell its types (no %s): no drops, retransmits and resets "
		     "by the kernel's own word, and no place in libxdp's dispatcher",
		     path);
	if (access("/sys/kernel", F_OK))
		doctor_mend(finding, "mount -t sysfs sysfs /sys");
	else /* a kernel with CONFIG_DEBUG_INFO_BTF, which Debian's is */
		doctor_mend(finding, "apt-get install linux-image-amd64 && reboot");
}

static void look_bpffs(const struct doctor *doctor, struct doctor_finding *finding)
{
	struct statvfs fs;

	if (!doctor->bpffs[0]) {
		doctor_found(
			finding, DOCTOR_MISSING,
			"no bpf file system is mounted at " BPFFS_PATH
			": maps and programs cannot be pinned there, and would end with flowd%s",
			doctor->caps & 1ULL << CAP_SYS_ADMIN
				? " (started as root it mounts one, the service may not)"
				: "");
		doctor_mend(finding, "mount -t bpf -o mode=0700 bpf " BPFFS_PATH);
	} else if (!statvfs(doctor->bpffs, &fs) && fs.f_flag & ST_RDONLY) {
		doctor_found(finding, DOCTOR_MISSING, "%s is read-only: nothing can be pinned",
			     doctor->bpffs);
		doctor_mend(finding, "mount -o remount,rw " BPFFS_PATH);
	} else if (!strcmp(doctor->bpffs, BPFFS_PATH)) {
		doctor_found(finding, DOCTOR_OK,
			     BPFFS_PATH " is mounted: what counts outlives flowd");
	} else {
		doctor_found(finding, DOCTOR_OK,
			     BPFFS_PATH
			     " is hidden in this mount namespace (ip netns exec hides it); flowd "
			     "pins in %s",
			     doctor->bpffs);
	}
}

static double available_mb(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	unsigned long long kb = 0;
	char line[128];

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "MemAvailable: %llu kB", &kb) == 1)
			break;
	}
	if (file)
		fclose(file);
	return (double)kb / 1024;
}

static double maps_mb(int cpus, unsigned int slots)
{
	size_t set = sizeof(struct flow_set) + sizeof(struct flow_mark_set) +
		     sizeof(struct flow_health_set) + sizeof(struct flow_health_mark_set);

	return (double)cpus * slots / FLOW_WAYS * (double)set / MB + RINGS_MB;
}

static void look_memory(const struct doctor *doctor, struct doctor_finding *finding)
{
	int cpus = libbpf_num_possible_cpus();
	double room = available_mb(), take = maps_mb(cpus, SLOTS_DEFAULT);
	unsigned int slots = SLOTS_DEFAULT;

	doctor_found(finding, DOCTOR_OK,
		     "maps of %u flows a CPU take %.0f MB for %d possible CPUs, of %.0f MB that "
		     "are available; RLIMIT_MEMLOCK does not count",
		     slots, take, cpus, room);
	if (take <= room / 2)
		return;
	finding->state = DOCTOR_DEGRADED;
	while (slots > SLOTS_LEAST && maps_mb(cpus, slots) > room / 2)
		slots /= 2;
	doctor_mend(finding, "flowd%s --slots %u%s", doctor->options, slots,
		    maps_mb(cpus, slots) > room / 2 ? " --ring 1M --sample-ring 1M" : "");
}

static void look_landlock(const struct doctor *doctor, struct doctor_finding *finding)
{
	long abi = syscall(444 /* landlock_create_ruleset */, NULL, (size_t)0, LANDLOCK_VERSION);
	char modules[160];

	(void)doctor;
	if (abi > 0) {
		doctor_found(finding, DOCTOR_OK, "Landlock ABI %ld: files can be shut off", abi);
		return;
	}
	doctor_found(finding, DOCTOR_DEGRADED,
		     errno == EOPNOTSUPP ? "Landlock is in the kernel and was not chosen at boot: "
					   "files are shut off by systemd alone"
					 : "no Landlock in this kernel: files are shut off by "
					   "systemd alone");
	if (errno == EOPNOTSUPP &&
	    doctor_line("/sys/kernel/security/lsm", modules, sizeof(modules)))
		doctor_mend(finding,
			    "sed -i 's/^GRUB_CMDLINE_LINUX=\"/&lsm=landlock,%s /' "
			    "/etc/default/grub && update-grub && reboot",
			    modules);
}

static void look_seccomp(const struct doctor *doctor, struct doctor_finding *finding)
{
	char actions[160];

	(void)doctor;
	if (!doctor_line("/proc/sys/kernel/seccomp/actions_avail", actions, sizeof(actions)))
		doctor_found(finding, DOCTOR_DEGRADED,
			     "no seccomp filters in this kernel: system calls cannot be shut off");
	else
		doctor_found(finding, DOCTOR_OK, "system calls can be filtered");
}

static void look_clock(const struct doctor *doctor, struct doctor_finding *finding)
{
	struct timex clock = {0};
	char source[32] = "?";
	int state = adjtimex(&clock);

	(void)doctor;
	doctor_line("/sys/devices/system/clocksource/clocksource0/current_clocksource", source,
		    sizeof(source));
	if (state == TIME_ERROR || clock.status & STA_UNSYNC) {
		doctor_found(finding, DOCTOR_DEGRADED,
			     "nothing sets the clock by the network's (clock source %s): times in "
			     "records drift against other hosts'",
			     source);
		doctor_mend(finding, "timedatectl set-ntp true");
	} else {
		doctor_found(finding, DOCTOR_OK,
			     "the clock is set by the network's, clock source %s", source);
	}
}

/* Root sees addresses where the setting lets it: then places of drops have names. */
static void look_symbols(const struct doctor *doctor, struct doctor_finding *finding)
{
	char line[160];

	if (!(doctor->caps & 1ULL << CAP_SYSLOG)) {
		doctor_found(finding, DOCTOR_UNKNOWN,
			     "the kernel's symbols, for the places of drops, are not shown to this "
			     "process (no CAP_SYSLOG)");
		doctor_mend(finding, "sudo flowctl doctor");
	} else if (!doctor_line("/proc/kallsyms", line, sizeof(line))) {
		doctor_found(finding, DOCTOR_DEGRADED,
			     "no /proc/kallsyms: places of drops are addresses");
	} else if (!strtoull(line, NULL, 16) && !strncmp(line, "0000000000000000 ", 17) &&
		   doctor_line("/proc/sys/kernel/kptr_restrict", line, sizeof(line)) &&
		   *line == '2') {
		doctor_found(finding, DOCTOR_DEGRADED,
			     "the kernel hides its symbols (kernel.kptr_restrict is 2): places of "
			     "drops are addresses");
		doctor_mend(finding, "sysctl -w kernel.kptr_restrict=1");
	} else {
		doctor_found(finding, DOCTOR_OK, "places of drops get the kernel's names");
	}
}

const struct doctor_check doctor_kernel_checks[] = {
	{"kernel", look_kernel},
	{"capabilities", look_capabilities},
	{"jit", look_jit},
	{"btf", look_btf},
	{"bpffs", look_bpffs},
	{"memory", look_memory},
	{"landlock", look_landlock},
	{"seccomp", look_seccomp},
	{"clock", look_clock},
	{"symbols", look_symbols},
	{NULL, NULL},
};
