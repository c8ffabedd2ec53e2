/*
 * odradek-check history FILE     judges a file of history records (tests/check/history.h)
 * odradek-check selftest         each anomaly planted and named, legal histories without an alarm, 10 million operations
 *
 * Exit code 0: nothing wrong; 1: something; 2: usage.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/check/selftest.h"

static uint64_t verdict_print(struct history *history)
{
    struct history_verdict verdict;
    uint64_t found = history_judge(history, &verdict);
    for (int i = 0; i < ANOMALIES; i++) {
        if (verdict.found[i] > 0) {
            (void)printf("%s: %llu, the first: %s\n", anomaly_name((enum anomaly)i),
                         (unsigned long long)verdict.found[i], verdict.first[i]);
        }
    }
    (void)printf(
        "%zu operations, %llu acknowledged, %llu read, %llu losses permitted: %llu anomalies\n",
        history->count, (unsigned long long)verdict.acked, (unsigned long long)verdict.read,
        (unsigned long long)verdict.permitted_loss, (unsigned long long)found);
    return found;
}

static int judge_file(const char *path)
{
    struct history history;
    struct history_op op;
    history_init(&history);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        (void)fprintf(stderr, "odradek-check: %s cannot be read\n", path);
        return 2;
    }
    while (fread(&op, sizeof(op), 1, file) == 1) {
        history_add(&history, &op);
    }
    (void)fclose(file);
    uint64_t found = verdict_print(&history);
    history_release(&history);
    return found > 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "history") == 0) {
        return judge_file(argv[2]);
    }
    if (argc >= 2 && argc <= 3 && strcmp(argv[1], "selftest") == 0) {
        return selftest(argc == 3 && strcmp(argv[2], "--many") == 0);
    }
    (void)fprintf(stderr, "usage: odradek-check history FILE | odradek-check selftest [--many]\n");
    return 2;
}
