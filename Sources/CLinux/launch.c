// linux_start(): the child that becomes the first process of a command's namespaces.
#define _GNU_SOURCE
#include "CLinuxProcess.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// Any directory that every system has and that the program does not need would do.
const char *const linux_launch_directory = "/tmp";

enum { stack_size = 64 * 1024 };

// Shared by parent and child, with or without CLONE_VM: how far the child came, and its stack; and that of the
// program's process where the child becomes its keeper.
struct child {
    const struct linux_launch *launch;
    enum linux_launch_step step;
    int error;
    // The program's process uses this memory no more.
    bool has_started;
    _Alignas(16) char stack[stack_size];
    _Alignas(16) char program_stack[stack_size];
};

// clone3(2) of a child that runs on a stack of its own, as clone(2) has it, which glibc has no function for. The child
// does not return.
static pid_t clone_with(struct clone_args *arguments, int (*run)(void *), struct child *child) {
#if defined(__x86_64__)
    long result;
    __asm__ volatile("syscall\n\t"
                     "test %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "mov %[child], %%rdi\n\t"
                     "call *%[run]\n\t"
                     "hlt\n"
                     "1:"
                     : "=a"(result)
                     : "a"(SYS_clone3), "D"(arguments), "S"(sizeof *arguments), [run] "r"(run), [child] "r"(child)
                     : "rcx", "r11", "cc", "memory");
#elif defined(__aarch64__)
    register long result __asm__("x0") = (long)arguments;
    register long size __asm__("x1") = sizeof *arguments;
    register long number __asm__("x8") = SYS_clone3;
    __asm__ volatile("svc 0\n\t"
                     "cbnz x0, 1f\n\t"
                     "mov x0, %[child]\n\t"
                     "blr %[run]\n\t"
                     "brk 1\n"
                     "1:"
                     : "+r"(result)
                     : "r"(size), "r"(number), [run] "r"(run), [child] "r"(child)
                     : "cc", "memory");
#else
    long result = -ENOSYS;
#endif
    if (result >= 0) return (pid_t)result;
    errno = (int)-result;
    return -1;
}

// A child that runs on its stack, see clone(2), in a control group of version 2 from the beginning: -1 for none.
static pid_t make_child(int (*run)(void *), struct child *child, int flags, int *pidfd, int birthplace) {
    if (birthplace < 0) return clone(run, child->stack + stack_size, flags, child, pidfd);
    struct clone_args arguments = {
        .flags = (uint64_t)(flags & ~CSIGNAL) | CLONE_INTO_CGROUP,
        .exit_signal = flags & CSIGNAL,
        .pidfd = (uintptr_t)pidfd,
        .stack = (uintptr_t)child->stack,
        .stack_size = stack_size,
        .cgroup = birthplace,
    };
    return clone_with(&arguments, run, child);
}

static int write_file(const char *path, const char *text) {
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0) return -1;
    ssize_t written = write(file, text, strlen(text));
    int error = errno;
    close(file);
    errno = error;
    return written < 0 ? -1 : 0;
}

// Maps the caller's ids to themselves in the user namespace that the child was cloned into.
static int map_ids(uid_t uid, gid_t gid) {
    char map[64];
    // The files of a process whose memory nobody may read belong to root. The child has a copy of the memory,
    // and nothing but this process's own user can see it for as long as these lines take.
    if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0) return -1;
    if (write_file("/proc/self/setgroups", "deny") != 0) return -1;
    snprintf(map, sizeof map, "%u %u 1", uid, uid);
    if (write_file("/proc/self/uid_map", map) != 0) return -1;
    snprintf(map, sizeof map, "%u %u 1", gid, gid);
    if (write_file("/proc/self/gid_map", map) != 0) return -1;
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

// Leaves the caller's mounts as they are, and shows the new pid namespace in /proc.
static int separate_mounts(void) {
    if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) != 0) return -1;
    return mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
}

// Binds the directory to linux_launch_directory. Its descriptor belongs to the caller's mounts, of which nothing
// can be bound here: it is opened again by its path, and what that led to is compared with the descriptor, then
// bound by its new descriptor. Whoever replaces the path meanwhile gains -EXDEV.
static int bind_directory(int directory, const char *path) {
    int again = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (again < 0) {
        if (errno == ENOTDIR || errno == ELOOP) errno = EXDEV;
        return -1;
    }
    struct stat expected, found;
    if (fstat(directory, &expected) != 0 || fstat(again, &found) != 0) return -1;
    if (expected.st_dev != found.st_dev || expected.st_ino != found.st_ino) {
        errno = EXDEV;
        return -1;
    }
    char link[32];
    snprintf(link, sizeof link, "/proc/self/fd/%d", again);
    if (mount(link, linux_launch_directory, NULL, MS_BIND | MS_REC, NULL) != 0) return -1;
    return close(again);
}

static int place_descriptors(const int *descriptors, int count) {
    // A descriptor may have the number that another is to get: all move out of the way first.
    int moved[count];
    for (int i = 0; i < count; i++) {
        moved[i] = fcntl(descriptors[i], F_DUPFD, count);
        if (moved[i] < 0) return -1;
    }
    for (int i = 0; i < count; i++) {
        if (dup2(moved[i], i) < 0) return -1;
    }
    return (int)syscall(SYS_close_range, count, ~0U, 0);
}

// Never above what the caller itself was given.
static int limit(int resource, rlim_t value) {
    struct rlimit both;
    if (getrlimit(resource, &both) != 0) return -1;
    if (both.rlim_max > value) both.rlim_max = value;
    both.rlim_cur = both.rlim_max;
    return setrlimit(resource, &both);
}

static int set_limits(const struct linux_launch *launch) {
    // 1, not 0: with 0 a core_pattern that is a pipe still runs its handler, as root of the host; see core(5).
    if (limit(RLIMIT_CORE, 1) != 0) return -1;
    if (launch->maximum_descriptors != 0 && limit(RLIMIT_NOFILE, launch->maximum_descriptors) != 0) return -1;
    if (launch->maximum_processes != 0 && limit(RLIMIT_NPROC, launch->maximum_processes) != 0) return -1;
    return 0;
}

// By raw system calls: glibc's functions of these names make every thread of the process follow, and the threads
// that they would find are the caller's. The kernel makes the memory unreadable for others as it changes the user,
// and with it the caller's, for good: nobody of that user can look into the broker through this child.
static int assume_identity(uid_t uid, gid_t gid) {
    if (syscall(SYS_setgroups, 0, NULL) != 0) return -1;
    if (syscall(SYS_setresgid, gid, gid, gid) != 0) return -1;
    return (int)syscall(SYS_setresuid, uid, uid, uid);
}

// As the caller: whom the program runs as may not.
static int join_control_groups(const struct linux_launch *launch) {
    for (int i = 0; i < launch->control_group_count; i++) {
        // A process with a real-time priority is not for those that share processors out: it goes without.
        if (write(launch->control_groups[i], "0", 1) < 0 && errno != EINVAL) return -1;
    }
    return 0;
}

static int prepare_process(const struct linux_launch *launch) {
    if (join_control_groups(launch) != 0) return -1;
    if (place_descriptors(launch->descriptors, launch->descriptor_count) != 0) return -1;
    if (set_limits(launch) != 0) return -1;
    if (launch->switches_identity && assume_identity(launch->uid, launch->gid) != 0) return -1;
    // After the identity, whose change clears it.
    if (launch->is_apart && prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return -1;
    setpgid(0, 0);
    umask(022);
    return chdir("/");
}

static void reset_signals(void) {
    struct sigaction initial = {.sa_handler = SIG_DFL};
    for (int number = 1; number < NSIG; number++) sigaction(number, &initial, NULL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static int fail(struct child *child, enum linux_launch_step step) {
    child->error = errno;
    child->step = step;
    _exit(127);
}

static enum linux_launch_step separate(const struct linux_launch *launch) {
    if (!launch->switches_identity && map_ids(launch->uid, launch->gid) != 0) return linux_launch_step_namespaces;
    if (separate_mounts() != 0) return linux_launch_step_namespaces;
    if (launch->directory >= 0 && bind_directory(launch->directory, launch->directory_path) != 0)
        return linux_launch_step_directory;
    if (launch->etc != NULL && mount(launch->etc, "/etc", NULL, MS_BIND, NULL) != 0) return linux_launch_step_namespaces;
    return linux_launch_step_none;
}

static int execute_program(struct child *child) {
    char *environment[] = {NULL};
    execve(child->launch->program, child->launch->arguments, environment);
    return fail(child, linux_launch_step_program);
}

static int run_kept_program(void *argument) {
    struct child *child = argument;
    // The keeper's end of the pipe.
    close(child->launch->descriptor_count);
    return execute_program(child);
}

// Starts the program as a child of this process, which becomes its keeper.
static int keep_program(struct child *child) {
    const struct linux_launch *launch = child->launch;
    int pipe_ends[2];
    // They get the numbers after the program's own descriptors.
    if (pipe(pipe_ends) != 0) return fail(child, linux_launch_step_process);
    char *stack = child->program_stack + stack_size;
    pid_t program = clone(run_kept_program, stack, CLONE_VM | CLONE_VFORK | SIGCHLD, child);
    if (program < 0) return fail(child, linux_launch_step_process);
    child->has_started = true;
    // It has failed, and said so.
    if (child->error != 0) _exit(127);
    if (dup2(pipe_ends[0], 0) < 0) return fail(child, linux_launch_step_process);
    // Open until then: the keeper may be executed from one of them. Above the pipe there is nothing.
    for (int i = 1; i <= pipe_ends[1]; i++) fcntl(i, F_SETFD, FD_CLOEXEC);
    char number[16];
    snprintf(number, sizeof number, "%d", program);
    char *arguments[] = {"keeper", number, NULL}, *environment[] = {NULL};
    execve(launch->keeper, arguments, environment);
    return fail(child, linux_launch_step_process);
}

static int run_child(void *argument) {
    struct child *child = argument;
    const struct linux_launch *launch = child->launch;

    reset_signals();
    if (launch->is_apart) {
        enum linux_launch_step failed = separate(launch);
        if (failed != linux_launch_step_none) return fail(child, failed);
    }
    if (prepare_process(launch) != 0) return fail(child, linux_launch_step_process);
    return launch->keeper != NULL ? keep_program(child) : execute_program(child);
}

static int join_and_exit(void *argument) {
    struct child *child = argument;
    if (join_control_groups(child->launch) != 0) child->error = errno;
    _exit(0);
}

static int try_membership(const struct linux_launch *launch) {
    struct child *child = mmap(NULL, sizeof *child, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (child == MAP_FAILED) return -errno;
    child->launch = launch;
    // Without a signal at its end, which a handler of the caller's would take for that of another child.
    pid_t process = make_child(join_and_exit, child, CLONE_VM | CLONE_VFORK, NULL, launch->birthplace);
    int error = process < 0 ? errno : child->error;
    if (process >= 0) waitpid(process, NULL, __WALL);
    munmap(child, sizeof *child);
    return -error;
}

int linux_try_joining(int members) {
    return try_membership(&(struct linux_launch){
        .control_groups = &members,
        .control_group_count = 1,
        .birthplace = -1,
    });
}

int linux_try_making_member(int birthplace) {
    return try_membership(&(struct linux_launch){.birthplace = birthplace});
}

int linux_clone_mount(int directory) {
    const unsigned flags = AT_EMPTY_PATH | AT_RECURSIVE;
    int tree = (int)syscall(SYS_open_tree, directory, "", flags | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (tree < 0) return -errno;
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, .propagation = MS_PRIVATE};
    if (syscall(SYS_mount_setattr, tree, "", flags, &attributes, sizeof attributes) == 0) return tree;
    int error = errno;
    close(tree);
    return -error;
}

pid_t linux_start(const struct linux_launch *launch, int *pidfd, enum linux_launch_step *failed) {
    *failed = linux_launch_step_namespaces;
    struct child *child = mmap(NULL, sizeof *child, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (child == MAP_FAILED) return -errno;
    child->launch = launch;

    int flags = CLONE_PIDFD | CLONE_VFORK | SIGCHLD;
    if (launch->is_apart) flags |= CLONE_NEWPID | CLONE_NEWNS;
    // A user namespace is mapped by its process, which must not share its memory while it does: see map_ids().
    flags |= launch->switches_identity || !launch->is_apart ? CLONE_VM : CLONE_NEWUSER;

    // A handler of the caller's must not run in the child.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t process = make_child(run_child, child, flags, pidfd, launch->birthplace);
    int error = process < 0 ? errno : child->error;
    pthread_sigmask(SIG_SETMASK, &before, NULL);

    if (process >= 0) *failed = child->step;
    // Somebody killed the child when the program's process was not its own yet: that is dead once the child is.
    if (process >= 0 && error == 0 && launch->keeper != NULL && !child->has_started) {
        *failed = linux_launch_step_process;
        error = ECHILD;
    }
    if (process >= 0 && error != 0) {
        siginfo_t ignored;
        syscall(SYS_waitid, P_PIDFD, *pidfd, &ignored, WEXITED, NULL);
        close(*pidfd);
    }
    munmap(child, sizeof *child);
    return error == 0 ? process : -error;
}
