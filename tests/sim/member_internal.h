/* What the files of a member share: member.c lives, member_steps.c takes the steps of a generation, member_modern.c speaks the
 * consumer protocol. */
#ifndef ODRADEK_TESTS_SIM_MEMBER_INTERNAL_H
#define ODRADEK_TESTS_SIM_MEMBER_INTERNAL_H

#include "tests/sim/member.h"

time_us member_now(const struct member *);
struct member *member_of(struct agent_call *);
/* To its coordinator, which is ready. */
bool member_send(struct member *, struct member_call *, int16_t api, int16_t version,
                 const void *request);
void member_note(struct member *, struct history_op, uint32_t partition);
void member_state_set(struct member *, enum member_state);
void member_rejoin(struct member *, bool forget);
void member_own(struct member *, uint32_t mask, const struct member_call *);
/* From now on it owns these; its lease goes on. */
void member_own_instead(struct member *, uint32_t mask);
/* The coordinator said so to what was sent then. */
void member_lease_extend(struct member *, const struct member_call *);
/* Nobody answered a request that says that it owns these and nothing else: it may come late, on a stream that stood still. */
void member_lost(struct member *, uint32_t mask);
/* An answer to what was sent then shows that it is a member. */
void member_prove(struct member *, const struct member_call *);
/* Of what it stores and owns; -1: members have epochs of their own. */
int32_t member_generation(const struct member *, int32_t generation);
void member_id_take(char *to, struct slice id);
/* What a bad answer means to it. */
void member_failed(struct member *, int16_t error);

static inline struct slice member_instance(const struct member *member)
{
    return member->instance[0] == '\0' ? (struct slice){0} : slice_str(member->instance);
}

void modern_beat(struct member *);
/* Owns what it is to own, if it is time. */
void modern_apply(struct member *);
void modern_leave(struct member *);

void member_join(struct member *);
void member_sync(struct member *);
/* Where the group is: in what this member owns. */
void member_ask(struct member *, struct member_call *);

#endif
