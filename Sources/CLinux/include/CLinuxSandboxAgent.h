// What the broker and the agent of a sandbox say to each other, over a SOCK_SEQPACKET socket. Both are of one build.
#ifndef AGENT_BROKER_CLINUX_SANDBOX_AGENT_H
#define AGENT_BROKER_CLINUX_SANDBOX_AGENT_H

#include <stdint.h>
#include <sys/types.h>

enum sandbox_operation {
    // Descriptors come along: standard input, output and error, but for a terminal; files cgroup.procs, or tasks, of
    // control groups that the program joins; and the strings where they are not in the message.
    sandbox_operation_start = 1,
    // To every process of a command; SIGKILL to the whole tree, whatever it is.
    sandbox_operation_signal,
    // Comes before the first start, with a mount that belongs to no namespace yet, where the sandbox was made without a
    // workspace: it becomes that.
    sandbox_operation_attach,
};

// The strings follow, in the message or in a file: the scope's path beneath the workspace, empty for the workspace
// itself; the working directory's beneath the scope, empty for the scope itself; arguments; variables. Each ends
// with NUL, and so does the last byte.
struct sandbox_request {
    // Of the command; never 0, never used twice.
    uint64_t id;
    uint32_t operation;
    int32_t signal;
    uint32_t argument_count;
    uint32_t variable_count;
    // Bytes of all strings.
    uint32_t strings_size;
    // 1: they are in a file, the last descriptor.
    uint32_t strings_are_in_file;
    // 1: the streams are a terminal of the cell's own, of this size.
    uint32_t has_terminal;
    uint16_t rows;
    uint16_t columns;
    uint32_t control_group_count;
    // RLIMIT_NOFILE, RLIMIT_CPU, RLIMIT_FSIZE of each process. 0: as the agent.
    uint32_t maximum_descriptors;
    uint32_t maximum_processor_seconds;
    uint64_t maximum_file_size;
    // What the scope has to be: another directory in its place is bound for nobody.
    uint64_t scope_device;
    uint64_t scope_inode;
};

// More strings than this are sent in a file.
enum { sandbox_maximum_inline_strings = 48 * 1024 };

// Control groups that a program joins, and descriptors of one start.
enum { sandbox_maximum_groups = 4, sandbox_maximum_descriptors = 3 + sandbox_maximum_groups + 1 };

enum sandbox_reply_kind {
    // The first message: commands can be started.
    sandbox_reply_ready = 1,
    // The sandbox cannot be used; the agent ends.
    sandbox_reply_unusable,
    // Comes with a terminal's other side, before what the command writes there.
    sandbox_reply_terminal,
    // A command has ended, and nothing of its tree is left.
    sandbox_reply_ended,
    // A command's program was never executed.
    sandbox_reply_failed,
};

// What was being done when something failed. Those of a command are the values of SpawnStage in exec.proto.
enum sandbox_stage {
    sandbox_stage_none = 0,
    // Namespaces and mounts.
    sandbox_stage_sandbox = 1,
    sandbox_stage_workspace = 2,
    sandbox_stage_working_directory = 3,
    sandbox_stage_confinement = 4,
    sandbox_stage_program = 5,
};

struct sandbox_reply {
    uint64_t id;
    uint32_t kind;
    uint32_t stage;
    // errno(3).
    int32_t error;
    // The program's file exists; what interprets it does not.
    uint32_t interpreter_is_missing;
    // The program's, of wait(2). -1: the whole tree was killed at once.
    int32_t status;
    // Processes that outlived the program, and were killed.
    uint32_t lingering;
    // Of getrusage(2), of the whole tree as far as its members were waited for.
    uint64_t user_microseconds;
    uint64_t system_microseconds;
    uint64_t maximum_resident_bytes;
};

// sendmsg(2) and recvmsg(2), without waiting and without SIGPIPE. They return bytes or -errno; 0 from the latter is
// the end. A terminal's reply stores a descriptor, others -1.
ssize_t sandbox_send(int socket, const struct sandbox_request *request, const void *strings, size_t size,
                     const int *descriptors, int count);
ssize_t sandbox_receive(int socket, struct sandbox_reply *reply, int *descriptor);

// ioctl_tty(2): the size that the programs at a terminal see. 0 or -errno.
int sandbox_resize_terminal(int terminal, uint16_t rows, uint16_t columns);

#endif
