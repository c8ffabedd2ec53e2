/*
 * What classic consumers say and hear as bytes (ConsumerProtocolSubscription, ConsumerProtocolAssignment): a version as int16 and
 * the message. Inside of the core.
 */
#ifndef ODRADEK_GROUP_CONSUMER_PROTOCOL_H
#define ODRADEK_GROUP_CONSUMER_PROTOCOL_H

#include "broker/group/consumer_internal.h"
#include "kmsg/consumer_protocol.h"

/* false: not to be understood. What they borrow lives as long as the bytes and the step. */
bool consumer_subscription_decode(struct group_shard *, struct slice bytes,
                                  struct kmsg_consumer_protocol_subscription *ret_said) MUST_USE;
bool consumer_assignment_decode(struct group_shard *, struct slice bytes,
                                struct kmsg_consumer_protocol_assignment *ret_has) MUST_USE;
/* By id what stands there by name; topics that are not there are left out, and numbers that no partition has. false: out of memory. */
bool consumer_parts_owned(struct turn *, const struct meta_image *,
                          const struct kmsg_consumer_protocol_subscription *,
                          struct group_part **ret_parts, uint32_t *ret_count) MUST_USE;
bool consumer_parts_assigned(struct turn *, const struct meta_image *,
                             const struct kmsg_consumer_protocol_assignment *,
                             struct group_part **ret_parts, uint32_t *ret_count) MUST_USE;
/* What the member wants, as it says; *ret_changed: other topics than before. false: out of memory. */
bool consumer_subscription_take(struct group_shard *, struct consumer_member *,
                                const struct kmsg_consumer_protocol_subscription *,
                                bool *ret_changed) MUST_USE;
/* In the version that the member speaks; in the scratch arena. Topics without a name here are left out. */
bool consumer_assignment_encode(struct turn *, const struct consumer_member *,
                                const struct consumer_parts *, const struct meta_image *,
                                struct slice *ret_bytes) MUST_USE;

#endif
