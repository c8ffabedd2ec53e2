/*
 * Clocks of a node. Monotonic time orders and measures; wall-clock time only stamps records and log lines, it may jump.
 */
#ifndef ODRADEK_PORT_CLOCK_H
#define ODRADEK_PORT_CLOCK_H

#include "common/base/types.h"

struct host;

time_us clock_mono_us(struct host *);
/* Milliseconds since 1970. */
time_ms clock_wall_ms(struct host *);

#endif
