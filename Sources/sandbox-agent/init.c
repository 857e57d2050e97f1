// The init of a cell: makes its view of the file system, and runs one command after the other.
#define _GNU_SOURCE
#include "agent.h"
#include "raw_call.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const own_directories[directories_of_its_own] = {"/tmp", "/dev/shm"};

// Comes with SIGRTMIN, whose value is the signal that the whole tree is to get: the first process of a namespace gets
// only signals that it handles.
static void signal_all(int number, siginfo_t *info, void *context) {
    (void)number;
    (void)context;
    raw_call(SYS_kill, -1, info->si_value.sival_int, 0, 0);
}

// False: it cannot be looked at.
static bool look_at(const char *path, struct directory *directory) {
    struct stat status;
    struct statfs space;
    if (raw_call(SYS_newfstatat, AT_FDCWD, (long)path, (long)&status, 0) != 0) return false;
    if (raw_call(SYS_statfs, (long)path, (long)&space, 0, 0) != 0) return false;
    *directory = (struct directory){
        .free_blocks = (uint64_t)space.f_bfree,
        .free_files = (uint64_t)space.f_ffree,
        .mode = status.st_mode,
        .owner = status.st_uid,
        .group = status.st_gid,
        .attributes_size = raw_call(SYS_listxattr, (long)path, 0, 0, 0),
    };
    return true;
}

// MARK: Making the cell

static int open_directory(int base, const char *path, uint64_t resolve) {
    struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, .resolve = resolve};
    return (int)syscall(SYS_openat2, base, path, &how, sizeof how);
}

// Binds a directory over the workspace, where it is what the broker has open.
static int bind_directory(int directory, const struct sandbox_request *request) {
    struct stat found;
    if (fstat(directory, &found) != 0) return -1;
    if (found.st_dev != request->scope_device || found.st_ino != request->scope_inode) {
        errno = EXDEV;
        return -1;
    }
    char link[32];
    snprintf(link, sizeof link, "/proc/self/fd/%d", directory);
    return mount(link, "/workspace", NULL, MS_BIND | MS_REC, NULL);
}

static int bind_scope(const struct command *command) {
    const uint64_t resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
    // Opened in the namespace of this process: nothing of another one can be bound.
    int workspace = open_directory(AT_FDCWD, "/workspace", 0);
    if (workspace < 0) return -1;
    int scope = open_directory(workspace, command->scope, resolve);
    int result = scope < 0 ? -1 : bind_directory(scope, command->request);
    int error = errno == ELOOP || errno == ENOTDIR ? EXDEV : errno;
    // Also the agent's, if they stayed open.
    if (scope >= 0) close(scope);
    close(workspace);
    errno = error;
    return result;
}

static int mount_own(const struct sandbox *sandbox) {
    const unsigned long flags = MS_NOSUID | MS_NODEV;
    if (mount("proc", "/proc", "proc", flags | MS_NOEXEC, NULL) != 0) return -1;
    // With terminals of its own: those of other commands are the same user's.
    const char *options = "newinstance,ptmxmode=0666,mode=0620,max=64";
    if (mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, options) != 0) return -1;
    if (mount("tmpfs", "/tmp", "tmpfs", flags, sandbox->temporary_options) != 0) return -1;
    return mount("tmpfs", "/dev/shm", "tmpfs", flags, sandbox->shared_memory_options);
}

// What holds for the init holds for its commands.
static int confine(void) {
    if (drop_capabilities() != 0) return -1;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
    if (restrict_files() != 0) return -1;
    return install_command_filter();
}

static bool make(struct cell *cell) {
    prctl(PR_SET_NAME, "sandbox-cell");
    // As the agent, which it did not get that from. Its commands take ordinary ones.
    take_short_turns();
    if (cell->sandbox->walls != walls_bwrap) return make_in_host(cell);
    struct sigaction action = {.sa_sigaction = signal_all, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaction(SIGRTMIN, &action, NULL);
    if (mount_own(cell->sandbox) != 0) return fail(cell, sandbox_stage_sandbox, errno), false;
    if (cell->command->scope[0] != 0 && bind_scope(cell->command) != 0)
        return fail(cell, sandbox_stage_workspace, errno), false;
    if (confine() != 0) return fail(cell, sandbox_stage_confinement, errno), false;
    for (int i = 0; i < directories_of_its_own; i++) {
        if (!look_at(own_directories[i], &cell->made[i])) return fail(cell, sandbox_stage_sandbox, EIO), false;
    }
    return true;
}

// MARK: A command

// wait4(2) for any child: its id or -errno. Counts what it used, with what its own children did.
static pid_t reap(int options, int *status, struct sandbox_reply *usage) {
    struct rusage used;
    pid_t ended;
    do ended = (pid_t)raw_call(SYS_wait4, -1, (long)status, options, (long)&used);
    while (ended == -EINTR);
    if (ended <= 0) return ended;
    uint64_t resident = (uint64_t)used.ru_maxrss * 1024;
    usage->user_microseconds += in_microseconds(used.ru_utime);
    usage->system_microseconds += in_microseconds(used.ru_stime);
    if (resident > usage->maximum_resident_bytes) usage->maximum_resident_bytes = resident;
    return ended;
}

// Processes besides this one.
static uint32_t count_others(void) {
    int directory = (int)raw_call(SYS_openat, AT_FDCWD, (long)"/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (directory < 0) return 1;
    _Alignas(struct directory_entry) char buffer[4096];
    uint32_t count = 0;
    long size;
    while ((size = raw_call(SYS_getdents64, directory, (long)buffer, sizeof buffer, 0)) > 0) {
        for (long at = 0; at < size;) {
            const struct directory_entry *entry = (const struct directory_entry *)(buffer + at);
            if (is_process(entry)) count++;
            at += entry->length;
        }
    }
    raw_call(SYS_close, directory, 0, 0, 0);
    return count > 0 ? count - 1 : 0;
}

// Kills what outlived the program; whatever has lost its parent is this process's child. In a namespace the kernel
// sends the signal to all at once, and no fork comes in between.
static void end_others(const struct cell *cell, struct sandbox_reply *reply) {
    int status;
    while (reap(WNOHANG, &status, reply) > 0) {}
    bool is_in_namespace = cell->sandbox->walls == walls_bwrap;
    if (is_in_namespace && raw_call(SYS_kill, -1, 0, 0, 0) < 0) return;
    pid_t self = (pid_t)raw_call(SYS_getpid, 0, 0, 0, 0);
    reply->lingering = is_in_namespace ? count_others() : signal_descendants(self, 0);
    while (reap(WNOHANG, &status, reply) != -ECHILD) {
        if (is_in_namespace) raw_call(SYS_kill, -1, SIGKILL, 0, 0);
        else kill_descendants(self, NULL);
        if (reap(0, &status, reply) == -ECHILD) return;
    }
}

static void await_program(const struct cell *cell, pid_t program, struct sandbox_reply *reply) {
    int status = 0;
    pid_t ended;
    do ended = reap(0, &status, reply);
    while (ended != program && ended > 0);
    reply->status = status;
    end_others(cell, reply);
}

static void announce_running(struct cell *cell) {
    set_state(cell, cell_running);
    raw_call(SYS_futex, (long)&cell->state, FUTEX_WAKE, 1, 0);
}

static bool is_as_made(const struct cell *cell) {
    for (int i = 0; i < directories_of_its_own; i++) {
        const struct directory *made = &cell->made[i];
        struct directory now;
        if (!look_at(own_directories[i], &now)) return false;
        if (now.free_blocks != made->free_blocks || now.free_files != made->free_files) return false;
        if (now.mode != made->mode || now.owner != made->owner || now.group != made->group) return false;
        if (now.attributes_size != made->attributes_size) return false;
    }
    return true;
}

// Becomes the parent of the program. Its id; -1 where the cell has a failure.
static pid_t start_program(struct cell *cell) {
    struct command *command = cell->command;
    int terminal = -1;
    if (command->request->has_terminal) {
        terminal = open_terminal(cell->sandbox, command->request);
        if (terminal < 0) return fail(cell, sandbox_stage_sandbox, errno), -1;
        for (int i = 0; i < 3; i++) command->streams[i] = terminal;
    }
    pid_t program = clone(run_program, cell->program_stack_end, CLONE_VM | CLONE_VFORK | SIGCHLD, cell);
    if (program < 0) fail(cell, sandbox_stage_sandbox, errno);
    if (terminal >= 0) close(terminal);
    // The agent's too.
    if (cell->sandbox->walls != walls_bwrap) close(cell->scope);
    return program;
}

// Runs the command that the cell has, and replies. Returns whether it is to run another.
static bool run_command(struct cell *cell, bool is_made) {
    struct sandbox_reply reply = {.id = cell->id, .kind = sandbox_reply_ended};
    // Another scope needs another view; and a terminal stays for as long as the broker has its other side.
    bool is_for_one = cell->sandbox->walls != walls_bwrap || cell->command->scope[0] != 0
        || cell->command->request->has_terminal;
    pid_t program = is_made ? start_program(cell) : -1;
    if (cell->failed_stage != sandbox_stage_none) {
        reply.kind = sandbox_reply_failed;
        reply.stage = cell->failed_stage;
        reply.error = cell->error;
        reply.interpreter_is_missing = cell->interpreter_is_missing;
        cell->failed_stage = sandbox_stage_none;
        cell->interpreter_is_missing = false;
    }
    announce_running(cell);

    if (program > 0) await_program(cell, program, &reply);
    cell->user_microseconds += reply.user_microseconds;
    cell->system_microseconds += reply.system_microseconds;
    bool is_reusable = is_made && !is_for_one && is_as_made(cell);
    // Before the reply, so that who starts the next command on it finds the cell. Killed: the agent replies.
    if (is_reusable && !change_state(cell, cell_running, cell_idle)) return false;
    raw_call(SYS_write, cell->sandbox->socket, (long)&reply, sizeof reply, 0);
    __atomic_store_n(&cell->replied_id, reply.id, __ATOMIC_RELEASE);
    return is_reusable;
}

int run_init(void *argument) {
    struct cell *cell = argument;
    bool is_made = make(cell);
    while (run_command(cell, is_made)) {
        while (get_state(cell) == cell_idle) raw_call(SYS_futex, (long)&cell->state, FUTEX_WAIT, cell_idle, 0);
    }
    raw_call(SYS_exit_group, 0, 0, 0, 0);
    return 0;
}
