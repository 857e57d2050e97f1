#define _GNU_SOURCE
#include "CLinuxSandboxAgent.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

enum { maximum_descriptors = 4 };

ssize_t sandbox_send(int socket, const struct sandbox_request *request, const void *strings, size_t size,
                     const int *descriptors, int count) {
    if (count > maximum_descriptors) return -EINVAL;
    struct iovec parts[] = {
        {.iov_base = (void *)request, .iov_len = sizeof *request},
        {.iov_base = (void *)strings, .iov_len = size},
    };
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(maximum_descriptors * sizeof(int))];
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

ssize_t sandbox_receive(int socket, struct sandbox_reply *reply) {
    ssize_t received;
    do received = recv(socket, reply, sizeof *reply, MSG_DONTWAIT);
    while (received < 0 && errno == EINTR);
    return received < 0 ? -errno : received;
}
