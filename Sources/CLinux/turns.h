// Short turns on a processor, for the broker and its agent. The C library of Debian 12 has no call for them.
#ifndef TURNS_H
#define TURNS_H

#include <sched.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

// sched_attr of sched_setattr(2), in its first size.
struct thread_attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};

// The calling thread has this level of nice(2) and runs in turns of 100 us from now on, so that it need not wait until the
// turn of another one is over when it wakes up: Linux 6.12. Threads and processes that it makes run in ordinary ones and
// are not ahead of others: see SCHED_RESET_ON_FORK in sched(7). One of another policy than the ordinary one is left
// alone. 0, or -1 and errno.
static inline int take_short_turns_at(int nice) {
    if (sched_getscheduler(0) != SCHED_OTHER) return 0;
    const struct thread_attributes attributes = {
        .size = sizeof attributes,
        .flags = 1, // SCHED_FLAG_RESET_ON_FORK
        .nice = nice,
        .runtime = 100 * 1000,
    };
    return (int)syscall(SYS_sched_setattr, 0, &attributes, 0);
}

// The same, at the level that it has. One that is ahead of others is left alone: what it makes would not be any more.
static inline int take_short_turns(void) {
    int nice = getpriority(PRIO_PROCESS, 0);
    return nice < 0 ? 0 : take_short_turns_at(nice);
}

#endif
