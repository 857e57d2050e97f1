// The tree of a command without a pid namespace: whoever descends from its init, which inherits what loses its parent.
//
// But for end_children() called by an init while the agent runs: the kernel is called by raw_call.h only.
#define _GNU_SOURCE
#include "agent.h"
#include "raw_call.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

// Of one look at a tree. What is beyond that is found by the next, when these are gone.
enum { maximum_found = 4096 };

struct tree {
    uint32_t count;
    pid_t processes[maximum_found];
};

static int open_path(const char *path, int flags) {
    return (int)raw_call(SYS_openat, AT_FDCWD, (long)path, flags | O_RDONLY | O_CLOEXEC, 0);
}

// The file of proc(5): numbers with a space after each.
static void add_children_of_thread(struct tree *tree, pid_t process, const char *thread) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task/%s/children", process, thread);
    int file = open_path(path, 0);
    if (file < 0) return;
    char text[512];
    pid_t number = 0;
    long size;
    while ((size = raw_call(SYS_read, file, (long)text, sizeof text, 0)) > 0) {
        for (long at = 0; at < size; at++) {
            if (text[at] >= '0' && text[at] <= '9') {
                number = number * 10 + (text[at] - '0');
            } else if (number > 0) {
                if (tree->count < maximum_found) tree->processes[tree->count++] = number;
                number = 0;
            }
        }
    }
    raw_call(SYS_close, file, 0, 0, 0);
}

static void add_children(struct tree *tree, pid_t process) {
    char path[32];
    snprintf(path, sizeof path, "/proc/%d/task", process);
    int threads = open_path(path, O_DIRECTORY);
    if (threads < 0) return;
    _Alignas(struct directory_entry) char buffer[1024];
    long size;
    while ((size = raw_call(SYS_getdents64, threads, (long)buffer, sizeof buffer, 0)) > 0) {
        for (long at = 0; at < size;) {
            const struct directory_entry *entry = (const struct directory_entry *)(buffer + at);
            if (is_process(entry)) add_children_of_thread(tree, process, entry->name);
            at += entry->length;
        }
    }
    raw_call(SYS_close, threads, 0, 0, 0);
}

// `number` is sent to each as it is found, before its children are looked for; 0: to none. `is_apart`: who is left out
// with all beneath it, or null.
static void find(struct tree *tree, pid_t root, int number, bool (*is_apart)(pid_t)) {
    tree->count = 0;
    add_children(tree, root);
    for (uint32_t i = 0; i < tree->count;) {
        pid_t process = tree->processes[i];
        if (is_apart != NULL && is_apart(process)) {
            tree->processes[i] = tree->processes[--tree->count];
            continue;
        }
        if (number != 0) raw_call(SYS_kill, process, number, 0, 0);
        add_children(tree, process);
        i++;
    }
}

bool can_find_descendants(void) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", getpid(), getpid());
    int file = open_path(path, 0);
    if (file >= 0) raw_call(SYS_close, file, 0, 0, 0);
    return file >= 0;
}

uint32_t signal_descendants(pid_t root, int number) {
    struct tree tree;
    // All are found first: whoever dies of the signal hands its children on.
    find(&tree, root, 0, NULL);
    for (uint32_t i = 0; number != 0 && i < tree.count; i++) raw_call(SYS_kill, tree.processes[i], number, 0, 0);
    return tree.count;
}

void kill_descendants(pid_t root, bool (*is_apart)(pid_t)) {
    enum { maximum_rounds = 16 };
    struct tree tree;
    // Stopped first: those that are killed one by one are replaced meanwhile by a program that forks and forks.
    uint32_t before = maximum_found + 1;
    tree.count = 0;
    for (int round = 0; round < maximum_rounds && tree.count != before; round++) {
        before = tree.count;
        find(&tree, root, SIGSTOP, is_apart);
    }
    for (uint32_t i = 0; i < tree.count; i++) raw_call(SYS_kill, tree.processes[i], SIGKILL, 0, 0);
}

void end_children(bool (*is_apart)(pid_t)) {
    pid_t self = getpid();
    bool is_any_left = true;
    while (is_any_left) {
        kill_descendants(self, is_apart);
        struct tree children = {.count = 0};
        add_children(&children, self);
        is_any_left = false;
        for (uint32_t i = 0; i < children.count; i++) {
            if (is_apart != NULL && is_apart(children.processes[i])) continue;
            // What it leaves is this process's then.
            is_any_left = true;
            waitpid(children.processes[i], NULL, 0);
        }
    }
}
