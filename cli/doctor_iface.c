/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * doctor_iface.c: checks of one interface: how its packets can be counted, and what of its settings is in
 * the way.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <glob.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <net/if.h>
#include <linux/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "schema/flow.h"

/* Drivers with native XDP in Linux 6.1, for kernels that do not tell (before 6.3). */
static const struct {
	const char *name;
	bool frags;
} drivers[] = {
	{"veth", true},	      {"virtio_net", false}, {"igb", false},	       {"igc", false},
	{"ixgbe", false},     {"ixgbevf", false},    {"i40e", false},	       {"ice", false},
	{"mlx4_en", false},   {"mlx5_core", true},   {"bnxt_en", false},       {"ena", false},
	{"hv_netvsc", false}, {"tun", false},	     {"mvneta", true},	       {"mvpp2", false},
	{"sfc", false},	      {"nfp", false},	     {"qede", false},	       {"stmmaceth", false},
	{"vif", false},	      {"bonding", false},    {"fsl_dpaa2_eth", false},
};

/* Whatever program it is: the sender may not leave segmentation to the device, and each packet is copied. */
static const char veth_price[] =
	"; local TCP through it is three times as slow with any XDP program: --ingress tc is not";

enum answer { NO, YES, MAYBE };

/* Can the driver run XDP on its own, and frames of several buffers? */
static enum answer has_native(const struct doctor_nic *nic, enum answer *ret_frags)
{
	if (nic->has_features) {
		*ret_frags = nic->features & DOCTOR_XDP_RX_SG ? YES : NO;
		return nic->features & DOCTOR_XDP_BASIC ? YES : NO;
	}
	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
		if (!strcmp(drivers[i].name, nic->driver)) {
			*ret_frags = drivers[i].frags ? YES : NO;
			return YES;
		}
	}
	*ret_frags = MAYBE;
	return MAYBE;
}

static bool has_link_layer(const struct doctor_nic *nic)
{
	return nic->type == ARPHRD_ETHER || nic->type == ARPHRD_LOOPBACK;
}

static bool is_ip(const struct doctor_nic *nic)
{
	static const int types[] = {ARPHRD_NONE,    ARPHRD_PPP, ARPHRD_RAWIP, ARPHRD_TUNNEL,
				    ARPHRD_TUNNEL6, ARPHRD_SIT, ARPHRD_IPGRE, ARPHRD_IP6GRE};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (types[i] == nic->type)
			return true;
	}
	return false;
}

static void look_link(const struct doctor *doctor, struct doctor_finding *finding)
{
	const struct doctor_nic *nic = &doctor->nic;
	const char *driver = nic->driver[0] ? nic->driver : "unknown";

	if (!has_link_layer(nic) && !is_ip(nic)) {
		doctor_found(
			finding, DOCTOR_MISSING,
			"link type %d is neither Ethernet nor plain IP: flowd does not count on it",
			nic->type);
	} else if (!nic->up) {
		doctor_found(finding, DOCTOR_DEGRADED, "driver %s; it is down: no packets", driver);
		doctor_mend(finding, "ip link set dev %s up", nic->word);
	} else {
		doctor_found(finding, DOCTOR_OK, "driver %s, MTU %u, up%s", driver, nic->mtu,
			     has_link_layer(nic) ? "" : ", without a link layer");
	}
}

static void tell_try(const struct doctor_nic *nic, struct doctor_finding *finding)
{
	if (!nic->tried) {
		doctor_found(finding, DOCTOR_OK, "driver %s: native mode, tried", nic->driver);
	} else if (nic->tried == -EBUSY || nic->tried == -EEXIST) {
		doctor_found(finding, DOCTOR_UNKNOWN,
			     "not tried: a program is on it, see 'neighbours'");
	} else {
		doctor_found(
			finding, DOCTOR_DEGRADED,
			"native mode, tried: %s%s%s: flowd counts ingress by TC, which costs more",
			strerror(-nic->tried), nic->said[0] ? ": " : "", nic->said);
		doctor_mend(finding, "flowd -i %s --ingress tc", nic->word);
	}
}

static void look_native(const struct doctor *doctor, struct doctor_finding *finding)
{
	const struct doctor_nic *nic = &doctor->nic;
	enum answer frags;

	if (nic->tried != -ENODATA) {
		tell_try(nic, finding);
		return;
	}
	if (!has_link_layer(nic)) {
		doctor_found(finding, DOCTOR_OK, "no link layer: flowd counts ingress by TC");
		return;
	}
	switch (has_native(nic, &frags)) {
	case YES:
		doctor_found(finding, DOCTOR_OK, "driver %s runs XDP in native mode%s%s%s",
			     nic->driver, frags == YES ? ", frames of several buffers too" : "",
			     nic->has_features ? "" : " (by its name: this kernel does not tell)",
			     strcmp(nic->driver, "veth") ? "" : veth_price);
		return;
	case NO:
		doctor_found(finding, DOCTOR_DEGRADED,
			     "driver %s has no native XDP: flowd counts ingress by TC, which costs "
			     "more and sees as much",
			     nic->driver);
		doctor_mend(finding, "flowd -i %s --ingress tc", nic->word);
		return;
	default:
		doctor_found(
			finding, DOCTOR_UNKNOWN,
			"driver %s: this kernel does not tell (Linux 6.3); flowd tries and takes "
			"TC where that fails",
			nic->driver[0] ? nic->driver : "unknown");
		doctor_mend(finding, "flowctl doctor -i %s --try", nic->word);
	}
}

static void look_mtu(const struct doctor *doctor, struct doctor_finding *finding)
{
	const struct doctor_nic *nic = &doctor->nic;
	uint32_t most = (uint32_t)(sysconf(_SC_PAGESIZE) - FLOW_XDP_OVERHEAD);
	enum answer frags, native = has_native(nic, &frags);

	if (native == NO || !has_link_layer(nic)) {
		doctor_found(finding, DOCTOR_OK, "MTU %u: TC takes any", nic->mtu);
	} else if (nic->mtu <= most || frags == YES) {
		doctor_found(finding, DOCTOR_OK, "MTU %u: XDP takes it", nic->mtu);
	} else {
		doctor_found(finding, native == YES ? DOCTOR_DEGRADED : DOCTOR_UNKNOWN,
			     "MTU %u is more than a buffer of driver %s has room for (%u): flowd "
			     "counts ingress by TC",
			     nic->mtu, nic->driver, most);
		doctor_mend(finding, "ip link set dev %s mtu %u", nic->word, most);
	}
}

/* What of the NIC's own work hides packets or tags from XDP. */
static void look_offloads(const struct doctor *doctor, struct doctor_finding *finding)
{
	const struct doctor_nic *nic = &doctor->nic;
	enum answer frags;

	if (nic->lro == SWITCH_ON || nic->lro == SWITCH_FIXED_ON) {
		doctor_found(finding, DOCTOR_DEGRADED,
			     "LRO is on: packets come merged, their number is guessed, and many "
			     "drivers refuse XDP with it");
		doctor_mend(finding, "ethtool -K %s lro off", nic->word);
	} else if ((nic->gro_hw == SWITCH_ON || nic->gro_hw == SWITCH_FIXED_ON) &&
		   has_native(nic, &frags) != NO) {
		doctor_found(
			finding, DOCTOR_DEGRADED,
			"hardware GRO is on%s: many drivers refuse XDP with it, and flowd counts "
			"ingress by TC then",
			nic->gro_hw == SWITCH_ON ? "" : " for good");
		doctor_mend(finding,
			    nic->gro_hw == SWITCH_ON ? "ethtool -K %s rx-gro-hw off"
						     : "flowd -i %s --ingress tc",
			    nic->word);
	} else {
		doctor_found(finding, DOCTOR_OK,
			     "GRO %s, GSO %s: segments are counted one by one as on the wire",
			     nic->gro >= SWITCH_ON ? "on" : "off",
			     nic->gso >= SWITCH_ON ? "on" : "off");
	}
}

static void look_rxvlan(const struct doctor *doctor, struct doctor_finding *finding)
{
	const struct doctor_nic *nic = &doctor->nic;
	enum answer frags;

	if (nic->rxvlan < SWITCH_ON) {
		doctor_found(finding, DOCTOR_OK, "XDP sees VLAN tags");
	} else if (has_native(nic, &frags) == NO || !has_link_layer(nic)) {
		doctor_found(finding, DOCTOR_OK,
			     "rx-vlan-offload is on: TC gets the tag all the same");
	} else {
		doctor_found(
			finding, DOCTOR_DEGRADED,
			"rx-vlan-offload is on%s: the NIC takes VLAN tags off before XDP, so an "
			"untagged frame is not told from a tagged one",
			nic->rxvlan == SWITCH_FIXED_ON ? " for good" : "");
		doctor_mend(finding,
			    nic->rxvlan == SWITCH_FIXED_ON ? "flowd -i %s --ingress tc"
							   : "ethtool -K %s rxvlan off",
			    nic->word);
	}
}

/* Are the instance's maps those of another network namespace, where the same index is another device? */
static bool is_elsewhere(const char *instance)
{
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), fd;
	struct flow_control control = {.netns_cookie = 0};
	uint64_t cookie = 0;
	socklen_t size = sizeof(cookie);
	uint32_t zero = 0;
	char path[192];

	if (sock >= 0 && getsockopt(sock, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size))
		cookie = 0;
	if (sock >= 0)
		close(sock);
	snprintf(path, sizeof(path), "%s/control", instance);
	fd = bpf_obj_get(path);
	if (fd >= 0 && bpf_map_lookup_elem(fd, &zero, &control))
		control.netns_cookie = 0;
	if (fd >= 0)
		close(fd);
	return cookie && control.netns_cookie && cookie != control.netns_cookie;
}

static void add_instance(const char *pin, char *names, size_t size)
{
	char folder[160], name[80];
	size_t len = strlen(names);

	snprintf(folder, sizeof(folder), "%s", pin);
	*strrchr(folder, '/') = 0;
	snprintf(name, sizeof(name), "'%s'", strrchr(folder, '/') + 1);
	if (!strstr(names, name) && len + strlen(name) + 3 < size && !is_elsewhere(folder))
		snprintf(names + len, size - len, "%s%s", len ? ", " : "", name);
}

/* The instances that have pins for the interface, with commas. */
static void find_instances(const struct doctor *doctor, char *names, size_t size)
{
	static const char *const kinds[][2] = {{"xdp", ""}, {"link", "-*"}, {"clsact", "-*"}};

	names[0] = 0;
	for (size_t k = 0; doctor->bpffs[0] && k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		char pattern[96];
		glob_t found = {0};

		snprintf(pattern, sizeof(pattern), "%s/wireledger/*/%s-%u%s", doctor->bpffs,
			 kinds[k][0], doctor->nic.ifindex, kinds[k][1]);
		glob(pattern, 0, NULL, &found);
		for (size_t i = 0; i < found.gl_pathc; i++)
			add_instance(found.gl_pathv[i], names, size);
		globfree(&found);
	}
}

static bool program_name(uint32_t id, char name[BPF_OBJ_NAME_LEN])
{
	struct bpf_prog_info info = {0};
	uint32_t size = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(id);
	bool known = fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &size);

	if (fd >= 0)
		close(fd);
	if (known)
		memcpy(name, info.name, BPF_OBJ_NAME_LEN);
	return known;
}

/* Who else is there: another instance of flowd, somebody's XDP program. */
static void look_neighbours(const struct doctor *doctor, struct doctor_finding *finding)
{
	const struct doctor_nic *nic = &doctor->nic;
	char names[256], program[BPF_OBJ_NAME_LEN] = "?";

	find_instances(doctor, names, sizeof(names));
	if (!nic->xdp_id) {
		doctor_found(finding, DOCTOR_OK, "no XDP program is on it%s%s",
			     names[0] ? "; counted on by TC by instance " : "", names);
	} else if (!program_name(nic->xdp_id, program)) {
		doctor_found(finding, DOCTOR_UNKNOWN,
			     "XDP program %u is on it; whose is for root to "
			     "see",
			     nic->xdp_id);
		doctor_mend(finding, "sudo flowctl doctor -i %s", nic->word);
	} else if (!strcmp(program, "flow_xdp") && names[0]) {
		doctor_found(finding, DOCTOR_OK, "counted on by instance %s", names);
	} else if (!strcmp(program, "xdp_dispatcher")) {
		doctor_found(
			finding, DOCTOR_OK,
			"libxdp's dispatcher is on it (program %u)%s%s: flowd's XDP program runs "
			"beside others",
			nic->xdp_id, names[0] ? ", counted on by instance " : "", names);
	} else {
		doctor_found(
			finding, DOCTOR_DEGRADED,
			"XDP program '%s' (id %u) is on it in %s mode, and not flowd's: it stays, "
			"and TC counts what it lets through",
			program, nic->xdp_id, nic->xdp_native ? "native" : "generic");
		doctor_mend(finding, "flowd -i %s --ingress tc", nic->word);
	}
}

const struct doctor_check doctor_iface_checks[] = {
	{"link", look_link},
	{"native", look_native},
	{"mtu", look_mtu},
	{"offloads", look_offloads},
	{"rxvlan", look_rxvlan},
	{"neighbours", look_neighbours},
	{NULL, NULL},
};
