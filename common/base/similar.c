#include "common/base/similar.h"

uint32_t similar_distance(struct slice a, struct slice b, uint32_t most)
{
    if (a.n > SIMILAR_NAME_MAX || b.n > SIMILAR_NAME_MAX) {
        return most;
    }
    uint32_t row[SIMILAR_NAME_MAX + 1];
    for (size_t j = 0; j <= b.n; j++) {
        row[j] = (uint32_t)j;
    }
    for (size_t i = 0; i < a.n; i++) {
        uint32_t corner = row[0];
        uint32_t least = row[0] = (uint32_t)i + 1;
        for (size_t j = 0; j < b.n; j++) {
            uint32_t changed = corner + (a.p[i] != b.p[j]);
            corner = row[j + 1];
            uint32_t other = (row[j] < corner ? row[j] : corner) + 1;
            row[j + 1] = changed < other ? changed : other;
            least = row[j + 1] < least ? row[j + 1] : least;
        }
        if (least >= most) {
            return most;
        }
    }
    assert(row[b.n] <= SIMILAR_NAME_MAX);
    return row[b.n] < most ? row[b.n] : most;
}

uint32_t similar_most(struct slice name)
{
    return name.n < 3 || name.n > SIMILAR_NAME_MAX ? 0 : (uint32_t)(name.n / 4 + 2);
}
