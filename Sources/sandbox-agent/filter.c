// System call filters, in two layers: the agent's, which its commands inherit, refuses what neither of them does; a
// command's, what the agent alone does. One for all that a command does not would stop the agent.
#define _GNU_SOURCE
#include "agent.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define NATIVE_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "add the architecture's AUDIT_ARCH_ value"
#endif

// System calls newer than the C library's headers. They have one number on every architecture.
enum {
    call_quotactl_fd = 443,
    call_statmount = 457,
    call_listmount = 458,
    call_open_tree_attr = 467,
};

struct refusal {
    uint32_t call;
    // What the caller is told. ENOSYS where programs then do without.
    uint16_t error;
};

static const struct refusal refusals[] = {
    // Other processes' memory, registers and descriptors.
    {SYS_ptrace, EPERM},
    {SYS_process_vm_readv, EPERM},
    {SYS_process_vm_writev, EPERM},
    {SYS_process_madvise, EPERM},
    {SYS_pidfd_getfd, EPERM},
    {SYS_kcmp, EPERM},
    {SYS_move_pages, EPERM},
    // Large parts of the kernel that commands do without.
    {SYS_bpf, EPERM},
    {SYS_perf_event_open, EPERM},
    {SYS_userfaultfd, EPERM},
    {SYS_io_uring_setup, ENOSYS},
    {SYS_io_uring_enter, ENOSYS},
    {SYS_io_uring_register, ENOSYS},
    // Keyrings belong to the user on the host, not to a namespace.
    {SYS_keyctl, EPERM},
    {SYS_add_key, EPERM},
    {SYS_request_key, EPERM},
    // The host's kernel, clock, disks and accounting.
    {SYS_kexec_load, EPERM},
    {SYS_kexec_file_load, EPERM},
    {SYS_init_module, EPERM},
    {SYS_finit_module, EPERM},
    {SYS_delete_module, EPERM},
    {SYS_reboot, EPERM},
    {SYS_swapon, EPERM},
    {SYS_swapoff, EPERM},
    {SYS_acct, EPERM},
    {SYS_quotactl, EPERM},
    {call_quotactl_fd, EPERM},
    {SYS_settimeofday, EPERM},
    {SYS_clock_settime, EPERM},
    {SYS_syslog, EPERM},
    {SYS_vhangup, EPERM},
    // Files by handle reach outside of every mount namespace.
    {SYS_open_by_handle_at, EPERM},
    {SYS_name_to_handle_at, EPERM},
    {SYS_fanotify_init, EPERM},
    // Mounts, but for mount(2).
    {SYS_umount2, EPERM},
    {SYS_pivot_root, EPERM},
    {SYS_chroot, EPERM},
    {SYS_open_tree, EPERM},
    {SYS_move_mount, EPERM},
    {SYS_fsopen, EPERM},
    {SYS_fsconfig, EPERM},
    {SYS_fsmount, EPERM},
    {SYS_fspick, EPERM},
    {SYS_mount_setattr, EPERM},
    {call_statmount, ENOSYS},
    {call_listmount, ENOSYS},
    {call_open_tree_attr, ENOSYS},
    // Namespaces. clone3() has its flags in memory, where a filter cannot see them; the C library falls back on
    // clone(), whose flags are tested below.
    {SYS_unshare, EPERM},
    {SYS_setns, EPERM},
    {SYS_clone3, ENOSYS},
    {SYS_sethostname, EPERM},
    {SYS_setdomainname, EPERM},
#if defined(__x86_64__)
    {SYS_iopl, EPERM},
    {SYS_ioperm, EPERM},
    {SYS_modify_ldt, EPERM},
#endif
};

enum { maximum_length = 512 };

struct program {
    struct sock_filter code[maximum_length];
    // May be more than the maximum: install() looks.
    size_t length;
};

static void emit(struct program *program, struct sock_filter instruction) {
    if (program->length < maximum_length) program->code[program->length] = instruction;
    program->length++;
}

static void load(struct program *program, size_t offset) {
    emit(program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

// The halves of an argument. The kernel looks at the low half alone where the argument is an int.
static size_t low_half(int argument) { return offsetof(struct seccomp_data, args) + 8 * (size_t)argument; }
static size_t high_half(int argument) { return low_half(argument) + 4; }

static void answer(struct program *program, uint32_t action) {
    emit(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

// Skips the next `count` instructions unless the loaded word is `value`.
static void skip_unless(struct program *program, uint32_t value, uint8_t count) {
    emit(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, count));
}

// Skips the next `count` instructions if the loaded word is `value`.
static void skip_if(struct program *program, uint32_t value, uint8_t count) {
    emit(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, count, 0));
}

static uint32_t refuse(uint16_t error) { return SECCOMP_RET_ERRNO | error; }

// The rules of one system call, which end with an answer of their own: the caller of begin_call() fills in how many
// instructions they are by end_call().
static size_t begin_call(struct program *program, uint32_t call) {
    skip_unless(program, call, 0);
    return program->length - 1;
}

static void end_call(struct program *program, size_t begin) {
    answer(program, SECCOMP_RET_ALLOW);
    if (begin < maximum_length) program->code[begin].jf = (uint8_t)(program->length - begin - 1);
}

static void refuse_foreign_abi(struct program *program) {
    load(program, offsetof(struct seccomp_data, arch));
    skip_if(program, NATIVE_ARCHITECTURE, 1);
    answer(program, SECCOMP_RET_KILL_PROCESS);
    load(program, offsetof(struct seccomp_data, nr));
#if defined(__x86_64__)
    // x32 has numbers of its own for the same calls.
    const uint32_t x32_bit = 0x40000000;
    emit(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, x32_bit, 0, 1));
    answer(program, refuse(ENOSYS));
#endif
}

// What an IPC namespace confines.
static const struct refusal shared_objects[] = {
    {SYS_shmget, ENOSYS}, {SYS_shmat, ENOSYS},   {SYS_semget, ENOSYS},
    {SYS_msgget, ENOSYS}, {SYS_mq_open, ENOSYS},
};

static void refuse_calls(struct program *program, const struct refusal *calls, size_t count) {
    for (size_t i = 0; i < count; i++) {
        skip_unless(program, calls[i].call, 1);
        answer(program, refuse(calls[i].error));
    }
}

static void refuse_dangerous_calls(struct program *program) {
    refuse_calls(program, refusals, sizeof refusals / sizeof *refusals);
}

// Of those that the agent makes for its commands, and of all others.
enum { agent_namespaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC };
static const uint32_t other_namespaces = CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWUSER | CLONE_NEWNET;

static void refuse_new_namespaces(struct program *program, uint32_t namespaces) {
    size_t begin = begin_call(program, SYS_clone);
    load(program, low_half(0));
    emit(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, namespaces, 0, 1));
    answer(program, refuse(EPERM));
    end_call(program, begin);
}

static void refuse_controls(struct program *program) {
    // TIOCLINUX of ioctl_console(2), for which there is no header.
    const uint32_t tioclinux = 0x541c;
    // The letter of btrfs's and of the generic file controls.
    const uint32_t btrfs_type = 0x94 << 8;
    size_t begin = begin_call(program, SYS_ioctl);
    load(program, low_half(1));
    skip_unless(program, TIOCSTI, 1);
    answer(program, refuse(EPERM));
    skip_unless(program, tioclinux, 1);
    answer(program, refuse(EPERM));
    // Of btrfs only what cp(1) uses: subvolumes and snapshots would escape a quota.
    skip_if(program, FICLONE, 5);
    skip_if(program, FICLONERANGE, 4);
    skip_if(program, FIDEDUPERANGE, 3);
    emit(program, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xff00));
    skip_unless(program, btrfs_type, 1);
    answer(program, refuse(EPERM));
    end_call(program, begin);
}

static void refuse_personalities(struct program *program) {
    // The question, the default, and no address randomisation, which sanitizers and debuggers ask for.
    const uint32_t question = 0xffffffff, standard = 0, no_randomisation = 0x0040000;
    size_t begin = begin_call(program, SYS_personality);
    load(program, low_half(0));
    skip_if(program, question, 3);
    skip_if(program, standard, 2);
    skip_if(program, no_randomisation, 1);
    answer(program, refuse(EPERM));
    end_call(program, begin);
}

// Only families that a network namespace confines, and UNIX. AF_VSOCK, for one, reaches the hypervisor.
static void refuse_socket_families(struct program *program) {
    size_t begin = begin_call(program, SYS_socket);
    load(program, low_half(0));
    skip_if(program, AF_UNIX, 4);
    skip_if(program, AF_INET, 3);
    skip_if(program, AF_INET6, 2);
    skip_if(program, AF_NETLINK, 1);
    answer(program, refuse(EAFNOSUPPORT));
    end_call(program, begin);
}

// Setting the core limit seems to succeed and changes nothing: with 0 instead of 1 a core_pattern that is a pipe
// would run its handler, as root of the host, and programs that turn core dumps off do not go on after an error.
static void keep_core_limit(struct program *program) {
    size_t begin = begin_call(program, SYS_prlimit64);
    load(program, low_half(1));
    skip_unless(program, RLIMIT_CORE, 5);
    load(program, low_half(2));
    skip_unless(program, 0, 2);
    load(program, high_half(2));
    skip_if(program, 0, 1);
    answer(program, refuse(0));
    end_call(program, begin);
#if defined(SYS_setrlimit)
    begin = begin_call(program, SYS_setrlimit);
    load(program, low_half(0));
    skip_unless(program, RLIMIT_CORE, 1);
    answer(program, refuse(0));
    end_call(program, begin);
#endif
}

// Calls that change how a process is scheduled or what it may use, and where they have its id. A cell's init is of the
// same user as the commands, and the next command inherits from it.
static const struct {
    uint32_t call;
    uint8_t argument;
} calls_with_process[] = {
    {SYS_sched_setaffinity, 0}, {SYS_sched_setscheduler, 0}, {SYS_sched_setparam, 0}, {SYS_sched_setattr, 0},
    {SYS_setpriority, 1},       {SYS_ioprio_set, 1},         {SYS_prlimit64, 0},
};

// What means all processes of a user, in the first argument.
static const struct {
    uint32_t call;
    uint32_t kind;
} calls_with_user[] = {{SYS_setpriority, PRIO_USER}, {SYS_ioprio_set, 3 /* IOPRIO_WHO_USER */}};

// Within the rules of a call.
static void refuse_user(struct program *program, uint32_t call) {
    for (size_t i = 0; i < sizeof calls_with_user / sizeof *calls_with_user; i++) {
        if (calls_with_user[i].call != call) continue;
        load(program, low_half(0));
        skip_unless(program, calls_with_user[i].kind, 1);
        answer(program, refuse(EPERM));
    }
}

static void refuse_changes_of_init(struct program *program) {
    for (size_t i = 0; i < sizeof calls_with_process / sizeof *calls_with_process; i++) {
        size_t begin = begin_call(program, calls_with_process[i].call);
        load(program, low_half(calls_with_process[i].argument));
        skip_unless(program, 1, 1);
        answer(program, refuse(EPERM));
        refuse_user(program, calls_with_process[i].call);
        end_call(program, begin);
    }
}

// Without a network namespace there is no other bound.
static void refuse_all_but_unix_sockets(struct program *program) {
    size_t begin = begin_call(program, SYS_socket);
    load(program, low_half(0));
    skip_if(program, AF_UNIX, 1);
    answer(program, refuse(EAFNOSUPPORT));
    end_call(program, begin);
}

static void refuse_mounts(struct program *program) {
    skip_unless(program, SYS_mount, 1);
    answer(program, refuse(EPERM));
}

// Without a pid namespace a process may change itself alone, as process 0.
static void refuse_changes_of_others(struct program *program) {
    for (size_t i = 0; i < sizeof calls_with_process / sizeof *calls_with_process; i++) {
        size_t begin = begin_call(program, calls_with_process[i].call);
        load(program, low_half(calls_with_process[i].argument));
        skip_if(program, 0, 1);
        answer(program, refuse(EPERM));
        refuse_user(program, calls_with_process[i].call);
        end_call(program, begin);
    }
}

static int install(struct program *program) {
    if (program->length > maximum_length) {
        errno = ENOSPC;
        return -1;
    }
    struct sock_fprog filter = {.len = (unsigned short)program->length, .filter = program->code};
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter);
}

int install_agent_filter(void) {
    static struct program program;
    refuse_foreign_abi(&program);
    refuse_dangerous_calls(&program);
    refuse_new_namespaces(&program, other_namespaces);
    refuse_controls(&program);
    refuse_personalities(&program);
    refuse_socket_families(&program);
    keep_core_limit(&program);
    answer(&program, SECCOMP_RET_ALLOW);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
    return install(&program);
}

int install_command_filter(void) {
    struct program program = {.length = 0};
    load(&program, offsetof(struct seccomp_data, nr));
    refuse_mounts(&program);
    refuse_new_namespaces(&program, agent_namespaces);
    refuse_changes_of_init(&program);
    answer(&program, SECCOMP_RET_ALLOW);
    return install(&program);
}

int install_host_filter(void) {
    struct program program = {.length = 0};
    refuse_foreign_abi(&program);
    refuse_dangerous_calls(&program);
    refuse_mounts(&program);
    refuse_new_namespaces(&program, agent_namespaces | other_namespaces);
    refuse_controls(&program);
    refuse_personalities(&program);
    refuse_all_but_unix_sockets(&program);
    refuse_calls(&program, shared_objects, sizeof shared_objects / sizeof *shared_objects);
    keep_core_limit(&program);
    refuse_changes_of_others(&program);
    answer(&program, SECCOMP_RET_ALLOW);
    return install(&program);
}
