/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* doctor_host.c: checks of what flowd finds around it: its database's disk, its service, its socket. */
#include <errno.h>
#include <grp.h>
#include <jansson.h>
#include <libgen.h>
#include <limits.h>
#include <linux/magic.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cli/args.h"
#include "cli/doctor.h"
#include "cli/live.h"
#include "cli/query.h"
#include "schema/db.h"

#define STATE_DIR "/var/lib/wireledger" /* of DB_PATH_DEFAULT */
#define MB (1024.0 * 1024.0)
#define FREE_MB 512.0 /* retain.free */
#define FREE_SHARE 20 /* of the disk, at most */
#define ASK_TIMEOUT_S 3
#define UNIT 256 /* characters of a unit's name: systemd.unit(5) */
#define UNIT_WORD DOCTOR_WORD(UNIT)
#define FUSE_MAGIC 0x65735546
#define CIFS_MAGIC 0xff534d42
#define SMB2_MAGIC 0xfe534d42
#define FS_9P_MAGIC 0x01021997

static const struct {
	unsigned long magic;
	const char *name;
	const char *trouble; /* NULL: none */
} file_systems[] = {
	{EXT4_SUPER_MAGIC, "ext4", NULL},
	{XFS_SUPER_MAGIC, "xfs", NULL},
	{BTRFS_SUPER_MAGIC, "btrfs", NULL},
	{F2FS_SUPER_MAGIC, "f2fs", NULL},
	{OVERLAYFS_SUPER_MAGIC, "overlay", "a container's layer: it goes with the container"},
	{TMPFS_MAGIC, "tmpfs", "memory: it is gone after a reboot"},
	{NFS_SUPER_MAGIC, "nfs", "a network's: SQLite needs shared memory beside the file"},
	{CIFS_MAGIC, "cifs", "a network's: SQLite needs shared memory beside the file"},
	{SMB2_MAGIC, "smb2", "a network's: SQLite needs shared memory beside the file"},
	{FS_9P_MAGIC, "9p", "another host's: SQLite needs shared memory beside the file"},
	{FUSE_MAGIC, "fuse", "a program's: what a power cut leaves of it is that program's matter"},
};

/* Name and trouble of the file system at `path`. */
static const char *trouble_of(const char *path, char name[24])
{
	struct statfs fs;

	snprintf(name, 24, "?");
	if (statfs(path, &fs))
		return NULL;
	snprintf(name, 24, "type 0x%lx", (unsigned long)fs.f_type & 0xffffffff);
	for (size_t i = 0; i < sizeof(file_systems) / sizeof(file_systems[0]); i++) {
		if (file_systems[i].magic != ((unsigned long)fs.f_type & 0xffffffff))
			continue;
		snprintf(name, 24, "%s", file_systems[i].name);
		return file_systems[i].trouble;
	}
	return NULL;
}

static const char *const units[] = {
	"/etc/systemd/system/flowd.service", "/usr/local/lib/systemd/system/flowd.service",
	"/usr/lib/systemd/system/flowd.service", "/lib/systemd/system/flowd.service", NULL};

static bool has_systemd(void)
{
	return !access("/run/systemd/system", F_OK);
}

static bool first_there(const char *const *paths, const char **ret_path)
{
	for (; *paths; paths++) {
		*ret_path = *paths;
		if (!access(*paths, F_OK))
			return true;
	}
	return false;
}

/* Where the database's files are, which is where a link to it leads. */
static void folder_of(const char *db, char folder[PATH_MAX])
{
	char path[PATH_MAX];

	if (!realpath(db, path))
		snprintf(path, sizeof(path), "%s", db);
	snprintf(folder, PATH_MAX, "%s", dirname(path));
}

/* There is a folder that can be written to: is it one to keep a database in, and is there room? */
static void look_disk(const char *folder, const struct statvfs *disk,
		      struct doctor_finding *finding)
{
	double room = (double)disk->f_bavail * (double)disk->f_frsize / MB;
	double size = (double)disk->f_blocks * (double)disk->f_frsize / MB;
	double wanted = size / FREE_SHARE < FREE_MB ? size / FREE_SHARE : FREE_MB;
	const char *trouble;
	char name[24], word[DOCTOR_WORD(PATH_MAX)];

	trouble = trouble_of(folder, name);
	doctor_found(finding, DOCTOR_OK, "%s: %s, %.0f MB free%s%s", folder, name, room,
		     trouble ? "; the file system is " : "", trouble ? trouble : "");
	if (room < wanted || (disk->f_files && disk->f_favail < 8)) {
		doctor_found(finding, DOCTOR_DEGRADED,
			     "%s: %s, %.0f MB and %llu files free: the oldest records make room "
			     "for new ones until %.0f MB are free (retain.free)",
			     folder, name, room, (unsigned long long)disk->f_favail, wanted);
		doctor_mend(finding, "du -xh %s | sort -h | tail",
			    doctor_word(folder, word, sizeof(word)));
	} else if (trouble) {
		finding->state = DOCTOR_DEGRADED;
		doctor_mend(finding, "flowd --db " DB_PATH_DEFAULT);
	}
}

/* The service's folder is systemd's to make. */
static void no_folder(const char *folder, int err, struct doctor_finding *finding)
{
	char word[DOCTOR_WORD(PATH_MAX)];
	const char *unit;

	if (err != ENOENT) {
		doctor_found(finding, DOCTOR_UNKNOWN, "folder '%s': %s", folder, strerror(err));
		doctor_mend(finding, "sudo flowctl doctor");
	} else if (!strcmp(folder, STATE_DIR) && has_systemd() && first_there(units, &unit)) {
		doctor_found(finding, DOCTOR_OK, "%s makes %s with the first start", unit, folder);
	} else {
		doctor_found(finding, DOCTOR_MISSING, "folder '%s': %s", folder, strerror(err));
		doctor_mend(finding, "install -d -m 750 %s",
			    doctor_word(folder, word, sizeof(word)));
	}
}

static void look_database(const struct doctor *doctor, struct doctor_finding *finding)
{
	const char *db = doctor->args->db;
	char folder[PATH_MAX], owner[64], word[DOCTOR_WORD(PATH_MAX)];
	struct statvfs disk;
	struct passwd *user = getpwuid(geteuid());

	folder_of(db, folder);
	if (statvfs(folder, &disk)) {
		no_folder(folder, errno, finding);
		return;
	}
	if (disk.f_flag & ST_RDONLY) {
		doctor_found(finding, DOCTOR_MISSING, "folder '%s': its file system is read-only",
			     folder);
		doctor_mend(finding, "mount -o remount,rw \"$(findmnt -n -o TARGET -T %s)\"",
			    doctor_word(folder, word, sizeof(word)));
		return;
	}
	look_disk(folder, &disk, finding);
	if (!access(folder, W_OK) && (access(db, F_OK) || !access(db, W_OK)))
		return;
	snprintf(owner, sizeof(owner), "%s", user ? user->pw_name : "this user");
	doctor_found(finding, geteuid() ? DOCTOR_UNKNOWN : DOCTOR_MISSING,
		     "%s: not to be written to by %s: %s", access(folder, W_OK) ? folder : db,
		     owner, strerror(errno));
	doctor_word(geteuid() ? db : folder, word, sizeof(word));
	if (geteuid())
		doctor_mend(finding, "sudo flowctl doctor --db %s", word);
	else
		doctor_mend(finding, "lsattr -d %s; findmnt -T %s", word, word);
}

/* Who may not talk to it joins the group that may. */
static void mend_access(const char *socket, struct doctor_finding *finding)
{
	struct passwd *user = getpwuid(getuid());
	struct group *group;
	struct stat st;
	char name[DOCTOR_WORD(64)], who[DOCTOR_WORD(64)];

	if (stat(socket, &st) || !st.st_gid) {
		doctor_mend(finding, "sudo flowctl status");
		return;
	}
	group = getgrgid(st.st_gid);
	doctor_mend(finding, "usermod -aG %s %s",
		    doctor_word(group ? group->gr_name : "?", name, sizeof(name)),
		    doctor_word(user ? user->pw_name : "USER", who, sizeof(who)));
}

static void find_socket(const struct args *args, char path[PATH_MAX])
{
	struct db_error error;
	struct sqlite3 *db;

	if (db_open_reader(args->db, &db, &error))
		db = NULL;
	query_socket(db, args->socket, args->instance, path, PATH_MAX);
	if (db)
		db_close(db, -1);
}

/* What flowd says of its pins. */
static void judge_status(const char *path, const char *answer, struct doctor_finding *finding)
{
	json_t *status = json_loads(answer, 0, NULL);
	const char *note =
		json_string_value(json_object_get(json_object_get(status, "pins"), "note"));

	if (note && *note) {
		doctor_found(finding, DOCTOR_DEGRADED, "flowd at %s: %s", path, note);
		if (has_systemd())
			doctor_mend(finding, "systemctl restart flowd");
		else
			doctor_mend(finding, "kill -TERM %lld; flowd --keep-attached yes",
				    (long long)json_integer_value(json_object_get(status, "pid")));
	} else {
		doctor_found(finding, DOCTOR_OK, "flowd runs and answers at %s", path);
	}
	json_decref(status);
}

/* The service of the instance that was asked for. */
static const char *unit_of(const struct args *args, char word[UNIT_WORD])
{
	char unit[UNIT];

	snprintf(unit, sizeof(unit), "flowd%s%s", args->instance ? "@" : "",
		 args->instance ? args->instance : "");
	return doctor_word(unit, word, UNIT_WORD);
}

static void look_flowd(const struct doctor *doctor, struct doctor_finding *finding)
{
	struct live_error error = {""};
	char path[PATH_MAX], word[UNIT_WORD], *answer = NULL;
	int err;

	find_socket(doctor->args, path);
	err = live_ask(path, "status", ASK_TIMEOUT_S, &answer, &error);
	if (!err) {
		judge_status(path, answer, finding);
		free(answer);
	} else if (err == -ENOENT || err == -ECONNREFUSED) {
		doctor_found(finding, DOCTOR_DEGRADED, "no flowd listens at %s: nothing is counted",
			     path);
		if (has_systemd())
			doctor_mend(finding, "systemctl start %s", unit_of(doctor->args, word));
		else
			doctor_mend(finding, "flowd%s --keep-attached yes", doctor->options);
	} else if (err == -EACCES || err == -EPERM) {
		doctor_found(finding, DOCTOR_DEGRADED,
			     "the socket %s is not for this user: answers lack what flowd has not "
			     "written yet",
			     path);
		mend_access(path, finding);
	} else {
		doctor_found(finding, DOCTOR_DEGRADED, "%s", error.text);
		if (has_systemd())
			doctor_mend(finding, "systemctl restart flowd");
	}
}

static void look_service(const struct doctor *doctor, struct doctor_finding *finding)
{
	static const char *const wanted[] = {
		"/etc/systemd/system/multi-user.target.wants/flowd.service", NULL};
	const char *unit, *link;

	if (!has_systemd()) {
		doctor_found(
			finding, DOCTOR_OK,
			"no systemd runs this host: start 'flowd%s --keep-attached yes' by what does",
			doctor->options);
	} else if (!first_there(units, &unit)) {
		doctor_found(finding, DOCTOR_DEGRADED,
			     "flowd.service is not installed: flowd is not started with the host");
		doctor_mend(finding, "make install && systemctl daemon-reload");
	} else if (!first_there(wanted, &link)) {
		doctor_found(finding, DOCTOR_DEGRADED,
			     "%s is not enabled: flowd is not started "
			     "with the host",
			     unit);
		doctor_mend(finding, "systemctl enable --now flowd");
	} else {
		doctor_found(finding, DOCTOR_OK, "%s is enabled", unit);
	}
}

const struct doctor_check doctor_host_checks[] = {
	{"database", look_database},
	{"flowd", look_flowd},
	{"service", look_service},
	{NULL, NULL},
};
