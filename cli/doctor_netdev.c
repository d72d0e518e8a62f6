/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * doctor_netdev.c: what XDP can do on a device, by generic netlink: family `netdev`, NETDEV_CMD_DEV_GET
 * (Linux 6.3 and later; Documentation/netlink/specs/netdev.yaml in the kernel). Debian 12's headers do not
 * have it.
 */
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/doctor_nic.h"

#define NETDEV_FAMILY "netdev"
#define NETDEV_DEV_GET 1
#define NETDEV_DEV_IFINDEX 1
#define NETDEV_DEV_XDP_FEATURES 3

#define ANSWER_BYTES 4096

struct request {
	struct nlmsghdr msg;
	struct genlmsghdr genl;
	struct nlattr attr;
	char value[16];
};

/* Ask for one thing by one attribute; the answer's length, or -errno. */
static int ask(int sock, uint16_t family, uint8_t command, uint16_t attr, const void *value,
	       uint16_t size, char answer[ANSWER_BYTES])
{
	struct request request = {
		.msg = {.nlmsg_type = family, .nlmsg_flags = NLM_F_REQUEST},
		.genl = {.cmd = command, .version = 1},
		.attr = {.nla_type = attr, .nla_len = (uint16_t)(NLA_HDRLEN + size)},
	};
	ssize_t len;

	memcpy(request.value, value, size);
	request.msg.nlmsg_len =
		NLMSG_LENGTH(GENL_HDRLEN) + (uint32_t)NLA_ALIGN(request.attr.nla_len);
	if (send(sock, &request, request.msg.nlmsg_len, 0) < 0)
		return -errno;
	len = recv(sock, answer, ANSWER_BYTES, 0);
	return len < 0 ? -errno : (int)len;
}

/* The attribute's payload of at least `size` bytes in an answer, or NULL; *ret_err where it is an error. */
static const void *find(const char *answer, int len, uint16_t attr, uint16_t size, int *ret_err)
{
	const struct nlmsghdr *msg = (const void *)answer;
	const char *at = answer + NLMSG_LENGTH(GENL_HDRLEN), *end;

	*ret_err = -EPROTO;
	if (!NLMSG_OK(msg, (unsigned int)len))
		return NULL;
	if (msg->nlmsg_type == NLMSG_ERROR) {
		*ret_err = ((const struct nlmsgerr *)NLMSG_DATA(msg))->error;
		return NULL;
	}
	for (end = answer + msg->nlmsg_len; at + NLA_HDRLEN <= end;) {
		const struct nlattr *found = (const void *)at;

		if (found->nla_len < NLA_HDRLEN)
			break;
		if ((found->nla_type & NLA_TYPE_MASK) == attr &&
		    found->nla_len >= NLA_HDRLEN + size)
			return at + NLA_HDRLEN;
		at += NLA_ALIGN(found->nla_len);
	}
	return NULL;
}

static int features(int sock, uint32_t ifindex, uint64_t *ret_features)
{
	_Alignas(8) char answer[ANSWER_BYTES];
	const void *found;
	uint16_t family;
	int len, err;

	len = ask(sock, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_NAME, NETDEV_FAMILY,
		  sizeof(NETDEV_FAMILY), answer);
	if (len < 0)
		return len;
	found = find(answer, len, CTRL_ATTR_FAMILY_ID, sizeof(family), &err);
	if (!found)
		return err == -ENOENT ? -EOPNOTSUPP : err;
	memcpy(&family, found, sizeof(family));
	len = ask(sock, family, NETDEV_DEV_GET, NETDEV_DEV_IFINDEX, &ifindex, sizeof(ifindex),
		  answer);
	if (len < 0)
		return len;
	found = find(answer, len, NETDEV_DEV_XDP_FEATURES, sizeof(*ret_features), &err);
	if (!found)
		return err;
	memcpy(ret_features, found, sizeof(*ret_features));
	return 0;
}

int doctor_netdev_features(uint32_t ifindex, uint64_t *ret_features)
{
	struct timeval patience = {.tv_sec = 2};
	int sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC), err;

	if (sock < 0)
		return -errno;
	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	err = features(sock, ifindex, ret_features);
	close(sock);
	return err;
}
