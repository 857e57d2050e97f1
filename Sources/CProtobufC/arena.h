// A bump allocator for protobuf-c with a budget.
//
// protobuf-c allocates several times per message and up to 44 times the message's size for a hostile one. Here an
// allocation is an addition, a reset gives all of it back, and a message that asks for more than its budget fails to
// unpack. Each allocation carries its size in front, because protobuf-c hands out strings without their length: that
// is how a NUL inside a string is told from its end.
#ifndef AGENT_BROKER_ARENA_H
#define AGENT_BROKER_ARENA_H

#include <protobuf-c/protobuf-c.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct wire_arena_chunk {
    struct wire_arena_chunk *next;
    // Bytes behind this header.
    size_t size;
};

typedef struct wire_arena {
    ProtobufCAllocator allocator;
    uint8_t *cursor;
    uint8_t *end;
    // Bytes that may still be allocated, their sizes included.
    size_t budget;
    // The chunk that is kept over resets.
    uint8_t *first;
    size_t first_size;
    // Chunks beyond the first, the newest first.
    struct wire_arena_chunk *extra;
} wire_arena;

enum { WIRE_ARENA_FIRST_CHUNK = 8 << 10, WIRE_ARENA_EXTRA_CHUNK = 32 << 10 };

static inline void *wire_arena_grow(wire_arena *arena, size_t need) {
    size_t size = need > WIRE_ARENA_EXTRA_CHUNK ? need : WIRE_ARENA_EXTRA_CHUNK;
    struct wire_arena_chunk *chunk = malloc(sizeof(struct wire_arena_chunk) + size);
    if (!chunk) return NULL;
    chunk->next = arena->extra;
    chunk->size = size;
    arena->extra = chunk;
    arena->cursor = (uint8_t *)(chunk + 1);
    arena->end = arena->cursor + size;
    return arena->cursor;
}

static inline void *wire_arena_allocate(void *context, size_t size) {
    wire_arena *arena = context;
    if (size > SIZE_MAX - 15) return NULL;
    size_t need = 8 + ((size + 7) & ~(size_t)7);
    if (need > arena->budget) return NULL;
    if (need > (size_t)(arena->end - arena->cursor) && !wire_arena_grow(arena, need)) return NULL;
    uint8_t *start = arena->cursor;
    arena->cursor += need;
    arena->budget -= need;
    uint64_t recorded = size;
    memcpy(start, &recorded, 8);
    return start + 8;
}

static inline void wire_arena_ignore_free(void *context, void *pointer) {
    (void)context;
    (void)pointer;
}

// Gives back all that was allocated and sets the budget of what comes next.
static inline void wire_arena_reset(wire_arena *arena, size_t budget) {
    while (arena->extra) {
        struct wire_arena_chunk *next = arena->extra->next;
        free(arena->extra);
        arena->extra = next;
    }
    arena->cursor = arena->first;
    arena->end = arena->first + arena->first_size;
    arena->budget = budget;
}

static inline wire_arena *wire_arena_create(void) {
    wire_arena *arena = calloc(1, sizeof *arena);
    if (!arena) return NULL;
    arena->first = malloc(WIRE_ARENA_FIRST_CHUNK);
    if (!arena->first) {
        free(arena);
        return NULL;
    }
    arena->first_size = WIRE_ARENA_FIRST_CHUNK;
    arena->allocator.alloc = wire_arena_allocate;
    arena->allocator.free = wire_arena_ignore_free;
    arena->allocator.allocator_data = arena;
    wire_arena_reset(arena, 0);
    return arena;
}

static inline void wire_arena_destroy(wire_arena *arena) {
    wire_arena_reset(arena, 0);
    free(arena->first);
    free(arena);
}

// Bytes that the arena holds for allocations, used or not.
static inline size_t wire_arena_held(const wire_arena *arena) {
    size_t held = arena->first_size;
    for (const struct wire_arena_chunk *chunk = arena->extra; chunk; chunk = chunk->next) held += chunk->size;
    return held;
}

// The length of a string that was unpacked into the arena, NULs inside it included.
static inline size_t wire_arena_string_length(const char *string) {
    if (string == protobuf_c_empty_string) return 0;
    uint64_t recorded;
    memcpy(&recorded, string - 8, 8);
    return recorded - 1;
}

#endif
