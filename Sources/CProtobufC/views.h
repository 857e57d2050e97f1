// Views of a message: descriptors of the same C struct that know less of it.
//
// protobuf-c goes through all fields of a descriptor when it sizes a message, again when it packs it, and when it has
// unpacked it. A frame has one field for each operation there is, in a oneof, so that every new operation made every
// call dearer. A view knows the fields outside of oneofs, and one of those within.
#ifndef AGENT_BROKER_VIEWS_H
#define AGENT_BROKER_VIEWS_H

#include <protobuf-c/protobuf-c.h>
#include <stdlib.h>

typedef struct wire_views {
    const ProtobufCMessageDescriptor *whole;
    // One more than the highest number of a field.
    uint32_t count;
    // By the number of the field of a oneof that they know; NULL where there is none.
    ProtobufCMessageDescriptor *by_number[];
} wire_views;

struct wire_view {
    ProtobufCMessageDescriptor descriptor;
    ProtobufCFieldDescriptor fields[];
};

static inline int wire_views_is_in_oneof(const ProtobufCFieldDescriptor *field) {
    return (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
}

static inline ProtobufCMessageDescriptor *wire_view_create(
    const ProtobufCMessageDescriptor *whole, const ProtobufCFieldDescriptor *chosen
) {
    size_t most = 1;
    for (unsigned i = 0; i < whole->n_fields; i++) most += !wire_views_is_in_oneof(&whole->fields[i]);
    struct wire_view *view = malloc(sizeof *view + most * sizeof *view->fields);
    // Of consecutive numbers, and the end.
    ProtobufCIntRange *ranges = malloc((most + 1) * sizeof *ranges);
    if (!view || !ranges) {
        free(view);
        free(ranges);
        return NULL;
    }
    unsigned n_fields = 0, n_ranges = 0;
    for (unsigned i = 0; i < whole->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &whole->fields[i];
        if (field != chosen && wire_views_is_in_oneof(field)) continue;
        if (n_fields == 0 || view->fields[n_fields - 1].id + 1 != field->id) {
            ranges[n_ranges++] = (ProtobufCIntRange){.start_value = (int)field->id, .orig_index = n_fields};
        }
        view->fields[n_fields++] = *field;
    }
    ranges[n_ranges] = (ProtobufCIntRange){.start_value = 0, .orig_index = n_fields};
    view->descriptor = *whole;
    view->descriptor.n_fields = n_fields;
    view->descriptor.fields = view->fields;
    view->descriptor.fields_sorted_by_name = NULL;
    view->descriptor.n_field_ranges = n_ranges;
    view->descriptor.field_ranges = ranges;
    return &view->descriptor;
}

// NULL: out of memory. They are made once and never freed: a process has those of its two kinds of frame.
static inline const wire_views *wire_views_create(const ProtobufCMessageDescriptor *whole) {
    uint32_t count = whole->n_fields ? whole->fields[whole->n_fields - 1].id + 1 : 0;
    wire_views *views = calloc(1, sizeof *views + count * sizeof *views->by_number);
    if (!views) return NULL;
    views->whole = whole;
    views->count = count;
    for (unsigned i = 0; i < whole->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &whole->fields[i];
        if (!wire_views_is_in_oneof(field)) continue;
        views->by_number[field->id] = wire_view_create(whole, field);
        if (!views->by_number[field->id]) return NULL;
    }
    return views;
}

// The view that knows this field of a oneof; of another field, or none, the whole.
static inline const ProtobufCMessageDescriptor *wire_views_of(const wire_views *views, uint64_t number) {
    const ProtobufCMessageDescriptor *view = number < views->count ? views->by_number[number] : NULL;
    return view ? view : views->whole;
}

#endif
