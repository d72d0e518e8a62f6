/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* xdp_hand.c: see xdp_hand.h. */
#include "xdp/xdp_hand.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <unistd.h>

#include "flowd/confine.h"
#include "flowd/hook_own.h"
#include "flowd/log.h"

#define DETACH_TRIES 30 /* of a second each */

/* To the child that keeps CAP_SYS_ADMIN, to be answered by what its work returned. */
static int hand = -1;

static bool lost; /* there was one, which ended */

struct wish {
	uint32_t ifindex;
	uint32_t what;	 /* enum xdp_hand_wish */
	uint32_t number; /* for its answer to be known by */
};

struct result {
	uint32_t number;
	int32_t err;
};

static uint32_t asked, answered; /* the last of each; the child does one after the other */

/*
 * All that the child keeps open: the socket as 0, PIN_DIR as 1, nothing as 2, libxdp's bpffs. The
 * parent's locks are to end with the parent.
 */
static int close_the_rest(const char *pin_dir, int bpffs)
{
	int pins = open(pin_dir, O_PATH | O_DIRECTORY), null = open("/dev/null", O_WRONLY);

	if (bpffs < 0 || dup2(hand, 0) < 0 || dup2(pins, 1) < 0 || dup2(null, 2) < 0)
		return -EBADF;
	if (bpffs > 3 && syscall(SYS_close_range, 3, bpffs - 1, 0))
		return -errno;
	return syscall(SYS_close_range, bpffs + 1, ~0U, 0) ? -errno : 0;
}

/* What it takes to look into a dispatcher, and no more. */
static int confine_self(const struct hook_env *env)
{
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_SYS_ADMIN,
			  CAP_NET_ADMIN, CAP_BPF, CAP_PERFMON, -1) ||
	    capng_apply(CAPNG_SELECT_CAPS))
		return -EPERM;
	return env->confine == CONFINE_NO ? 0 : confine_calls(env->confine == CONFINE_LOG);
}

/* The child's life: it ends with the parent, however that ends, and by no signal of a terminal. */
__attribute__((noreturn)) static void serve(const struct hook_env *env, int bpffs,
					    xdp_hand_work *work)
{
	struct hook_env own = {.pin_dir = "/proc/self/fd/1", .slots_id = env->slots_id};
	struct hook_iface iface = {.name = ""};
	struct result result;
	struct wish wish;

	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	prctl(PR_SET_NAME, "flowd-xdp");
	if (close_the_rest(env->pin_dir, bpffs) || confine_self(env))
		_exit(1);
	while (recv(0, &wish, sizeof(wish), 0) == sizeof(wish)) {
		iface.ifindex = wish.ifindex;
		result.number = wish.number;
		result.err = work(&own, &iface, (enum xdp_hand_wish)wish.what);
		if (send(0, &result, sizeof(result), MSG_NOSIGNAL) != sizeof(result))
			break;
	}
	_exit(0);
}

bool xdp_hand_is_kept(void)
{
	return hand >= 0 || lost;
}

int xdp_hand_keep(const struct hook_env *env, const struct hook_iface *iface, int bpffs,
		  xdp_hand_work *work, char error[HOOK_ERROR_MAX])
{
	const struct timeval patience = {.tv_sec = 1};
	int pair[2] = {-1, -1};
	pid_t child = -1;

	if (hand >= 0)
		return 0;
	if (!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		child = fork();
	if (child < 0) {
		int err = -errno;

		hook_close(&pair[0]);
		hook_close(&pair[1]);
		return hook_fail(error, iface, err,
				 "no process that could detach from the "
				 "dispatcher: %s",
				 strerror(-err));
	}
	hand = pair[child == 0];
	if (child)
		(void)setsockopt(hand, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (child == 0)
		serve(env, bpffs, work);
	close(pair[1]);
	return 0;
}

static int end_hand(void)
{
	log_warning(
		"the child 'flowd-xdp' has ended: nobody can look into libxdp's dispatcher now, or "
		"take flowd's program out of it, before flowd is started again");
	close(hand);
	hand = -1;
	lost = true;
	return -EPIPE;
}

/* The answer to that question: 0 and *ret_err; -EAGAIN: not yet; -EPIPE. */
static int hear(uint32_t number, int flags, int *ret_err)
{
	struct result result;
	ssize_t size;

	while (answered != number) {
		size = recv(hand, &result, sizeof(result), flags);
		if (size < 0 && (errno == EAGAIN || errno == EINTR))
			return -EAGAIN;
		if (size != sizeof(result))
			return end_hand();
		answered = result.number;
		*ret_err = result.err;
	}
	return 0;
}

int xdp_hand_ask(const struct hook_iface *iface, enum xdp_hand_wish what)
{
	struct wish wish = {iface->ifindex, what, asked + 1};
	int err = 0, tries = what == XDP_HAND_DETACH ? DETACH_TRIES : 1;

	if (hand < 0)
		return -EPIPE;
	/* what it still waits for, libxdp's lock, say, is not waited for again */
	if (what == XDP_HAND_LOOK && hear(asked, MSG_DONTWAIT, &err))
		return hand < 0 ? -EPIPE : -EAGAIN;
	if (send(hand, &wish, sizeof(wish), MSG_NOSIGNAL) < 0)
		return end_hand();
	asked++;
	for (int i = 0; i < tries; i++) {
		int said = hear(asked, 0, &err);

		if (said != -EAGAIN)
			return said ? said : err;
	}
	return -EAGAIN;
}
