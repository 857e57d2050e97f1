// File system calls that Glibc's Swift module does not import. Each is one system call and returns what it returns,
// or -errno.
#ifndef AGENT_BROKER_CLINUX_FILES_H
#define AGENT_BROKER_CLINUX_FILES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

// openat2(2), always O_CLOEXEC. `resolve` is a set of the RESOLVE_ values below.
int linux_openat2(int directory, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve);

// RESOLVE_ values of openat2(2), as constants that Swift imports.
extern const uint64_t linux_resolve_beneath;
extern const uint64_t linux_resolve_no_symlinks;
extern const uint64_t linux_resolve_no_magiclinks;
extern const uint64_t linux_resolve_cached;

// open(2) flags that are macros of casts in the headers.
extern const uint64_t linux_o_path;
extern const uint64_t linux_o_directory;
extern const uint64_t linux_o_nofollow;

// preadv2(2) with RWF_NOWAIT: -EAGAIN where the bytes are not in the page cache. On tmpfs, which does not have that, as
// pread(2): it waits only for what was swapped out.
ssize_t linux_pread_nowait(int descriptor, void *buffer, size_t count, off_t offset);

// close(2), and no cancellation point of pthreads(7).
int linux_close(int descriptor);

// renameat2(2) as it is, with RENAME_NOREPLACE, with RENAME_EXCHANGE.
int linux_rename(int from_directory, const char *from, int to_directory, const char *to);
int linux_rename_noreplace(int from_directory, const char *from, int to_directory, const char *to);
int linux_rename_exchange(int from_directory, const char *from, int to_directory, const char *to);

// utimensat(2) of what is open, also as a path: the time of its last modification alone; NULL: that and the time of its
// last access to now.
int linux_set_modified(int descriptor, const struct timespec *time);

// Bytes of a regular file that is open; fstat(2). -1: it is of another kind.
int64_t linux_regular_file_size(int descriptor);

// ioctl_ficlone(2): `to` shares all that `from` holds, until one of them is changed.
int linux_clone_file(int to, int from);

// copy_file_range(2), from an offset to the same one.
ssize_t linux_copy_range(int from, int to, off_t offset, size_t count);

// lseek(2) with SEEK_DATA, with SEEK_HOLE. They move the descriptor's offset.
off_t linux_next_data(int descriptor, off_t offset);
off_t linux_next_hole(int descriptor, off_t offset);

// getdents64(2).
ssize_t linux_getdents64(int directory, void *buffer, size_t count);

// setfsuid(2), setfsgid(2) by raw system call: they hold for the calling thread alone, and drop the capabilities that
// override file permissions. Between the two calls the thread makes file system calls and nothing else: a thread that
// it started would keep the identity for good.
void linux_assume_file_identity(uid_t uid, gid_t gid);
// Back to the effective ids of the process.
void linux_resume_file_identity(void);

// 0 where the calling thread's file system ids are these, -EPERM otherwise.
int linux_check_file_identity(uid_t uid, gid_t gid);

#endif
