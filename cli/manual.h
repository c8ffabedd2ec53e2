/*
 * Everything that is told about the commands: help, man page, docs/CLI.md, completion scripts. All of it is read from the
 * command table; none of it asks a cluster or needs memory.
 */
#ifndef ODRADEK_CLI_MANUAL_H
#define ODRADEK_CLI_MANUAL_H

#include <stdio.h>

#include "cli/command.h"

/* Of one command, or of all (NULL). */
void manual_help(FILE *to, const struct command *);
/* A page for man(1) in section 1. */
void manual_man(FILE *to);
/* docs/CLI.md. */
void manual_markdown(FILE *to);
/* shell: bash, zsh or fish. */
void manual_completion(FILE *to, const char *shell);
/* {"error": ...} of a wrong command line, on standard output. */
void manual_usage_error(const char *why);

#endif
