/*
 * Force-included before every file of a pure folder: names that reach the outside world do not compile there.
 *
 * Pure code takes memory from an arena or a heap, time from its events, randomness from a seeded prng. The headers that
 * declare the names are read first, so that only the folder's own use of them is an error. Names that are also good
 * names for members (open, read, time, free, ...) cannot be poisoned; tools/tidy.py finds calls of those, and the
 * symbols of the finished archives are checked besides.
 */
#ifndef ODRADEK_BASE_PURE_H
#define ODRADEK_BASE_PURE_H

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

/* The compilers' vector headers bring an allocator along (gcc's and clang's name of it); it stays outside. */
#define _MM_MALLOC_H_INCLUDED
#define __MM_MALLOC_H

/* glibc's checked variants are macros for clang, and a macro cannot be poisoned. */
#undef asprintf
#undef fprintf
#undef printf
#undef sprintf
#undef vasprintf
#undef vfprintf
#undef vprintf
#undef vsprintf

#pragma GCC poison malloc calloc realloc reallocarray posix_memalign aligned_alloc strdup strndup \
    asprintf vasprintf
#pragma GCC poison qsort qsort_r
#pragma GCC poison gettimeofday clock_gettime nanosleep usleep localtime gmtime mktime
#pragma GCC poison random srandom rand srand rand_r drand48 getrandom getentropy
#pragma GCC poison fopen fdopen fprintf vfprintf printf vprintf puts fputs fwrite fread getenv \
    setenv
#pragma GCC poison exit _exit abort fork system
#pragma GCC poison pthread_create pthread_mutex_lock pthread_mutex_unlock
#pragma GCC poison pwrite pread pwritev preadv fsync fdatasync ftruncate mmap munmap sendfile
#pragma GCC poison strcpy strncpy strcat strncat sprintf vsprintf strtok atoi atol atoll atof \
    setjmp longjmp

#endif
