#include "common/config/config.h"
#include "common/config/spec.h"

static bool name_good(struct slice name, size_t room)
{
    if (name.n == 0 || name.n >= room) {
        return false;
    }
    for (size_t i = 0; i < name.n; i++) {
        uint8_t c = name.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '_' && c != '-' && c != '.') {
            return false;
        }
    }
    return true;
}

static bool host_good(struct slice host, bool literal)
{
    for (size_t i = 0; i < host.n; i++) {
        uint8_t c = host.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') &&
            (c == 0 || strchr(literal ? ":.%-_" : ".-_", c) == NULL)) {
            return false;
        }
    }
    return host.n <= HOST_NAME_MAX_BYTES && (!literal || host.n > 0);
}

/* "host:port", "[::1]:port", ":port". */
static err_t address_parse(struct slice text, struct config_address *ret_address)
{
    ENSURE(text.n > 0 && memchr(text.p, '\0', text.n) == NULL, ERR_MALFORMED);
    const uint8_t *colon = memrchr(text.p, ':', text.n);
    ENSURE(colon != NULL, ERR_MALFORMED);
    size_t n = (size_t)(colon - text.p);
    struct slice host = slice_of(text.p, n);
    int64_t port;
    ENSURE(int_parse(slice_of(colon + 1, text.n - n - 1), 0, UINT16_MAX, &port), ERR_MALFORMED);
    bool literal = n >= 2 && host.p[0] == '[' && host.p[n - 1] == ']';
    if (literal) {
        host = slice_of(host.p + 1, n - 2);
    }
    ENSURE(host_good(host, literal), ERR_MALFORMED);
    assert(host.n < sizeof(ret_address->host) && port >= 0 && port <= UINT16_MAX);
    memcpy(ret_address->host, host.p, host.n);
    ret_address->host[host.n] = '\0';
    ret_address->port = (uint16_t)port;
    return OK;
}

static err_t named_parse(struct slice text, const char *mark, struct config_address *ret_address)
{
    size_t m = strlen(mark);
    const uint8_t *at = text.n < m ? NULL : memmem(text.p, text.n, mark, m);
    ENSURE(at != NULL, ERR_MALFORMED);
    size_t n = (size_t)(at - text.p);
    assert(n + m <= text.n);
    *ret_address = (struct config_address){.port = 0};
    ENSURE(name_good(slice_of(text.p, n), sizeof(ret_address->name)), ERR_MALFORMED);
    memcpy(ret_address->name, text.p, n);
    return address_parse(slice_of(at + m, text.n - n - m), ret_address);
}

err_t config_listener_parse(struct slice text, struct config_address *ret_address)
{
    TRY(named_parse(slice_trim(text), "://", ret_address));
    for (char *c = ret_address->name; *c != '\0'; c++) { /* Kafka's ListenerName.normalised */
        *c = (char)(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
    }
    return OK;
}

err_t config_voter_parse(struct slice text, int32_t *ret_id, struct config_address *ret_address)
{
    int64_t id;
    TRY(named_parse(slice_trim(text), "@", ret_address));
    ENSURE(int_parse(slice_str(ret_address->name), 0, INT32_MAX, &id), ERR_MALFORMED);
    ENSURE(ret_address->host[0] != '\0' && ret_address->port != 0, ERR_MALFORMED);
    assert(id >= 0);
    *ret_id = (int32_t)id;
    return OK;
}
