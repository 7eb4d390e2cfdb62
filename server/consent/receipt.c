#include "server/consent/receipt.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void text(struct writer *w, const char *s)
{
    writer_json(w, s, strlen(s));
}

static void named(struct writer *w, const char *key, const char *value)
{
    writer_printf(w, ",\"%s\":", key);
    text(w, value);
}

static void time_named(struct writer *w, const char *key, int64_t us)
{
    char iso[32];
    struct tm tm;
    const time_t s = (time_t)(us / 1000000);
    (void)gmtime_r(&s, &tm);
    (void)strftime(iso, sizeof iso, "%Y-%m-%dT%H:%M:%S", &tm);
    writer_printf(w, ",\"%s\":\"%s.%06dZ\"", key, iso, (int)(us % 1000000));
}

static const char *basis_name(enum policy_basis basis)
{
    static const char *const names[] = {
        [BASIS_CONSENT] = "consent",
        [BASIS_LEGITIMATE_INTEREST] = "legitimate interest",
        [BASIS_PUBLIC_TASK] = "public task",
    };
    return names[basis];
}

static void purpose(struct writer *w, const struct policy_purpose *p,
                    const struct policy *policy)
{
    writer_str(w, "{\"purpose\":");
    text(w, p->id);
    named(w, "purpose_description", p->help);
    for (size_t i = 0; i < p->n_words; i++) {
        writer_str(w, i ? "," : ",\"purpose_texts\":{");
        text(w, p->words[i].language);
        writer_u8(w, ':');
        text(w, p->words[i].text);
    }
    writer_str(w, p->n_words ? "}" : "");
    if (p->tcf)
        writer_printf(w, ",\"purpose_type\":\"IAB TCF v2.3 purpose %u\"",
                      p->tcf);
    named(w, "lawful_basis", basis_name(p->basis));
    named(w, "processing_method",
          "aggregate statistics under differential privacy");
    if (p->retention_s)
        writer_printf(w, ",\"retention_period\":\"P%" PRIu64 "D\"",
                      p->retention_s / 86400);
    named(
        w, "withdrawal_method",
        "tell whoever recorded it, at any time: the next release goes without "
        "you");
    writer_printf(w,
                  ",\"withdrawal_effect\":\"from the next release on; answers "
                  "released before may be read again for %" PRIu64 " seconds\"",
                  policy->reuse_for_s);
    writer_str(w, "}");
}

static const char *event_state(enum consent_state s)
{
    static const char *const names[CONSENT_STATES] = {
        [CONSENT_UNKNOWN] = "unknown",
        [CONSENT_GRANTED] = "consent given",
        [CONSENT_EXPLICIT] = "consent given",
        [CONSENT_WITHDRAWN] = "consent withdrawn",
        [CONSENT_OBJECTED] = "objected",
        [CONSENT_EXPIRED] = "consent expired",
        [CONSENT_SPECIAL] = "special person",
        [CONSENT_ORDINARY] = "ordinary person",
    };
    return names[s];
}

static void event(struct writer *w, const struct history_event *e)
{
    writer_str(w, "\"event\":{\"event_state\":");
    text(w, e->channel ? "contact chosen" : event_state(e->state));
    named(w, "event_type",
          e->state == CONSENT_EXPLICIT ? "explicit" : "expressed");
    time_named(w, "event_time", e->at_us);
    time_named(w, "recorded_time", e->recorded_us);
    if (e->until_us != FOLD_NEVER)
        time_named(w, "validity_until", e->until_us);
    if (e->channel) {
        char often[OFTEN_TEXT];
        (void)often_print(often, e->at_most);
        named(w, "contact_channel", e->channel);
        named(w, "contact_at_most", often);
    }
    named(w, "entity_id", e->by);
    named(w, "collection_method", e->source);
    named(w, "proof", e->proof);
    writer_str(w, "}");
}

void receipt_print(struct writer *w, const struct history_event *e,
                   const struct policy *policy)
{
    bool any = false;
    writer_printf(
        w,
        "{\"schema_version\":\"ISO/IEC TS 27560:2023\",\"receipt_id\":"
        "\"%" PRIu64 "\",\"record\":{\"record_id\":\"%" PRIu64
        "\",\"pii_principal_id\":\"",
        e->record, e->record);
    for (size_t i = 0; i < sizeof e->who.bytes; i++)
        writer_printf(w, "%02x", e->who.bytes[i]);
    writer_str(w, "\"},\"pii_processing\":{");
    if (e->notice) /* none is told of a mark or of a choice of channels */
        writer_printf(w, "\"privacy_notice\":\"version %u\",", e->notice);
    writer_str(w, "\"purposes\":[");
    for (size_t i = 0; i < e->n_purposes; i++) {
        const struct policy_purpose *p =
            policy_find_purpose(policy, e->purposes[i]);
        writer_str(w, p && any ? "," : "");
        if (p)
            purpose(w, p, policy);
        any |= p != NULL;
    }
    writer_str(w, "]},\"party_identification\":[{\"party_role\":\"PII "
                  "controller\"");
    named(w, "party_name",
          policy->controller[0] ? policy->controller : policy->name);
    named(w, "dataset", policy->name);
    writer_str(w, "}],");
    event(w, e);
    writer_str(w, "}");
}

uint64_t receipt_record(const char *json, size_t len)
{
    static const char key[] = "\"record\":{\"record_id\":\"";
    const char *at = memmem(json, len, key, sizeof key - 1);
    const char *end = json + len;
    uint64_t n = 0;
    if (!at)
        return 0;
    for (at += sizeof key - 1; at < end && *at >= '0' && *at <= '9'; at++)
        if (__builtin_mul_overflow(n, 10, &n) ||
            __builtin_add_overflow(n, (uint64_t)(*at - '0'), &n))
            return 0;
    return n;
}

bool receipt_is_of(const char *json, size_t len, const struct pseudonym *names,
                   size_t n)
{
    static const char key[] = "\"pii_principal_id\":\"";
    enum { DIGITS = 2 * PSEUDONYM_LEN };
    const char *at = memmem(json, len, key, sizeof key - 1);
    if (!at || (size_t)(json + len - at) < sizeof key - 1 + DIGITS)
        return false;
    at += sizeof key - 1;
    for (size_t i = 0; i < n; i++) {
        char hex[DIGITS + 1];
        struct writer w = writer_of(hex, sizeof hex);
        for (size_t b = 0; b < PSEUDONYM_LEN; b++)
            writer_printf(&w, "%02x", names[i].bytes[b]);
        if (memcmp(at, hex, DIGITS) == 0)
            return true;
    }
    return false;
}
