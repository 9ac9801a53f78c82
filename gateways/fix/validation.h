/* Validation of a parsed message against a data dictionary: flat read-only tables, one pass over the fields, no allocation.
 *
 * dictionary.pyx builds the tables once into one block (offsets from its start, no pointers). A tag becomes a slot by a direct table (tags from 1024 on: a
 * small hash); a *node* is the body of a message, the header, the trailer or a repeating group, with one entry a slot: the field's ordinal in the node
 * (required fields first) and the group that it counts. Presence and repetition are one bit an ordinal, on the stack.
 *
 * The usual message has neither fault nor group: rf_fix_is_plain tells so from one table of its message type, and all else is for the messages it does not
 * vouch for. It only ever says "every check holds", so which checks a session has switched off is no matter to it.
 *
 * Which fault wins when several hold, as engines modelled on QuickFIX have it: order of header, body and trailer; MsgType(35); a required field; then the
 * first field in wire order, and of one field: repeated, empty, format, value, tag number, not of this message, group count.
 * Rejected: stopping at the first fault (a required field that is missing outranks it); currency and country codes as enumerations (venues trade more).
 */
#ifndef RF_FIX_VALIDATION_H
#define RF_FIX_VALIDATION_H
#include "codec.h"

enum {
    RF_FIX_CHECK_REQUIRED = 1,
    RF_FIX_CHECK_UNKNOWN = 2, /* a tag that the dictionary or the message does not have */
    RF_FIX_CHECK_EMPTY = 4,
    RF_FIX_CHECK_REPEATED = 8,
    RF_FIX_CHECK_ORDER = 16, /* header, body, trailer */
    RF_FIX_CHECK_TYPES = 32,
    RF_FIX_CHECK_VALUES = 64, /* enumerations */
    RF_FIX_CHECK_GROUPS = 128,
    RF_FIX_CHECK_USER_TAGS = 256, /* tags from 5000 on that nobody declared */
    RF_FIX_CHECK_MSG_TYPE = 512,
    RF_FIX_CHECK_ALL = 1023
};

/* SessionRejectReason(373). */
enum {
    RF_FIX_INVALID_TAG_NUMBER = 0,
    RF_FIX_REQUIRED_TAG_MISSING = 1,
    RF_FIX_TAG_NOT_DEFINED_FOR_MESSAGE = 2,
    RF_FIX_TAG_WITHOUT_VALUE = 4,
    RF_FIX_VALUE_OUT_OF_RANGE = 5,
    RF_FIX_INCORRECT_FORMAT = 6,
    RF_FIX_INVALID_MSG_TYPE = 11,
    RF_FIX_TAG_REPEATED = 13,
    RF_FIX_TAG_OUT_OF_ORDER = 14,
    RF_FIX_GROUP_COUNT = 16
};

enum {
    RF_FIX_USER_TAG = 5000,
    RF_FIX_DIRECT_TAGS = 1024,
    RF_FIX_GROUP_DEPTH = 6,
    RF_FIX_PLAIN_MEMBERS = 512,
    RF_FIX_NODE_WORDS = 8, /* of 64 ordinals each, 0 unused */
    RF_FIX_NO_NODE = 0xFFFF
};

/* What the bytes of a value must look like. */
enum rf_fix_class {
    RF_FIX_CLASS_TEXT,
    RF_FIX_CLASS_INT,
    RF_FIX_CLASS_COUNT, /* LENGTH, SEQNUM, NUMINGROUP: no sign */
    RF_FIX_CLASS_FLOAT,
    RF_FIX_CLASS_CHAR,
    RF_FIX_CLASS_BOOLEAN,
    RF_FIX_CLASS_TOKENS, /* MULTIPLEVALUESTRING */
    RF_FIX_CLASS_TIMESTAMP,
    RF_FIX_CLASS_TIME,
    RF_FIX_CLASS_DATE,
    RF_FIX_CLASS_MONTH,
    RF_FIX_CLASS_DAY
};

/* How rf_fix_is_plain looks at a value; in its table's words: this in bits 0-2, required in bit 8, ordinal from bit 16, section (1 to 3) in bits 30-31. */
enum rf_fix_plain {
    RF_FIX_PLAIN_OTHER, /* by class and list */
    RF_FIX_PLAIN_TEXT,  /* anything but nothing */
    RF_FIX_PLAIN_CODE,  /* one listed character */
    RF_FIX_PLAIN_DIGITS,
    RF_FIX_PLAIN_FLOAT,
    RF_FIX_PLAIN_TIMESTAMP
};

enum rf_fix_section { RF_FIX_HEADER, RF_FIX_BODY, RF_FIX_TRAILER };

typedef struct {
    unsigned char text[16]; /* NUL-padded */
} rf_fix_value_t;

typedef struct {
    uint32_t tag;
    uint8_t kind;    /* rf_fix_class */
    uint8_t section; /* rf_fix_section */
    uint8_t custom;  /* declared for the venue: may stand in every body */
    uint8_t listed;  /* an enumeration */
    uint32_t values; /* index of the first value of more than one character */
    uint16_t value_count;
    uint16_t spare;
    uint64_t single[2]; /* bit c: the character c is a value */
} rf_fix_spec_t;

typedef struct {
    uint32_t entries; /* index into the entries: one a slot */
    uint32_t tags;    /* index into the tags of ordinals 1 .. required */
    uint32_t children; /* index into the children */
    uint16_t first;   /* slot of the first member: it begins an entry of a group */
    uint16_t required;
    uint16_t words; /* of 64 ordinals */
    uint16_t spare;
} rf_fix_node_t;

typedef struct {
    uint32_t key;
    uint32_t value;
} rf_fix_pair_t;

typedef struct {
    uint32_t bytes; /* of the whole block */
    uint32_t slot_count;
    uint32_t far_mask, type_mask; /* sizes of the two hashes - 1 */
    uint32_t far_tags, msg_types; /* rf_fix_pair_t: tag -> slot, packed MsgType -> number << 16 | node; key 0 is free */
    uint32_t specs, nodes, entries, tags, children, values;
    uint32_t plains; /* a table of RF_FIX_DIRECT_TAGS words a message type, by its number */
    uint16_t header, trailer; /* nodes */
    uint16_t slots[RF_FIX_DIRECT_TAGS]; /* tag -> slot, 0: none */
} rf_fix_dictionary_t;

typedef struct {
    uint32_t tag; /* RefTagID(371), -1 and the like as their two's complement; 0 with RF_FIX_INVALID_MSG_TYPE: none */
    uint32_t reason; /* SessionRejectReason(373) */
} rf_fix_fault_t;

typedef struct {
    const rf_fix_node_t *node;
    const uint16_t *entries;
    uint32_t count_tag, seen_entries;
    uint64_t expected;
    uint64_t seen[RF_FIX_NODE_WORDS];
} rf_fix_level_t;

/* Faults of one message by rank; `tag` of each is the first found. */
typedef struct {
    uint32_t order, order_found, missing, missing_found, other_found;
    rf_fix_fault_t other;
} rf_fix_verdict_t;

_Static_assert(sizeof(rf_fix_spec_t) == 32 && sizeof(rf_fix_node_t) == 20 && sizeof(rf_fix_value_t) == 16 && sizeof(rf_fix_dictionary_t) == 2104,
               "dictionary_tables.py packs these");

#define RF_FIX_TABLE(d, type, offset) ((const type *)(const void *)((const unsigned char *)(d) + (d)->offset))

static inline uint32_t rf_fix_hashed(const rf_fix_pair_t *table, uint32_t mask, uint32_t key, uint32_t none) {
    for (uint32_t i = (key * 0x9E3779B1u >> 16) & mask;; i = (i + 1) & mask) {
        if (table[i].key == key && key) return table[i].value;
        if (!table[i].key) return none;
    }
}

static inline uint32_t rf_fix_slot(const rf_fix_dictionary_t *d, uint32_t tag) {
    if (tag < RF_FIX_DIRECT_TAGS) return d->slots[tag];
    return rf_fix_hashed(RF_FIX_TABLE(d, rf_fix_pair_t, far_tags), d->far_mask, tag, 0);
}

/* ---- values ----------------------------------------------------------------------------------------------------- */

/* The last n (1 to 8) bytes before `end`, the first in the low byte, as digits where they are digits. Reads eight bytes back: a value of a
 * message has at least as many before its end (BeginString and BodyLength). */
static inline uint64_t rf_fix_back(const unsigned char *end, uint32_t n) {
    return (rf_fix_load(end - 8) ^ 0x3030303030303030ull) >> (64 - 8 * n);
}

static inline int rf_fix_digits_only(uint64_t word) { return !((word | (word + 0x0606060606060606ull)) & 0xF0F0F0F0F0F0F0F0ull); }

static inline int rf_fix_all_digits(const unsigned char *p, uint32_t n) {
    if (n - 1 < 8) return rf_fix_digits_only(rf_fix_back(p + n, n));
    if (!n) return 0;
    for (; n > 8; n -= 8)
        if (!rf_fix_digits_only(rf_fix_back(p + n, 8))) return 0;
    return rf_fix_digits_only(rf_fix_back(p + n, n));
}

static inline int rf_fix_is_float(const unsigned char *p, uint32_t n) {
    if (n && *p == '-') p++, n--;
    if (n - 1 < 8) {
        uint64_t word = rf_fix_back(p + n, n), points = word ^ 0x1E1E1E1E1E1E1E1Eull; /* '.' ^ '0' */
        points = (points - 0x0101010101010101ull) & ~points & 0x8080808080808080ull;
        points &= 0 - points; /* the first; a second is no digit */
        return n > (points != 0) && rf_fix_digits_only(word & ~((points >> 7) * 0xFF));
    }
    uint32_t digits = n, points = 0;
    for (uint32_t i = 0; i < n; i++) {
        if ((uint32_t)p[i] - '0' <= 9) continue;
        if (p[i] != '.' || points++) return 0;
        digits--;
    }
    return digits != 0;
}

/* As rf_fix_timestamp, without the arithmetic. */
static inline int rf_fix_is_timestamp(const unsigned char *p, uint32_t n) {
    uint64_t date, clock;
    if (n < 17 || n > 27 || n == 18 || p[8] != '-' || p[11] != ':' || p[14] != ':') return 0;
    if (!rf_fix_pairs(p, 0, &date) || !rf_fix_pairs(p + 9, 0x0000FF0000FF0000ull, &clock)) return 0;
    uint32_t year = rf_fix_pair(date, 0) * 100 + rf_fix_pair(date, 2), month = rf_fix_pair(date, 4), day = rf_fix_pair(date, 6);
    if (year < 1970 || year > 2500 || month - 1 > 11 || !day || (day > 28 && (int)day > rf_fix_month_days(year, month))) return 0;
    if (rf_fix_pair(clock, 0) > 23 || rf_fix_pair(clock, 3) > 59 || rf_fix_pair(clock, 6) > 60) return 0;
    return n == 17 || (p[17] == '.' && rf_fix_all_digits(p + 18, n - 18));
}

static inline int rf_fix_is_date(const unsigned char *p, uint32_t n) {
    if (n != 8 || !rf_fix_all_digits(p, 8)) return 0;
    uint32_t year = 0;
    for (int i = 0; i < 4; i++) year = year * 10 + (p[i] - '0');
    uint32_t month = (p[4] - '0') * 10u + (p[5] - '0'), day = (p[6] - '0') * 10u + (p[7] - '0');
    return month - 1 < 12 && day && (int)day <= rf_fix_month_days(year, month);
}

/* YYYYMM, YYYYMMDD or YYYYMMw1 to w5. */
static inline int rf_fix_is_month(const unsigned char *p, uint32_t n) {
    if (n == 8 && p[6] != 'w') return rf_fix_is_date(p, n);
    if ((n != 6 && n != 8) || !rf_fix_all_digits(p, 6)) return 0;
    uint32_t month = (p[4] - '0') * 10u + (p[5] - '0');
    return month - 1 < 12 && (n == 6 || (uint32_t)p[7] - '1' < 5);
}

/* HH:MM:SS with up to nine decimals. */
static inline int rf_fix_is_time(const unsigned char *p, uint32_t n) {
    if (n < 8 || n == 9 || n > 18 || p[2] != ':' || p[5] != ':') return 0;
    if (!rf_fix_all_digits(p, 2) || !rf_fix_all_digits(p + 3, 2) || !rf_fix_all_digits(p + 6, 2)) return 0;
    if (n > 8 && (p[8] != '.' || !rf_fix_all_digits(p + 9, n - 9))) return 0;
    return memcmp(p, "24", 2) < 0 && p[3] < '6' && memcmp(p + 6, "61", 2) < 0;
}

static inline int rf_fix_is_class(uint32_t kind, const unsigned char *p, uint32_t n) {
    uint64_t v;
    switch (kind) {
    case RF_FIX_CLASS_INT: return n && *p == '-' ? rf_fix_all_digits(p + 1, n - 1) : rf_fix_all_digits(p, n);
    case RF_FIX_CLASS_COUNT: return rf_fix_all_digits(p, n);
    case RF_FIX_CLASS_FLOAT: return rf_fix_is_float(p, n);
    case RF_FIX_CLASS_CHAR: return n == 1;
    case RF_FIX_CLASS_BOOLEAN: return n == 1 && (*p == 'Y' || *p == 'N');
    case RF_FIX_CLASS_TIMESTAMP: return rf_fix_is_timestamp(p, n);
    case RF_FIX_CLASS_TIME: return rf_fix_is_time(p, n);
    case RF_FIX_CLASS_DATE: return rf_fix_is_date(p, n);
    case RF_FIX_CLASS_MONTH: return rf_fix_is_month(p, n);
    case RF_FIX_CLASS_DAY: return rf_fix_all_digits(p, n) && rf_fix_uint(p, n, &v) && v - 1 < 31;
    default: return 1;
    }
}

static inline int rf_fix_is_listed(const rf_fix_dictionary_t *d, const rf_fix_spec_t *s, const unsigned char *p, uint32_t n) {
    if (n == 1) return *p < 128 && (s->single[*p >> 6] >> (*p & 63) & 1);
    if (!n || n > 16) return 0;
    unsigned char text[16] = {0};
    rf_fix_copy(text, p, n);
    const rf_fix_value_t *v = RF_FIX_TABLE(d, rf_fix_value_t, values) + s->values;
    for (uint32_t i = 0; i < s->value_count; i++)
        if (!memcmp(v[i].text, text, 16)) return 1;
    return 0;
}

/* Tokens of a MULTIPLEVALUESTRING: one space between two. */
static inline int rf_fix_all_listed(const rf_fix_dictionary_t *d, const rf_fix_spec_t *s, const unsigned char *p, uint32_t n) {
    for (uint32_t i = 0, from = 0; i <= n; i++) {
        if (i < n && p[i] != ' ') continue;
        if (!rf_fix_is_listed(d, s, p + from, i - from)) return 0;
        from = i + 1;
    }
    return 1;
}

/* ---- levels ----------------------------------------------------------------------------------------------------- */

static inline void rf_fix_level(const rf_fix_dictionary_t *d, rf_fix_level_t *l, uint32_t node) {
    l->node = RF_FIX_TABLE(d, rf_fix_node_t, nodes) + node;
    l->entries = RF_FIX_TABLE(d, uint16_t, entries) + l->node->entries;
    for (uint32_t i = 0; i < l->node->words; i++) l->seen[i] = 0;
}

static inline void rf_fix_note(rf_fix_verdict_t *v, uint32_t tag, uint32_t reason) {
    if (v->other_found) return;
    v->other_found = 1;
    v->other.tag = tag;
    v->other.reason = reason;
}

/* Required fields of a body or of one entry of a group. Ordinals 1 .. required must all be seen. */
static inline void rf_fix_present(const rf_fix_dictionary_t *d, const rf_fix_level_t *l, uint32_t checks, rf_fix_verdict_t *v) {
    if (!(checks & RF_FIX_CHECK_REQUIRED) || v->missing_found) return;
    for (uint32_t i = 1, left = l->node->required; left;) {
        uint32_t word = i >> 6, bit = i & 63, n = 64 - bit < left ? 64 - bit : left;
        uint64_t want = (n == 64 ? ~0ull : (1ull << n) - 1) << bit, lack = want & ~l->seen[word];
        if (lack) {
            v->missing_found = 1;
            v->missing = RF_FIX_TABLE(d, uint32_t, tags)[l->node->tags + (word << 6) + (uint32_t)__builtin_ctzll(lack) - 1];
            return;
        }
        i += n;
        left -= n;
    }
}

static inline void rf_fix_leave(const rf_fix_dictionary_t *d, const rf_fix_level_t *l, uint32_t checks, rf_fix_verdict_t *v) {
    if (l->seen_entries) rf_fix_present(d, l, checks, v);
    if (checks & RF_FIX_CHECK_GROUPS && l->seen_entries != l->expected) rf_fix_note(v, l->count_tag, RF_FIX_GROUP_COUNT);
}

/* ---- the whole message ------------------------------------------------------------------------------------------ */

/* Fields that the dictionary does not have. */
static inline void rf_fix_unknown(uint32_t checks, const rf_fix_field_t *f, rf_fix_verdict_t *v) {
    uint32_t user = f->tag >= RF_FIX_USER_TAG && f->tag <= INT32_MAX;
    if (!f->len && checks & RF_FIX_CHECK_EMPTY) rf_fix_note(v, f->tag, RF_FIX_TAG_WITHOUT_VALUE);
    if (checks & (user ? RF_FIX_CHECK_USER_TAGS : RF_FIX_CHECK_UNKNOWN)) rf_fix_note(v, f->tag, RF_FIX_INVALID_TAG_NUMBER);
}

static inline void rf_fix_value(const rf_fix_dictionary_t *d, uint32_t checks, const rf_fix_spec_t *s, const unsigned char *p, uint32_t n, rf_fix_verdict_t *v) {
    if (!n) {
        if (checks & RF_FIX_CHECK_EMPTY) rf_fix_note(v, s->tag, RF_FIX_TAG_WITHOUT_VALUE);
        return;
    }
    if (checks & RF_FIX_CHECK_TYPES && !rf_fix_is_class(s->kind, p, n)) rf_fix_note(v, s->tag, RF_FIX_INCORRECT_FORMAT);
    if (!s->listed || !(checks & RF_FIX_CHECK_VALUES)) return;
    if (!(s->kind == RF_FIX_CLASS_TOKENS ? rf_fix_all_listed(d, s, p, n) : rf_fix_is_listed(d, s, p, n))) rf_fix_note(v, s->tag, RF_FIX_VALUE_OUT_OF_RANGE);
}

/* 1 when every check holds and there is neither group nor far tag: the usual message, by the shortest way. 0 says nothing yet.
 * `plain` is the message type's own table: how many fields it requires, then a word a tag: section, the way to look at the value, required, ordinal. */
static inline int rf_fix_is_plain(const rf_fix_dictionary_t *d, const uint32_t *plain, const rf_fix_message_t *m) {
    const rf_fix_spec_t *specs = RF_FIX_TABLE(d, rf_fix_spec_t, specs), *s;
    unsigned char seen[RF_FIX_PLAIN_MEMBERS] = {0};
    uint32_t section = 1u << 30, required = 0;
    for (const rf_fix_field_t *f = m->fields, *end = f + m->count; f < end; f++) {
        if (f->tag >= RF_FIX_DIRECT_TAGS) return 0;
        uint32_t word = plain[f->tag], n = f->len;
        const unsigned char *p = m->bytes + f->at;
        if (word < section) return 0; /* a word of 0 is no plain member */
        section = word & 0xC0000000u;
        unsigned char *once = &seen[word >> 16 & (RF_FIX_PLAIN_MEMBERS - 1)];
        if (*once) return 0;
        *once = 1;
        required += word & 256;
        switch (word & 7) {
        case RF_FIX_PLAIN_TEXT:
            if (!n) return 0;
            break;
        case RF_FIX_PLAIN_CODE:
            s = specs + d->slots[f->tag];
            if (n != 1 || *p > 127 || !(s->single[*p >> 6] >> (*p & 63) & 1)) return 0;
            break;
        case RF_FIX_PLAIN_DIGITS:
            if (n - 1 > 7 || !rf_fix_digits_only(rf_fix_back(p + n, n))) return 0;
            break;
        case RF_FIX_PLAIN_FLOAT:
            if (!rf_fix_is_float(p, n)) return 0;
            break;
        case RF_FIX_PLAIN_TIMESTAMP:
            if (!rf_fix_is_timestamp(p, n)) return 0;
            break;
        default:
            s = specs + d->slots[f->tag];
            if (!n || !rf_fix_is_class(s->kind, p, n)) return 0;
            if (s->listed && !(s->kind == RF_FIX_CLASS_TOKENS ? rf_fix_all_listed(d, s, p, n) : rf_fix_is_listed(d, s, p, n))) return 0;
        }
    }
    return required == plain[0] << 8;
}

/* 1: fine. 0: *fault says what. `m` is what rf_fix_parse gave; beyond RF_FIX_FIELDS_MAX fields nothing is seen, so CheckSum(10) counts as missing. */
static int rf_fix_validate(const rf_fix_dictionary_t *d, uint32_t checks, const rf_fix_message_t *m, rf_fix_fault_t *fault) {
    rf_fix_level_t roots[3], groups[RF_FIX_GROUP_DEPTH], *level = &roots[RF_FIX_HEADER];
    rf_fix_verdict_t v = {0};
    const rf_fix_spec_t *specs = RF_FIX_TABLE(d, rf_fix_spec_t, specs);
    uint32_t section = RF_FIX_HEADER, depth = 0;
    uint32_t found = rf_fix_hashed(RF_FIX_TABLE(d, rf_fix_pair_t, msg_types), d->type_mask, m->msg_type, RF_FIX_NO_NODE), body = found & RF_FIX_NO_NODE;
    if (body != RF_FIX_NO_NODE && rf_fix_is_plain(d, RF_FIX_TABLE(d, uint32_t, plains) + (found >> 16) * RF_FIX_DIRECT_TAGS, m)) return 1;
    rf_fix_level(d, &roots[RF_FIX_HEADER], d->header);
    rf_fix_level(d, &roots[RF_FIX_TRAILER], d->trailer);
    if (body != RF_FIX_NO_NODE) rf_fix_level(d, &roots[RF_FIX_BODY], body);
    for (const rf_fix_field_t *f = m->fields, *end = f + m->count; f < end; f++) {
        const unsigned char *p = m->bytes + f->at;
        uint32_t slot = rf_fix_slot(d, f->tag), entry;
        const rf_fix_spec_t *s = specs + slot;
        if (!slot) {
            rf_fix_unknown(checks, f, &v);
            continue;
        }
        if (s->section != section) {
            for (; depth; depth--) rf_fix_leave(d, &groups[depth - 1], checks, &v);
            if (s->section < section && !v.order_found) v.order_found = 1, v.order = f->tag;
            section = s->section;
            level = &roots[section];
        }
        if (section == RF_FIX_BODY && body == RF_FIX_NO_NODE) continue;
        while (!(entry = level->entries[slot]) && depth && !s->custom) { /* the group is over */
            rf_fix_leave(d, &groups[--depth], checks, &v);
            level = depth ? &groups[depth - 1] : &roots[section];
        }
        if (entry) {
            uint64_t *word = &level->seen[(entry & 1023) >> 6], bit = 1ull << (entry & 63);
            if (depth && slot == level->node->first) {
                if (level->seen_entries++) rf_fix_present(d, level, checks, &v);
                for (uint32_t i = 0; i < level->node->words; i++) level->seen[i] = 0;
            } else if (depth && (!level->seen_entries || *word & bit)) {
                if (checks & RF_FIX_CHECK_GROUPS) rf_fix_note(&v, level->count_tag, RF_FIX_GROUP_COUNT); /* an entry begins with the first field */
            } else if (*word & bit && checks & RF_FIX_CHECK_REPEATED) {
                rf_fix_note(&v, f->tag, RF_FIX_TAG_REPEATED);
            }
            *word |= bit;
        }
        if (!v.other_found) rf_fix_value(d, checks, s, p, f->len, &v);
        if (!entry && !s->custom && checks & RF_FIX_CHECK_UNKNOWN) rf_fix_note(&v, f->tag, RF_FIX_TAG_NOT_DEFINED_FOR_MESSAGE);
        if (entry >> 10 && depth < RF_FIX_GROUP_DEPTH) {
            uint32_t child = RF_FIX_TABLE(d, uint16_t, children)[level->node->children + (entry >> 10) - 1];
            level = &groups[depth++];
            rf_fix_level(d, level, child);
            level->count_tag = f->tag;
            level->seen_entries = 0;
            if (!rf_fix_uint(p, f->len, &level->expected)) level->expected = UINT64_MAX;
        }
    }
    for (; depth; depth--) rf_fix_leave(d, &groups[depth - 1], checks, &v);
    if (checks & RF_FIX_CHECK_ORDER && v.order_found) {
        fault->tag = v.order, fault->reason = RF_FIX_TAG_OUT_OF_ORDER;
        return 0;
    }
    if (body == RF_FIX_NO_NODE && checks & RF_FIX_CHECK_MSG_TYPE) {
        fault->tag = 0, fault->reason = RF_FIX_INVALID_MSG_TYPE;
        return 0;
    }
    rf_fix_present(d, &roots[RF_FIX_HEADER], checks, &v);
    if (body != RF_FIX_NO_NODE) rf_fix_present(d, &roots[RF_FIX_BODY], checks, &v);
    rf_fix_present(d, &roots[RF_FIX_TRAILER], checks, &v);
    fault->tag = v.missing_found ? v.missing : v.other.tag;
    fault->reason = v.missing_found ? RF_FIX_REQUIRED_TAG_MISSING : v.other.reason;
    return !v.missing_found && !v.other_found;
}
#endif
