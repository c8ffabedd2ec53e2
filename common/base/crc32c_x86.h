/*
 * CRC32C with the instructions of x86 processors; an empty list elsewhere. Only crc32c.c and tests look here; see crc32c.h for the
 * contract of an implementation.
 */
#ifndef ODRADEK_BASE_CRC32C_X86_H
#define ODRADEK_BASE_CRC32C_X86_H

#include "common/base/crc32c.h"

/* Those that this processor can run, slowest first; returns how many were written. */
size_t crc32c_x86(const struct crc32c_impl **ret_impls, size_t max);

#endif
