#define _GNU_SOURCE
#include "CLinuxSearch.h"

#include <string.h>

const void *linux_find_last_byte(const void *start, size_t count, uint8_t wanted) {
    return count == 0 ? NULL : memrchr(start, wanted, count);
}

size_t linux_count_byte(const void *start, size_t count, uint8_t wanted) {
    const uint8_t *bytes = start;
    size_t found = 0;
    for (size_t index = 0; index < count; index++) found += bytes[index] == wanted;
    return found;
}

const void *linux_find_bytes(const void *start, size_t count, const void *wanted, size_t length, size_t rarest) {
    if (length == 0 || count < length || rarest >= length) return NULL;
    const uint8_t *next = start;
    const uint8_t *end = next + (count - length) + 1;
    const uint8_t rare = ((const uint8_t *)wanted)[rarest];
    size_t misses = 0;
    while (next < end) {
        const uint8_t *hit = memchr(next + rarest, rare, (size_t)(end - next));
        if (hit == NULL) return NULL;
        next = hit - rarest;
        if (memcmp(next, wanted, length) == 0) return next;
        next++;
        // It is not as rare as that: one look at each byte is less work.
        if (++misses > 64 && misses * 32 > (size_t)(next - (const uint8_t *)start)) {
            return memmem(next, (size_t)(end - next) + length - 1, wanted, length);
        }
    }
    return NULL;
}
