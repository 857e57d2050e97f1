// Searching memory, as string.h has it where Glibc's Swift module does not import it.
#ifndef AGENT_BROKER_CLINUX_SEARCH_H
#define AGENT_BROKER_CLINUX_SEARCH_H

#include <stddef.h>
#include <stdint.h>

// Where `count` bytes end that are `wanted`; memrchr(3). NULL: there is none.
const void *linux_find_last_byte(const void *start, size_t count, uint8_t wanted);

// How many bytes are `wanted`.
size_t linux_count_byte(const void *start, size_t count, uint8_t wanted);

// Where `wanted` is found first; memmem(3). NULL: nowhere. `rarest` is the index of a byte of it that is not met often:
// that one is looked for, as long as it does not turn out to be frequent.
const void *linux_find_bytes(const void *start, size_t count, const void *wanted, size_t length, size_t rarest);

#endif
