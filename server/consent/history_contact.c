/* What is kept of a person's contacts, for consent_history. */
#include <stdlib.h>
#include <string.h>

#include "server/consent/parts.h"

enum { ROWS_MAX = 2000 };

static int by_time(const void *x, const void *y)
{
    const struct history_event *a = x, *b = y;
    if (a->at_us != b->at_us)
        return a->at_us < b->at_us ? -1 : 1;
    return a->record < b->record ? -1 : a->record > b->record;
}

/* Of choices about one channel the last one holds. */
static void mark_newest(struct history_event *choices, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        choices[i].holds = true;
        for (size_t k = 0; k < i; k++)
            if (strcmp(choices[k].channel, choices[i].channel) == 0)
                choices[k].holds = false;
    }
}

static bool read_choice(struct history_event *out, struct shelf *s,
                        const struct pseudonym *who, const uint8_t *key,
                        struct arena *a)
{
    *out = (struct history_event){
        .record = (uint64_t)shelf_int(s, SHELF_CHOICES_OF, 0),
        .who = *who,
        .state = CONSENT_UNKNOWN,
        .channel = arena_strdup(a, shelf_text(s, SHELF_CHOICES_OF, 1)),
        .at_us = shelf_int(s, SHELF_CHOICES_OF, 2),
        .at_most = { (uint32_t)shelf_int(s, SHELF_CHOICES_OF, 3),
                     (uint32_t)shelf_int(s, SHELF_CHOICES_OF, 4) },
        .recorded_us = shelf_int(s, SHELF_CHOICES_OF, 5),
        .until_us = FOLD_NEVER,
    };
    return out->channel &&
           history_open_texts(out, s, SHELF_CHOICES_OF, 6, key, a);
}

static bool add_choices(struct history *h, struct consent *c, uint32_t id,
                        const struct pseudonym *who, const uint8_t *key,
                        struct arena *a)
{
    struct shelf *s = &c->shelf;
    const size_t n_events = h->n;
    bool more = shelf_find(s, SHELF_CHOICES_OF, "i", (int64_t)id), ok = true;
    if (!more)
        return true;
    struct history_event *all =
        ARENA_NEW_N(a, n_events + ROWS_MAX, struct history_event);
    if (all && n_events > 0)
        memcpy(all, h->events, n_events * sizeof *all);
    for (; all && more && ok && h->n < n_events + ROWS_MAX;
         more = shelf_next(s, SHELF_CHOICES_OF))
        if (state_counts(c, SHELF_CHOICES_OF, 7))
            ok = read_choice(&all[h->n++], s, who, key, a);
    shelf_end(s, SHELF_CHOICES_OF);
    if (!all || !ok)
        return false;
    mark_newest(all + n_events, h->n - n_events);
    qsort(all, h->n, sizeof *all, by_time);
    h->events = all;
    return true;
}

static bool add_contacts(struct history *h, struct shelf *s, uint32_t id,
                         struct arena *a)
{
    bool more = shelf_find(s, SHELF_CONTACTS_OF, "i", (int64_t)id), ok = true;
    if (!more)
        return true;
    h->contacts = ARENA_NEW_N(a, ROWS_MAX, struct history_contact);
    for (; h->contacts && more && ok && h->n_contacts < ROWS_MAX;
         more = shelf_next(s, SHELF_CONTACTS_OF)) {
        struct history_contact *one = &h->contacts[h->n_contacts++];
        *one = (struct history_contact){
            .channel = arena_strdup(a, shelf_text(s, SHELF_CONTACTS_OF, 0)),
            .purpose = arena_strdup(a, shelf_text(s, SHELF_CONTACTS_OF, 1)),
            .at_us = shelf_int(s, SHELF_CONTACTS_OF, 2),
            .sender = arena_strdup(a, shelf_text(s, SHELF_CONTACTS_OF, 3)),
        };
        ok = one->channel && one->purpose && one->sender;
    }
    shelf_end(s, SHELF_CONTACTS_OF);
    return h->contacts && ok;
}

bool history_contact(struct history *h, struct consent *c, uint32_t id,
                     const struct pseudonym *who, const uint8_t *key,
                     struct arena *a)
{
    return add_choices(h, c, id, who, key, a) &&
           add_contacts(h, &c->shelf, id, a);
}
