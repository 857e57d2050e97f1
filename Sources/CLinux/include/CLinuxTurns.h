// Short turns on a processor: what the broker and its agent share.
#ifndef C_LINUX_TURNS_H
#define C_LINUX_TURNS_H

#include <sched.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

// sched_setattr(2), which the C library of Debian 12 does not have: the calling thread has this level of nice(2) and runs
// in turns of 100 us from now on, so that it need not wait until the turn of another one is over when it wakes up: Linux
// 6.12. Threads and processes that it makes have neither: see SCHED_RESET_ON_FORK in sched(7). One of another policy than
// the ordinary one is left alone. 0, or -1 and errno.
static inline int linux_take_short_turns(int nice) {
    if (sched_getscheduler(0) != SCHED_OTHER) return 0;
    const struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
    } attributes = {
        .size = sizeof attributes,
        .flags = 1, // SCHED_FLAG_RESET_ON_FORK
        .nice = nice,
        .runtime = 100 * 1000,
    };
    return (int)syscall(SYS_sched_setattr, 0, &attributes, 0);
}

#endif
