// Capabilities, and the file rules of Landlock.
#define _GNU_SOURCE
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int drop_capabilities(void) {
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    // EINVAL is the end of those that the kernel knows.
    for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++) {
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) return -1;
    }
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};
    return (int)syscall(SYS_capset, &header, none);
}

// What newer kernels know and the headers of Debian 12 do not.
enum { access_truncate = 1 << 14, access_ioctl = 1 << 15, scope_abstract_unix_socket = 1, scope_signal = 2 };

struct ruleset_attributes {
    uint64_t files;
    uint64_t network;
    uint64_t scoped;
};

enum { read_only = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR };
enum { device = LANDLOCK_ACCESS_FS_WRITE_FILE | access_truncate | access_ioctl };
enum { nodes = LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK };

// All accesses to files that this version of Landlock knows: two more with the second, third and fifth.
static uint64_t known_accesses(long version) {
    int count = 13 + (version >= 2) + (version >= 3) + (version >= 5);
    return ((uint64_t)1 << count) - 1;
}

static int allow_open(int rules, int file, uint64_t accesses) {
    struct landlock_path_beneath_attr rule = {.allowed_access = accesses, .parent_fd = file};
    return (int)syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

static int allow(int rules, const char *path, uint64_t accesses) {
    int file = open(path, O_PATH | O_CLOEXEC);
    if (file < 0) return -1;
    int result = allow_open(rules, file, accesses);
    close(file);
    return result;
}

static long landlock_version(void) {
    return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

static int make_rules(long version) {
    struct ruleset_attributes attributes = {.files = known_accesses(version)};
    size_t size = sizeof attributes.files;
    if (version >= 6) {
        attributes.scoped = scope_abstract_unix_socket | scope_signal;
        size = sizeof attributes;
    }
    return (int)syscall(SYS_landlock_create_ruleset, &attributes, size, 0);
}

int restrict_files(void) {
    long version = landlock_version();
    // Not built into this kernel, or not switched on: the mounts have to do.
    if (version < 0) return 0;
    uint64_t all = known_accesses(version);
    int rules = make_rules(version);
    if (rules < 0) return -1;
    // Rules are about directories, not about where they are mounted: each command's are its own.
    bool is_made = allow(rules, "/", read_only) == 0 && allow(rules, "/dev", device & all) == 0
        && allow(rules, "/workspace", all & ~(uint64_t)nodes) == 0 && allow(rules, "/tmp", all & ~(uint64_t)nodes) == 0
        && allow(rules, "/dev/shm", all & ~(uint64_t)nodes) == 0;
    int result = is_made ? (int)syscall(SYS_landlock_restrict_self, rules, 0) : -1;
    close(rules);
    return result;
}

// A file or directory, where it exists: what a rule says of the latter alone is an error for the former.
static int allow_if_there(int rules, const char *path, uint64_t accesses) {
    int file = open(path, O_PATH | O_CLOEXEC);
    if (file < 0) return 0;
    int result = allow_open(rules, file, accesses);
    if (result != 0 && errno == EINVAL)
        result = allow_open(rules, file, accesses & ~(uint64_t)LANDLOCK_ACCESS_FS_READ_DIR);
    close(file);
    return result;
}

int restrict_files_of_host(const struct cell *cell) {
    static const char *const devices[] = {
        "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/ptmx", "/dev/pts",
    };
    long version = landlock_version();
    if (version < 0) return -1;
    uint64_t all = known_accesses(version);
    uint64_t device_accesses = (device & all) | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
    uint64_t own_accesses = all & ~(uint64_t)nodes;
    int rules = make_rules(version);
    if (rules < 0) return -1;
    int result = allow_open(rules, cell->scope, own_accesses);
    if (result == 0 && cell->temporary_variable[0] != 0)
        result = allow(rules, temporary_directory(cell), own_accesses);
    for (char **path = cell->sandbox->readable; result == 0 && *path != NULL; path++)
        result = allow_if_there(rules, *path, read_only);
    for (size_t i = 0; result == 0 && i < sizeof devices / sizeof *devices; i++)
        result = allow_if_there(rules, devices[i], device_accesses);
    if (result == 0) result = (int)syscall(SYS_landlock_restrict_self, rules, 0);
    close(rules);
    return result;
}
