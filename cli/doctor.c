/*
 * doctor: goes the way that a client goes and explains each hop: the name, the connection, ApiVersions, metadata, every broker at
 * the address that it advertises, the controllers, the partitions; a round trip only when asked for. A hop that fails says what to
 * do next; the hops behind it are still looked at where they can be.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>

#include "cli/consumer.h"
#include "cli/producer.h"
#include "common/port/clock.h"
#include "kmsg/describe_quorum.h"

#define CAUGHT_UP_MS 5000 /* a voter that did not catch up for so long is behind */

struct doctor {
    struct cli *cli;
    int32_t good, bad;
    bool reached; /* a bootstrap address answered */
    struct kmsg_metadata_response metadata;
};

enum hop {
    HOP_OK,
    HOP_BAD,
    HOP_NOTE, /* worth knowing, no failure */
};

static void hop(struct doctor *doctor, enum hop kind, const char *name, const char *next,
                const char *fmt, ...) PRINTF_LIKE(5, 6);

static void hop(struct doctor *doctor, enum hop kind, const char *name, const char *next,
                const char *fmt, ...)
{
    static const char *const words[] = {"ok", "FAILED", "note"};
    struct cli *cli = doctor->cli;
    char text[1024];
    va_list list;
    va_start(list, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, list);
    va_end(list);
    assert(kind != HOP_BAD || next != NULL); /* every failing hop says the next step */
    doctor->good += kind == HOP_OK;
    doctor->bad += kind == HOP_BAD;
    if (cli->json) {
        json_open(&cli->json_out, NULL, '{');
        json_text(&cli->json_out, "hop", name);
        json_text(&cli->json_out, "state", kind == HOP_BAD ? "failed" : words[kind]);
        json_text(&cli->json_out, "detail", text);
        json_text(&cli->json_out, "next", next);
        json_close(&cli->json_out);
        return;
    }
    buf_printf(&cli->out, "%-6s  %-11s  %s\n", words[kind], name, text);
    if (next != NULL) {
        buf_printf(&cli->out, "                     next: %s\n", next);
    }
    (void)cli_flush(cli);
}

/* ---- one address ---- */

static bool loopback(const char *host)
{
    assert(host != NULL);
    return strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 ||
           strcmp(host, "::1") == 0;
}

static bool hop_name(struct doctor *doctor, const struct net_address *address)
{
    assert(address->host[0] != '\0');
    struct addrinfo *infos = NULL;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC};
    char list[300] = "";
    size_t at = 0;
    time_us began = session_now(&doctor->cli->session);
    int failed = getaddrinfo(address->host, NULL, &hints, &infos);
    double ms = (double)(session_now(&doctor->cli->session) - began) / 1000;
    if (failed != 0) {
        hop(doctor, HOP_BAD, "name",
            "check the spelling, /etc/hosts and the DNS server that this machine asks", "%s: %s",
            address->host, gai_strerror(failed));
        return false;
    }
    for (const struct addrinfo *info = infos; info != NULL && at + 64 < sizeof(list);
         info = info->ai_next) {
        char text[64] = "?";
        (void)getnameinfo(info->ai_addr, info->ai_addrlen, text, sizeof(text), NULL, 0,
                          NI_NUMERICHOST);
        at += (size_t)snprintf(list + at, sizeof(list) - at, "%s%s", at == 0 ? "" : ", ", text);
    }
    freeaddrinfo(infos);
    hop(doctor, HOP_OK, "name", NULL, "%s is %s (%.1f ms)", address->host, list, ms);
    return true;
}

static const char *tcp_next(err_t why)
{
    assert(why != OK);
    switch (why) {
    case ERR_REFUSED:
        return "nothing listens on this port: is the broker running, and is this the port of its listener? "
               "`ss -ltn` on its machine shows what listens";
    case ERR_TIMEOUT:
        return "packets get lost on the way: look for a firewall, a security group, or a wrong route";
    case ERR_UNREACHABLE:
        return "there is no route to this address: is it one of another network, or of a container?";
    default: return "look at the broker's log of this minute";
    }
}

static bool hop_tcp(struct doctor *doctor, struct link *link)
{
    assert(link->state != LINK_CLOSED || link->why != OK);
    struct session *session = &doctor->cli->session;
    while (link->state == LINK_DIALING && !session->interrupted) {
        session_turn(session, TIME_NEVER);
    }
    double ms = (double)(session_now(session) - link->began_at) / 1000;
    if (link->state == LINK_CLOSED && !link->conn.open && link->greeting.sent_at < link->began_at) {
        hop(doctor, HOP_BAD, "connection", tcp_next(link->why), "%s:%u: %s", link->address.host,
            link->address.port, err_text(link->why));
        return false;
    }
    hop(doctor, HOP_OK, "connection", NULL, "%s:%u (%.1f ms)", link->address.host,
        link->address.port, ms);
    return true;
}

static const char *greeting_next(err_t why)
{
    assert(why != OK);
    switch (why) {
    case ERR_CLOSED:
        return "it takes connections but hangs up on the Kafka protocol: a listener with TLS or SASL, or another "
               "program; try the plaintext listener's port";
    case ERR_TIMEOUT:
        return "it takes connections but does not answer: the process hangs or is stopped; look at its log";
    case ERR_UNSUPPORTED:
        return "this server speaks versions that this client does not know: use a newer client";
    default: return "what answers there is no Kafka broker: check the port";
    }
}

static bool hop_versions(struct doctor *doctor, struct link *link)
{
    struct session *session = &doctor->cli->session;
    int count = 0;
    err_t err = link->state == LINK_CLOSED ? link->why : link_wait(link);
    err = link->state == LINK_READY ? OK : err;
    if (err != OK) {
        hop(doctor, HOP_BAD, "ApiVersions", greeting_next(err), "%s:%u: %s", link->address.host,
            link->address.port, err_text(err));
        return false;
    }
    for (size_t i = 0; i < SESSION_APIS; i++) {
        count += link->versions[i][1] >= 0;
    }
    static const enum api_key needed[] = {API_PRODUCE, API_FETCH, API_LIST_OFFSETS, API_METADATA};
    for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
        if (link_version(link, needed[i]) == NO_VERSION) {
            hop(doctor, HOP_BAD, "ApiVersions",
                "this is no broker (a controller's listener?), or a much older one: check the port",
                "%s:%u serves no version of %s that this client knows", link->address.host,
                link->address.port, kmsg_api_find((int16_t)needed[i])->name);
            return false;
        }
    }
    hop(doctor, HOP_OK, "ApiVersions", NULL,
        "%d kinds of request, Produce up to %d, Fetch up to %d (%.1f ms)", count,
        link->versions[API_PRODUCE][1], link->versions[API_FETCH][1],
        (double)(link->ready_at - link->greeting.sent_at) / 1000);
    assert(session_now(session) >= link->ready_at);
    return true;
}

/* Name, connection, greeting: NULL when one of them failed. */
static struct link *address_look(struct doctor *doctor, int32_t broker_id,
                                 const struct net_address *address)
{
    assert(address->port != 0);
    struct link *link;
    if (!hop_name(doctor, address)) {
        return NULL;
    }
    err_t err = session_link(&doctor->cli->session, broker_id, address, &link);
    if (err != OK) {
        hop(doctor, HOP_BAD, "connection", tcp_next(err), "%s:%u: %s", address->host, address->port,
            err_text(err));
        return NULL;
    }
    return hop_tcp(doctor, link) && hop_versions(doctor, link) ? link : NULL;
}

/* ---- the cluster ---- */

static bool hop_metadata(struct doctor *doctor, struct link *link,
                         struct kmsg_metadata_response *ret_metadata)
{
    assert(link->state == LINK_READY);
    struct kmsg_metadata_request request;
    struct ask ask = {.out = false};
    kmsg_metadata_request_init(&request);
    request.topics.count = -1;
    request.allow_auto_topic_creation = link_version(link, API_METADATA) < 4;
    err_t err = ask_start(&ask, link, API_METADATA, &request, &doctor->cli->arena, ret_metadata, 0);
    err = err == OK ? ask_wait(&ask) : err;
    if (err != OK) {
        hop(doctor, HOP_BAD, "metadata",
            "look at the log of this broker: does it reach the controllers?", "%s:%u: %s",
            link->address.host, link->address.port, err_text(err));
        return false;
    }
    if (ret_metadata->brokers.count == 0) {
        hop(doctor, HOP_BAD, "metadata",
            "the broker knows of no broker, itself included: does it reach the controllers? Its log tells",
            "%s:%u knows no brokers", link->address.host, link->address.port);
        return false;
    }
    hop(doctor, HOP_OK, "metadata", NULL, "cluster %.*s, %d brokers, %d topics (%.1f ms)",
        (int)ret_metadata->cluster_id.n, (const char *)ret_metadata->cluster_id.p,
        ret_metadata->brokers.count, ret_metadata->topics.count,
        (double)(session_now(&doctor->cli->session) - ask.sent_at) / 1000);
    return true;
}

static void bootstraps_look(struct doctor *doctor)
{
    assert(!doctor->reached && doctor->cli->session.bootstrap_count > 0);
    struct session *session = &doctor->cli->session;
    for (uint32_t i = 0; i < session->bootstrap_count && !session->interrupted; i++) {
        struct kmsg_metadata_response metadata;
        struct link *link = address_look(doctor, -1, &session->bootstrap[i]);
        if (link == NULL || !hop_metadata(doctor, link, &metadata)) {
            continue;
        }
        if (doctor->reached && !slice_eq(metadata.cluster_id, doctor->metadata.cluster_id)) {
            hop(doctor, HOP_BAD, "cluster",
                "keep the addresses of one cluster only in --bootstrap-server",
                "%s:%u belongs to another cluster than the addresses before it", link->address.host,
                link->address.port);
        } else if (!doctor->reached) {
            doctor->metadata = metadata;
            doctor->reached = true;
        }
    }
}

static void broker_look(struct doctor *doctor, const struct kmsg_metadata_response_broker *row)
{
    assert(doctor->reached);
    const struct session *session = &doctor->cli->session;
    struct net_address address;
    struct kmsg_metadata_response metadata;
    const char *host = cli_str(doctor->cli, row->host);
    if (!metadata_address(&doctor->metadata, row->node_id, &address)) {
        hop(doctor, HOP_BAD, "advertised",
            "set advertised.listeners of this broker to host:port as clients reach it",
            "broker %d advertises '%s:%d', which is no address", row->node_id, host, row->port);
        return;
    }
    bool far = true;
    for (uint32_t i = 0; i < session->bootstrap_count; i++) {
        far = far && !loopback(session->bootstrap[i].host);
    }
    if (far && loopback(address.host)) {
        hop(doctor, HOP_BAD, "advertised",
            "set advertised.listeners of this broker to a name that clients can reach",
            "broker %d advertises %s:%u: clients on other machines would dial themselves",
            row->node_id, address.host, address.port);
    } else {
        hop(doctor, HOP_OK, "advertised", NULL, "broker %d is told to clients as %s:%u",
            row->node_id, address.host, address.port);
    }
    struct link *link = address_look(doctor, row->node_id, &address);
    if (link != NULL && hop_metadata(doctor, link, &metadata) &&
        !slice_eq(metadata.cluster_id, doctor->metadata.cluster_id)) {
        hop(doctor, HOP_BAD, "cluster",
            "another cluster answers at this address: check advertised.listeners and port forwarding",
            "broker %d at %s:%u belongs to another cluster", row->node_id, address.host,
            address.port);
    }
}

static bool quorum_ask(struct doctor *doctor, struct kmsg_describe_quorum_response *ret_response)
{
    assert(doctor->reached);
    struct kmsg_describe_quorum_request request;
    struct kmsg_describe_quorum_request_topic topic;
    struct kmsg_describe_quorum_request_partition partition = {0};
    struct link *link;
    kmsg_describe_quorum_request_init(&request);
    kmsg_describe_quorum_request_topic_init(&topic);
    topic.topic_name = slice_str("__cluster_metadata");
    topic.partitions.items = &partition;
    topic.partitions.count = 1;
    request.topics.items = &topic;
    request.topics.count = 1;
    err_t err = session_any(&doctor->cli->session, &link);
    err = err != OK
              ? err
              : ask_link(link, API_DESCRIBE_QUORUM, &request, &doctor->cli->arena, ret_response);
    if (err == ERR_UNSUPPORTED) {
        hop(doctor, HOP_NOTE, "controllers", NULL, "this broker does not tell of its controllers");
        return false;
    }
    bool good = err == OK && ret_response->error_code == KAFKA_NONE &&
                ret_response->topics.count == 1 &&
                ret_response->topics.items[0].partitions.count == 1 &&
                ret_response->topics.items[0].partitions.items[0].error_code == KAFKA_NONE;
    if (!good) {
        hop(doctor, HOP_BAD, "controllers",
            "are most of the controllers running, and can they and the brokers reach each other? Their logs tell",
            "no active controller answers: %s",
            err != OK ? err_text(err) : kafka_error_name(ret_response->error_code));
    }
    return good;
}

static void controllers_look(struct doctor *doctor)
{
    assert(doctor->reached);
    struct kmsg_describe_quorum_response response;
    if (!quorum_ask(doctor, &response)) {
        return;
    }
    const struct kmsg_describe_quorum_response_partition *raft =
        &response.topics.items[0].partitions.items[0];
    if (raft->leader_id < 0) {
        hop(doctor, HOP_BAD, "controllers",
            "more than half of the controllers must run and reach each other: look at their logs",
            "the controllers have no leader");
        return;
    }
    time_ms now = clock_wall_ms(doctor->cli->host);
    int32_t behind = 0;
    for (int32_t i = 0; i < raft->current_voters.count; i++) {
        const struct kmsg_describe_quorum_response_replica_state *voter =
            &raft->current_voters.items[i];
        if (voter->replica_id == raft->leader_id || voter->last_caught_up_timestamp < 0 ||
            now - voter->last_caught_up_timestamp <= CAUGHT_UP_MS) {
            continue;
        }
        behind++;
        hop(doctor, HOP_BAD, "controllers",
            "start it, or look at its log: one more that fails may stop the cluster's decisions",
            "controller %d has not caught up for %lld s", voter->replica_id,
            (long long)((now - voter->last_caught_up_timestamp) / 1000));
    }
    if (behind == 0) {
        hop(doctor, HOP_OK, "controllers", NULL, "%d controllers, %d is active, epoch %d",
            raft->current_voters.count, raft->leader_id, raft->leader_epoch);
    }
}

static void partitions_look(struct doctor *doctor)
{
    assert(doctor->reached);
    int32_t leaderless = 0, under = 0, count = 0;
    for (int32_t t = 0; t < doctor->metadata.topics.count; t++) {
        const struct kmsg_metadata_response_topic *topic = &doctor->metadata.topics.items[t];
        for (int32_t i = 0; i < topic->partitions.count; i++) {
            const struct kmsg_metadata_response_partition *p = &topic->partitions.items[i];
            count++;
            leaderless += p->leader_id < 0;
            under += p->isr_nodes.count < p->replica_nodes.count;
        }
    }
    if (leaderless > 0) {
        hop(doctor, HOP_BAD, "partitions",
            "`odradek cluster` lists them; bring back the brokers that hold them",
            "%d of %d partitions have no leader: nobody can write to them or read them", leaderless,
            count);
    } else if (under > 0) {
        hop(doctor, HOP_BAD, "partitions",
            "`odradek cluster` lists them; bring back the brokers that are missing",
            "%d of %d partitions lack replicas", under, count);
    } else {
        hop(doctor, HOP_OK, "partitions", NULL,
            "all %d partitions have leaders and all their replicas", count);
    }
}

/* ---- the round trip ---- */

struct round_trip {
    char text[64];
    bool found;
};

static bool on_record(struct consumer *consumer, const struct consumer_partition *p,
                      const struct record *record)
{
    assert(consumer->ctx != NULL && p->partition >= 0);
    struct round_trip *trip = consumer->ctx;
    (void)p;
    trip->found = trip->found || slice_eq(record->value, slice_str(trip->text));
    return !trip->found;
}

/* Writes one record, acks=all, and answers where each partition ended before. */
static bool trip_write(struct doctor *doctor, struct slice topic, struct round_trip *trip,
                       struct place **ret_places, int32_t *ret_count)
{
    assert(trip->text[0] != '\0' && !trip->found);
    struct cli *cli = doctor->cli;
    struct kmsg_metadata_response metadata;
    const struct kmsg_metadata_response_topic *found;
    struct producer producer;
    const struct producer_options options = {.acks = -1,
                                             .idempotent = true,
                                             .batch_bytes = 65536,
                                             .delivery_us = cli->session.timeout_us};
    if (topic_metadata(cli, &cli->arena, topic, &metadata, &found) != EXIT_OK ||
        found->partitions.count <= 0) {
        return false;
    }
    *ret_count = found->partitions.count;
    *ret_places = arena_array(&cli->arena, (size_t)*ret_count, sizeof(**ret_places));
    for (int32_t i = 0; *ret_places != NULL && i < *ret_count; i++) {
        (*ret_places)[i] = (struct place){.partition = found->partitions.items[i].partition_index,
                                          .ask = OFFSET_END};
    }
    if (*ret_places == NULL ||
        places_ask(cli, topic, *ret_places, *ret_count, places_offsets) != EXIT_OK) {
        return false;
    }
    bool good = producer_init(&producer, cli, topic, &options) == EXIT_OK;
    if (good) {
        struct record record = {.timestamp = clock_wall_ms(cli->host),
                                .key = slice_str("odradek-doctor"),
                                .value = slice_str(trip->text)};
        good = producer_offer(&producer, &record, -1) == OFFER_TAKEN;
        producer_step(&producer);
        while (good && !producer_done(&producer) && !cli->session.interrupted) {
            session_turn(&cli->session, producer_deadline(&producer));
            producer_step(&producer);
        }
        good = good && producer.acked == 1;
    }
    producer_release(&producer);
    return good;
}

static bool trip_read(struct doctor *doctor, struct slice topic, struct round_trip *trip,
                      const struct place *places, int32_t count)
{
    assert(count > 0 && places != NULL);
    struct session *session = &doctor->cli->session;
    struct consumer consumer;
    time_us until = session_now(session) + session->timeout_us;
    bool good = consumer_init(&consumer, doctor->cli, topic, places, count, on_record, trip) ==
                EXIT_OK;
    while (good && !trip->found && consumer.failed == EXIT_OK && session_now(session) < until &&
           !session->interrupted) {
        consumer_step(&consumer, until);
    }
    consumer_release(&consumer);
    return trip->found;
}

static void round_trip_look(struct doctor *doctor, const char *name)
{
    assert(name[0] != '\0' || doctor->reached);
    struct session *session = &doctor->cli->session;
    struct slice topic = slice_str(name);
    struct place *places = NULL;
    int32_t count = 0;
    time_us began = session_now(session);
    struct round_trip trip = {.found = false};
    (void)snprintf(trip.text, sizeof(trip.text), "odradek doctor %lld",
                   (long long)clock_wall_ms(doctor->cli->host));
    if (!trip_write(doctor, topic, &trip, &places, &count)) {
        hop(doctor, HOP_BAD, "write",
            "`odradek topics describe` shows whether the topic is there, has leaders and enough replicas",
            "%s: a record was not acknowledged", name);
        return;
    }
    hop(doctor, HOP_OK, "write", NULL,
        "%s: a record is acknowledged by all replicas in sync (%.1f ms)", name,
        (double)(session_now(session) - began) / 1000);
    began = session_now(session);
    if (!trip_read(doctor, topic, &trip, places, count)) {
        hop(doctor, HOP_BAD, "read", "`odradek consume` may say more; look at the leaders' logs",
            "%s: the record that was just written does not come back", name);
        return;
    }
    hop(doctor, HOP_OK, "read", NULL, "%s: the same record came back (%.1f ms)", name,
        (double)(session_now(session) - began) / 1000);
}

int doctor_run(struct cli *cli)
{
    struct doctor doctor = {.cli = cli};
    const char *topic = args_text(cli->args, "write");
    if (cli->json) {
        json_open(&cli->json_out, NULL, '{');
        json_open(&cli->json_out, "hops", '[');
    }
    bootstraps_look(&doctor);
    if (doctor.reached) {
        for (int32_t i = 0; i < doctor.metadata.brokers.count; i++) {
            broker_look(&doctor, &doctor.metadata.brokers.items[i]);
        }
        controllers_look(&doctor);
        partitions_look(&doctor);
        if (topic != NULL) {
            round_trip_look(&doctor, topic);
        }
    }
    if (cli->json) {
        json_close(&cli->json_out);
        json_bool(&cli->json_out, "healthy", doctor.bad == 0);
        json_number(&cli->json_out, "ok", doctor.good);
        json_number(&cli->json_out, "failed", doctor.bad);
        json_close(&cli->json_out);
    } else {
        buf_printf(&cli->out, "\n%s: %d hops are well, %d failed\n",
                   doctor.bad == 0 ? "all is well" : "not all is well", doctor.good, doctor.bad);
    }
    return !doctor.reached ? EXIT_NO_CONNECTION : doctor.bad > 0 ? EXIT_UNHEALTHY : EXIT_OK;
}
