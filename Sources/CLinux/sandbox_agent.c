#define _GNU_SOURCE
#include "CLinuxSandboxAgent.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

ssize_t sandbox_send(int socket, const struct sandbox_request *request, const void *strings, size_t size,
                     const int *descriptors, int count) {
    if (count > sandbox_maximum_descriptors) return -EINVAL;
    struct iovec parts[] = {
        {.iov_base = (void *)request, .iov_len = sizeof *request},
        {.iov_base = (void *)strings, .iov_len = size},
    };
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sandbox_maximum_descriptors * sizeof(int))];
    } control = {{0}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    if (count > 0) {
        size_t length = (size_t)count * sizeof(int);
        control.header = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(length),
            .cmsg_level = SOL_SOCKET,
            .cmsg_type = SCM_RIGHTS,
        };
        memcpy(CMSG_DATA(&control.header), descriptors, length);
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(length);
    }
    ssize_t sent;
    do sent = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : sent;
}

ssize_t sandbox_receive(int socket, struct sandbox_reply *reply, int *descriptor) {
    struct iovec part = {.iov_base = reply, .iov_len = sizeof *reply};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
                             .msg_controllen = sizeof control};
    ssize_t received;
    do received = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (received < 0 && errno == EINTR);
    *descriptor = -1;
    if (received < 0) return -errno;
    const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header != NULL && header->cmsg_type == SCM_RIGHTS) memcpy(descriptor, CMSG_DATA(header), sizeof *descriptor);
    return received;
}

int sandbox_resize_terminal(int terminal, uint16_t rows, uint16_t columns) {
    struct winsize size = {.ws_row = rows, .ws_col = columns};
    return ioctl(terminal, TIOCSWINSZ, &size) < 0 ? -errno : 0;
}
