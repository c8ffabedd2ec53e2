#include "tests/sim/cut.h"

#include <stdlib.h>

static const char *const names[CUT_KINDS] = {
#define CUT_NAME(id, name) name,
    CUT_TABLE(CUT_NAME)
#undef CUT_NAME
};

const char *cut_name(enum cut_kind kind)
{
    assert(kind < CUT_KINDS);
    return names[kind];
}

bool cut_keeps(const struct plan_cut *cut, uint32_t fault)
{
    return !cut->some || (fault < CUT_FAULTS_MAX && (cut->keep[fault / 8] >> fault % 8 & 1) != 0);
}

void cut_keep(struct plan_cut *cut, uint32_t fault)
{
    assert(fault < CUT_FAULTS_MAX);
    cut->some = true;
    cut->keep[fault / 8] |= (uint8_t)(1U << fault % 8);
}

uint32_t cut_count(const struct plan_cut *cut, enum cut_kind kind, uint32_t drawn)
{
    bool fewer = cut->most[kind] > 0 && cut->most[kind] - 1 < drawn;
    return fewer ? cut->most[kind] - 1 : drawn;
}

bool cut_parse_keep(struct plan_cut *cut, const char *text)
{
    cut->some = true;
    while (*text != '\0') {
        char *end = NULL;
        unsigned long number = strtoul(text, &end, 10);
        if (end == text || number >= CUT_FAULTS_MAX || (*end != ',' && *end != '\0')) {
            return false;
        }
        cut_keep(cut, (uint32_t)number);
        text = *end == ',' ? end + 1 : end;
    }
    return true;
}

static bool parse_one(struct plan_cut *cut, const char *text, size_t n)
{
    for (int i = 0; i < CUT_KINDS; i++) {
        size_t length = strlen(names[i]);
        if (n > length + 1 && strncmp(text, names[i], length) == 0 && text[length] == '=') {
            char *end = NULL;
            unsigned long count = strtoul(text + length + 1, &end, 10);
            cut->most[i] = (uint32_t)count + 1;
            return end == text + n && count < 100;
        }
    }
    return false;
}

bool cut_parse_only(struct plan_cut *cut, const char *text)
{
    while (*text != '\0') {
        size_t n = strcspn(text, ",");
        if (!parse_one(cut, text, n)) {
            return false;
        }
        text += text[n] == ',' ? n + 1 : n;
    }
    return true;
}

void cut_print(const struct plan_cut *cut, FILE *out)
{
    const char *before = " --keep ";
    for (uint32_t i = 0; i < CUT_FAULTS_MAX && cut->some; i++) {
        if (cut_keeps(cut, i)) {
            (void)fprintf(out, "%s%u", before, i);
            before = ",";
        }
    }
    if (cut->some && before[0] == ' ') {
        (void)fprintf(out, " --keep ''");
    }
    before = " --only ";
    for (int i = 0; i < CUT_KINDS; i++) {
        if (cut->most[i] > 0) {
            (void)fprintf(out, "%s%s=%u", before, names[i], cut->most[i] - 1);
            before = ",";
        }
    }
}
