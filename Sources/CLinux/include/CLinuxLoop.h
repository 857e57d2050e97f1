// For programs with an event loop of their own: what Glibc's module map leaves out (epoll(7), signalfd(2)), and
// the uses of timespec and timeval, whose Swift forms belong to different modules in different programs.

#pragma once

#include <errno.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

// Nanoseconds of CLOCK_MONOTONIC.
static inline uint64_t clinux_monotonic_nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

// Nanoseconds that all threads of this process have run on a processor.
static inline uint64_t clinux_process_nanoseconds(void) {
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
}

// The longest that a connect, send or receive on a blocking socket takes. Returns 0 or -errno.
static inline int clinux_set_socket_patience(int socket, int64_t seconds) {
    struct timeval limit = {.tv_sec = seconds, .tv_usec = 0};
    if (setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0) return -errno;
    return setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0 ? 0 : -errno;
}
