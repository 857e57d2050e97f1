// The least that running a command and reading what it writes needs: posix_spawn, pipes, poll. The rows P8, P9 and P13
// of the load tests measure the broker against it.
//
//   limit-exec --argument PROGRAM [--argument ARGUMENT]... [--output TEXT] [--directory PATH] [--calls N]
//              [--warmup SECONDS] [--duration SECONDS]
//
// Keeps N commands running, each in that directory, for the warm-up and then the duration. Each has to write TEXT and to
// exit with 0, or this ends with status 1. Prints the figures as a line of JSON.

#define _GNU_SOURCE  // pipe2, posix_spawn_file_actions_addchdir_np
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_CALLS = 256, MAX_ARGUMENTS = 128, MAX_OUTPUT = 4096, STREAMS = 2 };

struct call {
    pid_t process;
    uint64_t begin;
    int streams[STREAMS]; // -1: at its end.
    size_t received;
    char output[MAX_OUTPUT];
};

struct options {
    char *arguments[MAX_ARGUMENTS + 1];
    int argument_count;
    const char *output, *directory;
    int calls;
    double warmup, duration;
};

struct latencies {
    uint64_t *values;
    size_t count, capacity;
};

// The broker gives its commands about as much. bash, for one, takes longer where it has to find out who it runs as.
static char *environment[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/tmp", "USER=agent", "LOGNAME=agent",
                              "SHELL=/bin/bash", "LANG=C.UTF-8", NULL};

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void start(struct call *call, const struct options *options) {
    *call = (struct call){.begin = now()};
    int inside[STREAMS];
    for (int i = 0; i < STREAMS; i++) {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) != 0) fail("pipe2");
        call->streams[i] = ends[0];
        inside[i] = ends[1];
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, inside[0], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, inside[1], STDERR_FILENO);
    posix_spawn_file_actions_addchdir_np(&actions, options->directory);
    errno = posix_spawn(&call->process, options->arguments[0], &actions, NULL, options->arguments, environment);
    if (errno != 0) fail(options->arguments[0]);
    posix_spawn_file_actions_destroy(&actions);
    for (int i = 0; i < STREAMS; i++) close(inside[i]);
}

// Takes in what a stream has. Errors are of no more use than that they are seen.
static void receive(struct call *call, int stream) {
    size_t room = sizeof call->output - call->received;
    ssize_t count = read(call->streams[stream], call->output + call->received, room);
    if (count < 0) fail("read");
    call->received += (size_t)count;
    if (call->received == sizeof call->output) {
        fprintf(stderr, "a command wrote too much: %.*s\n", 1000, call->output);
        exit(1);
    }
    if (count > 0) return;
    close(call->streams[stream]);
    call->streams[stream] = -1;
}

static void check_end(const struct call *call, const struct options *options) {
    int status;
    if (waitpid(call->process, &status, 0) != call->process) fail("waitpid");
    bool is_right = call->received == strlen(options->output) && memcmp(call->output, options->output, call->received) == 0;
    if (status == 0 && is_right) return;
    fprintf(stderr, "status %#x of a command that wrote: %.*s\n", status, (int)call->received, call->output);
    exit(1);
}

static void record(struct latencies *latencies, uint64_t value) {
    if (latencies->count == latencies->capacity) {
        latencies->capacity = latencies->capacity == 0 ? 1024 : 2 * latencies->capacity;
        latencies->values = realloc(latencies->values, latencies->capacity * sizeof *latencies->values);
        if (latencies->values == NULL) fail("realloc");
    }
    latencies->values[latencies->count++] = value;
}

static int compare(const void *left, const void *right) {
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static double microseconds(const struct latencies *sorted, double part) {
    size_t index = (size_t)((double)sorted->count * part);
    return (double)sorted->values[index < sorted->count ? index : sorted->count - 1] / 1e3;
}

static void report(struct latencies *latencies, double seconds) {
    if (latencies->count == 0) {
        fprintf(stderr, "no command ended in the time that was measured\n");
        exit(1);
    }
    qsort(latencies->values, latencies->count, sizeof *latencies->values, compare);
    printf("{\"calls\":%zu,\"seconds\":%.6f,\"callsPerSecond\":%.3f,\"latencyMicroseconds\":"
           "{\"p50\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f}}\n",
           latencies->count, seconds, (double)latencies->count / seconds, microseconds(latencies, 0.5),
           microseconds(latencies, 0.99), microseconds(latencies, 0.999), microseconds(latencies, 1));
}

static void run(const struct options *options) {
    static struct call calls[MAX_CALLS];
    static struct pollfd watched[MAX_CALLS * STREAMS];
    struct latencies latencies = {0};
    uint64_t first = now() + (uint64_t)(options->warmup * 1e9), end = first + (uint64_t)(options->duration * 1e9);
    uint64_t last = first;
    int running = options->calls;
    for (int i = 0; i < options->calls; i++) start(&calls[i], options);
    while (running > 0) {
        for (int i = 0; i < options->calls * STREAMS; i++) {
            watched[i] = (struct pollfd){.fd = calls[i / STREAMS].streams[i % STREAMS], .events = POLLIN};
        }
        if (poll(watched, (nfds_t)(options->calls * STREAMS), -1) < 0) fail("poll");
        for (int i = 0; i < options->calls * STREAMS; i++) {
            struct call *call = &calls[i / STREAMS];
            if (watched[i].revents == 0) continue;
            receive(call, i % STREAMS);
            if (call->streams[0] >= 0 || call->streams[1] >= 0) continue;
            check_end(call, options);
            uint64_t ended = now();
            if (ended >= first && ended < end) {
                record(&latencies, ended - call->begin);
                last = ended;
            }
            if (ended < end) start(call, options);
            else running--;
        }
    }
    report(&latencies, (double)(last - first) / 1e9);
}

int main(int count, char **arguments) {
    static const struct option known[] = {
        {"argument", required_argument, NULL, 'a'}, {"output", required_argument, NULL, 'o'},
        {"directory", required_argument, NULL, 'd'}, {"calls", required_argument, NULL, 'c'},
        {"warmup", required_argument, NULL, 'w'}, {"duration", required_argument, NULL, 't'}, {0},
    };
    struct options options = {.output = "", .directory = "/", .calls = 1, .warmup = 0.5, .duration = 2};
    bool is_right = true;
    for (int option; (option = getopt_long(count, arguments, "", known, NULL)) != -1;) {
        switch (option) {
        case 'a':
            if (options.argument_count < MAX_ARGUMENTS) options.arguments[options.argument_count++] = optarg;
            else is_right = false;
            break;
        case 'o': options.output = optarg; break;
        case 'd': options.directory = optarg; break;
        case 'c': options.calls = atoi(optarg); break;
        case 'w': options.warmup = atof(optarg); break;
        case 't': options.duration = atof(optarg); break;
        default: is_right = false;
        }
    }
    if (!is_right || optind != count || options.argument_count == 0 || options.calls < 1 || options.calls > MAX_CALLS) {
        fprintf(stderr, "usage: limit-exec --argument PROGRAM [--argument ARGUMENT]... [--output TEXT]"
                        " [--directory PATH] [--calls 1..%d] [--warmup SECONDS] [--duration SECONDS]\n", MAX_CALLS);
        return 64;
    }
    run(&options);
}
