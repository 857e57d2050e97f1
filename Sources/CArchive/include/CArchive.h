// What is used of libarchive, declared anew: its own headers bring in those of the system, and with them a timespec of
// their own, whose Swift form then belongs to another module in some programs. CArchive.c has the compiler compare.
#pragma once
#include <stddef.h>
#include <stdint.h>

#define ARCHIVE_IS_AT_END 1
#define ARCHIVE_IS_OK 0
#define ARCHIVE_WARNS (-20)

struct archive;
struct archive_entry;

typedef long archive_read_callback(struct archive *, void *client, const void **buffer);
typedef int64_t archive_skip_callback(struct archive *, void *client, int64_t count);
typedef long archive_write_callback(struct archive *, void *client, const void *buffer, size_t count);
typedef int archive_open_callback(struct archive *, void *client);
typedef int archive_close_callback(struct archive *, void *client);

const char *archive_error_string(struct archive *);
int64_t archive_filter_bytes(struct archive *, int filter);
int archive_filter_count(struct archive *);

struct archive *archive_read_new(void);
int archive_read_free(struct archive *);
int archive_read_support_format_tar(struct archive *);
int archive_read_support_filter_gzip(struct archive *);
int archive_read_support_filter_zstd(struct archive *);
int archive_read_set_read_callback(struct archive *, archive_read_callback *);
int archive_read_set_skip_callback(struct archive *, archive_skip_callback *);
int archive_read_set_callback_data(struct archive *, void *client);
int archive_read_open1(struct archive *);
int archive_read_next_header(struct archive *, struct archive_entry **);
long archive_read_data(struct archive *, void *buffer, size_t count);

struct archive *archive_write_new(void);
int archive_write_free(struct archive *);
int archive_write_fail(struct archive *);
int archive_write_close(struct archive *);
int archive_write_set_format_pax(struct archive *);
int archive_write_add_filter_gzip(struct archive *);
int archive_write_add_filter_zstd(struct archive *);
int archive_write_set_filter_option(struct archive *, const char *filter, const char *option, const char *value);
int archive_write_set_bytes_per_block(struct archive *, int count);
int archive_write_set_bytes_in_last_block(struct archive *, int count);
int archive_write_open(
    struct archive *, void *client, archive_open_callback *, archive_write_callback *, archive_close_callback *);
int archive_write_header(struct archive *, struct archive_entry *);
long archive_write_data(struct archive *, const void *bytes, size_t count);

struct archive_entry *archive_entry_new(void);
void archive_entry_free(struct archive_entry *);
struct archive_entry *archive_entry_clear(struct archive_entry *);
const char *archive_entry_pathname(struct archive_entry *);
const char *archive_entry_hardlink(struct archive_entry *);
const char *archive_entry_symlink(struct archive_entry *);
unsigned archive_entry_filetype(struct archive_entry *);
unsigned archive_entry_perm(struct archive_entry *);
int64_t archive_entry_size(struct archive_entry *);
long archive_entry_mtime(struct archive_entry *);
long archive_entry_mtime_nsec(struct archive_entry *);
void archive_entry_set_pathname(struct archive_entry *, const char *);
void archive_entry_set_hardlink(struct archive_entry *, const char *);
void archive_entry_set_symlink(struct archive_entry *, const char *);
void archive_entry_set_filetype(struct archive_entry *, unsigned);
void archive_entry_set_perm(struct archive_entry *, unsigned);
void archive_entry_set_size(struct archive_entry *, int64_t);
void archive_entry_set_mtime(struct archive_entry *, long seconds, long nanoseconds);
