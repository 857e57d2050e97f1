#define _GNU_SOURCE
#include "CLinuxNetwork.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { maximum_length = 128, name_port = 53, loopback_interface = 1 };

struct program {
    struct bpf_insn code[maximum_length];
    size_t length;
};

static void emit(struct program *program, uint8_t code, uint8_t to, uint8_t from, int16_t offset, int32_t value) {
    struct bpf_insn instruction = {.code = code, .dst_reg = to, .src_reg = from, .off = offset, .imm = value};
    if (program->length < maximum_length) program->code[program->length] = instruction;
    program->length++;
}

static void move(struct program *program, int to, int from) {
    emit(program, BPF_ALU64 | BPF_MOV | BPF_X, (uint8_t)to, (uint8_t)from, 0, 0);
}

// Of 32 bits.
static void compute(struct program *program, int operation, int with, uint32_t value) {
    emit(program, (uint8_t)(BPF_ALU | operation | BPF_K), (uint8_t)with, 0, 0, (int32_t)value);
}

static void answer(struct program *program, bool allows) {
    emit(program, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, allows);
    emit(program, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static void answer_if(struct program *program, int what, uint32_t value, bool allows) {
    emit(program, BPF_JMP32 | BPF_JNE | BPF_K, (uint8_t)what, 0, 2, (int32_t)value);
    answer(program, allows);
}

// From a field of what the program is about, four bytes.
static void load(struct program *program, int to, size_t offset) {
    emit(program, BPF_LDX | BPF_MEM | BPF_W, (uint8_t)to, BPF_REG_6, (int16_t)offset, 0);
}

// The same of a field in network byte order.
static void load_from_network(struct program *program, int to, size_t offset) {
    load(program, to, offset);
    emit(program, BPF_ALU | BPF_END | BPF_TO_BE, (uint8_t)to, 0, 0, 32);
}

// From a packet, in host byte order, into register 0; `size` bytes at what register 2 says. What is shorter is not sent.
static void load_packet(struct program *program, int size) {
    move(program, BPF_REG_1, BPF_REG_6);
    move(program, BPF_REG_3, BPF_REG_10);
    emit(program, BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_3, 0, 0, -8);
    emit(program, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_4, 0, 0, size);
    emit(program, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_skb_load_bytes);
    emit(program, BPF_JMP32 | BPF_JEQ | BPF_K, BPF_REG_0, 0, 2, 0);
    answer(program, false);
    uint8_t width = size == 1 ? BPF_B : size == 2 ? BPF_H : BPF_W;
    emit(program, BPF_LDX | BPF_MEM | width, BPF_REG_0, BPF_REG_10, -8, 0);
    if (size > 1) emit(program, BPF_ALU | BPF_END | BPF_TO_BE, BPF_REG_0, 0, 0, size * 8);
}

static void load_packet_at(struct program *program, int size, int offset) {
    emit(program, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_2, 0, 0, offset);
    load_packet(program, size);
}

// 169.254.0.0/16, of an address in a register, which is lost.
static void refuse_link_local(struct program *program, int address) {
    compute(program, BPF_RSH, address, 16);
    answer_if(program, address, 0xa9fe, false);
}

// fe80::/10 and Amazon's fd00:ec2::/32, of the first word of an address in a register, which is lost.
static void refuse_link_local_6(struct program *program, int word) {
    answer_if(program, word, 0xfd000ec2, false);
    compute(program, BPF_RSH, word, 22);
    answer_if(program, word, 0x3fa, false);
}

// Whatever is sent, by whatever protocol.
static void make_packet_program(struct program *program) {
    move(program, BPF_REG_6, BPF_REG_1);
    load(program, BPF_REG_7, offsetof(struct __sk_buff, ifindex));
    load_packet_at(program, 1, 0);
    move(program, BPF_REG_8, BPF_REG_0);
    compute(program, BPF_RSH, BPF_REG_0, 4);
    emit(program, BPF_JMP32 | BPF_JEQ | BPF_K, BPF_REG_0, 0, 0, 6);
    size_t jump = program->length - 1;

    // Version 4: the header's length, the port after it.
    compute(program, BPF_AND, BPF_REG_8, 15);
    compute(program, BPF_LSH, BPF_REG_8, 2);
    compute(program, BPF_ADD, BPF_REG_8, 2);
    move(program, BPF_REG_2, BPF_REG_8);
    load_packet(program, 2);
    answer_if(program, BPF_REG_0, name_port, true);
    answer_if(program, BPF_REG_7, loopback_interface, false);
    load_packet_at(program, 4, 16);
    refuse_link_local(program, BPF_REG_0);
    answer(program, true);

    program->code[jump].off = (int16_t)(program->length - jump - 1);
    load_packet_at(program, 2, 42);
    answer_if(program, BPF_REG_0, name_port, true);
    answer_if(program, BPF_REG_7, loopback_interface, false);
    load_packet_at(program, 4, 24);
    refuse_link_local_6(program, BPF_REG_0);
    answer(program, true);
}

// 127.0.0.0/8 and 0.0.0.0/8, which means the same; and link-local. Of an address in register 2.
static void refuse_address(struct program *program) {
    move(program, BPF_REG_3, BPF_REG_2);
    compute(program, BPF_RSH, BPF_REG_3, 24);
    answer_if(program, BPF_REG_3, 127, false);
    answer_if(program, BPF_REG_3, 0, false);
    refuse_link_local(program, BPF_REG_2);
    answer(program, true);
}

// So that who connects does not wait for an answer to packets that are not sent.
static void make_connect_program(struct program *program) {
    move(program, BPF_REG_6, BPF_REG_1);
    load(program, BPF_REG_2, offsetof(struct bpf_sock_addr, user_port));
    answer_if(program, BPF_REG_2, htons(name_port), true);
    load_from_network(program, BPF_REG_2, offsetof(struct bpf_sock_addr, user_ip4));
    refuse_address(program);
}

static void make_connect_program_6(struct program *program) {
    const size_t words = offsetof(struct bpf_sock_addr, user_ip6);
    move(program, BPF_REG_6, BPF_REG_1);
    load(program, BPF_REG_2, offsetof(struct bpf_sock_addr, user_port));
    answer_if(program, BPF_REG_2, htons(name_port), true);
    load_from_network(program, BPF_REG_2, words);
    refuse_link_local_6(program, BPF_REG_2);
    // Only loopback, "any" and addresses of version 4 begin with 64 bits of zero.
    load(program, BPF_REG_2, words);
    load(program, BPF_REG_3, words + 4);
    emit(program, BPF_ALU | BPF_OR | BPF_X, BPF_REG_2, BPF_REG_3, 0, 0);
    emit(program, BPF_JMP32 | BPF_JEQ | BPF_K, BPF_REG_2, 0, 2, 0);
    answer(program, true);
    // With zero, or 0xffff, before it the last word is an address of version 4: of ::1 one that means the same as ::.
    load_from_network(program, BPF_REG_2, words + 12);
    refuse_address(program);
}

static int call_bpf(int command, union bpf_attr *attributes) {
    return (int)syscall(SYS_bpf, command, attributes, sizeof *attributes);
}

static int attach(int group, void (*make)(struct program *), enum bpf_prog_type type, enum bpf_attach_type place) {
    struct program program = {.length = 0};
    make(&program);
    if (program.length > maximum_length) return -E2BIG;
    union bpf_attr attributes;
    memset(&attributes, 0, sizeof attributes);
    attributes.prog_type = type;
    attributes.expected_attach_type = place;
    attributes.insns = (uint64_t)(uintptr_t)program.code;
    attributes.insn_cnt = (uint32_t)program.length;
    // It calls no function that would ask for another.
    attributes.license = (uint64_t)(uintptr_t)"";
    int loaded = call_bpf(BPF_PROG_LOAD, &attributes);
    if (loaded < 0) return -errno;
    memset(&attributes, 0, sizeof attributes);
    attributes.target_fd = (uint32_t)group;
    attributes.attach_bpf_fd = (uint32_t)loaded;
    attributes.attach_type = place;
    attributes.attach_flags = BPF_F_ALLOW_MULTI;
    int result = call_bpf(BPF_PROG_ATTACH, &attributes) < 0 ? -errno : 0;
    close(loaded);
    return result;
}

int linux_confine_network(int group) {
    int result = attach(group, make_packet_program, BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS);
    if (result == 0)
        result = attach(group, make_connect_program, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT);
    if (result == 0)
        result = attach(group, make_connect_program_6, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET6_CONNECT);
    return result;
}
