#include "tests/sim/sessions.h"

#include "controller/state/state_internal.h"

struct broker_session broker_session(const struct controller_state *state, int32_t broker)
{
    const struct meta_broker *b = meta_broker(controller_newest(state), broker);
    if (b == NULL || !state->active || session_find(state, broker) == NULL) {
        return (struct broker_session){0};
    }
    return (struct broker_session){b->epoch, session_deadline(state, broker)};
}
