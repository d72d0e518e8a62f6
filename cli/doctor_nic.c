/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* doctor_nic.c: see doctor_nic.h. Features are found by their names in the kernel's own list. */
#include "cli/doctor_nic.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/doctor.h"

#define FEATURES_MAX 1024

static int ask(int sock, const char *name, unsigned long what, struct ifreq *request)
{
	memset(request->ifr_name, 0, sizeof(request->ifr_name));
	memcpy(request->ifr_name, name, strnlen(name, IFNAMSIZ - 1));
	return ioctl(sock, what, request) ? -errno : 0;
}

static int ask_ethtool(int sock, const char *name, void *command)
{
	struct ifreq request = {.ifr_data = command};

	return ask(sock, name, SIOCETHTOOL, &request);
}

static void read_driver(int sock, struct doctor_nic *nic)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};

	if (!ask_ethtool(sock, nic->name, &info))
		snprintf(nic->driver, sizeof(nic->driver), "%.31s", info.driver);
}

/* The kernel's list of features, and the state of each; both are followed by as many as there are. */
struct feature_list {
	struct ethtool_gstrings *names;
	struct ethtool_gfeatures *states;
};

static enum doctor_switch find_switch(const struct feature_list *list, const char *name)
{
	for (uint32_t i = 0; i < list->names->len; i++) {
		const struct ethtool_get_features_block *block = &list->states->features[i / 32];
		const char *at = (const char *)list->names->data + (size_t)i * ETH_GSTRING_LEN;
		uint32_t bit = 1U << (i % 32);

		if (strncmp(at, name, ETH_GSTRING_LEN))
			continue;
		if (!(block->active & bit))
			return SWITCH_OFF;
		return block->available & bit && !(block->never_changed & bit) ? SWITCH_ON
									       : SWITCH_FIXED_ON;
	}
	return SWITCH_NONE;
}

static uint32_t feature_count(int sock, const char *name)
{
	_Alignas(8) char memory[sizeof(struct ethtool_sset_info) + sizeof(uint32_t)] = {0};
	struct ethtool_sset_info *set = (void *)memory;

	set->cmd = ETHTOOL_GSSET_INFO;
	set->sset_mask = 1ULL << ETH_SS_FEATURES;
	return ask_ethtool(sock, name, set) || !set->sset_mask ? 0 : set->data[0];
}

static bool read_list(int sock, const char *name, struct feature_list *list)
{
	uint32_t count = feature_count(sock, name), blocks = (count + 31) / 32;

	if (!count || count > FEATURES_MAX)
		return false;
	list->names = calloc(1, sizeof(*list->names) + (size_t)count * ETH_GSTRING_LEN);
	list->states =
		calloc(1, sizeof(*list->states) + blocks * sizeof(list->states->features[0]));
	if (!list->names || !list->states)
		return false;
	list->names->cmd = ETHTOOL_GSTRINGS;
	list->names->string_set = ETH_SS_FEATURES;
	list->names->len = count;
	list->states->cmd = ETHTOOL_GFEATURES;
	list->states->size = blocks;
	return !ask_ethtool(sock, name, list->names) && !ask_ethtool(sock, name, list->states);
}

static void read_features(int sock, struct doctor_nic *nic)
{
	struct feature_list list = {NULL, NULL};

	if (read_list(sock, nic->name, &list)) {
		nic->lro = find_switch(&list, "rx-lro");
		nic->gro_hw = find_switch(&list, "rx-gro-hw");
		nic->gro = find_switch(&list, "rx-gro");
		nic->gso = find_switch(&list, "tx-generic-segmentation");
		nic->rxvlan = find_switch(&list, "rx-vlan-hw-parse");
	}
	free(list.names);
	free(list.states);
}

static void read_xdp(struct doctor_nic *nic)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, seen);

	nic->has_features = !doctor_netdev_features(nic->ifindex, &nic->features);
	if (bpf_xdp_query((int)nic->ifindex, 0, &seen))
		return;
	nic->xdp_native = seen.drv_prog_id || seen.hw_prog_id;
	nic->xdp_id = seen.drv_prog_id ? seen.drv_prog_id : seen.skb_prog_id;
	nic->xdp_id = nic->xdp_id ? nic->xdp_id : seen.hw_prog_id;
	nic->xdp_id = nic->xdp_id ? nic->xdp_id : seen.prog_id;
}

static int read_link(int sock, struct doctor_nic *nic)
{
	struct ifreq request = {0};
	int err = ask(sock, nic->name, SIOCGIFHWADDR, &request);

	if (err)
		return err;
	nic->type = request.ifr_hwaddr.sa_family;
	err = ask(sock, nic->name, SIOCGIFMTU, &request);
	nic->mtu = err ? 0 : (uint32_t)request.ifr_mtu;
	err = err ? err : ask(sock, nic->name, SIOCGIFFLAGS, &request);
	nic->up = !err && request.ifr_flags & IFF_UP;
	return err;
}

int doctor_nic_open(const char *name, struct doctor_nic *ret_nic)
{
	struct doctor_nic nic = {.ifindex = if_nametoindex(name), .tried = -ENODATA};
	int sock, err;

	if (!nic.ifindex)
		return -errno;
	snprintf(nic.name, sizeof(nic.name), "%s", name);
	sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return -errno;
	err = read_link(sock, &nic);
	if (!err) {
		read_driver(sock, &nic);
		read_features(sock, &nic);
		read_xdp(&nic);
		*ret_nic = nic;
	}
	close(sock);
	return err;
}

/* What libbpf passes on of the kernel's own words. */
static char *said;

__attribute__((format(printf, 2, 0))) static int hear(enum libbpf_print_level level,
						      const char *format, va_list args)
{
	static const char mark[] = "Kernel error message: ";
	char text[256];

	(void)level;
	vsnprintf(text, sizeof(text), format, args);
	if (!strstr(text, mark))
		return 0;
	text[strcspn(text, "\n")] = 0;
	snprintf(said, sizeof(((struct doctor_nic *)0)->said), "%.150s",
		 strstr(text, mark) + sizeof(mark) - 1);
	return 0;
}

void doctor_nic_try(struct doctor_nic *nic)
{
	int fd = doctor_load(BPF_PROG_TYPE_XDP, BPF_F_XDP_HAS_FRAGS);
	libbpf_print_fn_t silent;

	if (fd == -EINVAL) /* before Linux 5.18 */
		fd = doctor_load(BPF_PROG_TYPE_XDP, 0);
	nic->tried = fd;
	if (fd < 0)
		return;
	said = nic->said;
	silent = libbpf_set_print(hear);
	nic->tried = bpf_xdp_attach((int)nic->ifindex, fd,
				    XDP_FLAGS_DRV_MODE | XDP_FLAGS_UPDATE_IF_NOEXIST, NULL);
	libbpf_set_print(silent);
	if (!nic->tried) {
		LIBBPF_OPTS(bpf_xdp_attach_opts, ours, .old_prog_fd = fd);

		bpf_xdp_detach((int)nic->ifindex, XDP_FLAGS_DRV_MODE, &ours);
	}
	close(fd);
}
