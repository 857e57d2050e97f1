// Processes, pidfds, pipes and epoll: what Glibc's Swift module does not import. Each function makes the system
// call that its comment names and returns what that returns, or -errno.
#ifndef AGENT_BROKER_CLINUX_PROCESS_H
#define AGENT_BROKER_CLINUX_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// A program to start by linux_start().
struct linux_launch {
    // Absolute path of the program, its arguments up to a null pointer. Its environment is empty.
    const char *program;
    char *const *arguments;

    // descriptors[i] becomes i in the program, which gets no others but its keeper's.
    const int *descriptors;
    int descriptor_count;

    // True: in pid and mount namespaces of its own, where it finds the directory at linux_launch_directory. False: in the
    // caller's, and `directory` means nothing.
    bool is_apart;

    // Null, or of a program that is apart the path of another, its keeper: that is the first process, and the program its
    // only child. The keeper's arguments are a name and the program's process id. It has one descriptor, 0: the reading
    // end of a pipe, whose writing end is a descriptor of the program's, after those of `descriptors`.
    const char *keeper;

    // True: the program runs as uid and gid, without supplementary groups; the caller is root. False: it runs as
    // the caller, apart in a user namespace of its own.
    bool switches_identity;
    uid_t uid;
    gid_t gid;

    // Files cgroup.procs, or tasks, of the control groups that the program becomes a member of, open for writing.
    const int *control_groups;
    int control_group_count;

    // The directory of one of version 2 that it is made in, by clone3(2) with CLONE_INTO_CGROUP. -1: none.
    int birthplace;

    // A directory, open with O_PATH or more, and where it was found last. -1: none.
    int directory;
    const char *directory_path;

    // Bound to /etc of a program that is apart, whose caller is root; null: none.
    const char *etc;

    // RLIMIT_NOFILE, RLIMIT_NPROC. 0 leaves the caller's.
    uint64_t maximum_descriptors;
    uint64_t maximum_processes;
};

// The step of linux_start() that failed.
enum linux_launch_step {
    linux_launch_step_none = 0,
    // clone(2), or the namespaces' user map and mounts.
    linux_launch_step_namespaces,
    // The directory is gone (-ENOENT), or another is in its place (-EXDEV).
    linux_launch_step_directory,
    // The descriptors, limits and identity of the program.
    linux_launch_step_process,
    // execve(2).
    linux_launch_step_program,
};

// Where the launched program sees the directory.
extern const char *const linux_launch_directory;

// Starts a program by clone(2) and execve(2), as the first process of pid and mount namespaces of its own where it is
// to be apart, or beneath a keeper that is.
//
// Returns the first process's id and stores its pidfd, or returns -errno and stores the step that failed. Once the
// program has started, the first process's death is that of every process beneath it, whatever their sessions, parents
// and signal handlers: the kernel ends a pid namespace with its first process, and reports the death of that one last. It
// gets SIGKILL when the calling thread ends. Of one that is not apart none of this holds. Blocks the caller until the
// program started.
//
// The child of a root caller shares the caller's memory until execve(2), and makes system calls only.
pid_t linux_start(const struct linux_launch *launch, int *pidfd, enum linux_launch_step *failed);

// open_tree(2) and mount_setattr(2): a directory, open with O_PATH or more, with all that is mounted beneath it, as a mount
// that belongs to no namespace yet, to which nothing propagates, without devices and set-user-ID programs. Returns a
// descriptor, close-on-exec, or -errno; -EPERM to whoever may not mount.
int linux_clone_mount(int directory);

// Whether a child can join a control group, by writing "0" to its file cgroup.procs or tasks, open for writing. 0 or -errno.
int linux_try_joining(int members);

// Whether a child can be made in a control group of version 2, by its directory. 0 or -errno.
int linux_try_making_member(int birthplace);

// kill(2) with SIGKILL and waitid(2) for a child that nobody has reaped. Blocks until all beneath it are gone.
void linux_kill_and_reap(pid_t child);

// waitid(2) with P_PIDFD, WEXITED, WNOHANG and WNOWAIT. Whether a child has ended: 1 or 0.
int linux_has_ended(int pidfd);

// waitid(2) with P_PIDFD, WEXITED and WNOHANG, for a child. Where it has ended it is forgotten by the kernel, and
// returned is 1 with the signal that ended it, 0 for none; else 0. The exit of a
// parent that tells its child's signal as a shell does, by 128 + n, counts as that signal.
int linux_reap(int pidfd, int *signal);

// pidfd_open(2).
int linux_pidfd_open(pid_t process);

// pidfd_send_signal(2).
int linux_pidfd_send_signal(int pidfd, int signal);

// pipe2(2) with O_CLOEXEC.
int linux_pipe(int ends[2]);

// socketpair(2): SOCK_SEQPACKET, close-on-exec.
int linux_socket_pair(int ends[2]);

// memfd_create(2), close-on-exec, for reading and writing.
int linux_memory_file(const char *name);

// The same for a program, which is to be sealed once it is written, and then executed as /proc/self/fd/N.
int linux_program_file(const char *name);

// fcntl(2) with F_ADD_SEALS: what is in a linux_program_file() stays as it is.
int linux_seal(int file);

// FIONBIO of ioctl(2): sets O_NONBLOCK.
int linux_set_nonblocking(int descriptor);

// FIONREAD of ioctl(2): how many bytes wait in a pipe or socket.
int linux_readable_bytes(int descriptor);

// write(2) to a pipe. -EPIPE without SIGPIPE where nobody reads, whatever the process does with that signal.
ssize_t linux_write_pipe(int descriptor, const void *bytes, size_t count);

// eventfd(2), close-on-exec, blocking.
int linux_event(void);

// Adds one to an eventfd(2). Cannot fail before it was called 2^64 times.
void linux_signal_event(int event);

// Waits until an eventfd(2) is not zero, and makes it zero.
void linux_await_event(int event);

// pthread_setname_np(3) for the calling thread: at most 15 bytes, else nothing.
void linux_name_thread(const char *name);

// sched_setattr(2): the calling thread is so many levels of nice(2) ahead of the ordinary one from now on, and runs in
// turns of 100 us, so that it need not wait until the turn of another one is over when it wakes up: Linux 6.12. Threads
// and processes that it makes are not, and do not: see SCHED_RESET_ON_FORK in sched(7). Where the process has another
// level or policy than the ordinary one, nothing is changed. 0 or -errno; then the turns are short all the same.
int linux_raise_thread(int levels);

// The same turns at the level that the thread has. One that is ahead of others is left alone: what it makes would not be
// any more. 0 or -errno.
int linux_take_short_turns(void);

// sched_getattr(2): nanoseconds of a turn of a process, where 0 is the calling thread. 0 where the kernel has none that
// can be chosen; -errno.
int64_t linux_turn(int process);

// epoll_create1(2), close-on-exec.
int linux_epoll(void);

enum linux_epoll_interest {
    linux_epoll_readable,
    // Readable, but not for the only reason that the other end was closed.
    linux_epoll_bytes,
    linux_epoll_writable,
    // The other end was closed; nothing else.
    linux_epoll_hung_up,
};

// epoll_ctl(2), EPOLL_CTL_ADD with EPOLLONESHOT: reports the key once, which is below 2^63. A hang-up or error counts as
// any interest, but a hang-up as linux_epoll_bytes.
int linux_epoll_add(int epoll, int descriptor, uint64_t key, enum linux_epoll_interest interest);

// The same with EPOLL_CTL_MOD, for a descriptor that was added.
int linux_epoll_arm(int epoll, int descriptor, uint64_t key, enum linux_epoll_interest interest);

// epoll_ctl(2), EPOLL_CTL_DEL.
int linux_epoll_remove(int epoll, int descriptor);

// epoll_wait(2), for so many milliseconds, or without end where they are negative. Stores at most `capacity` keys, at
// most 64, and returns how many: none when the time is over, or a signal came.
int linux_epoll_wait(int epoll, uint64_t *keys, int capacity, int milliseconds);

#endif
