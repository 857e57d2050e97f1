#define _GNU_SOURCE
#include "CLinuxFiles.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

const uint64_t linux_resolve_beneath = RESOLVE_BENEATH;
const uint64_t linux_resolve_no_symlinks = RESOLVE_NO_SYMLINKS;
const uint64_t linux_resolve_no_magiclinks = RESOLVE_NO_MAGICLINKS;
const uint64_t linux_resolve_cached = RESOLVE_CACHED;

const uint64_t linux_o_path = O_PATH;
const uint64_t linux_o_directory = O_DIRECTORY;
const uint64_t linux_o_nofollow = O_NOFOLLOW;

static long result(long value) { return value < 0 ? -errno : value; }

int linux_openat2(int directory, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
    struct open_how how = {.flags = flags | O_CLOEXEC, .mode = mode, .resolve = resolve};
    return (int)result(syscall(SYS_openat2, directory, path, &how, sizeof how));
}

static int is_of_memory(int descriptor) {
    struct statfs status;
    return fstatfs(descriptor, &status) == 0 && status.f_type == TMPFS_MAGIC;
}

ssize_t linux_pread_nowait(int descriptor, void *buffer, size_t count, off_t offset) {
    struct iovec vector = {.iov_base = buffer, .iov_len = count};
    // Not through preadv2(3), which is a cancellation point: to become one costs about as much as entering the kernel.
    ssize_t read = result(syscall(SYS_preadv2, descriptor, &vector, 1L, (long)offset, 0L, RWF_NOWAIT));
    // tmpfs knows no RWF_NOWAIT, and has its bytes nowhere else than in memory.
    if (read == -EOPNOTSUPP && is_of_memory(descriptor)) return result(pread(descriptor, buffer, count, offset));
    return read;
}

int linux_close(int descriptor) { return (int)result(syscall(SYS_close, descriptor)); }

int linux_rename(int from_directory, const char *from, int to_directory, const char *to) {
    return (int)result(renameat2(from_directory, from, to_directory, to, 0));
}

int linux_rename_noreplace(int from_directory, const char *from, int to_directory, const char *to) {
    return (int)result(renameat2(from_directory, from, to_directory, to, RENAME_NOREPLACE));
}

int linux_rename_exchange(int from_directory, const char *from, int to_directory, const char *to) {
    return (int)result(renameat2(from_directory, from, to_directory, to, RENAME_EXCHANGE));
}

int linux_set_modified(int descriptor, const struct timespec *time) {
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}};
    if (time != NULL) times[1] = *time;
    return (int)result(utimensat(descriptor, "", time == NULL ? NULL : times, AT_EMPTY_PATH));
}

int linux_clone_file(int to, int from) { return (int)result(ioctl(to, FICLONE, from)); }

ssize_t linux_copy_range(int from, int to, off_t offset, size_t count) {
    off_t from_offset = offset, to_offset = offset;
    return result(copy_file_range(from, &from_offset, to, &to_offset, count, 0));
}

off_t linux_next_data(int descriptor, off_t offset) { return result(lseek(descriptor, offset, SEEK_DATA)); }

off_t linux_next_hole(int descriptor, off_t offset) { return result(lseek(descriptor, offset, SEEK_HOLE)); }

ssize_t linux_getdents64(int directory, void *buffer, size_t count) {
    return result(syscall(SYS_getdents64, directory, buffer, count));
}

void linux_assume_file_identity(uid_t uid, gid_t gid) {
    syscall(SYS_setfsgid, gid);
    syscall(SYS_setfsuid, uid);
}

void linux_resume_file_identity(void) {
    syscall(SYS_setfsuid, geteuid());
    syscall(SYS_setfsgid, getegid());
}

int linux_check_file_identity(uid_t uid, gid_t gid) {
    // An invalid id changes nothing and returns the present one.
    return (uid_t)syscall(SYS_setfsuid, -1) == uid && (gid_t)syscall(SYS_setfsgid, -1) == gid ? 0 : -EPERM;
}

int64_t linux_regular_file_size(int descriptor) {
    struct stat status;
    return fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) ? status.st_size : -1;
}
