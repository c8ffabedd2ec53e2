/* What a shard is for: led here, kept warm, or neither. Everything that is read or held follows from that. */
#include "broker/coord/coord_internal.h"

enum aim { AIM_NOTHING, AIM_FOLLOW, AIM_LEAD };

/* Inside. */
static enum aim aim_of(const struct coord_shard *shard)
{
    if (shard->stopping) {
        return AIM_NOTHING;
    }
    return shard->wanted ? AIM_LEAD : shard->hosted ? AIM_FOLLOW : AIM_NOTHING;
}

/* Inside: whether what there is serves what is wanted. */
static bool fits(const struct coord_shard *shard, enum aim aim)
{
    switch (shard->state) {
    case SHARD_IDLE: return true;
    case SHARD_FOLLOWING:
    case SHARD_LOADING: return aim != AIM_NOTHING; /* what has been read is good for either */
    case SHARD_ACTIVE:
        return (aim == AIM_LEAD && shard->epoch == shard->wanted_epoch) ||
               (aim == AIM_FOLLOW && MUTANT(130));
    case SHARD_RESTING: return aim == AIM_LEAD;
    }
    return false;
}

/* Inside: what does not fit what is wanted goes, what is being read is for that. true: load_turn. */
static bool fit(struct coord_shard *shard, enum aim aim)
{
    if (!fits(shard, aim)) {
        shard_drop(shard, SHARD_IDLE, KAFKA_NOT_COORDINATOR);
        shard->look_due = false;
        return false;
    }
    bool reads = shard->state == SHARD_FOLLOWING || shard->state == SHARD_LOADING;
    assert(!reads || shard->loader.on);
    return reads && load_aim(shard, aim == AIM_FOLLOW);
}

void shard_yield(struct coord_shard *shard)
{
    if (shard->state == SHARD_ACTIVE && !fits(shard, aim_of(shard))) {
        shard_drop(shard, SHARD_IDLE, KAFKA_NOT_COORDINATOR);
    }
}

static void stop_told(struct coord_shard *shard)
{
    timer_cancel(shard->home, &shard->tick);
    timer_cancel(shard->home, &shard->again);
    loop_post(shard->coords->config.control, &shard->stopped_mail);
}

void shard_on_look(struct mail *mail)
{
    struct coord_shard *shard = CONTAINER_OF(mail, struct coord_shard, look_mail);
    shard_enter(shard);
    shard->look_posted = false;
    bool turns = fit(shard, aim_of(shard));
    bool cancel = shard->state == SHARD_IDLE || shard->state == SHARD_RESTING;
    shard_leave(shard);
    if (turns) {
        load_turn(shard);
        return;
    }
    if (cancel && !load_cancel(shard)) {
        return; /* it looks again when it has ended */
    }
    shard_enter(shard);
    enum aim aim = aim_of(shard);
    bool idle = shard->state == SHARD_IDLE && !shard->loader.on;
    bool begins = idle && (aim == AIM_LEAD || (aim == AIM_FOLLOW && !shard->follow_rests));
    bool rests = shard->state == SHARD_RESTING;
    bool stopped = idle && shard->stopping && !shard->stop_told && shard->matching == 0;
    shard->stop_told = shard->stop_told || stopped;
    if (begins) {
        load_begin(shard, aim == AIM_FOLLOW);
    }
    shard_leave(shard);
    if (begins) {
        timer_cancel(shard->home, &shard->again);
        shard->follow_rests = false;
        load_go(shard);
    } else if (rests && !timer_armed(&shard->again)) {
        timer_arm(shard->home, &shard->again, loop_now_us(shard->home) + REST_US);
    } else if (stopped) {
        stop_told(shard);
    }
}

void shard_on_again(struct timer *timer)
{
    struct coord_shard *shard = CONTAINER_OF(timer, struct coord_shard, again);
    if (shard->loader.on) {
        load_go(shard);
        return;
    }
    shard->follow_rests = false;
    shard_enter(shard);
    if (shard->state == SHARD_RESTING) {
        shard->state = SHARD_IDLE;
    }
    shard_look(shard);
    shard_leave(shard);
}
