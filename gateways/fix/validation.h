/* Is a parsed message what the data dictionary of its session allows? Flat, read-only tables; no allocation, no system call, nothing but integers.
 *
 *     message ─▶ for each field: definition (by tag) ─▶ section, repetition, value (type, enumeration), membership in the message or its group
 *             ─▶ required fields, by bit sets
 *
 * Whose memory: the tables are one block owned by Dictionary (dictionary.pyx), made once; the message and the fault are the caller's.
 * Of several faults one is reported, in the order of the field's engines: order of sections, message type, required fields, then header, trailer and
 * body, each by ascending tag. Which checks run is a mask, since real venues deviate. What cannot fail: the tables were checked when they were built.
 * Rejected: a hash per (message type, tag): a row of two bytes per field and scope is one load, and the rows of the usual messages stay in cache.
 */
#ifndef RF_FIX_VALIDATION_H
#define RF_FIX_VALIDATION_H
#include "codec.h"

enum {
    RF_FIX_CHECK_REQUIRED = 1,
    RF_FIX_CHECK_UNKNOWN = 2, /* tags that the dictionary or the message does not have */
    RF_FIX_CHECK_EMPTY = 4,
    RF_FIX_CHECK_REPEATED = 8,
    RF_FIX_CHECK_ORDER = 16, /* header, body, trailer */
    RF_FIX_CHECK_TYPES = 32,
    RF_FIX_CHECK_VALUES = 64, /* enumerations */
    RF_FIX_CHECK_GROUPS = 128,
    RF_FIX_CHECK_USER_TAGS = 256, /* undeclared tags from 5000 on */
    RF_FIX_CHECK_MSG_TYPE = 512,
    RF_FIX_CHECK_ALL = 1023
};

/* SessionRejectReason(373) */
enum {
    RF_FIX_INVALID_TAG = 0,
    RF_FIX_REQUIRED_MISSING = 1,
    RF_FIX_TAG_NOT_DEFINED = 2,
    RF_FIX_NO_VALUE = 4,
    RF_FIX_VALUE_WRONG = 5,
    RF_FIX_FORMAT_WRONG = 6,
    RF_FIX_INVALID_MSG_TYPE = 11,
    RF_FIX_TAG_REPEATED = 13,
    RF_FIX_TAG_OUT_OF_ORDER = 14,
    RF_FIX_GROUP_COUNT = 16
};

enum rf_fix_type { RF_FIX_TEXT, RF_FIX_CHAR, RF_FIX_INT, RF_FIX_FLOAT, RF_FIX_BOOLEAN, RF_FIX_TIMESTAMP, RF_FIX_TIME, RF_FIX_DATE, RF_FIX_MONTH, RF_FIX_DAY, RF_FIX_MULTIPLE };
enum rf_fix_section { RF_FIX_BODY, RF_FIX_HEADER, RF_FIX_TRAILER, RF_FIX_ANYWHERE };

enum {
    RF_FIX_USER_TAG = 5000,
    RF_FIX_DENSE_TAGS = 1024, /* tags below are looked up by index, others by hash */
    RF_FIX_WORDS_MAX = 20,    /* 64-bit words of a set of definitions */
    RF_FIX_SCOPE_HEADER = 0,
    RF_FIX_SCOPE_TRAILER = 1,
    RF_FIX_MEMBER = 1, /* in a row: a plain member; from RF_FIX_COUNTS on: the count of the group whose scope is the rest */
    RF_FIX_COUNTS = 2,
    RF_FIX_NO_TAG = -2147483647 - 1
};

typedef struct {
    int32_t tag; /* as on the wire, RF_FIX_NO_TAG when the fault has none */
    uint32_t reason;
} rf_fix_fault_t;

typedef struct {
    uint64_t characters[2]; /* one-character values allowed, a bit each */
    uint32_t tag;
    uint32_t first_value; /* longer ones, in `values` */
    uint16_t value_count;
    uint8_t type;
    uint8_t section;
    uint8_t enumerated;
    uint8_t pad[3];
} rf_fix_definition_t;

typedef struct {
    uint64_t text[2]; /* zero-padded */
} rf_fix_value_t;

typedef struct {
    uint32_t key; /* tag or packed message type, 0: empty */
    uint32_t row;
} rf_fix_slot_t;

typedef struct {
    uint32_t definition_count; /* row 0 is no definition */
    uint32_t words;
    uint32_t tag_mask;
    uint32_t kind_mask;
    const uint16_t *dense;
    const rf_fix_slot_t *tags;
    const rf_fix_slot_t *kinds; /* row: scope of the message type */
    const rf_fix_definition_t *definitions;
    const rf_fix_value_t *values;
    const uint16_t *members;  /* [scope][definition] */
    const uint64_t *required; /* [scope][word] */
    const uint16_t *delimiters; /* [scope]: the definition that begins an instance of a group */
} rf_fix_dictionary_t;

typedef struct {
    uint64_t rank; /* lower goes before */
    rf_fix_fault_t fault;
} rf_fix_finding_t;

enum { RF_FIX_RANK_ORDER, RF_FIX_RANK_MSG_TYPE, RF_FIX_RANK_REQUIRED, RF_FIX_RANK_HEADER, RF_FIX_RANK_TRAILER, RF_FIX_RANK_BODY };

static inline void rf_fix_find_fault(rf_fix_finding_t *out, uint32_t rank, int32_t tag, uint32_t reason) {
    uint64_t full = (uint64_t)rank << 32 | (rank > RF_FIX_RANK_REQUIRED ? (uint32_t)tag : 0);
    if (full >= out->rank) return;
    out->rank = full;
    out->fault.tag = tag;
    out->fault.reason = reason;
}

static inline uint32_t rf_fix_slot(const rf_fix_slot_t *slots, uint32_t mask, uint32_t key) {
    for (uint32_t at = key * 2654435761u >> 16;; at++) {
        const rf_fix_slot_t *slot = &slots[at & mask];
        if (slot->key == key || !slot->key) return slot->row; /* an empty slot's row is 0 */
    }
}

static inline uint32_t rf_fix_definition_row(const rf_fix_dictionary_t *d, uint32_t tag) {
    return tag < RF_FIX_DENSE_TAGS ? d->dense[tag] : rf_fix_slot(d->tags, d->tag_mask, tag);
}

/* ---- values ----------------------------------------------------------------------------------------------------- */

static inline int rf_fix_digits(const unsigned char *p, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        if ((uint32_t)p[i] - '0' > 9) return 0;
    return n != 0;
}

static inline int rf_fix_float_form(const unsigned char *p, uint32_t n) {
    uint32_t i = n && p[0] == '-', digits = 0, points = 0;
    for (; i < n; i++) {
        if ((uint32_t)p[i] - '0' <= 9) digits++;
        else if (p[i] != '.' || points++) return 0;
    }
    return digits != 0;
}

static inline int rf_fix_date_form(const unsigned char *p, uint32_t n) {
    if (n != 8 || !rf_fix_digits(p, 8)) return 0;
    uint32_t year = (p[0] - '0') * 1000u + (p[1] - '0') * 100u + (p[2] - '0') * 10u + (p[3] - '0');
    uint32_t month = (p[4] - '0') * 10u + (p[5] - '0'), day = (p[6] - '0') * 10u + (p[7] - '0');
    return month - 1 < 12 && day && (int)day <= rf_fix_month_days(year, month);
}

static inline int rf_fix_time_form(const unsigned char *p, uint32_t n) {
    if (n < 8 || n == 9 || n > 18 || p[2] != ':' || p[5] != ':' || (n > 8 && (p[8] != '.' || !rf_fix_digits(p + 9, n - 9)))) return 0;
    return rf_fix_digits(p, 2) && rf_fix_digits(p + 3, 2) && rf_fix_digits(p + 6, 2) && (p[0] - '0') * 10 + (p[1] - '0') < 24 && p[3] < '6' &&
           (p[6] < '6' || (p[6] == '6' && p[7] == '0'));
}

/* YYYYMM, YYYYMMDD or YYYYMMwN */
static inline int rf_fix_month_form(const unsigned char *p, uint32_t n) {
    if ((n != 6 && n != 8) || !rf_fix_digits(p, 6)) return 0;
    uint32_t month = (p[4] - '0') * 10u + (p[5] - '0');
    return month - 1 < 12 && (n == 6 || rf_fix_digits(p + 6, 2) || (p[6] == 'w' && p[7] >= '1' && p[7] <= '5'));
}

static inline int rf_fix_day_form(const unsigned char *p, uint32_t n) {
    uint64_t day;
    return n <= 2 && rf_fix_uint(p, n, &day) && day >= 1 && day <= 31;
}

static inline int rf_fix_form(uint32_t type, const unsigned char *p, uint32_t n) {
    uint64_t ns;
    switch (type) {
    case RF_FIX_CHAR: return n == 1;
    case RF_FIX_INT: return n && p[0] == '-' ? rf_fix_digits(p + 1, n - 1) : rf_fix_digits(p, n);
    case RF_FIX_FLOAT: return rf_fix_float_form(p, n);
    case RF_FIX_BOOLEAN: return n == 1 && (p[0] == 'Y' || p[0] == 'N');
    case RF_FIX_TIMESTAMP: return rf_fix_timestamp(p, n, &ns);
    case RF_FIX_TIME: return rf_fix_time_form(p, n);
    case RF_FIX_DATE: return rf_fix_date_form(p, n);
    case RF_FIX_MONTH: return rf_fix_month_form(p, n);
    case RF_FIX_DAY: return rf_fix_day_form(p, n);
    default: return 1;
    }
}

static inline int rf_fix_listed(const rf_fix_dictionary_t *d, const rf_fix_definition_t *f, const unsigned char *p, uint32_t n) {
    rf_fix_value_t v = {{0, 0}};
    if (n == 1) return p[0] < 128 && (f->characters[p[0] >> 6] >> (p[0] & 63) & 1);
    if (!n || n > sizeof v) return 0;
    memcpy(&v, p, n);
    for (uint32_t i = 0; i < f->value_count; i++)
        if (d->values[f->first_value + i].text[0] == v.text[0] && d->values[f->first_value + i].text[1] == v.text[1]) return 1;
    return 0;
}

/* A list of values with a space between them. */
static inline int rf_fix_all_listed(const rf_fix_dictionary_t *d, const rf_fix_definition_t *f, const unsigned char *p, uint32_t n) {
    const unsigned char *end = p + n;
    for (;;) {
        const unsigned char *space = (const unsigned char *)memchr(p, ' ', (size_t)(end - p));
        if (!rf_fix_listed(d, f, p, (uint32_t)((space ? space : end) - p))) return 0;
        if (!space) return 1;
        p = space + 1;
    }
}

/* SessionRejectReason of one value, or 99 when nothing is wrong with it. */
enum { RF_FIX_FINE = 99 };
static inline uint32_t rf_fix_check_value(const rf_fix_dictionary_t *d, uint32_t checks, const rf_fix_definition_t *f, const unsigned char *p, uint32_t n) {
    if (!n && checks & RF_FIX_CHECK_EMPTY) return RF_FIX_NO_VALUE;
    if (checks & RF_FIX_CHECK_TYPES && !rf_fix_form(f->type, p, n)) return RF_FIX_FORMAT_WRONG;
    if (f->enumerated && checks & RF_FIX_CHECK_VALUES)
        if (!(f->type == RF_FIX_MULTIPLE ? rf_fix_all_listed(d, f, p, n) : rf_fix_listed(d, f, p, n))) return RF_FIX_VALUE_WRONG;
    return RF_FIX_FINE;
}

/* ---- structure -------------------------------------------------------------------------------------------------- */

/* The lowest required definition of a scope that is not in `seen`, or 0. */
static inline uint32_t rf_fix_missing(const rf_fix_dictionary_t *d, uint32_t scope, const uint64_t *seen) {
    const uint64_t *required = d->required + (size_t)scope * d->words;
    for (uint32_t w = 0; w < d->words; w++)
        if (required[w] & ~seen[w]) return w * 64 + (uint32_t)__builtin_ctzll(required[w] & ~seen[w]);
    return 0;
}

static inline int rf_fix_mark(uint64_t *seen, uint32_t row) { /* 1 when it was marked before */
    uint64_t bit = 1ull << (row & 63), *word = &seen[row >> 6];
    int before = (*word & bit) != 0;
    *word |= bit;
    return before;
}

/* The instances of a group from field i on; returns the first field behind them. Nesting is as deep as the dictionary's. */
static uint32_t rf_fix_check_group(const rf_fix_dictionary_t *d, uint32_t checks, const rf_fix_message_t *m, uint32_t i, uint32_t scope, rf_fix_finding_t *out) {
    const uint16_t *members = d->members + (size_t)scope * d->definition_count;
    const rf_fix_field_t *count = &m->fields[i - 1];
    uint64_t seen[RF_FIX_WORDS_MAX], wanted = 0, instances = 0;
    uint32_t missing;
    while (i < m->count) {
        const rf_fix_field_t *f = &m->fields[i];
        uint32_t row = rf_fix_definition_row(d, f->tag), member = row ? members[row] : 0, reason;
        if (!member) break;
        if (row == d->delimiters[scope] || !instances) {
            if (instances && checks & RF_FIX_CHECK_REQUIRED && (missing = rf_fix_missing(d, scope, seen)))
                rf_fix_find_fault(out, RF_FIX_RANK_REQUIRED, (int32_t)d->definitions[missing].tag, RF_FIX_REQUIRED_MISSING);
            if (row != d->delimiters[scope] && checks & RF_FIX_CHECK_GROUPS) rf_fix_find_fault(out, RF_FIX_RANK_BODY, (int32_t)count->tag, RF_FIX_GROUP_COUNT);
            memset(seen, 0, d->words * sizeof(uint64_t));
            instances++;
        }
        if (rf_fix_mark(seen, row) && checks & RF_FIX_CHECK_REPEATED) rf_fix_find_fault(out, RF_FIX_RANK_BODY, (int32_t)f->tag, RF_FIX_TAG_REPEATED);
        reason = rf_fix_check_value(d, checks, &d->definitions[row], m->bytes + f->at, f->len);
        if (reason != RF_FIX_FINE) rf_fix_find_fault(out, RF_FIX_RANK_BODY, (int32_t)f->tag, reason);
        i++;
        if (member >= RF_FIX_COUNTS) i = rf_fix_check_group(d, checks, m, i, member - RF_FIX_COUNTS, out);
    }
    if (instances && checks & RF_FIX_CHECK_REQUIRED && (missing = rf_fix_missing(d, scope, seen)))
        rf_fix_find_fault(out, RF_FIX_RANK_REQUIRED, (int32_t)d->definitions[missing].tag, RF_FIX_REQUIRED_MISSING);
    if (checks & RF_FIX_CHECK_GROUPS && rf_fix_uint(m->bytes + count->at, count->len, &wanted) && wanted != instances)
        rf_fix_find_fault(out, RF_FIX_RANK_BODY, (int32_t)count->tag, RF_FIX_GROUP_COUNT);
    return i;
}

static inline void rf_fix_check_required(const rf_fix_dictionary_t *d, uint32_t scope, const uint64_t *seen, rf_fix_finding_t *out) {
    uint32_t missing = rf_fix_missing(d, scope, seen);
    if (missing) rf_fix_find_fault(out, RF_FIX_RANK_REQUIRED, (int32_t)d->definitions[missing].tag, RF_FIX_REQUIRED_MISSING);
}

/* 1: nothing is wrong with it. 0: `fault` is what a Reject(3) says. */
static inline int rf_fix_validate(const rf_fix_dictionary_t *d, uint32_t checks, const rf_fix_message_t *m, rf_fix_fault_t *fault) {
    static const uint8_t ranks[] = {RF_FIX_RANK_BODY, RF_FIX_RANK_HEADER, RF_FIX_RANK_TRAILER, RF_FIX_RANK_BODY};
    uint32_t scope = m->msg_type ? rf_fix_slot(d->kinds, d->kind_mask, m->msg_type) : 0, part = RF_FIX_HEADER, i = 0;
    uint64_t seen[RF_FIX_WORDS_MAX];
    rf_fix_finding_t out = {~0ull, {RF_FIX_NO_TAG, 0}};
    const uint16_t *members = scope ? d->members + (size_t)scope * d->definition_count : NULL;
    memset(seen, 0, d->words * sizeof(uint64_t));
    if (!scope && checks & RF_FIX_CHECK_MSG_TYPE) rf_fix_find_fault(&out, RF_FIX_RANK_MSG_TYPE, RF_FIX_NO_TAG, RF_FIX_INVALID_MSG_TYPE);
    while (i < m->count) {
        const rf_fix_field_t *f = &m->fields[i++];
        uint32_t row = rf_fix_definition_row(d, f->tag), reason;
        const rf_fix_definition_t *definition = &d->definitions[row];
        uint32_t section = definition->section, rank = ranks[section], member = RF_FIX_MEMBER;
        if (section != part && section != RF_FIX_ANYWHERE) {
            if ((section == RF_FIX_HEADER || part == RF_FIX_TRAILER) && checks & RF_FIX_CHECK_ORDER && out.rank >> 32 != RF_FIX_RANK_ORDER)
                rf_fix_find_fault(&out, RF_FIX_RANK_ORDER, (int32_t)f->tag, RF_FIX_TAG_OUT_OF_ORDER);
            part = section;
        }
        if (!row) {
            if (!f->len && checks & RF_FIX_CHECK_EMPTY) rf_fix_find_fault(&out, rank, (int32_t)f->tag, RF_FIX_NO_VALUE);
            if (checks & (f->tag >= RF_FIX_USER_TAG && (int32_t)f->tag > 0 ? RF_FIX_CHECK_USER_TAGS : RF_FIX_CHECK_UNKNOWN))
                rf_fix_find_fault(&out, rank, (int32_t)f->tag, RF_FIX_INVALID_TAG);
            continue;
        }
        if (rf_fix_mark(seen, row) && checks & RF_FIX_CHECK_REPEATED) rf_fix_find_fault(&out, rank, (int32_t)f->tag, RF_FIX_TAG_REPEATED);
        reason = rf_fix_check_value(d, checks, definition, m->bytes + f->at, f->len);
        if (reason != RF_FIX_FINE) rf_fix_find_fault(&out, rank, (int32_t)f->tag, reason);
        if (section == RF_FIX_BODY && members) member = members[row];
        else if (section == RF_FIX_HEADER) member = d->members[row];
        if (!member && checks & RF_FIX_CHECK_UNKNOWN) rf_fix_find_fault(&out, rank, (int32_t)f->tag, RF_FIX_TAG_NOT_DEFINED);
        if (member >= RF_FIX_COUNTS) i = rf_fix_check_group(d, checks, m, i, member - RF_FIX_COUNTS, &out);
    }
    if (checks & RF_FIX_CHECK_REQUIRED) { /* the first found stays: header, trailer, body */
        rf_fix_check_required(d, RF_FIX_SCOPE_HEADER, seen, &out);
        rf_fix_check_required(d, RF_FIX_SCOPE_TRAILER, seen, &out);
        if (scope) rf_fix_check_required(d, scope, seen, &out);
    }
    *fault = out.fault;
    return out.rank == ~0ull;
}
#endif
