#include "CLinuxMemory.h"

#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

static size_t resident_bytes(void) {
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL) return 0;
    size_t total = 0, resident = 0;
    int count = fscanf(file, "%zu %zu", &total, &resident);
    fclose(file);
    return count == 2 ? resident * (size_t)sysconf(_SC_PAGESIZE) : 0;
}

size_t linux_unused_heap(void) {
    // What is free stays free in there once its pages are given back.
    struct mallinfo2 heap = mallinfo2();
    size_t resident = resident_bytes(), used = heap.uordblks + heap.hblkhd;
    size_t beyond = resident > used ? resident - used : 0;
    return beyond < heap.fordblks ? beyond : heap.fordblks;
}

void linux_trim_heap(void) { malloc_trim(0); }
