/*
 * Force-included before every file of a pure folder: names that reach the outside world do not compile there.
 * Pure code takes memory from an arena or a heap, time from its events, randomness from a seeded prng.
 */
#ifndef ODRADEK_BASE_PURE_H
#define ODRADEK_BASE_PURE_H

#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#pragma GCC poison malloc calloc realloc strdup strndup
#pragma GCC poison gettimeofday clock_gettime random rand srand
#pragma GCC poison fopen fprintf printf puts getenv
#pragma GCC poison pthread_create pthread_mutex_lock pwrite pread fsync fdatasync

#endif
