/* Makes chosen disk calls of a process fail, for tests. Built as a shared object and named in LD_PRELOAD.
 *
 * DISK_FAULTS      faults separated by ';', each a list of words "key=value" separated by spaces:
 *   call=NAME      write, pwrite, fsync, fdatasync, fallocate, ftruncate or rename; read and pread; also recvmsg and
 *                  pthread_create, which are no disk's: a thread that stands, and one that is not given
 *   path=TEXT      only files whose path contains TEXT (rename: the new path); without it, every file
 *   nth=N          the N-th such call of the process, counted from 1 (the default)
 *   do=ACTION      what happens instead:
 *                    EIO, ENOSPC, EDQUOT, EOPNOTSUPP, EAGAIN   the call fails so and changes nothing
 *                    short   a write writes half of its bytes and says so
 *                    torn    a write writes half of its bytes, then the process dies by SIGKILL
 *                    kill    the process dies by SIGKILL before the call
 *                    killed  the process dies by SIGKILL after the call
 *                    hold    the call waits for as long as the FILE of while= exists
 *   while=FILE     not the N-th call alone, but from it on every one for as long as FILE exists
 * DISK_FAULTS_LOG  a file that gets a line for every call listed above but reads on a path that a fault names (or on every
 *                  path, without DISK_FAULTS): "call path offset length result"
 *
 * It sees what goes through the C library: std does; rustix does with its feature use-libc.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

enum { MAX_FAULTS = 16, TEXT = 256, PATH = 4096 };

struct fault {
	char call[16], path[TEXT], action[16], marker[TEXT];
	long nth, seen;
};

static const char ACTIONS[] = "EIO ENOSPC EDQUOT EOPNOTSUPP EAGAIN short torn kill killed hold";
static struct fault faults[MAX_FAULTS];
static int count, log_fd = -1;

static void set(struct fault *f, const char *key, const char *value) {
	if (!strcmp(key, "call")) snprintf(f->call, sizeof f->call, "%s", value);
	else if (!strcmp(key, "path")) snprintf(f->path, TEXT, "%s", value);
	else if (!strcmp(key, "do") && strstr(ACTIONS, value)) snprintf(f->action, sizeof f->action, "%s", value);
	else if (!strcmp(key, "while")) snprintf(f->marker, TEXT, "%s", value);
	else if (!strcmp(key, "nth")) f->nth = atol(value);
	else {
		fprintf(stderr, "DISK_FAULTS: unknown %s=%s\n", key, value);
		_exit(99);
	}
}

__attribute__((constructor)) static void read_settings(void) {
	const char *log = getenv("DISK_FAULTS_LOG");
	char *text = getenv("DISK_FAULTS"), *outer = NULL, *inner = NULL;
	if (log) log_fd = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (!text) return;
	text = strdup(text);
	for (char *one = strtok_r(text, ";", &outer); one && count < MAX_FAULTS; one = strtok_r(NULL, ";", &outer)) {
		struct fault *f = &faults[count++];
		f->nth = 1;
		for (char *word = strtok_r(one, " ", &inner); word; word = strtok_r(NULL, " ", &inner)) {
			char *value = strchr(word, '=');
			if (value) *value++ = 0;
			set(f, word, value ? value : "");
		}
	}
	free(text);
}

static void path_of(int fd, char *path) {
	char link[64];
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, PATH - 1);
	path[n < 0 ? 0 : n] = 0;
}

/* The fault of this call, or NULL; *named tells whether any fault names the path. */
static const struct fault *judge(const char *call, const char *path, int *named) {
	const struct fault *found = NULL;
	*named = count == 0;
	for (int i = 0; i < count; i++) {
		struct fault *f = &faults[i];
		if (!strstr(path, f->path)) continue;
		*named = 1;
		if (strcmp(call, f->call)) continue;
		long n = __atomic_add_fetch(&f->seen, 1, __ATOMIC_SEQ_CST);
		if (f->marker[0] ? n >= f->nth && access(f->marker, F_OK) == 0 : n == f->nth) found = f;
	}
	return found;
}

static void die(void) {
	syscall(SYS_kill, getpid(), SIGKILL);
	for (;;) pause();
}

static long refuse(const char *action) {
	errno = !strcmp(action, "ENOSPC") ? ENOSPC : !strcmp(action, "EDQUOT") ? EDQUOT
	      : !strcmp(action, "EOPNOTSUPP") ? EOPNOTSUPP : !strcmp(action, "EAGAIN") ? EAGAIN : EIO;
	return -1;
}

/* Does the call, or what is to happen instead. A write's length is its argument c. */
static long act(const char *call, const char *path, long number, long a, long b, long c, long d) {
	int named, writes = number == SYS_pwrite64 || number == SYS_write;
	const struct fault *fault = judge(call, path, &named);
	const char *action = fault ? fault->action : NULL;
	long result;
	if (action && !strcmp(action, "kill")) die();
	while (action && !strcmp(action, "hold") && access(fault->marker, F_OK) == 0) {
		struct timespec millisecond = { 0, 1000000 };
		nanosleep(&millisecond, NULL);
	}
	if (action && action[0] == 'E') result = refuse(action);
	else {
		int half = action && writes && (!strcmp(action, "short") || !strcmp(action, "torn"));
		result = syscall(number, a, b, half ? (c + 1) / 2 : c, d, 0L, 0L);
	}
	if (named && log_fd >= 0 && number != SYS_read && number != SYS_pread64) {
		char line[PATH + 128];
		int saved = errno;
		long offset = number == SYS_pwrite64 ? d : number == SYS_fallocate ? c : 0;
		long length = writes ? c : number == SYS_fallocate ? d : number == SYS_ftruncate ? b : 0;
		int n = snprintf(line, sizeof line, "%s %s %ld %ld %ld\n", call, path, offset, length, result);
		syscall(SYS_write, log_fd, line, n);
		errno = saved;
	}
	if (action && (!strcmp(action, "torn") || !strcmp(action, "killed"))) die();
	return result;
}

static long act_fd(const char *call, long number, int fd, long b, long c, long d) {
	char path[PATH];
	path_of(fd, path);
	return act(call, path, number, fd, b, c, d);
}

ssize_t write(int fd, const void *p, size_t n) { return act_fd("write", SYS_write, fd, (long)p, n, 0); }
ssize_t pwrite(int fd, const void *p, size_t n, off_t at) { return act_fd("pwrite", SYS_pwrite64, fd, (long)p, n, at); }
ssize_t pwrite64(int fd, const void *p, size_t n, off_t at) { return act_fd("pwrite", SYS_pwrite64, fd, (long)p, n, at); }
ssize_t read(int fd, void *p, size_t n) { return act_fd("read", SYS_read, fd, (long)p, n, 0); }
ssize_t pread(int fd, void *p, size_t n, off_t at) { return act_fd("pread", SYS_pread64, fd, (long)p, n, at); }
ssize_t pread64(int fd, void *p, size_t n, off_t at) { return act_fd("pread", SYS_pread64, fd, (long)p, n, at); }
int fsync(int fd) { return act_fd("fsync", SYS_fsync, fd, 0, 0, 0); }
int fdatasync(int fd) { return act_fd("fdatasync", SYS_fdatasync, fd, 0, 0, 0); }
int fallocate(int fd, int mode, off_t at, off_t n) { return act_fd("fallocate", SYS_fallocate, fd, mode, at, n); }
int fallocate64(int fd, int mode, off_t at, off_t n) { return act_fd("fallocate", SYS_fallocate, fd, mode, at, n); }
int ftruncate(int fd, off_t n) { return act_fd("ftruncate", SYS_ftruncate, fd, n, 0, 0); }
int ftruncate64(int fd, off_t n) { return act_fd("ftruncate", SYS_ftruncate, fd, n, 0, 0); }
int rename(const char *from, const char *to) {
	return act("rename", to, SYS_renameat2, AT_FDCWD, (long)from, AT_FDCWD, (long)to);
}
ssize_t recvmsg(int fd, struct msghdr *m, int flags) { return act_fd("recvmsg", SYS_recvmsg, fd, (long)m, flags, 0); }

int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg) {
	static int (*create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
	int named;
	if (!create) *(void **)&create = dlsym(RTLD_NEXT, "pthread_create");
	return judge("pthread_create", "", &named) ? EAGAIN : create(thread, attr, run, arg);
}
