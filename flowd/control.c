/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * control.c: the control socket: who is let in, how many, for how long, and how much of flowd's time they get. See
 * control.h. A client has a loop of its own, of which flowd's runs one turn at a time, so that the sweep never waits
 * for more than one request; and after BUDGET_MS of a second the rest of it is the sweep's alone.
 */
#include "flowd/control.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include "flowd/control_client.h"
#include "flowd/control_peer.h"
#include "flowd/log.h"

#define NS_PER_MS 1000000ULL
#define WINDOW_MS 1000
#define BUDGET_MS 250
#define PRESSED_MS 1000 /* without a byte taken: enough to make room for others */
#define BACKLOG 128

uint64_t control_held(const struct control *control)
{
	uint64_t held = 0;

	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		held += control->client[i] ? control->client[i]->room : 0;
	return held;
}

uint64_t control_room(const struct control *control)
{
	const struct flowd *flowd = control->flowd;
	const struct sink_batch *batch = &flowd->sweep.batch;
	uint64_t used =
		expire_bytes(flowd->sweep.expire) + batch->record_capacity * ROOM_RECORD_BYTES;
	uint64_t room = room_answers(&flowd->room, used);

	return room < CONTROL_ANSWER_MAX ? room : CONTROL_ANSWER_MAX;
}

static uint64_t age_ms(struct mono since)
{
	return (clock_mono().ns - since.ns) / NS_PER_MS;
}

static void drop(struct control *control, struct client *client)
{
	control->stats.dropped++;
	client_free(client);
}

/* Who makes room: of those that have asked nothing the oldest, else who has stopped to read. NULL: nobody. */
static struct client *last_of_all(struct control *control)
{
	struct client *idle = NULL, *stalled = NULL;

	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		struct client *client = control->client[i];

		if (client && client_is_idle(client) &&
		    (!idle || client->since.ns < idle->since.ns))
			idle = client;
		if (client && client->size && age_ms(client->moved) >= PRESSED_MS &&
		    (!stalled || client->moved.ns < stalled->moved.ns))
			stalled = client;
	}
	return idle ? idle : stalled;
}

static size_t free_slot(const struct control *control)
{
	size_t i = 0;

	while (i < CONTROL_CLIENTS && control->client[i])
		i++;
	return i;
}

static void refuse(struct control *control, int fd)
{
	char text[96];
	int len = snprintf(text, sizeof(text), "failed busy: %d clients are being answered\n",
			   CONTROL_CLIENTS);

	control->stats.refused++;
	(void)!send(fd, text, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
}

static void accept_run(struct watch *watch, uint32_t events)
{
	struct control *control = watch->arg;
	int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *last;

	(void)events;
	if (fd < 0)
		return;
	if (free_slot(control) == CONTROL_CLIENTS) {
		last = last_of_all(control);
		if (last)
			drop(control, last);
	}
	if (free_slot(control) == CONTROL_CLIENTS)
		refuse(control, fd);
	else
		client_new(control, free_slot(control), fd);
}

/* Until the second is over. */
static void pause_clients(struct control *control, uint64_t now_ns)
{
	uint64_t left = control->window.ns + WINDOW_MS * NS_PER_MS - now_ns;
	struct itimerspec spec = {.it_value = {.tv_nsec = (long)(left % (WINDOW_MS * NS_PER_MS))}};

	spec.it_value.tv_nsec += !spec.it_value.tv_nsec;
	if (timerfd_settime(control->resume.fd, 0, &spec, NULL))
		return;
	control->stats.pauses++;
	loop_unwatch(&control->flowd->loop, &control->turn);
}

static void turn_run(struct watch *watch, uint32_t events)
{
	struct control *control = watch->arg;
	uint64_t begun = clock_mono().ns, now;

	(void)events;
	if (begun - control->window.ns >= WINDOW_MS * NS_PER_MS) {
		control->window.ns = begun;
		control->used_ns = 0;
	}
	(void)loop_turn(&control->loop, 0);
	now = clock_mono().ns;
	control->used_ns += now - begun;
	if (control->used_ns > BUDGET_MS * NS_PER_MS &&
	    now - control->window.ns < WINDOW_MS * NS_PER_MS)
		pause_clients(control, now);
}

static void resume_run(struct watch *watch, uint32_t events)
{
	struct control *control = watch->arg;
	uint64_t expirations;

	(void)events;
	if (read(watch->fd, &expirations, sizeof(expirations)) < 0)
		return;
	loop_watch(&control->flowd->loop, &control->turn, EPOLLIN);
}

int control_remove(const char *path)
{
	struct stat st;

	if (lstat(path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	return unlink(path) ? -errno : 0;
}

/* A socket file whose owner is gone is in the way; one that somebody answers is not ours to take. */
static int clear_path(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), err = 0;

	if (fd < 0)
		return -errno;
	if (!connect(fd, (const struct sockaddr *)address, sizeof(*address)))
		err = -EADDRINUSE;
	else if (errno == ECONNREFUSED)
		err = control_remove(address->sun_path);
	close(fd);
	return err;
}

static int listen_at(const char *path, gid_t group)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	mode_t mask;
	int fd, err;

	memcpy(address.sun_path, path, strnlen(path, sizeof(address.sun_path) - 1));
	err = clear_path(&address);
	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* 0660 from the first; by name nothing is changed that the folder's owner could have put there since */
	mask = umask(0117);
	err = bind(fd, (const struct sockaddr *)&address, sizeof(address));
	umask(mask);
	if (err || (group != (gid_t)-1 && lchown(path, (uid_t)-1, group)) || listen(fd, BACKLOG)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

/* Its own loop, a turn of which is one of flowd's, and the timer. */
static int open_loop(struct control *control)
{
	int err = loop_open(&control->loop);

	if (err)
		return err;
	control->turn =
		(struct watch){.fd = control->loop.epoll_fd, .run = turn_run, .arg = control};
	control->resume =
		(struct watch){.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
			       .run = resume_run,
			       .arg = control};
	if (control->resume.fd < 0)
		return -errno;
	err = loop_watch(&control->flowd->loop, &control->resume, EPOLLIN);
	return err ? err : loop_watch(&control->flowd->loop, &control->turn, EPOLLIN);
}

int control_open(struct flowd *flowd, struct control **ret_control)
{
	struct control *control = calloc(1, sizeof(*control));
	char error[CONTROL_PEER_ERROR_MAX];
	struct stat st;
	int fd, err;

	if (!control)
		return -ENOMEM;
	control->flowd = flowd;
	control->listen.fd = control->resume.fd = control->turn.fd = control->loop.epoll_fd = -1;
	err = control_rights_open(flowd->config, &control->rights, error);
	if (err)
		log_err("%s", error);
	err = err ? err : open_loop(control);
	fd = err ? err : listen_at(flowd->config->socket, control_rights_group(control->rights));
	if (fd < 0) {
		control_free(control);
		return fd;
	}
	if (!lstat(flowd->config->socket, &st)) {
		snprintf(control->path, sizeof(control->path), "%s", flowd->config->socket);
		control->dev = st.st_dev;
		control->ino = st.st_ino;
	}
	control->listen = (struct watch){.fd = fd, .run = accept_run, .arg = control};
	*ret_control = control;
	return loop_watch(&control->loop, &control->listen, EPOLLIN);
}

void control_tidy(struct control *control)
{
	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		struct client *client = control->client[i];

		if (!client || client->waits || client->waits_sample)
			continue;
		if (client_is_idle(client) ? age_ms(client->since) > CONTROL_REQUEST_MS
					   : age_ms(client->moved) > CONTROL_STALL_MS ||
						     age_ms(client->since) > CONTROL_LIFE_MS)
			drop(control, client);
	}
}

void *control_status(const struct control *control)
{
	json_int_t clients = 0;

	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		clients += control->client[i] != NULL;
	return json_pack(
		"{s:I, s:i, s:I, s:I, s:I, s:I, s:I, s:I}", "clients", clients, "clients_max",
		CONTROL_CLIENTS, "answered", (json_int_t)control->stats.answered, "refused",
		(json_int_t)control->stats.refused, "denied", (json_int_t)control->stats.denied,
		"dropped", (json_int_t)control->stats.dropped, "pauses",
		(json_int_t)control->stats.pauses, "held_bytes", (json_int_t)control_held(control));
}

static void close_watch(struct loop *loop, const struct watch *watch)
{
	if (watch->fd < 0)
		return;
	epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
	close(watch->fd);
}

/* All of the answer, as far as the socket takes it. */
static void send_last(struct client *client)
{
	const struct flowd *flowd = client->control->flowd;
	char text[sizeof(flowd->left) + 64] = "ok\n";

	if (flowd->left[0])
		snprintf(text, sizeof(text), "error could not detach %s: see its log\n",
			 flowd->left);
	else if (flowd->unwritten)
		snprintf(text, sizeof(text), "error not every flow could be written\n");
	if (client->waits)
		answer_text(client, text);
	client_send(client);
}

void control_free(struct control *control)
{
	struct stat st;

	if (!control)
		return;
	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		if (!control->client[i])
			continue;
		send_last(control->client[i]);
		client_free(control->client[i]);
	}
	close_watch(&control->loop, &control->listen);
	close_watch(&control->flowd->loop, &control->resume);
	close_watch(&control->flowd->loop, &control->turn);
	if (control->path[0] && !lstat(control->path, &st) && st.st_dev == control->dev &&
	    st.st_ino == control->ino)
		unlink(control->path);
	control_rights_free(control->rights);
	free(control);
}
