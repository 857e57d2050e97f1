// The heap: malloc(3) as glibc has it.

#ifndef CLINUX_MEMORY_H
#define CLINUX_MEMORY_H

#include <stddef.h>

/// Bytes that the process is resident with beyond what is allocated, as far as the heap has as much that is free:
/// mallinfo(3), proc_pid_statm(5). 0 where that cannot be told.
size_t linux_unused_heap(void);

/// Gives what is unused back to the kernel, wherever it lies in the heap: malloc_trim(3).
void linux_trim_heap(void);

#endif
