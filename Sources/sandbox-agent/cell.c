// The agent's side of cells.
#define _GNU_SOURCE
#include "agent.h"

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// Enough for a signal's frame, which holds all registers of any processor, above everything else.
enum { stack_size = 64 * 1024 };

enum { cell_size = (sizeof(struct cell) + 63) & ~(size_t)63, mapping_size = cell_size + 2 * stack_size };

// Idle ones that are kept. More commands at a time get new ones.
enum { maximum_idle = 4 };

static struct cell *cells;

static bool is_dead(pid_t process) {
    siginfo_t info = {.si_pid = 0};
    return waitid(P_PID, (id_t)process, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0;
}

// Where the init is killed before it has come that far, by the host's root or at a level without namespaces, its death
// is the end of the command.
static void await_running(struct cell *cell) {
    const struct timespec patience = {.tv_nsec = 100000000};
    while (get_state(cell) == cell_starting) {
        if (syscall(SYS_futex, &cell->state, FUTEX_WAIT, cell_starting, &patience) == 0 || errno != ETIMEDOUT) continue;
        if (is_dead(cell->process)) change_state(cell, cell_starting, cell_killed);
    }
}

static struct cell *make_cell(const struct sandbox *sandbox, struct command *command) {
    char *memory = mmap(NULL, mapping_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return NULL;
    struct cell *cell = (struct cell *)memory;
    cell->sandbox = sandbox;
    cell->init_stack_end = memory + cell_size + stack_size;
    cell->program_stack_end = cell->init_stack_end + stack_size;
    cell->id = command->request->id;
    cell->command = command;
    set_state(cell, cell_starting);
    int namespaces = 0;
    if (sandbox->walls == walls_bwrap) {
        namespaces = CLONE_NEWPID | CLONE_NEWNS;
        // System V objects have no other bounds between the scopes of a sandbox.
        if (command->scope[0] != 0) namespaces |= CLONE_NEWIPC;
    }
    cell->process = clone(run_init, cell->init_stack_end, CLONE_VM | CLONE_FILES | namespaces | SIGCHLD, cell);
    if (cell->process < 0) {
        int error = errno;
        munmap(memory, mapping_size);
        errno = error;
        return NULL;
    }
    cell->next = cells;
    cells = cell;
    return cell;
}

// One that can be used again, for the workspace itself: a scope's is never idle.
static struct cell *find_idle(void) {
    struct cell *cell = cells;
    while (cell != NULL && get_state(cell) != cell_idle) cell = cell->next;
    return cell;
}

// Also one whose command has just ended: by then it is killed, or idle and stays.
static void end_cell(struct cell *cell, enum cell_state from) {
    if (!change_state(cell, from, cell_killed)) return;
    // Without a namespace the tree does not die with its init, which lives to kill what this leaves.
    if (cell->sandbox->walls == walls_bwrap) kill(cell->process, SIGKILL);
    else kill_descendants(cell->process, NULL);
}

static bool is_init(pid_t process) {
    const struct cell *cell = cells;
    while (cell != NULL && cell->process != process) cell = cell->next;
    return cell != NULL;
}

static void end_surplus(void) {
    int idle = 0;
    for (struct cell *cell = cells; cell != NULL; cell = cell->next) {
        bool is_idle = get_state(cell) == cell_idle && cell->replied_id == cell->id;
        if (is_idle && ++idle > maximum_idle) end_cell(cell, cell_idle);
    }
}

bool start_command(const struct sandbox *sandbox, struct command *command) {
    end_surplus();
    struct cell *cell = command->scope[0] == 0 ? find_idle() : NULL;
    if (cell == NULL) {
        cell = make_cell(sandbox, command);
        if (cell == NULL) return false;
    } else {
        cell->id = command->request->id;
        cell->command = command;
        set_state(cell, cell_starting);
        syscall(SYS_futex, &cell->state, FUTEX_WAKE, 1, NULL);
    }
    await_running(cell);
    return true;
}

void signal_command(uint64_t id, int number) {
    struct cell *cell = cells;
    while (cell != NULL && (cell->id != id || get_state(cell) != cell_running)) cell = cell->next;
    if (cell == NULL) return;
    if (number == SIGKILL) end_cell(cell, cell_running);
    else if (cell->sandbox->walls != walls_bwrap) signal_descendants(cell->process, number);
    else sigqueue(cell->process, SIGRTMIN, (union sigval){.sival_int = number});
}

void cell_died(const struct sandbox *sandbox, pid_t process, const struct rusage *usage) {
    struct cell **link = &cells;
    while (*link != NULL && (*link)->process != process) link = &(*link)->next;
    struct cell *cell = *link;
    if (cell == NULL) return;
    *link = cell->next;
    if (sandbox->walls != walls_bwrap) {
        // Where a command has killed its init, what it left is this process's.
        if (cell->replied_id != cell->id) end_children(is_init);
        remove_temporary_directory(cell);
    }
    if (cell->replied_id != cell->id) {
        struct sandbox_reply reply = {
            .id = cell->id,
            .kind = sandbox_reply_ended,
            .status = -1,
            .user_microseconds = in_microseconds(usage->ru_utime) - cell->user_microseconds,
            .system_microseconds = in_microseconds(usage->ru_stime) - cell->system_microseconds,
            .maximum_resident_bytes = (uint64_t)usage->ru_maxrss * 1024,
        };
        send(sandbox->socket, &reply, sizeof reply, MSG_NOSIGNAL);
    }
    munmap(cell, mapping_size);
}
