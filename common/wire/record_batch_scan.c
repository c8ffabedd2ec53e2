#include "common/wire/record_batch_scan.h"
#include "common/wire/record_batch_records.h"
#include "common/wire/varint.h"

/* The fields of a record in their order; KEY, VALUE, HEADER_KEY and HEADER_VALUE are runs of bytes, the others numbers. */
enum field {
    FIELD_LENGTH,
    FIELD_ATTRIBUTES,
    FIELD_TIMESTAMP,
    FIELD_OFFSET,
    FIELD_KEY_LENGTH,
    FIELD_KEY,
    FIELD_VALUE_LENGTH,
    FIELD_VALUE,
    FIELD_HEADERS,
    FIELD_HEADER_KEY_LENGTH,
    FIELD_HEADER_KEY,
    FIELD_HEADER_VALUE_LENGTH,
    FIELD_HEADER_VALUE,
    FIELD_END,
};

void record_scan_init(struct record_scan *scan, const struct batch_header *header)
{
    assert(header->records >= 0 && header->last_offset_delta >= 0);
    *scan = (struct record_scan){
        .base_timestamp = header->base_timestamp,
        .records = header->records,
        .last_offset_delta = header->last_offset_delta,
        .last_delta = -1,
        .field = FIELD_LENGTH,
    };
}

static err_t refuse(struct record_scan *scan, const char *reason)
{
    assert(reason != NULL);
    scan->reason = reason;
    return ERR_MALFORMED;
}

/* All fields of a record have been read. */
static err_t complete(struct record_scan *scan, int64_t timestamp_delta)
{
    struct record_facts *record = &scan->record;
    if (UNLIKELY(record->offset_delta <= scan->last_delta ||
                 record->offset_delta > scan->last_offset_delta)) {
        return refuse(scan, "a record's offset is out of order or outside of its batch");
    }
    if (UNLIKELY(
            __builtin_add_overflow(scan->base_timestamp, timestamp_delta, &record->timestamp))) {
        return refuse(scan, "a record's timestamp does not fit 64 bits");
    }
    scan->last_delta = record->offset_delta;
    scan->seen++;
    assert(scan->seen <= scan->records);
    return OK;
}

/* Most records lie in one piece: these are read at once. *ret_taken stays false for the others. */
static err_t step_whole(struct record_scan *scan, struct slice *piece, bool *ret_taken)
{
    int32_t length;
    int used = varint_get(piece->p, piece->n, &length);
    if (UNLIKELY(used <= 0 || length < 0 || (size_t)length > piece->n - (size_t)used)) {
        return OK;
    }
    struct record_body body;
    const char *reason = record_body_parse(piece->p + used, (size_t)length, &body);
    if (UNLIKELY(reason != NULL)) {
        return refuse(scan, reason);
    }
    size_t bytes = (size_t)used + (size_t)length;
    *piece = slice_of(piece->p + bytes, piece->n - bytes);
    scan->record = (struct record_facts){
        .offset_delta = body.offset_delta,
        .bytes = (uint32_t)bytes,
        .has_key = body.key.p != NULL,
        .has_value = body.value.p != NULL,
    };
    *ret_taken = true;
    return complete(scan, body.timestamp_delta);
}

static bool is_run(unsigned field)
{
    return field == FIELD_KEY || field == FIELD_VALUE || field == FIELD_HEADER_KEY ||
           field == FIELD_HEADER_VALUE;
}

/* A length was read: the run behind it must lie inside the record. */
static err_t begin_run(struct record_scan *scan, int32_t n, int32_t least, const char *reason)
{
    if (n < least || (n > 0 && (uint32_t)n > scan->left)) {
        return refuse(scan, reason);
    }
    scan->skip = n > 0 ? (uint32_t)n : 0;
    scan->field++;
    return OK;
}

static void next_header(struct record_scan *scan)
{
    assert(scan->headers >= 0);
    scan->field = scan->headers > 0 ? FIELD_HEADER_KEY_LENGTH : FIELD_END;
}

/* A number was read whole. */
static err_t take_number(struct record_scan *scan, uint64_t raw)
{
    int32_t n = zigzag_decode_i32((uint32_t)raw);
    switch (scan->field) {
    case FIELD_LENGTH:
        if (n <= 0) {
            return refuse(scan,
                          n == 0 ? "a record is empty" : "a record's length goes beyond its batch");
        }
        scan->left = (uint32_t)n;
        scan->record = (struct record_facts){.bytes = scan->number_bytes + (uint32_t)n};
        break;
    case FIELD_TIMESTAMP: scan->timestamp_delta = zigzag_decode_i64(raw); break;
    case FIELD_OFFSET: scan->record.offset_delta = n; break;
    case FIELD_KEY_LENGTH:
        scan->record.has_key = n >= 0;
        return begin_run(scan, n, -1, "a record has a key of an impossible length");
    case FIELD_VALUE_LENGTH:
        scan->record.has_value = n >= 0;
        return begin_run(scan, n, -1, "a record has a value of an impossible length");
    case FIELD_HEADERS:
        if (n < 0 || (uint32_t)n > scan->left / 2) {
            return refuse(scan, "a record has an impossible number of headers");
        }
        scan->headers = n;
        next_header(scan);
        return OK;
    case FIELD_HEADER_KEY_LENGTH:
        return begin_run(scan, n, 0, "a record has a header without a key");
    case FIELD_HEADER_VALUE_LENGTH:
        return begin_run(scan, n, -1, "a record has a header value of an impossible length");
    default: assert(scan->field == FIELD_ATTRIBUTES); break;
    }
    scan->field++;
    return OK;
}

static const char *bad_number(const struct record_scan *scan)
{
    static const char *const reasons[] = {
        [FIELD_LENGTH] = "a record's length goes beyond its batch",
        [FIELD_TIMESTAMP] = "a record has no valid timestamp delta",
        [FIELD_OFFSET] = "a record has no valid offset delta",
        [FIELD_KEY_LENGTH] = "a record has a key of an impossible length",
        [FIELD_VALUE_LENGTH] = "a record has a value of an impossible length",
        [FIELD_HEADERS] = "a record has no valid number of headers",
        [FIELD_HEADER_KEY_LENGTH] = "a record has a header without a key",
        [FIELD_HEADER_VALUE_LENGTH] = "a record has a header value of an impossible length",
    };
    assert(scan->field < ARRAY_LEN(reasons) && reasons[scan->field] != NULL);
    return reasons[scan->field];
}

/* One byte of a number. */
static err_t take_byte(struct record_scan *scan, uint8_t byte)
{
    if (scan->field == FIELD_ATTRIBUTES) {
        return take_number(scan, byte);
    }
    const bool wide = scan->field == FIELD_TIMESTAMP;
    const unsigned bytes_max = wide ? VARLONG_BYTES_MAX : VARINT_BYTES_MAX;
    const unsigned last_bits = wide ? 0x01
                                    : 0x0F; /* what the last byte may add: bit 63, bits 28 to 31 */
    scan->number |= (uint64_t)(byte & 0x7F) << (7 * scan->number_bytes);
    scan->number_bytes++;
    if (scan->number_bytes == bytes_max && byte > last_bits) {
        return refuse(scan, bad_number(scan));
    }
    if (byte >= 0x80) {
        return OK;
    }
    err_t err = take_number(scan, scan->number);
    scan->number = 0;
    scan->number_bytes = 0;
    return err;
}

/* Bytes of a record that lies across pieces, field by field. */
static err_t step_across(struct record_scan *scan, struct slice *piece)
{
    while (scan->field != FIELD_END) {
        if (is_run(scan->field)) {
            size_t n = piece->n < scan->skip ? piece->n : scan->skip;
            assert(scan->skip <= scan->left);
            *piece = slice_of(piece->p + n, piece->n - n);
            scan->skip -= (uint32_t)n;
            scan->left -= (uint32_t)n;
            if (scan->skip > 0) {
                return OK;
            }
            if (scan->field == FIELD_HEADER_VALUE) {
                scan->headers--;
                next_header(scan);
            } else {
                scan->field++;
            }
            continue;
        }
        if (scan->field != FIELD_LENGTH && scan->left == 0) {
            return refuse(scan, bad_number(scan));
        }
        if (piece->n == 0) {
            return OK;
        }
        scan->left -= scan->field == FIELD_LENGTH ? 0 : 1;
        uint8_t byte = *piece->p;
        *piece = slice_of(piece->p + 1, piece->n - 1);
        TRY(take_byte(scan, byte));
    }
    return scan->left == 0 ? OK : refuse(scan, "a record is longer than its fields");
}

err_t record_scan_step(struct record_scan *scan, struct slice *piece,
                       const struct record_facts **ret_record)
{
    assert(scan->reason == NULL);
    *ret_record = NULL;
    if (piece->n == 0) {
        return OK;
    }
    bool fresh = scan->field == FIELD_LENGTH && scan->number_bytes == 0;
    if (fresh && scan->seen == scan->records) {
        return refuse(scan, "bytes stand behind the last record");
    }
    bool taken = false;
    if (LIKELY(fresh)) {
        TRY(step_whole(scan, piece, &taken));
    }
    if (UNLIKELY(!taken)) {
        TRY(step_across(scan, piece));
        if (scan->field != FIELD_END) {
            assert(piece->n == 0);
            return OK;
        }
        scan->field = FIELD_LENGTH;
        TRY(complete(scan, scan->timestamp_delta));
    }
    *ret_record = &scan->record;
    return OK;
}

err_t record_scan_finish(struct record_scan *scan)
{
    assert(scan->reason == NULL);
    bool between = scan->field == FIELD_LENGTH && scan->number_bytes == 0;
    if (!between) {
        scan->reason = "the last record is cut off";
    } else if (scan->seen < scan->records) {
        scan->reason = "there are fewer records than the batch announces";
    }
    return scan->reason == NULL ? OK : ERR_TRUNCATED;
}
