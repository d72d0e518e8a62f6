// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * wlsend.c: sends what is in a capture, for the live suites.
 *
 *   wlsend IFACE FILE        the frames of an Ethernet capture out of an interface (AF_PACKET)
 *   wlsend --tun NAME FILE   IP packets as if received by tun device NAME, which is made where there is
 *                            none: those of a raw capture, or those of an Ethernet capture whose
 *                            frames have them right behind the MAC header
 *
 * A tun device is held open until a line or the end of standard input comes, since it has no carrier
 * without a process. Skipped: frames that the capture has in part only, and what the kernel takes
 * for too long (the MTU), too short, or not IP. Prints one JSON object when all is sent.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include <pcap/pcap.h>

#include "open_packet.h"

struct tally {
	uint64_t packets, bytes;
	uint64_t skipped, skipped_bytes;
};

void die(const char *what, const char *object)
{
	fprintf(stderr, "wlsend: %s '%s': %s\n", what, object, strerror(errno));
	exit(1);
}

static int open_tun(const char *name)
{
	struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		die("device", "/dev/net/tun");
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (ioctl(fd, TUNSETIFF, &request))
		die("tun device", name);
	return fd;
}

static pcap_t *open_capture(const char *path, bool tun)
{
	char error[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_open_offline(path, error);
	int link = pcap ? pcap_datalink(pcap) : 0;

	if (!pcap) {
		fprintf(stderr, "wlsend: %s\n", error);
		exit(1);
	}
	if (link != DLT_EN10MB && !(tun && link == DLT_RAW)) {
		fprintf(stderr, "wlsend: %s: cannot send link type %d\n", path, link);
		exit(1);
	}
	return pcap;
}

/* The IP packet right behind the MAC header; NULL where there is none. */
static const u_char *packet_of(const u_char *frame, size_t *size)
{
	const struct ether_header *ether = (const void *)frame;
	uint16_t type = *size < sizeof(*ether) ? 0 : ntohs(ether->ether_type);

	if (type != ETHERTYPE_IP && type != ETHERTYPE_IPV6)
		return NULL;
	*size -= sizeof(*ether);
	return frame + sizeof(*ether);
}

/* Whether the kernel took it. */
static bool is_sent(int fd, const u_char *data, size_t size)
{
	while (write(fd, data, size) != (ssize_t)size) {
		if (errno == EINVAL || errno == EMSGSIZE)
			return false;
		if (errno != ENOBUFS && errno != EINTR && errno != EAGAIN)
			die("write", "frame");
	}
	return true;
}

static void send_capture(pcap_t *pcap, int fd, bool tun, struct tally *tally)
{
	bool strip = tun && pcap_datalink(pcap) == DLT_EN10MB;
	struct pcap_pkthdr *header;
	const u_char *data;
	int rc;

	while ((rc = pcap_next_ex(pcap, &header, &data)) == 1) {
		size_t size = header->caplen;

		if (strip)
			data = packet_of(data, &size);
		if (data && header->caplen == header->len && is_sent(fd, data, size)) {
			tally->packets++;
			tally->bytes += size;
		} else {
			tally->skipped++;
			tally->skipped_bytes += size;
		}
	}
	if (rc == PCAP_ERROR) {
		fprintf(stderr, "wlsend: %s\n", pcap_geterr(pcap));
		exit(1);
	}
}

static void print_tally(const struct tally *tally)
{
	printf("{\"packets\":%llu,\"bytes\":%llu,\"skipped\":%llu,\"skipped_bytes\":%llu}\n",
	       (unsigned long long)tally->packets, (unsigned long long)tally->bytes,
	       (unsigned long long)tally->skipped, (unsigned long long)tally->skipped_bytes);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	bool tun = argc == 4 && !strcmp(argv[1], "--tun");
	struct tally tally = {};
	pcap_t *pcap;
	int fd;

	if (argc != 3 && !tun) {
		fputs("usage: wlsend IFACE FILE | wlsend --tun NAME FILE\n", stderr);
		return 2;
	}
	pcap = open_capture(argv[argc - 1], tun);
	fd = tun ? open_tun(argv[2]) : open_packet(argv[1]);
	send_capture(pcap, fd, tun, &tally);
	print_tally(&tally);
	if (tun)
		while (getchar() != '\n' && !feof(stdin))
			;
	pcap_close(pcap);
	close(fd);
	return 0;
}
