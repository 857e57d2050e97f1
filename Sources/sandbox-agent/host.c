// Commands at the levels without namespaces: they run in the host's file system, in a directory of the workspace.
#define _GNU_SOURCE
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// Opens what the broker has open, and nothing else.
static int open_scope(const struct cell *cell) {
    const struct sandbox_request *request = cell->command->request;
    struct open_how how = {
        .flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
    };
    const char *path = cell->command->scope[0] == 0 ? "." : cell->command->scope;
    int scope = (int)syscall(SYS_openat2, cell->sandbox->workspace, path, &how, sizeof how);
    struct stat found;
    if (scope < 0) {
        if (errno == ELOOP || errno == ENOTDIR) errno = EXDEV;
        return -1;
    }
    if (fstat(scope, &found) == 0 && found.st_dev == request->scope_device && found.st_ino == request->scope_inode)
        return scope;
    close(scope);
    errno = EXDEV;
    return -1;
}

// The command's TMPDIR, unless it has one of its own.
static int add_temporary_directory(struct cell *cell) {
    static const char name[] = "TMPDIR=";
    char **variables = cell->command->variables;
    while (*variables != NULL && strncmp(*variables, name, sizeof name - 1) != 0) variables++;
    if (*variables != NULL) return 0;
    snprintf(cell->temporary_variable, sizeof cell->temporary_variable, "%s%s/%llu", name, cell->sandbox->temporary,
             (unsigned long long)cell->id);
    if (mkdir(temporary_directory(cell), 0700) != 0) {
        cell->temporary_variable[0] = 0;
        return -1;
    }
    // There is room for it: see start_from() in main.c.
    *variables++ = cell->temporary_variable;
    *variables = NULL;
    return 0;
}

bool make_in_host(struct cell *cell) {
    // It inherits what loses its parent, and nothing of the command ends without it.
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0 || add_temporary_directory(cell) != 0)
        return fail(cell, sandbox_stage_sandbox, errno), false;
    cell->scope = open_scope(cell);
    if (cell->scope < 0) return fail(cell, sandbox_stage_workspace, errno), false;
    return true;
}

int confine_in_host(const struct cell *cell) {
    if (cell->sandbox->walls == walls_none) return 0;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
    if (cell->sandbox->walls == walls_software) return 0;
    if (restrict_files_of_host(cell) != 0) return -1;
    return install_host_filter();
}

// MARK: The agent's side

int prepare_host(struct sandbox *sandbox, const char *workspace) {
    // What the inits leave behind when they are killed.
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) return -1;
    if (!can_find_descendants()) {
        errno = ENOSYS;
        return -1;
    }
    sandbox->workspace = open(workspace, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (sandbox->workspace < 0) return -1;
    strcpy(sandbox->temporary, "/tmp/agent-broker-XXXXXX");
    return mkdtemp(sandbox->temporary) == NULL ? -1 : 0;
}

// A command may have taken its own rights away.
static void become_removal_of(const char *directory) {
    char script[] = "chmod -R u+rwx -- \"$1\" && exec rm -rf -- \"$1\"";
    char *arguments[] = {"sh", "-c", script, "sh", (char *)directory, NULL};
    char *variables[] = {"PATH=/usr/bin:/bin", NULL};
    execve("/bin/sh", arguments, variables);
    _exit(127);
}

static int run_removal(void *directory) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    become_removal_of(directory);
    return 127;
}

void remove_temporary_directory(struct cell *cell) {
    if (cell->temporary_variable[0] == 0) return;
    const char *directory = temporary_directory(cell);
    if (rmdir(directory) == 0 || errno == ENOENT) return;
    // Goes on once the shell has its arguments. The agent's loop waits for it, as for every child.
    clone(run_removal, cell->program_stack_end, CLONE_VM | CLONE_VFORK | SIGCHLD, (void *)directory);
}

void end_host(const struct sandbox *sandbox) {
    end_children(NULL);
    become_removal_of(sandbox->temporary);
}
