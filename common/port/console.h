/* Where log lines go: standard output of a process, the trace of a simulated node. From any thread; whole lines. */
#ifndef ODRADEK_PORT_CONSOLE_H
#define ODRADEK_PORT_CONSOLE_H

#include "common/base/types.h"

struct host;

void console_write(struct host *, struct slice line);

#endif
