/* A run made smaller: what of a seed's draw is left out, to see whether the rest fails too. */
#ifndef ODRADEK_TESTS_SIM_CUT_H
#define ODRADEK_TESTS_SIM_CUT_H

#include <stdio.h>

#include "common/base/types.h"

#define CUT_FAULTS_MAX 4096

/* X(id, name): what there are several of. */
#define CUT_TABLE(X)                  \
    X(PRODUCERS, "producers")         \
    X(CONSUMERS, "consumers")         \
    X(MEMBERS, "members")             \
    X(ADMINISTRATOR, "administrator") \
    X(CONTROLLERS, "controllers")     \
    X(BROKERS, "brokers")             \
    X(DIRS, "dirs")

enum cut_kind {
#define CUT_ENUM(id, name) CUT_##id,
    CUT_TABLE(CUT_ENUM)
#undef CUT_ENUM
        CUT_KINDS,
};

struct plan_cut {                     /* zero: nothing is left out */
    bool some;                        /* only these faults are done: */
    uint8_t keep[CUT_FAULTS_MAX / 8]; /* by number, as bits */
    uint32_t most[CUT_KINDS];         /* how many there are at most, plus one; 0: as drawn */
};

bool cut_keeps(const struct plan_cut *, uint32_t fault);
void cut_keep(struct plan_cut *, uint32_t fault);
/* How many of those drawn there are. */
uint32_t cut_count(const struct plan_cut *, enum cut_kind, uint32_t drawn);
const char *cut_name(enum cut_kind);

/* "3,7,12"; "" keeps none. false: it is something else. */
bool cut_parse_keep(struct plan_cut *, const char *text) MUST_USE;
/* "producers=1,brokers=2" */
bool cut_parse_only(struct plan_cut *, const char *text) MUST_USE;
/* The options that say the same, each with a space before it. */
void cut_print(const struct plan_cut *, FILE *);

#endif
