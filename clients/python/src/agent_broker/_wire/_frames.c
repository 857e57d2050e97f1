/* What is done for every frame, several times as fast as the Python in `decoding` and `encoding` that does the same.
 *
 * Of what comes, only plain frames are taken apart here: whole ones of fields that this version of the protocol has, and
 * of others that are no groups. Whatever else there is, broken or new, is left to the Python, which has protobuf look at
 * it. So both give the same, and no fault is told here.
 *
 * In the stable ABI of Python 3.11: one build is for all later versions. Nothing is kept between calls.
 */

#define Py_LIMITED_API 0x030b0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* As Py_ssize_t, whatever its size is. */
static const Py_ssize_t longest_frame = INT32_MAX - 64;

enum { header_length = 5, field_id = 1, field_last = 3, field_payload = 2047 };
enum { wire_varint = 0, wire_fixed64 = 1, wire_bytes = 2, wire_fixed32 = 5 };

struct bytes {
    const uint8_t *start;
    Py_ssize_t length;
};

struct frame {
    uint64_t id;
    bool last;
    unsigned body_number;
    struct bytes body, payload;
};

struct reader {
    const uint8_t *at, *end;
};

/* At most `longest` bytes of 7 bits each, no more than 9: what does not fit 63 bits is not plain. */
static bool read_varint(struct reader *reader, int longest, uint64_t *value) {
    uint64_t read = 0;
    for (int index = 0; index < longest && reader->at < reader->end; index++) {
        uint8_t byte = *reader->at++;
        read |= (uint64_t)(byte & 0x7f) << (7 * index);
        if (byte < 0x80) {
            *value = read;
            return true;
        }
    }
    return false;
}

static bool read_bytes(struct reader *reader, struct bytes *bytes) {
    uint64_t length;
    if (!read_varint(reader, 5, &length) || length > (uint64_t)(reader->end - reader->at)) return false;
    *bytes = (struct bytes){reader->at, (Py_ssize_t)length};
    reader->at += length;
    return true;
}

static bool skip_bytes(struct reader *reader, int count) {
    if (reader->end - reader->at < count) return false;
    reader->at += count;
    return true;
}

/* `bodies` has a byte for each field from 0, which is not 0 where the field is a body. */
static bool read_frame(struct reader reader, const struct bytes *bodies, struct frame *frame) {
    *frame = (struct frame){0};
    while (reader.at < reader.end) {
        uint64_t tag, number;
        struct bytes bytes;
        const uint8_t *start = reader.at;
        if (!read_varint(&reader, 4, &tag) || tag >> 3 == 0) return false;
        /* One with a digit of 0 too many is not plain: some of protobuf's parsers take it for a field of its own. */
        if (reader.at - start > 1 && reader.at[-1] == 0) return false;
        uint64_t field = tag >> 3;
        switch (tag & 7) {
        case wire_varint:
            if (!read_varint(&reader, 9, &number)) return false;
            if (field == field_id) frame->id = number;
            if (field == field_last) frame->last = number != 0;
            break;
        case wire_bytes:
            if (!read_bytes(&reader, &bytes)) return false;
            if (field == field_payload) {
                frame->payload = bytes;
            } else if (field < (uint64_t)bodies->length && bodies->start[field]) {
                frame->body_number = (unsigned)field;
                frame->body = bytes;
            }
            break;
        case wire_fixed64:
            if (!skip_bytes(&reader, 8)) return false;
            break;
        case wire_fixed32:
            if (!skip_bytes(&reader, 4)) return false;
            break;
        default:
            return false;
        }
    }
    return true;
}

static PyObject *bytes_object(struct bytes bytes) {
    return PyBytes_FromStringAndSize((const char *)bytes.start, bytes.length);
}

static PyObject *frame_object(const struct frame *frame) {
    PyObject *id = PyLong_FromUnsignedLongLong(frame->id);
    PyObject *body_number = PyLong_FromUnsignedLong(frame->body_number);
    PyObject *body = bytes_object(frame->body), *payload = bytes_object(frame->payload);
    PyObject *object = NULL;
    if (id != NULL && body_number != NULL && body != NULL && payload != NULL)
        object = PyTuple_Pack(5, id, frame->last ? Py_True : Py_False, body_number, body, payload);
    Py_XDECREF(id);
    Py_XDECREF(body_number);
    Py_XDECREF(body);
    Py_XDECREF(payload);
    return object;
}

static PyObject *take_frames(PyObject *module, PyObject *const *arguments, Py_ssize_t count) {
    (void)module;
    char *start;
    struct bytes data, bodies;
    if (count != 4) return PyErr_Format(PyExc_TypeError, "take_frames takes 4 arguments, not %zd", count);
    if (PyBytes_AsStringAndSize(arguments[0], &start, &data.length) < 0) return NULL;
    data.start = (const uint8_t *)start;
    unsigned long long maximum = PyLong_AsUnsignedLongLong(arguments[1]);
    if (PyErr_Occurred() != NULL) return NULL;
    if (PyBytes_AsStringAndSize(arguments[2], &start, &bodies.length) < 0) return NULL;
    bodies.start = (const uint8_t *)start;

    const uint8_t *at = data.start, *end = data.start + data.length;
    while (end - at >= header_length) {
        uint64_t length = (uint64_t)at[1] << 24 | (uint64_t)at[2] << 16 | (uint64_t)at[3] << 8 | at[4];
        if (at[0] != 0 || length > maximum || length > (uint64_t)(end - at - header_length)) break;
        struct frame frame;
        const uint8_t *message = at + header_length;
        if (!read_frame((struct reader){message, message + length}, &bodies, &frame)) break;
        PyObject *object = frame_object(&frame);
        if (object == NULL) return NULL;
        int appended = PyList_Append(arguments[3], object);
        Py_DECREF(object);
        if (appended < 0) return NULL;
        at = message + length;
    }
    return PyLong_FromSsize_t(at - data.start);
}

/* A varint of the number, which takes 10 bytes at the most. */
static uint8_t *write_varint(uint8_t *at, uint64_t number) {
    for (; number >= 0x80; number >>= 7) *at++ = (uint8_t)number | 0x80;
    *at++ = (uint8_t)number;
    return at;
}

static PyObject *plain_call(PyObject *module, PyObject *const *arguments, Py_ssize_t count) {
    (void)module;
    if (count < 1) return PyErr_Format(PyExc_TypeError, "plain_call takes an id");
    unsigned long long id = PyLong_AsUnsignedLongLong(arguments[0]);
    if (PyErr_Occurred() != NULL) return NULL;
    /* `last`, which is true, and the id. */
    uint8_t tail[13] = {field_last << 3, 1, field_id << 3};
    Py_ssize_t tail_length = write_varint(tail + 3, id) - tail, length = tail_length;
    for (Py_ssize_t index = 1; index < count; index++) {
        Py_ssize_t part = PyBytes_Size(arguments[index]);
        if (part < 0) return NULL;
        if (part > longest_frame - length) return PyErr_Format(PyExc_OverflowError, "a frame is too long");
        length += part;
    }
    PyObject *frame = PyBytes_FromStringAndSize(NULL, header_length + length);
    if (frame == NULL) return NULL;
    uint8_t *at = (uint8_t *)PyBytes_AsString(frame);
    *at++ = 0;
    for (int shift = 24; shift >= 0; shift -= 8) *at++ = (uint8_t)(length >> shift);
    for (Py_ssize_t index = 1; index < count; index++) {
        Py_ssize_t part = PyBytes_Size(arguments[index]);
        memcpy(at, PyBytes_AsString(arguments[index]), (size_t)part);
        at += part;
    }
    memcpy(at, tail, (size_t)tail_length);
    return frame;
}

static PyObject *tagged(PyObject *module, PyObject *const *arguments, Py_ssize_t count) {
    (void)module;
    if (count != 2) return PyErr_Format(PyExc_TypeError, "tagged takes 2 arguments, not %zd", count);
    char *tag, *content;
    Py_ssize_t tag_length, length;
    if (PyBytes_AsStringAndSize(arguments[0], &tag, &tag_length) < 0) return NULL;
    if (PyBytes_AsStringAndSize(arguments[1], &content, &length) < 0) return NULL;
    uint8_t digits[10];
    Py_ssize_t digits_length = write_varint(digits, (uint64_t)length) - digits;
    if (length > longest_frame || tag_length > longest_frame - length - digits_length)
        return PyErr_Format(PyExc_OverflowError, "a field is too long");
    PyObject *field = PyBytes_FromStringAndSize(NULL, tag_length + digits_length + length);
    if (field == NULL) return NULL;
    char *at = PyBytes_AsString(field);
    memcpy(at, tag, (size_t)tag_length);
    memcpy(at + tag_length, digits, (size_t)digits_length);
    memcpy(at + tag_length + digits_length, content, (size_t)length);
    return field;
}

static PyMethodDef methods[] = {
    {"take_frames", (PyCFunction)(void (*)(void))take_frames, METH_FASTCALL,
     "take_frames(data: bytes, maximum: int, bodies: bytes, frames: list) -> int\n\n"
     "Appends the plain frames that data begins with, none longer than maximum. Returns how many bytes they take."},
    {"plain_call", (PyCFunction)(void (*)(void))plain_call, METH_FASTCALL,
     "plain_call(id: int, *parts: bytes) -> bytes\n\n"
     "The only frame of a call, whose other fields are the parts one after the other."},
    {"tagged", (PyCFunction)(void (*)(void))tagged, METH_FASTCALL,
     "tagged(tag: bytes, content: bytes) -> bytes\n\n"
     "A length-delimited field, whose tag is encoded already."},
    {0},
};

static PyModuleDef_Slot slots[] = {{0, NULL}};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "agent_broker._wire._frames",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__frames(void) { return PyModuleDef_Init(&definition); }
