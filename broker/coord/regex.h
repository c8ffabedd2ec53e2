/*
 * Subscriptions by regular expression (KIP-848, SubscribedTopicRegex), evaluated on the broker.
 *
 * Syntax: RE2's, as Kafka takes it through RE2/J. What RE2 lacks is refused before pcre2 sees it: backreferences, lookaround,
 * atomic groups, possessive quantifiers, conditions, recursion, verbs, comments, \Z \G \K \R \X and whatever else only Perl knows;
 * also repetitions of more than 1,000 (nested ones multiplied). A topic is matched if the expression matches its whole name.
 *
 * Cost is bounded, whatever the expression: its length, its nesting, the compiled size (64 KiB, pcre2's own), and the work of
 * each name. A name is first matched by backtracking with a limit of steps; where that is used up (as for (a|aa)+$), by pcre2's
 * automaton, which follows all ways at once in a fixed number of states and is what RE2 would do. Expressions that need too
 * much even so are given up with ERR_LIMIT: about two seconds for the worst ones, which is why this belongs on the pool.
 *
 * Nothing here is shared: any thread may work on its own struct regex.
 */
#ifndef ODRADEK_COORD_REGEX_H
#define ODRADEK_COORD_REGEX_H

#include "common/base/arena.h"
#include "common/base/err.h"

#define REGEX_FAULT_BYTES 160

struct regex;

/* What is wrong with an expression, for the client: a sentence without a full stop. */
struct regex_fault {
    char text[REGEX_FAULT_BYTES];
};

/* ERR_INVALID: not an expression that we take (KAFKA_INVALID_REGULAR_EXPRESSION), *ret_fault says why. ERR_NO_MEMORY. */
err_t regex_open(const struct memory_source *, struct slice pattern, struct regex **ret_regex,
                 struct regex_fault *ret_fault) MUST_USE;
void regex_close(struct regex *);

/* Whether the whole name matches. ERR_LIMIT: it cannot be told at a reasonable cost. */
err_t regex_matches(struct regex *, struct slice name, bool *ret_matches) MUST_USE;

/* Without keeping anything: is it one? As regex_open. */
err_t regex_check(const struct memory_source *, struct slice pattern,
                  struct regex_fault *ret_fault) MUST_USE;

/* Indexes of the names that match, ascending, into ret_indexes, which has room for `count`. As both above; with an error none
 * has matched. */
err_t regex_select(const struct memory_source *, struct slice pattern, const struct slice *names,
                   uint32_t count, uint32_t *ret_indexes, uint32_t *ret_count,
                   struct regex_fault *ret_fault) MUST_USE;

/* Own: the syntax of RE2 (regex_syntax.c). NULL: no objection; else what is objected to. */
const char *regex_objection(struct slice pattern);

#endif
