// The child of an init that becomes the program of a command.
#define _GNU_SOURCE
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static void reset_signals(void) {
    // Handlers first: one of the init's must not run here.
    struct sigaction initial = {.sa_handler = SIG_DFL};
    sigaction(SIGRTMIN, &initial, NULL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

// Whatever else is open is close-on-exec.
static int place_streams(const int *streams) {
    for (int i = 0; i < 3; i++) {
        if (dup2(streams[i], i) < 0) return -1;
    }
    return 0;
}

static int enter_working_directory(const struct cell *cell) {
    const struct command *command = cell->command;
    int result = cell->sandbox->walls == walls_bwrap ? chdir("/workspace") : fchdir(cell->scope);
    if (result != 0) return -1;
    return command->working_directory[0] == 0 ? 0 : chdir(command->working_directory);
}

static const char *search_path(char **variables) {
    for (; *variables != NULL; variables++) {
        if (strncmp(*variables, "PATH=", 5) == 0) return *variables + 5;
    }
    return "/usr/bin:/bin";
}

// execve(2) of one file. ENOENT has two meanings.
static int execute_file(struct cell *cell, const char *file) {
    execve(file, cell->command->arguments, cell->command->variables);
    int error = errno;
    struct stat ignored;
    if (error == ENOENT && stat(file, &ignored) == 0) cell->interpreter_is_missing = true;
    return error;
}

// As execvp(3), but a file without a known format is not given to a shell.
static int execute(struct cell *cell) {
    const char *name = cell->command->arguments[0];
    if (strchr(name, '/') != NULL) return execute_file(cell, name);
    int result = ENOENT;
    char file[4096];
    for (const char *directory = search_path(cell->command->variables); directory != NULL;) {
        const char *end = strchrnul(directory, ':');
        int length = (int)(end - directory);
        // An empty one is the working directory.
        int size = snprintf(file, sizeof file, "%.*s%s%s", length, directory, length == 0 ? "" : "/", name);
        int error = size < (int)sizeof file ? execute_file(cell, file) : ENAMETOOLONG;
        if (error == EACCES) result = EACCES;
        if (error != EACCES && error != ENOENT && error != ENOTDIR && error != ENAMETOOLONG) return error;
        directory = *end == ':' ? end + 1 : NULL;
    }
    return result;
}

// A session of its own only for a terminal: the kernel shares processors out between sessions.
static int take_terminal_or_group(const struct command *command) {
    if (!command->request->has_terminal) return setpgid(0, 0);
    if (setsid() < 0) return -1;
    return ioctl(command->streams[0], TIOCSCTTY, 0);
}

// The broker opened their files, and it is its right that counts.
static int join_control_groups(const struct command *command) {
    for (uint32_t i = 0; i < command->request->control_group_count; i++) {
        if (write(command->control_groups[i], "0", 1) < 0) return -1;
    }
    return 0;
}

// Never above what the agent was given. `surplus`: from the warning to the end.
static int limit(int resource, rlim_t value, rlim_t surplus) {
    if (value == 0) return 0;
    struct rlimit both;
    if (getrlimit(resource, &both) != 0) return -1;
    if (both.rlim_max > value + surplus) both.rlim_max = value + surplus;
    both.rlim_cur = both.rlim_max < value ? both.rlim_max : value;
    return setrlimit(resource, &both);
}

static int set_limits(const struct sandbox_request *request) {
    if (limit(RLIMIT_NOFILE, request->maximum_descriptors, 0) != 0) return -1;
    if (limit(RLIMIT_CPU, request->maximum_processor_seconds, 1) != 0) return -1;
    return limit(RLIMIT_FSIZE, request->maximum_file_size, 0);
}

int run_program(void *argument) {
    struct cell *cell = argument;
    reset_signals();
    if (join_control_groups(cell->command) != 0 || set_limits(cell->command->request) != 0) {
        fail(cell, sandbox_stage_confinement, errno);
    } else if (take_terminal_or_group(cell->command) != 0 || place_streams(cell->command->streams) != 0) {
        fail(cell, sandbox_stage_confinement, errno);
    } else if (enter_working_directory(cell) != 0) {
        fail(cell, sandbox_stage_working_directory, errno);
    } else if (cell->sandbox->walls != walls_bwrap && confine_in_host(cell) != 0) {
        fail(cell, sandbox_stage_confinement, errno);
    } else {
        fail(cell, sandbox_stage_program, execute(cell));
    }
    _exit(127);
}
