// The keeper: the first process of the namespaces that bubblewrap is started in, which die with it.
//
//   keeper ── vfork ──▶ bubblewrap ── clone ──▶ the sandbox, in namespaces of its own: the agent
//
// bubblewrap would wait until the sandbox ends, and take more memory meanwhile than all the rest. Once the agent runs it
// is not needed any more: it is killed, and the agent is the keeper's child.
#define _GNU_SOURCE
#include "agent.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// As a shell has it.
static int exit_status(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

// Waits for all children; the status of the last of them but one that is not counted.
static int await_all(pid_t not_counted) {
    int result = EXIT_FAILURE;
    for (;;) {
        int status;
        pid_t ended = wait4(-1, &status, 0, NULL);
        if (ended > 0 && ended != not_counted) result = exit_status(status);
        if (ended < 0 && errno != EINTR) return result;
    }
}

int keep(pid_t bubblewrap) {
    prctl(PR_SET_NAME, "sandbox-keeper");
    // As in the agent.
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return EXIT_FAILURE;
    int process = (int)syscall(SYS_pidfd_open, bubblewrap, 0);
    if (process < 0) return EXIT_FAILURE;
    // bubblewrap closes its end of the pipe when it has made the sandbox's first process, and the agent its own when it
    // begins: nothing follows when that process is the agent, or has ended.
    struct pollfd events[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = process, .events = POLLIN}};
    while (poll(events, 2, -1) < 0 && errno == EINTR) {}
    // It has failed. What it left dies with this process.
    if (events[1].revents != 0) return EXIT_FAILURE;
    close(process);
    kill(bubblewrap, SIGKILL);
    return await_all(bubblewrap);
}
