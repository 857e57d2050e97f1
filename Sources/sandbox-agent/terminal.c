// The terminal of a command, in its cell's own /dev/pts.
#define _GNU_SOURCE
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int send_terminal(const struct sandbox *sandbox, uint64_t id, int terminal) {
    struct sandbox_reply reply = {.id = id, .kind = sandbox_reply_terminal};
    struct iovec part = {.iov_base = &reply, .iov_len = sizeof reply};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof terminal)];
    } control = {{0}};
    control.header.cmsg_len = CMSG_LEN(sizeof terminal);
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    memcpy(CMSG_DATA(&control.header), &terminal, sizeof terminal);
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
                             .msg_controllen = sizeof control};
    return sendmsg(sandbox->socket, &message, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

int open_terminal(const struct sandbox *sandbox, const struct sandbox_request *request) {
    int other_side = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (other_side < 0) return -1;
    int unlocked = 0;
    struct winsize size = {.ws_row = request->rows, .ws_col = request->columns};
    int terminal = -1;
    if (ioctl(other_side, TIOCSPTLCK, &unlocked) == 0 && ioctl(other_side, TIOCSWINSZ, &size) == 0)
        terminal = ioctl(other_side, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (terminal >= 0 && send_terminal(sandbox, request->id, other_side) != 0) {
        close(terminal);
        terminal = -1;
    }
    int error = errno;
    close(other_side);
    errno = error;
    return terminal;
}
