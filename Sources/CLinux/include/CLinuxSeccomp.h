// The system call filter of a sandboxed command.
#ifndef AGENT_BROKER_CLINUX_SECCOMP_H
#define AGENT_BROKER_CLINUX_SECCOMP_H

#include <stddef.h>
#include <sys/types.h>

// Stores the filter as seccomp(2) and bubblewrap's --seccomp take it, an array of struct sock_filter, and returns
// its size in bytes; -ENOSPC where it does not fit into `capacity` bytes.
//
// What it takes away: other ABIs than the native one, mounting, namespaces, tracing, kernel keyrings, bpf, perf,
// io_uring, modules, quotas, clocks, sockets other than UNIX, IPv4, IPv6 and netlink, pushing input into a
// terminal, and raising the core file limit.
ssize_t linux_command_filter(void *bytes, size_t capacity);

#endif
