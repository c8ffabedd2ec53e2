#include "tests/sim/probes.h"

#include <stdio.h>

static const char *const ids[PROBES] = {
#define PROBE_ID(id, text) #id,
    PROBE_TABLE(PROBE_ID)
#undef PROBE_ID
};
static const char *const texts[PROBES] = {
#define PROBE_TEXT(id, text) text,
    PROBE_TABLE(PROBE_TEXT)
#undef PROBE_TEXT
};

bool probes_counted(void)
{
#ifdef ODRADEK_PROBE_COUNT
    return true;
#else
    return false;
#endif
}

void probes_take(uint32_t *counts)
{
    for (uint32_t i = 0; i < PROBES; i++) {
        counts[i] = 0;
#ifdef ODRADEK_PROBE_COUNT
        counts[i] = (uint32_t)odradek_probes[i];
        odradek_probes[i] = 0;
#endif
    }
}

uint32_t probes_print(const uint64_t *counts, const char *prefix)
{
    uint32_t all = 0;
    uint32_t never = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < PROBES; i++) {
            bool wanted = strncmp(ids[i], prefix, strlen(prefix)) == 0;
            if (wanted && (counts[i] == 0) == (pass == 1)) {
                (void)printf("%12llu  %s: %s\n", (unsigned long long)counts[i], ids[i], texts[i]);
                all++;
                never += counts[i] == 0;
            }
        }
    }
    (void)printf("probes: %u of %u passed\n", all - never, all);
    return never;
}
