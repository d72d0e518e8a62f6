/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* iface.c: interfaces: numbers, rows, hooks. See iface.h. */
#include "flowd/iface.h"

#include <errno.h>
#include <net/if.h>
#include <linux/if_arp.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "flowd/clock.h"
#include "flowd/log.h"
#include "schema/db.h"

static const char *const dir_names[2] = {"ingress", "egress"};

/* The device's ARPHRD_ type, or -errno. */
static int iface_type(const char *name)
{
	struct ifreq request = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;

	if (fd < 0)
		return -errno;
	memcpy(request.ifr_name, name, strnlen(name, IFNAMSIZ - 1));
	if (ioctl(fd, SIOCGIFHWADDR, &request))
		err = -errno;
	close(fd);
	return err ? err : request.ifr_hwaddr.sa_family;
}

static bool type_is_ethernet(int type)
{
	return type == ARPHRD_ETHER || type == ARPHRD_LOOPBACK;
}

static bool type_is_ip(int type)
{
	static const int types[] = {ARPHRD_NONE, ARPHRD_PPP, ARPHRD_RAWIP, ARPHRD_TUNNEL,
				    ARPHRD_TUNNEL6, ARPHRD_SIT, ARPHRD_IPGRE, ARPHRD_IP6GRE};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (types[i] == type)
			return true;
	}
	return false;
}

int iface_check(const struct config *config, char ret_error[IFACE_ERROR_MAX])
{
	for (size_t i = 0; i < config->interfaces; i++) {
		const char *name = config->interface[i];
		int type = iface_type(name);

		if (type == -ENODEV) {
			snprintf(ret_error, IFACE_ERROR_MAX, "interface '%s': there is none of that name",
				 name);
			return type;
		}
		if (type < 0) {
			snprintf(ret_error, IFACE_ERROR_MAX, "interface '%s': %s", name, strerror(-type));
			return type;
		}
		if (!type_is_ethernet(type) && !type_is_ip(type)) {
			snprintf(ret_error, IFACE_ERROR_MAX,
				 "interface '%s': link type %d is neither Ethernet nor plain IP", name,
				 type);
			return -EPROTONOSUPPORT;
		}
	}
	return 0;
}

static void books_load(struct sweep_books *books, sqlite3_stmt *row)
{
	books->booked.packets = (uint64_t)sqlite3_column_int64(row, 1);
	books->booked.bytes = (uint64_t)sqlite3_column_int64(row, 2);
	books->recorded.packets = (uint64_t)sqlite3_column_int64(row, 3);
	books->recorded.bytes = (uint64_t)sqlite3_column_int64(row, 4);
	books->obs = books->recorded;
}

/* Where a predecessor left off: the cumulative books, and the verdicts that the ledger has. */
static int load_books(struct flowd *flowd, struct sweep_iface *iface)
{
	static const char sql[] = "SELECT dir, seen_packets, seen_bytes, recorded_packets, recorded_bytes "
				  "FROM books WHERE iface = ?1";
	static const char verdicts[] =
		"SELECT dir, sum(short_packets), sum(short_bytes), sum(deep_packets), sum(deep_bytes), "
		"sum(folded_packets), sum(folded_bytes), sum(catchall_packets), sum(catchall_bytes) "
		"FROM ledger WHERE iface = ?1 GROUP BY dir";
	sqlite3_stmt *row;

	if (sqlite3_prepare_v2(flowd->db, sql, -1, &row, NULL))
		return -EIO;
	sqlite3_bind_int64(row, 1, iface->id);
	while (sqlite3_step(row) == SQLITE_ROW)
		books_load(&iface->books[sqlite3_column_int(row, 0) & 1], row);
	sqlite3_finalize(row);
	if (sqlite3_prepare_v2(flowd->db, verdicts, -1, &row, NULL))
		return -EIO;
	sqlite3_bind_int64(row, 1, iface->id);
	while (sqlite3_step(row) == SQLITE_ROW) {
		struct sweep_books *books = &iface->books[sqlite3_column_int(row, 0) & 1];

		for (int v = VERDICT_SHORT; v < VERDICT_MAX; v++) {
			books->verdict[v].packets = (uint64_t)sqlite3_column_int64(row, v * 2 - 1);
			books->verdict[v].bytes = (uint64_t)sqlite3_column_int64(row, v * 2);
		}
	}
	sqlite3_finalize(row);
	return 0;
}

/* The rows of this generation of maps: interface numbers that keys in the maps may have. */
static int load_numbers(struct flowd *flowd)
{
	static const char sql[] = "SELECT id, ifnum FROM interface WHERE generation = ?1";
	sqlite3_stmt *row;
	int err = 0;

	if (sqlite3_prepare_v2(flowd->db, sql, -1, &row, NULL))
		return -EIO;
	sqlite3_bind_int64(row, 1, (sqlite3_int64)flowd->maps.control->generation);
	while (!err && sqlite3_step(row) == SQLITE_ROW) {
		uint32_t ifnum = (uint32_t)sqlite3_column_int(row, 1) % FLOW_IFACES;

		flowd->sweep.iface[ifnum].id = (uint32_t)sqlite3_column_int(row, 0);
		err = load_books(flowd, &flowd->sweep.iface[ifnum]);
	}
	sqlite3_finalize(row);
	return err;
}

/* Make a row for an interface number. */
static int insert_row(struct flowd *flowd, const char *name, uint32_t ifindex, uint32_t ifnum)
{
	static const char sql[] = "INSERT INTO interface (name, ifindex, netns, ifnum, generation, first_ms) "
				  "VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
	sqlite3_stmt *row;
	int rc;

	if (sqlite3_prepare_v2(flowd->db, sql, -1, &row, NULL))
		return -EIO;
	sqlite3_bind_text(row, 1, name, -1, SQLITE_STATIC);
	sqlite3_bind_int64(row, 2, ifindex);
	sqlite3_bind_int64(row, 3, (sqlite3_int64)flowd->netns_cookie);
	sqlite3_bind_int64(row, 4, ifnum);
	sqlite3_bind_int64(row, 5, (sqlite3_int64)flowd->maps.control->generation);
	sqlite3_bind_int64(row, 6, clock_wall().ms);
	rc = sqlite3_step(row);
	sqlite3_finalize(row);
	if (rc != SQLITE_DONE)
		return -EIO;
	flowd->sweep.iface[ifnum].id = (uint32_t)sqlite3_last_insert_rowid(flowd->db);
	flowd->sweep.iface[ifnum].opening = flowd->maps.taken_over;
	return 0;
}

/* A number that no key in the maps has: not in a cell, not in a row of this generation. */
static uint32_t free_number(const struct flowd *flowd)
{
	bool taken[FLOW_IFACES] = {true};

	for (uint32_t i = 0; i < FLOW_IFACE_CELLS; i++)
		taken[flowd->maps.ifaces[i].ifnum % FLOW_IFACES] = true;
	for (uint32_t i = 1; i < FLOW_IFACES; i++) {
		if (!taken[i] && !flowd->sweep.iface[i].id)
			return i;
	}
	return 0;
}

/* Enter the interface in the table that BPF looks it up in. */
static int number_iface(struct flowd *flowd, struct iface *iface)
{
	struct flow_iface *cell = maps_iface(&flowd->maps, iface->hook.ifindex);

	if (!cell)
		return -ENOSPC;
	if (!cell->ifindex) {
		cell->ifnum = (uint16_t)free_number(flowd);
		if (!cell->ifnum)
			return -ENOSPC;
		__atomic_store_n(&cell->ifindex, iface->hook.ifindex, __ATOMIC_RELEASE);
	}
	iface->hook.ifnum = cell->ifnum;
	return 0;
}

static int register_one(struct flowd *flowd, const char *name, char *error)
{
	struct iface *iface = &flowd->iface[flowd->ifaces++];
	struct sweep_iface *numbered;
	int err;

	memcpy(iface->hook.name, name, sizeof(iface->hook.name));
	iface->hook.ifindex = if_nametoindex(name);
	iface->hook.no_link_layer = type_is_ip(iface_type(name));
	if (!iface->hook.ifindex) {
		snprintf(error, IFACE_ERROR_MAX, "interface '%s': %s", name, strerror(errno));
		return -ENODEV;
	}
	err = number_iface(flowd, iface);
	if (err) {
		snprintf(error, IFACE_ERROR_MAX, "interface '%s': the maps hold %d interfaces, no more",
			 name, FLOW_IFACES - 1);
		return err;
	}
	numbered = &flowd->sweep.iface[iface->hook.ifnum];
	if (!numbered->id)
		err = insert_row(flowd, name, iface->hook.ifindex, iface->hook.ifnum);
	if (err)
		snprintf(error, IFACE_ERROR_MAX, "interface '%s': database: %s", name,
			 sqlite3_errmsg(flowd->db));
	iface->id = numbered->id;
	return err;
}

/*
 * Numbers that the maps know and this database does not: another database had them. What they
 * counted so far is in that one, or comes here as an opening entry.
 */
static int adopt_numbers(struct flowd *flowd)
{
	for (uint32_t i = 0; i < FLOW_IFACE_CELLS; i++) {
		const struct flow_iface *cell = &flowd->maps.ifaces[i];
		char name[IF_NAMESIZE] = "";
		int err;

		if (!cell->ifindex || flowd->sweep.iface[cell->ifnum % FLOW_IFACES].id)
			continue;
		if (!if_indextoname(cell->ifindex, name))
			snprintf(name, sizeof(name), "if%u", cell->ifindex);
		err = insert_row(flowd, name, cell->ifindex, cell->ifnum % FLOW_IFACES);
		if (err)
			return err;
	}
	return 0;
}

int iface_register(struct flowd *flowd, char ret_error[IFACE_ERROR_MAX])
{
	int err = load_numbers(flowd);

	if (!err)
		err = adopt_numbers(flowd);
	if (err) {
		snprintf(ret_error, IFACE_ERROR_MAX, "database '%s': %s", flowd->config->db,
			 sqlite3_errmsg(flowd->db));
		return err;
	}
	for (size_t i = 0; !err && i < flowd->config->interfaces; i++)
		err = register_one(flowd, flowd->config->interface[i], ret_error);
	return err;
}

static const struct hook_ops *tc_hook(const struct config *config)
{
	if (config->tc == TC_CLSACT)
		return hooks[HOOK_CLSACT];
	if (config->tc == TC_TCX || hooks[HOOK_TCX]->supported())
		return hooks[HOOK_TCX];
	return hooks[HOOK_CLSACT];
}

/* Attach by `hook`, once nothing else of ours counts that direction. */
static int attach_by(struct flowd *flowd, struct iface *iface, enum flow_dir dir,
		     const struct hook_ops *hook, char *error)
{
	int err;

	for (int i = 0; i < HOOK_KINDS; i++) {
		if (hooks[i] != hook && (hooks[i] != hooks[HOOK_XDP] || dir == FLOW_INGRESS) &&
		    hooks[i]->attached(&flowd->env, &iface->hook, dir))
			hooks[i]->detach(&flowd->env, &iface->hook, dir);
	}
	err = hook->attach(&flowd->env, &iface->hook, dir, iface->mode[dir], error);
	if (!err)
		iface->by[dir] = hook;
	return err;
}

static int attach_ingress(struct flowd *flowd, struct iface *iface, char *error)
{
	char why[HOOK_ERROR_MAX];
	int err = -EOPNOTSUPP;

	if (flowd->config->ingress == INGRESS_NONE)
		return 0;
	snprintf(why, sizeof(why), "%s: no link layer", iface->hook.name);
	if (flowd->config->ingress == INGRESS_XDP) {
		if (!iface->hook.no_link_layer)
			err = attach_by(flowd, iface, FLOW_INGRESS, hooks[HOOK_XDP], why);
		if (err != -EOPNOTSUPP) {
			memcpy(error, why, sizeof(why));
			return err;
		}
		snprintf(iface->note, sizeof(iface->note), "no native XDP (%.400s): ingress by TC", why);
		log_warning("interface '%s': %s", iface->hook.name, iface->note);
	}
	return attach_by(flowd, iface, FLOW_INGRESS, tc_hook(flowd->config), error);
}

static void note_row(struct flowd *flowd, const struct iface *iface)
{
	static const char sql[] = "UPDATE interface SET name = ?2, ingress = ?3, egress = ?4, "
				  "last_ms = NULL WHERE id = ?1";
	sqlite3_stmt *row;

	if (sqlite3_prepare_v2(flowd->db, sql, -1, &row, NULL))
		return;
	sqlite3_bind_int64(row, 1, iface->id);
	sqlite3_bind_text(row, 2, iface->hook.name, -1, SQLITE_STATIC);
	for (int dir = 0; dir < 2; dir++) {
		if (iface->by[dir])
			sqlite3_bind_text(row, 3 + dir, iface->mode[dir], -1, SQLITE_STATIC);
	}
	sqlite3_step(row);
	sqlite3_finalize(row);
}

int iface_attach(struct flowd *flowd, char ret_error[IFACE_ERROR_MAX])
{
	char why[HOOK_ERROR_MAX] = "";

	for (size_t i = 0; i < flowd->ifaces; i++) {
		struct iface *iface = &flowd->iface[i];
		int err = attach_ingress(flowd, iface, why);

		if (!err && flowd->config->egress == EGRESS_TC)
			err = attach_by(flowd, iface, FLOW_EGRESS, tc_hook(flowd->config), why);
		if (err) {
			snprintf(ret_error, IFACE_ERROR_MAX, "interface '%s': %s", iface->hook.name,
				 why[0] ? why : strerror(-err));
			return err;
		}
		note_row(flowd, iface);
		log_info("interface '%s': ingress by %s, egress by %s", iface->hook.name,
			 iface->by[0] ? iface->mode[0] : "nothing",
			 iface->by[1] ? iface->mode[1] : "nothing");
	}
	return 0;
}

void iface_detach(struct flowd *flowd)
{
	for (uint32_t i = 0; i < FLOW_IFACE_CELLS; i++) {
		struct hook_iface iface = {.ifindex = flowd->maps.ifaces[i].ifindex};

		if (!iface.ifindex || !if_indextoname(iface.ifindex, iface.name))
			continue;
		for (int h = 0; h < HOOK_KINDS; h++) {
			for (int dir = 0; dir < (h == HOOK_XDP ? 1 : 2); dir++) {
				int err = hooks[h]->detach(&flowd->env, &iface, (enum flow_dir)dir);

				if (err)
					log_warning("interface '%s': %s not detached from %s: %s",
						    iface.name, hooks[h]->name, dir_names[dir],
						    strerror(-err));
			}
		}
	}
}

void iface_closed(struct flowd *flowd)
{
	static const char sql[] = "UPDATE interface SET last_ms = ?2 WHERE id = ?1";
	sqlite3_stmt *row;

	if (sqlite3_prepare_v2(flowd->db, sql, -1, &row, NULL))
		return;
	for (size_t i = 0; i < flowd->ifaces; i++) {
		sqlite3_reset(row);
		sqlite3_bind_int64(row, 1, flowd->iface[i].id);
		sqlite3_bind_int64(row, 2, clock_wall().ms);
		sqlite3_step(row);
	}
	sqlite3_finalize(row);
}

void iface_gone(struct flowd *flowd, uint32_t ifindex)
{
	for (size_t i = 0; i < flowd->ifaces; i++) {
		struct iface *iface = &flowd->iface[i];

		if (iface->hook.ifindex != ifindex || iface->gone)
			continue;
		iface->gone = true;
		iface->by[0] = iface->by[1] = NULL;
		snprintf(iface->note, sizeof(iface->note), "the interface is gone");
		log_warning("interface '%s': %s", iface->hook.name, iface->note);
	}
}
