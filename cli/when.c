#include "cli/when.h"

#include <stdio.h>

#include "cli/args.h"

#define DAY_MS 86400000

/* Days since 1970 of a date of the Gregorian calendar: years are counted from March, so that the leap day is the last one;
 * 400 years have 146,097 days. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    assert(month >= 1 && month <= 12);
    int64_t y = year - (month <= 2);
    int64_t era = y / 400;
    int64_t of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

struct when_text when_print(int64_t wall_ms)
{
    struct when_text text;
    int64_t days = wall_ms / DAY_MS - (wall_ms % DAY_MS < 0);
    int64_t rest = wall_ms - days * DAY_MS;
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t of_era = z - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t m = (5 * of_year + 2) / 153;
    int64_t month = m < 10 ? m + 3 : m - 9;
    assert(rest >= 0 && rest < DAY_MS && month >= 1 && month <= 12);
    (void)snprintf(text.s, sizeof(text.s), "%04lld-%02d-%02dT%02d:%02d:%02d.%03dZ",
                   (long long)(year + era * 400 + (month <= 2)), (int)month,
                   (int)(of_year - (153 * m + 2) / 5 + 1), (int)(rest / 3600000),
                   (int)(rest / 60000 % 60), (int)(rest / 1000 % 60), (int)(rest % 1000));
    return text;
}

static bool span_parse(const char *text, int64_t *ret_ms)
{
    assert(text != NULL);
    static const struct {
        char letter;
        int64_t ms;
    } units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', DAY_MS}};
    char digits[24];
    size_t n = strlen(text);
    int64_t count;
    if (n < 3 || n >= sizeof(digits) || text[0] != '-') {
        return false;
    }
    memcpy(digits, text + 1, n - 2);
    digits[n - 2] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (text[n - 1] == units[i].letter) {
            return args_parse_number(digits, &count) && count >= 0 &&
                   !__builtin_mul_overflow(count, units[i].ms, ret_ms);
        }
    }
    return false;
}

/* Takes exactly `digits` digits and the mark behind them (0: none asked for). */
static bool part(const char **at, int digits, char mark, int64_t min, int64_t max, int64_t *ret)
{
    assert(digits > 0 && min <= max);
    int64_t n = 0;
    for (int i = 0; i < digits; i++, (*at)++) {
        if (**at < '0' || **at > '9') {
            return false;
        }
        n = n * 10 + (**at - '0');
    }
    if (mark != 0 && *(*at)++ != mark) {
        return false;
    }
    *ret = n;
    return n >= min && n <= max;
}

static bool fraction(const char **at, int64_t *ret_ms)
{
    int64_t scale = 100;
    *ret_ms = 0;
    if (**at != '.') {
        return true;
    }
    for ((*at)++; **at >= '0' && **at <= '9'; (*at)++, scale /= 10) {
        *ret_ms += scale * (**at - '0');
    }
    return true;
}

static bool date_parse(const char *at, int64_t *ret_ms)
{
    int64_t year, month, day, hour = 0, minute = 0, second = 0, ms = 0;
    if (!part(&at, 4, '-', 1970, 9999, &year) || !part(&at, 2, '-', 1, 12, &month) ||
        !part(&at, 2, 0, 1, 31, &day)) {
        return false;
    }
    if (*at == 'T' || *at == ' ') {
        at++;
        if (!part(&at, 2, ':', 0, 23, &hour) || !part(&at, 2, ':', 0, 59, &minute) ||
            !part(&at, 2, 0, 0, 59, &second) || !fraction(&at, &ms)) {
            return false;
        }
        at += *at == 'Z';
    }
    *ret_ms = ((days_of(year, month, day) * 24 + hour) * 60 + minute) * 60000 + second * 1000 + ms;
    return *at == '\0';
}

err_t when_parse(const char *text, int64_t now_ms, int64_t *ret_wall_ms)
{
    int64_t number;
    if (span_parse(text, &number)) {
        *ret_wall_ms = max_i64(0, now_ms - number);
        return OK;
    }
    if (args_parse_number(text, &number) && number >= 0) {
        *ret_wall_ms = number;
        return OK;
    }
    return date_parse(text, ret_wall_ms) ? OK : ERR_MALFORMED;
}

struct size_text size_print(int64_t bytes)
{
    assert(bytes > INT64_MIN);
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    struct size_text text;
    double n = (double)bytes;
    size_t unit = 0;
    while (n >= 1024 && unit + 1 < ARRAY_LEN(units)) {
        n /= 1024;
        unit++;
    }
    (void)snprintf(text.s, sizeof(text.s), unit == 0 ? "%.0f %s" : "%.1f %s", n, units[unit]);
    return text;
}
