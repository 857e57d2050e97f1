#define _GNU_SOURCE
#include "CLinuxProcess.h"
#include "turns.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int or_errno(int result) { return result < 0 ? -errno : result; }

int linux_has_ended(int pidfd) {
    siginfo_t info = {0};
    if (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG | WNOWAIT) < 0) return -errno;
    return info.si_pid != 0;
}

int linux_reap(int pidfd, int *signal) {
    siginfo_t info = {0};
    if (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG) < 0) return -errno;
    *signal = 0;
    if (info.si_pid != 0 && info.si_code != CLD_EXITED) *signal = info.si_status;
    if (info.si_pid != 0 && info.si_code == CLD_EXITED && info.si_status > 128) *signal = info.si_status - 128;
    return info.si_pid != 0;
}

void linux_kill_and_reap(pid_t child) {
    kill(child, SIGKILL);
    siginfo_t ignored;
    while (waitid(P_PID, (id_t)child, &ignored, WEXITED) < 0 && errno == EINTR) {}
}

int linux_pidfd_open(pid_t process) { return or_errno((int)syscall(SYS_pidfd_open, process, 0)); }

int linux_pidfd_send_signal(int pidfd, int signal) {
    return or_errno((int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0));
}

int linux_pipe(int ends[2]) { return or_errno(pipe2(ends, O_CLOEXEC)); }

int linux_socket_pair(int ends[2]) { return or_errno(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends)); }

int linux_memory_file(const char *name) { return or_errno(memfd_create(name, MFD_CLOEXEC)); }

int linux_program_file(const char *name) {
    // MFD_EXEC, without which newer kernels may be set not to run it, and which older ones do not know.
    const unsigned executable = 0x10;
    int file = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | executable);
    if (file < 0 && errno == EINVAL) file = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return or_errno(file);
}

int linux_seal(int file) {
    return or_errno(fcntl(file, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL));
}

int linux_set_nonblocking(int descriptor) {
    int yes = 1;
    return or_errno(ioctl(descriptor, FIONBIO, &yes));
}

int linux_readable_bytes(int descriptor) {
    int count = 0;
    return ioctl(descriptor, FIONREAD, &count) < 0 ? -errno : count;
}

ssize_t linux_write_pipe(int descriptor, const void *bytes, size_t count) {
    sigset_t broken_pipe, before;
    sigemptyset(&broken_pipe);
    sigaddset(&broken_pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &broken_pipe, &before);
    ssize_t written = write(descriptor, bytes, count);
    if (written < 0) written = -errno;
    // Where the caller had blocked the signal itself, a pending one may be its own: it stays.
    if (written == -EPIPE && !sigismember(&before, SIGPIPE)) {
        const struct timespec at_once = {0};
        while (sigtimedwait(&broken_pipe, NULL, &at_once) < 0 && errno == EINTR) {}
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return written;
}

int linux_event(void) { return or_errno(eventfd(0, EFD_CLOEXEC)); }

void linux_signal_event(int event) { eventfd_write(event, 1); }

void linux_await_event(int event) {
    eventfd_t value;
    while (eventfd_read(event, &value) < 0 && errno == EINTR) {}
}

void linux_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }

int linux_epoll(void) { return or_errno(epoll_create1(EPOLL_CLOEXEC)); }

// Of a key: nothing but a hang-up is not to be told.
static const uint64_t without_hang_up = UINT64_C(1) << 63;

static int control_epoll(int epoll, int operation, int descriptor, uint64_t key, enum linux_epoll_interest interest) {
    struct epoll_event event = {.events = EPOLLONESHOT, .data.u64 = key};
    if (interest == linux_epoll_readable || interest == linux_epoll_bytes) event.events |= EPOLLIN;
    if (interest == linux_epoll_writable) event.events |= EPOLLOUT;
    if (interest == linux_epoll_bytes) event.data.u64 |= without_hang_up;
    return or_errno(epoll_ctl(epoll, operation, descriptor, &event));
}

int linux_epoll_add(int epoll, int descriptor, uint64_t key, enum linux_epoll_interest interest) {
    return control_epoll(epoll, EPOLL_CTL_ADD, descriptor, key, interest);
}

int linux_epoll_arm(int epoll, int descriptor, uint64_t key, enum linux_epoll_interest interest) {
    return control_epoll(epoll, EPOLL_CTL_MOD, descriptor, key, interest);
}

int linux_epoll_remove(int epoll, int descriptor) {
    return or_errno(epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, NULL));
}

int linux_epoll_wait(int epoll, uint64_t *keys, int capacity, int milliseconds) {
    struct epoll_event events[64];
    int limit = capacity < 64 ? capacity : 64;
    int count = epoll_wait(epoll, events, limit, milliseconds);
    if (count < 0) return errno == EINTR ? 0 : -errno;
    int told = 0;
    for (int i = 0; i < count; i++) {
        uint64_t key = events[i].data.u64;
        if (key & without_hang_up && events[i].events == EPOLLHUP) continue;
        keys[told++] = key & ~without_hang_up;
    }
    return told;
}

int linux_take_short_turns(void) {
    return or_errno(take_short_turns());
}

int64_t linux_turn(int process) {
    struct thread_attributes attributes = {.size = sizeof attributes};
    if (syscall(SYS_sched_getattr, process, &attributes, sizeof attributes, 0) != 0) return -errno;
    return (int64_t)attributes.runtime;
}

int linux_raise_thread(int levels) {
    // Process 0 is the calling thread in all of these.
    if (sched_getscheduler(0) != SCHED_OTHER || getpriority(PRIO_PROCESS, 0) != 0) return 0;
    if (take_short_turns_at(-levels) == 0) return 0;
    // Short turns are open to everyone, and some filters of system calls know the older calls alone.
    take_short_turns_at(0);
    if (setpriority(PRIO_PROCESS, 0, -levels) != 0) return -errno;
    const struct sched_param parameters = {.sched_priority = 0};
    return or_errno(sched_setscheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK, &parameters));
}
