/* Sessions of brokers, as an active controller counts them: apart, for its insides and the fake world both have a `struct world`. */
#ifndef ODRADEK_TESTS_SIM_SESSIONS_H
#define ODRADEK_TESTS_SIM_SESSIONS_H

#include "controller/state/controller_state.h"

struct broker_session {
    int64_t broker_epoch; /* of its registration, committed or not; 0: none is known */
    time_ms end;          /* by the controller's clock */
};

struct broker_session broker_session(const struct controller_state *, int32_t broker);

#endif
