// The least that an echo over this wire needs: one thread, epoll, libprotobuf-c with its default
// allocator. The rows P1 and P2 of the load tests measure the broker against it; with files, P4 to P6 and P11.
//
//   limit-echo --port N                  (0: any) prints "ready 127.0.0.1:PORT" and serves until it is killed
//   limit-echo --port N --files FOLDER   answers Read, Write and Stat as well, of files in that folder
//
// It takes any token and answers Hello and Echo. Of credit it does one half: it gives credit back
// for what it received, but sends without asking for any. A peer that breaks the wire loses its
// connection; so does one that memory does not suffice for.

#define _GNU_SOURCE  // accept4
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agentbroker/v1/frame.pb-c.h"

enum {
    HEADER = 5,
    RECEIVE = 64 << 10,
    MAX_FRAME = 4 << 20,
    STREAM_WINDOW = 1 << 20,
    CONNECTION_WINDOW = 16 << 20,
};

struct buffer {
    uint8_t *bytes;
    size_t begin, end, capacity;
};

struct connection {
    int fd;
    bool writable_awaited;
    size_t uncredited; // Payload bytes received and not yet given back as credit.
    struct buffer in, out;
};

// Room for `count` more bytes at the end. What is unread moves to the front first.
static bool reserve(struct buffer *buffer, size_t count) {
    if (buffer->capacity - buffer->end >= count) return true;
    if (buffer->begin > 0) {
        memmove(buffer->bytes, buffer->bytes + buffer->begin, buffer->end - buffer->begin);
        buffer->end -= buffer->begin;
        buffer->begin = 0;
    }
    size_t capacity = buffer->capacity ? buffer->capacity : RECEIVE;
    while (capacity - buffer->end < count) capacity *= 2;
    if (capacity == buffer->capacity) return true;
    uint8_t *bytes = realloc(buffer->bytes, capacity);
    if (!bytes) return false;
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    return true;
}

static void discard(struct buffer *buffer, size_t count) {
    buffer->begin += count;
    if (buffer->begin == buffer->end) buffer->begin = buffer->end = 0;
}

static bool put(struct buffer *out, const Agentbroker__V1__ServerFrame *frame) {
    size_t length = agentbroker__v1__server_frame__get_packed_size(frame);
    if (!reserve(out, HEADER + length)) return false;
    uint8_t *header = out->bytes + out->end;
    uint32_t big_endian = htonl(length);
    header[0] = 0;
    memcpy(header + 1, &big_endian, sizeof big_endian);
    agentbroker__v1__server_frame__pack(frame, header + HEADER);
    out->end += HEADER + length;
    return true;
}

static bool answer_hello(struct connection *connection) {
    Agentbroker__V1__SessionLimits limits = AGENTBROKER__V1__SESSION_LIMITS__INIT;
    limits.max_frame_bytes = MAX_FRAME;
    limits.max_head_bytes = 1 << 20;
    limits.stream_window_bytes = STREAM_WINDOW;
    limits.connection_window_bytes = CONNECTION_WINDOW;
    limits.max_calls_in_flight = 1 << 20;
    limits.keepalive_interval_ms = 30000;
    Agentbroker__V1__HelloReply reply = AGENTBROKER__V1__HELLO_REPLY__INIT;
    reply.version = 1;
    reply.server_version = "limit-echo";
    reply.node = "limit";
    reply.org = "limit";
    reply.limits = &limits;
    Agentbroker__V1__ServerFrame frame = AGENTBROKER__V1__SERVER_FRAME__INIT;
    frame.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_HELLO_REPLY;
    frame.hello_reply = &reply;
    return put(&connection->out, &frame);
}

static Agentbroker__V1__ServerFrame last_frame(uint64_t id) {
    Agentbroker__V1__ServerFrame frame = AGENTBROKER__V1__SERVER_FRAME__INIT;
    frame.id = id;
    frame.last = true;
    return frame;
}

static bool answer_echo(struct connection *connection, const Agentbroker__V1__ClientFrame *call) {
    Agentbroker__V1__EchoReply reply = AGENTBROKER__V1__ECHO_REPLY__INIT;
    Agentbroker__V1__ServerFrame frame = last_frame(call->id);
    frame.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_ECHO_REPLY;
    frame.echo_reply = &reply;
    frame.payload = call->payload;
    return put(&connection->out, &frame);
}

// Of the files; -1 where there are none.
static int folder = -1;

static bool answer_fault(struct connection *connection, uint64_t id) {
    Agentbroker__V1__Error error = AGENTBROKER__V1__ERROR__INIT;
    Agentbroker__V1__ServerFrame frame = last_frame(id);
    error.message = strerror(errno);
    frame.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_ERROR;
    frame.error = &error;
    return put(&connection->out, &frame);
}

// The name of a file in the folder: the path without its directories. Returns whether it is one.
static bool file_name(const ProtobufCBinaryData *path, char name[256]) {
    size_t begin = path->len;
    while (begin > 0 && path->data[begin - 1] != '/') begin--;
    size_t length = path->len - begin;
    if (length == 0 || length > 200) return false;
    memcpy(name, "f-", 2);
    memcpy(name + 2, path->data + begin, length);
    name[2 + length] = 0;
    return true;
}

static int open_beneath(const char *name, int flags) {
    struct open_how how = {
        .flags = (uint64_t)flags | O_CLOEXEC,
        .mode = flags & O_CREAT ? 0600 : 0,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    return (int)syscall(SYS_openat2, folder, name, &how, sizeof how);
}

static Agentbroker__V1__FileInfo regular_file(size_t size) {
    Agentbroker__V1__FileInfo info = AGENTBROKER__V1__FILE_INFO__INIT;
    info.type = AGENTBROKER__V1__FILE_TYPE__FILE_TYPE_REGULAR;
    info.size = size;
    return info;
}

static bool answer_read(struct connection *connection, const Agentbroker__V1__ClientFrame *call) {
    char name[256];
    struct stat status;
    int fd = file_name(&call->read->path, name) ? open_beneath(name, O_RDONLY) : -1;
    if (fd < 0 || fstat(fd, &status) != 0 || status.st_size > MAX_FRAME / 2) {
        if (fd >= 0) close(fd);
        return answer_fault(connection, call->id);
    }
    static uint8_t bytes[MAX_FRAME];
    ssize_t count = pread(fd, bytes, (size_t)status.st_size, 0);
    close(fd);
    if (count != status.st_size) return answer_fault(connection, call->id);
    Agentbroker__V1__FileInfo info = regular_file((size_t)count);
    Agentbroker__V1__ReadReply reply = AGENTBROKER__V1__READ_REPLY__INIT;
    Agentbroker__V1__ServerFrame frame = last_frame(call->id);
    reply.info = &info;
    frame.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_READ_REPLY;
    frame.read_reply = &reply;
    frame.payload.data = bytes;
    frame.payload.len = (size_t)count;
    return put(&connection->out, &frame);
}

static bool answer_stat(struct connection *connection, const Agentbroker__V1__ClientFrame *call) {
    char name[256];
    struct stat status;
    // The folder is flat, and a link at the end is not followed: nothing can lead out of it.
    if (!file_name(&call->stat->path, name) || fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return answer_fault(connection, call->id);
    }
    Agentbroker__V1__FileInfo info = regular_file((size_t)status.st_size);
    Agentbroker__V1__StatReply reply = AGENTBROKER__V1__STAT_REPLY__INIT;
    Agentbroker__V1__ServerFrame frame = last_frame(call->id);
    reply.info = &info;
    frame.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_STAT_REPLY;
    frame.stat_reply = &reply;
    return put(&connection->out, &frame);
}

// To a new file, which takes the place of the old one.
static bool answer_write(struct connection *connection, const Agentbroker__V1__ClientFrame *call) {
    char name[256];
    int fd = file_name(&call->write->path, name) ? open_beneath("new", O_WRONLY | O_CREAT | O_TRUNC) : -1;
    bool ok = fd >= 0 && write(fd, call->payload.data, call->payload.len) == (ssize_t)call->payload.len;
    if (fd >= 0) close(fd);
    if (!ok || renameat(folder, "new", folder, name) != 0) return answer_fault(connection, call->id);
    Agentbroker__V1__FileInfo info = regular_file(call->payload.len);
    Agentbroker__V1__WriteReply reply = AGENTBROKER__V1__WRITE_REPLY__INIT;
    Agentbroker__V1__ServerFrame frame = last_frame(call->id);
    reply.info = &info;
    frame.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_WRITE_REPLY;
    frame.write_reply = &reply;
    return put(&connection->out, &frame);
}

static bool give_credit(struct connection *connection) {
    Agentbroker__V1__Window window = AGENTBROKER__V1__WINDOW__INIT;
    window.bytes = connection->uncredited;
    Agentbroker__V1__ServerFrame frame = AGENTBROKER__V1__SERVER_FRAME__INIT;
    frame.body_case = AGENTBROKER__V1__SERVER_FRAME__BODY_WINDOW;
    frame.window = &window;
    connection->uncredited = 0;
    return put(&connection->out, &frame);
}

static bool answer(struct connection *connection, const uint8_t *message, size_t length) {
    Agentbroker__V1__ClientFrame *frame = agentbroker__v1__client_frame__unpack(NULL, length, message);
    if (!frame) return false;
    bool ok = true;
    if (frame->body_case == AGENTBROKER__V1__CLIENT_FRAME__BODY_ECHO) ok = answer_echo(connection, frame);
    if (folder >= 0 && frame->body_case == AGENTBROKER__V1__CLIENT_FRAME__BODY_READ) ok = answer_read(connection, frame);
    if (folder >= 0 && frame->body_case == AGENTBROKER__V1__CLIENT_FRAME__BODY_WRITE) ok = answer_write(connection, frame);
    if (folder >= 0 && frame->body_case == AGENTBROKER__V1__CLIENT_FRAME__BODY_STAT) ok = answer_stat(connection, frame);
    if (frame->body_case == AGENTBROKER__V1__CLIENT_FRAME__BODY_HELLO) ok = answer_hello(connection);
    connection->uncredited += frame->payload.len;
    agentbroker__v1__client_frame__free_unpacked(frame, NULL);
    return ok && (connection->uncredited < CONNECTION_WINDOW / 2 || give_credit(connection));
}

// Answers every whole frame that was received.
static bool answer_all(struct connection *connection) {
    struct buffer *in = &connection->in;
    while (in->end - in->begin >= HEADER) {
        const uint8_t *header = in->bytes + in->begin;
        uint32_t length;
        memcpy(&length, header + 1, sizeof length);
        length = ntohl(length);
        if (header[0] != 0 || length > MAX_FRAME) return false;
        if (in->end - in->begin < HEADER + length) return true;
        if (!answer(connection, header + HEADER, length)) return false;
        discard(in, HEADER + length);
    }
    return true;
}

static bool send_all(struct connection *connection, int epoll) {
    struct buffer *out = &connection->out;
    while (out->begin < out->end) {
        ssize_t sent = send(connection->fd, out->bytes + out->begin, out->end - out->begin, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) return false;
        if (sent < 0) break;
        discard(out, (size_t)sent);
    }
    // Nothing is read while answers wait, so that they stay bounded by one read.
    bool waits = out->begin < out->end;
    if (waits == connection->writable_awaited) return true;
    connection->writable_awaited = waits;
    struct epoll_event event = {.events = waits ? EPOLLOUT : EPOLLIN, .data.ptr = connection};
    return epoll_ctl(epoll, EPOLL_CTL_MOD, connection->fd, &event) == 0;
}

static bool serve(struct connection *connection, int epoll) {
    if (!connection->writable_awaited) {
        struct buffer *in = &connection->in;
        if (!reserve(in, RECEIVE)) return false;
        ssize_t received = recv(connection->fd, in->bytes + in->end, in->capacity - in->end, 0);
        if (received < 0 && errno == EAGAIN) return true;
        if (received <= 0) return false;
        in->end += (size_t)received;
        if (!answer_all(connection)) return false;
    }
    return send_all(connection, epoll);
}

static void end(struct connection *connection) {
    close(connection->fd);
    free(connection->in.bytes);
    free(connection->out.bytes);
    free(connection);
}

static void take(int listener, int epoll) {
    int on = 1, fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    struct connection *connection = calloc(1, sizeof *connection);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connection && epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0) {
        connection->fd = fd;
    } else {
        free(connection);
        close(fd);
    }
}

// A listening socket on the loopback interface; *port is replaced by the port it got.
static int listen_on(in_port_t *port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(*port)};
    socklen_t length = sizeof address;
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0
        || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 4096) != 0
        || getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
        return -1;
    }
    *port = ntohs(address.sin_port);
    return fd;
}

int main(int count, char **arguments) {
    char *rest = "";
    unsigned long number = 0;
    bool has_files = count == 5 && strcmp(arguments[3], "--files") == 0;
    bool is_usage = (count == 3 || has_files) && strcmp(arguments[1], "--port") == 0;
    if (is_usage) number = strtoul(arguments[2], &rest, 10);
    if (!is_usage || *arguments[2] == 0 || *rest != 0 || number > UINT16_MAX) {
        fprintf(stderr, "usage: limit-echo --port N [--files FOLDER]\n");
        return 64;
    }
    if (has_files && (folder = open(arguments[4], O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0) {
        perror(arguments[4]);
        return 1;
    }
    in_port_t port = (in_port_t)number;
    int listener = listen_on(&port), epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event events[256] = {{.events = EPOLLIN}};
    if (listener < 0 || epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &events[0]) != 0) {
        perror("limit-echo");
        return 1;
    }
    printf("ready 127.0.0.1:%d\n", port);
    fflush(stdout);
    for (;;) {
        int ready = epoll_wait(epoll, events, 256, -1);
        for (int i = 0; i < ready; i++) {
            struct connection *connection = events[i].data.ptr;
            if (!connection) {
                take(listener, epoll);
            } else if (!serve(connection, epoll)) {
                end(connection);
            }
        }
    }
}
