/* What the kernel says of a process: its anonymous memory, its CPU time, and how much of that was in the kernel. */
#ifndef ODRADEK_TESTS_BENCH_KERNEL_H
#define ODRADEK_TESTS_BENCH_KERNEL_H

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static inline int64_t read_number(const char *path, const char *word)
{
    char line[256];
    int64_t value = 0;
    FILE *f = fopen(path, "r");
    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        if (strncmp(line, word, strlen(word)) == 0) {
            value = strtoll(line + strlen(word), NULL, 10);
            break;
        }
    }
    if (f != NULL) {
        (void)fclose(f);
    }
    return value;
}

static inline int64_t anon_bytes(int pid)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/%d/status", pid);
    return read_number(path, "RssAnon:") * 1024;
}

static inline int64_t cpu_ns(int pid)
{
    char path[300];
    int64_t sum = 0;
    (void)snprintf(path, sizeof(path), "/proc/%d/task", pid);
    DIR *tasks = opendir(path);
    for (struct dirent *e; tasks != NULL && (e = readdir(tasks)) != NULL;) {
        if (e->d_name[0] != '.') {
            (void)snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", pid, e->d_name);
            sum += read_number(path, "");
        }
    }
    if (tasks == NULL) {
        perror(path);
        exit(1);
    }
    (void)closedir(tasks);
    return sum;
}

/* In the kernel, by its clock's ticks. */
static inline double system_s(int pid)
{
    char path[64], line[1024];
    unsigned long long user = 0, system = 0;
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    FILE *f = fopen(path, "r");
    const char *at = f != NULL && fgets(line, sizeof(line), f) != NULL ? strrchr(line, ')') : NULL;
    if (at == NULL || sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu",
                             &user, &system) != 2) {
        perror(path);
        exit(1);
    }
    (void)fclose(f);
    return (double)system / (double)sysconf(_SC_CLK_TCK);
}

#endif
