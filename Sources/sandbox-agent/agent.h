// The agent: first process of a sandbox that is made once and runs many commands.
//
//   broker ── socket ──▶ agent (pid 1) ── clone ──▶ init of a cell ── vfork ──▶ the program of a command
//
// Around all of it is the keeper, this same program: see keeper.c.
//
// A cell is a pid namespace and a mount namespace with an init of their own. One command has it for itself; when that
// has ended with all that it started, and left nothing behind, the cell waits for the next one.
//
// The inits share the agent's memory and descriptors: nothing is copied when one is made, and a command is handed over
// by a word in memory. From the start of a command to announce_running() the agent waits and the init alone uses what
// they share, errno included. From then on, until it gets the next command, the init changes nothing but its own stack
// and cell, and calls the kernel by raw_call.h only.
#ifndef SANDBOX_AGENT_H
#define SANDBOX_AGENT_H

#include "../CLinux/turns.h"
#include "CLinuxSandboxAgent.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

// The levels of isolation, from weak to strong. Cells are all that has been said above at walls_bwrap alone: at the
// others they are an init that inherits what loses its parent, for one command, in the namespaces of the host.
enum walls { walls_none, walls_software, walls_landlock, walls_bwrap };

// What holds for all commands of a sandbox.
struct sandbox {
    int socket;
    enum walls walls;

    // At walls_bwrap: sizes of a command's own /tmp and /dev/shm, as mount options of tmpfs.
    const char *temporary_options;
    const char *shared_memory_options;
    // At walls_bwrap: the workspace has not come, and nothing else may be done.
    bool is_vacant;

    // At the others: the workspace, what is read besides it up to a null pointer, and a directory of its own where
    // those of its commands are.
    int workspace;
    char **readable;
    char temporary[32];
};

// A command as it was asked for. Valid until its program is executed.
struct command {
    const struct sandbox_request *request;
    // All the same one for a terminal.
    int streams[3];
    const int *control_groups;
    const char *scope;
    const char *working_directory;
    char **arguments;
    char **variables;
};

enum cell_state {
    // Waits for a command.
    cell_idle,
    // Has one, and the agent waits.
    cell_starting,
    cell_running,
    // By the agent, and not to be used again.
    cell_killed,
};

enum { directories_of_its_own = 2 };

// The root of a file system in memory: what a command can leave behind there.
struct directory {
    uint64_t free_blocks;
    uint64_t free_files;
    uint32_t mode;
    uint32_t owner;
    uint32_t group;
    int64_t attributes_size;
};

struct cell {
    struct cell *next;
    const struct sandbox *sandbox;
    // Its init.
    pid_t process;
    // Also a futex: of the init while it is idle, of the agent while it is starting. Set by whoever waits for nobody;
    // while it is running, by change_state() only.
    uint32_t state;
    // The command that it has, or had last.
    uint64_t id;
    struct command *command;

    // Results, written by the init and its child.
    enum sandbox_stage failed_stage;
    int error;
    bool interpreter_is_missing;
    // The command that its init has replied for last.
    uint64_t replied_id;
    // Of all commands that it replied for.
    uint64_t user_microseconds, system_microseconds;

    // Without namespaces: the directory that its command is in, and the variable that tells of its temporary one.
    int scope;
    char temporary_variable[64];

    // Its own directories as they were made: where they are as then, the cell is used again.
    struct directory made[directories_of_its_own];

    // Aligned ends of what the init and its child have as stacks, in the same mapping.
    char *init_stack_end;
    char *program_stack_end;
};

// keeper.c. Of namespaces around a sandbox that bubblewrap makes, the first process. Returns its exit status.
int keep(pid_t bubblewrap);

// cell.c. Gives a command to a cell and waits until its program was executed, or failed to be. The reply comes from the
// cell. False: there is no cell, and errno.
bool start_command(const struct sandbox *sandbox, struct command *command);
// To every process of a command; SIGKILL: the whole tree dies, whatever it does.
void signal_command(uint64_t id, int number);
// A cell's init is dead, or another child. `usage`: of it with all its children.
void cell_died(const struct sandbox *sandbox, pid_t process, const struct rusage *usage);

// init.c. The first process of a cell.
int run_init(void *cell);

// program.c. The init's child, which becomes the program. Shares the memory and returns only to exit.
int run_program(void *cell);

// host.c. What is different without namespaces. prepare_host(): -1 and errno. make_in_host(): false where the cell has a
// failure. confine_in_host(): of a program, -1 and errno. end_host(): kills all, and ends the agent.
int prepare_host(struct sandbox *sandbox, const char *workspace);
bool make_in_host(struct cell *cell);
int confine_in_host(const struct cell *cell);
void remove_temporary_directory(struct cell *cell);
void end_host(const struct sandbox *sandbox);

// tree.c. What descends from a process. can_find_descendants(): whether this kernel tells. signal_descendants(): 0 is
// sent to none; returns how many there are. kill_descendants(): not those for which `is_apart`, where it is not null,
// nor what is beneath them; who came in between is left, to be killed by the next call. end_children(): of the agent, all
// of them, with what is beneath.
bool can_find_descendants(void);
uint32_t signal_descendants(pid_t root, int number);
void kill_descendants(pid_t root, bool (*is_apart)(pid_t));
void end_children(bool (*is_apart)(pid_t));

// terminal.c. Opens a terminal and sends its other side to the broker. -1 and errno.
int open_terminal(const struct sandbox *sandbox, const struct sandbox_request *request);

// confinement.c. -1 and errno.
int drop_capabilities(void);
// Landlock: all may be read, and the workspace, the temporary directories and the devices written.
int restrict_files(void);
// The same in the host: little more than the system may be read, and only the command's scope and temporary directory
// written. ENOSYS without Landlock.
int restrict_files_of_host(const struct cell *cell);

// filter.c. seccomp(2): what neither the agent nor its commands do; then what commands do not, either. -1 and errno.
int install_agent_filter(void);
int install_command_filter(void);
// Both at once for a program without namespaces, which has no network either.
int install_host_filter(void);

static inline const char *temporary_directory(const struct cell *cell) {
    return cell->temporary_variable + sizeof "TMPDIR=" - 1;
}

static inline enum cell_state get_state(const struct cell *cell) {
    return (enum cell_state)__atomic_load_n(&cell->state, __ATOMIC_ACQUIRE);
}

static inline void set_state(struct cell *cell, enum cell_state state) {
    __atomic_store_n(&cell->state, state, __ATOMIC_RELEASE);
}

// False: it had changed before.
static inline bool change_state(struct cell *cell, enum cell_state from, enum cell_state to) {
    uint32_t expected = from;
    return __atomic_compare_exchange_n(&cell->state, &expected, to, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

static inline uint64_t in_microseconds(struct timeval time) {
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_usec;
}

// One entry as getdents64(2) has it.
struct directory_entry {
    uint64_t inode;
    int64_t offset;
    uint16_t length;
    uint8_t type;
    char name[];
};

// In proc(5).
static inline bool is_process(const struct directory_entry *entry) {
    return entry->name[0] >= '0' && entry->name[0] <= '9';
}

// Records why the program was not executed.
static inline void fail(struct cell *cell, enum sandbox_stage stage, int error) {
    cell->failed_stage = stage;
    cell->error = error;
}

#endif
