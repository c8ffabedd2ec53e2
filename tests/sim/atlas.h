/*
 * The fault atlas: what may be taken from a disk so that "nothing acknowledged is lost" stays a fair demand. Of everything
 * committed one copy must be left that is whole on its disk, and whose owner may lead: a member of the ISR or the ELR.
 */
#ifndef ODRADEK_TESTS_SIM_ATLAS_H
#define ODRADEK_TESTS_SIM_ATLAS_H

#include "tests/sim/cluster.h"

/*
 * One whole copy is not enough where others are harmed already and nobody knows it yet: its owner may leave the ISR for a moment,
 * and any min.insync.replicas of the rest count as all there is. So fewer than that many are harmed at once. Only where all that
 * is wrong is rot it may be more: who is left alone with rotten bytes keeps its seat, and an operator puts them back.
 */
enum atlas_harm { ATLAS_ROT, ATLAS_LOSS };

/* Whether the active controller knows it. */
bool atlas_has_topic(const struct cluster *, const char *name);
/* All that this broker has on its disk may be lost; false also when nobody can say. */
bool atlas_spares_broker(const struct cluster *, uint32_t broker);
/* The same of one partition. */
bool atlas_spares(const struct cluster *, uint32_t broker, const char *topic, int32_t index,
                  enum atlas_harm);
/* It is in its ISR or ELR, and nobody else of these brokers (bits) is: what is wrong with its copy none of them can repair. */
bool atlas_held_by(const struct cluster *, uint32_t broker, const char *topic, int32_t index,
                   uint32_t brokers);
/* It runs, and takes its copy for rotten. */
bool atlas_refused_by(const struct cluster *, uint32_t broker, const char *topic, int32_t index);
/* It runs, and somebody reads, sends or syncs the segment that begins there: what was looked at and is on its way does not rot. */
bool atlas_in_hand(const struct cluster *, uint32_t broker, const char *topic, int32_t index,
                   int64_t base);
/* What its leader has committed; false: it has none that runs. */
bool atlas_committed(const struct cluster *, const char *topic, int32_t index, int64_t *ret_from,
                     int64_t *ret_to);
/* A majority of the voters is left without this controller, and it is one of them. */
bool atlas_spares_controller(const struct cluster *, uint32_t controller);
/* A member of the ISR or the ELR of every partition is among these brokers (bits); -1, else the number of one that would help. */
int32_t atlas_core_lacks(const struct cluster *, uint32_t brokers);

/* What a power cut would leave in that checkpoint of the directory that has the replica; 0: nothing, or a newer one is on its way to the disk. */
int64_t atlas_checkpoint(struct host *, const char *file, const char *topic, int32_t index);
/* Below it no start takes what is wrong for a torn tail: by its recovery point on the disk, and by what its process, if one runs, would
 * write there next (less, where it began without a seat and read the whole log through). */
int64_t atlas_proven(const struct cluster *, uint32_t broker, const char *topic, int32_t index);
/* What holds for a topic in that image: its own, else the cluster's, else what the active controller's file said. */
struct slice atlas_setting(const struct meta_image *, const struct meta_topic *, const char *key);
/* Not bounded by the number of replicas; 0: the image does not say. */
uint32_t atlas_image_min_isr(const struct meta_image *, const struct meta_topic *);
/* As its leader knows it; 0: nobody leads. */
int32_t atlas_min_isr(const struct cluster *, const char *topic, int32_t index);

/* Number of the broker that leads it by the active controller's image; -1: nobody does. */
int32_t atlas_leader(const struct cluster *, const char *topic, int32_t index);

#endif
