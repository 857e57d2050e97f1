// The agent's loop: requests of the broker, and ends of commands.
#define _GNU_SOURCE
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void reply(int socket, struct sandbox_reply message) {
    // The broker reads what comes at once. Where it is gone, so is this process, the next time that it looks.
    while (send(socket, &message, sizeof message, MSG_NOSIGNAL) < 0 && errno == EINTR) {}
}

// Finds the strings. False where they are not as many as they should be.
static bool read_strings(struct command *command, char *strings) {
    const struct sandbox_request *request = command->request;
    const char *end = strings + request->strings_size;
    if (request->strings_size == 0 || end[-1] != 0) return false;
    char *next = strings;
    command->scope = next;
    next += strlen(next) + 1;
    command->working_directory = next;
    uint32_t count = request->argument_count + request->variable_count;
    for (uint32_t i = 0; i < count; i++) {
        if (next >= end) return false;
        next += strlen(next) + 1;
        if (next >= end) return false;
        if (i < request->argument_count) command->arguments[i] = next;
        else command->variables[i - request->argument_count] = next;
    }
    return true;
}

// Returns 0 or errno(3).
static int start_from(const struct sandbox *sandbox, struct command *command, char *strings) {
    const struct sandbox_request *request = command->request;
    // Its two lists, each with the null pointer at its end, and room for one more variable: see host.c.
    size_t size = ((size_t)request->argument_count + request->variable_count + 3) * sizeof(char *);
    char **lists = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (lists == MAP_FAILED) return ENOMEM;
    command->arguments = lists;
    command->variables = lists + request->argument_count + 1;
    int error = 0;
    if (sandbox->is_vacant || !read_strings(command, strings)) error = EPROTO;
    else if (!start_command(sandbox, command)) error = errno;
    munmap(lists, size);
    return error;
}

static void start(const struct sandbox *sandbox, const struct sandbox_request *request, char *strings,
                  const int *descriptors, int file_of_strings) {
    struct command command = {.request = request};
    memcpy(command.streams, descriptors, sizeof command.streams);
    command.control_groups = descriptors + (request->has_terminal ? 0 : 3);
    int error;
    if (request->strings_are_in_file) {
        char *file = mmap(NULL, request->strings_size, PROT_READ, MAP_PRIVATE, file_of_strings, 0);
        error = file == MAP_FAILED ? errno : start_from(sandbox, &command, file);
        if (file != MAP_FAILED) munmap(file, request->strings_size);
    } else {
        error = start_from(sandbox, &command, strings);
    }
    if (error == 0) return;
    reply(sandbox->socket, (struct sandbox_reply){.id = request->id, .kind = sandbox_reply_failed,
                                                  .stage = sandbox_stage_sandbox, .error = error});
}

// Puts the workspace in its place. The agent may do without what it needs for that from then on: its filter is the last
// step. It ends where one fails.
static void attach(struct sandbox *sandbox, int workspace) {
    if (sandbox->is_vacant && unshare(CLONE_NEWNS) == 0
        && syscall(SYS_move_mount, workspace, "", AT_FDCWD, "/workspace", MOVE_MOUNT_F_EMPTY_PATH) == 0
        && install_agent_filter() == 0) {
        sandbox->is_vacant = false;
        return;
    }
    reply(sandbox->socket, (struct sandbox_reply){.kind = sandbox_reply_unusable, .error = errno});
    _exit(1);
}

// Takes in one request.
static void receive(struct sandbox *sandbox) {
    static struct {
        struct sandbox_request request;
        char strings[sandbox_maximum_inline_strings];
    } buffer;
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sandbox_maximum_descriptors * sizeof(int))];
    } control;
    struct iovec vector = {.iov_base = &buffer, .iov_len = sizeof buffer};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control,
                             .msg_controllen = sizeof control};
    ssize_t size = recvmsg(sandbox->socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    // The broker has let go of the sandbox, or is dead.
    if (size < (ssize_t)sizeof buffer.request) {
        if (sandbox->walls != walls_bwrap) end_host(sandbox);
        _exit(0);
    }

    int descriptors[sandbox_maximum_descriptors];
    memset(descriptors, -1, sizeof descriptors);
    size_t count = 0;
    const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header != NULL && header->cmsg_type == SCM_RIGHTS) {
        count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(descriptors, CMSG_DATA(header), count * sizeof(int));
    }
    switch (buffer.request.operation) {
    case sandbox_operation_start:
        start(sandbox, &buffer.request, buffer.strings, descriptors, count == 0 ? -1 : descriptors[count - 1]);
        break;
    case sandbox_operation_signal: signal_command(buffer.request.id, buffer.request.signal); break;
    case sandbox_operation_attach: attach(sandbox, descriptors[0]); break;
    }
    for (size_t i = 0; i < count; i++) close(descriptors[i]);
}

// Nothing of what the agent was started with stays open but its socket. The standard streams are taken, so that no
// descriptor gets a number that a program's stream is to have.
static int prepare_descriptors(int socket) {
    int null = open("/dev/null", O_RDWR);
    if (null < 0 || socket <= 2) return -1;
    for (int i = 0; i < 3; i++) {
        if (dup2(null, i) < 0) return -1;
    }
    if (fcntl(socket, F_SETFD, FD_CLOEXEC) != 0) return -1;
    if (socket > 3) syscall(SYS_close_range, 3, socket - 1, 0);
    return (int)syscall(SYS_close_range, socket + 1, ~0U, 0);
}

static int await_children(void) {
    sigset_t children;
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &children, NULL) != 0) return -1;
    return signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
}

// Arguments: the socket's number, the level of isolation; then mount options of /tmp and of /dev/shm, and "vacant" where
// the workspace comes later; or the workspace and paths that commands may read. Of the keeper: bubblewrap's process id.
static bool read_arguments(struct sandbox *sandbox, int count, char **arguments) {
    static const char *const levels[] = {"none", "software", "landlock", "bwrap"};
    if (count < 4) return false;
    sandbox->socket = atoi(arguments[1]);
    size_t walls = 0;
    while (walls <= walls_bwrap && strcmp(arguments[2], levels[walls]) != 0) walls++;
    if (walls > walls_bwrap || (walls == walls_bwrap && (count < 5 || count > 6))) return false;
    sandbox->walls = (enum walls)walls;
    sandbox->temporary_options = arguments[3];
    sandbox->shared_memory_options = arguments[4];
    sandbox->is_vacant = walls == walls_bwrap && count == 6;
    sandbox->readable = arguments + 4;
    return true;
}

static bool prepare(struct sandbox *sandbox, const char *workspace) {
    prctl(PR_SET_NAME, "sandbox-agent");
    // Others wait for what this process does in between commands that compute.
    take_short_turns();
    // A command runs as the same user. Nothing of this process is for it to read.
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || prepare_descriptors(sandbox->socket) != 0) return false;
    if (sandbox->walls == walls_bwrap) return sandbox->is_vacant || install_agent_filter() == 0;
    return prepare_host(sandbox, workspace) == 0;
}

int main(int count, char **arguments) {
    if (count == 2) return keep((pid_t)atoi(arguments[1]));
    struct sandbox sandbox = {0};
    if (!read_arguments(&sandbox, count, arguments)) return 1;
    int socket = sandbox.socket;
    int children = prepare(&sandbox, arguments[3]) ? await_children() : -1;
    if (children < 0) {
        reply(socket, (struct sandbox_reply){.kind = sandbox_reply_unusable, .error = errno});
        return 1;
    }
    reply(socket, (struct sandbox_reply){.kind = sandbox_reply_ready});

    struct pollfd events[] = {{.fd = socket, .events = POLLIN}, {.fd = children, .events = POLLIN}};
    for (;;) {
        poll(events, 2, -1);
        // First: somebody waits for a command that was killed.
        if (events[1].revents != 0) {
            struct signalfd_siginfo ignored;
            while (read(children, &ignored, sizeof ignored) > 0) {}
            pid_t process;
            struct rusage usage;
            while ((process = wait4(-1, NULL, WNOHANG, &usage)) > 0) cell_died(&sandbox, process, &usage);
        }
        if (events[0].revents != 0) receive(&sandbox);
    }
}
