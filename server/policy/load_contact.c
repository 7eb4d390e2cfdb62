/* Through which channels people may be contacted, and how often. */
#include <string.h>

#include "server/policy/parts.h"

enum { CHANNELS_MAX = 16 };

static void read_often(struct loader *l, const struct field *f,
                       const struct yaml_node *node, void *out)
{
    struct policy_channel *c = out;
    const char *text = loader_scalar(l, f, node);
    if (!text || (often_parse(&c->at_most, text) && !often_is_any(c->at_most) &&
                  c->at_most.n > 0))
        return;
    loader_mistake(l, yaml_place_of(node),
                   arena_printf(l->a, "'%s' is no limit of a channel",
                                loader_quote(l, text)),
                   "write 'at_most: 2 per month'; units are day, week, month "
                   "and year");
}

static const struct field CHANNEL[] = {
    { .key = "help",
      .kind = FIELD_TEXT,
      .at = offsetof(struct policy_channel, help),
      .absent = "nothing",
      .help = "What comes through it, in a sentence for the people "
              "concerned." },
    { .key = "at_most",
      .kind = FIELD_CUSTOM,
      .read = read_often,
      .form = "N per day, week, month or year",
      .fallback = "1 per week",
      .help = "How often one person may be contacted through it, by all "
              "senders together, whatever more she allows." },
};
const struct field_set POLICY_CHANNEL_FIELDS =
    FIELD_SET("a channel", "contact.channels.ID", CHANNEL);

static void read_channels(struct loader *l, const struct field *f,
                          const struct yaml_node *node, void *out)
{
    struct policy *p = out;
    static const struct field id = { .key = "id",
                                     .kind = FIELD_ID,
                                     .help = "The id of a channel is what "
                                             "senders name." };
    (void)f;
    if (node->kind != YAML_MAP || node->n == 0 || node->n > CHANNELS_MAX) {
        loader_mistake(l, yaml_place_of(node),
                       "'channels' must be a map of 1 to 16 channels",
                       "write 'channels: {email: {at_most: 2 per month}}'");
        return;
    }
    p->channels = loader_alloc(l, node->n, sizeof *p->channels);
    if (!p->channels)
        return;
    for (const struct yaml_node *c = node->first; c; c = c->next) {
        struct policy_channel *channel = &p->channels[p->n_channels++];
        *channel = (struct policy_channel){ .id = "", .help = "" };
        fields_read_key(l, &id, c, &channel->id);
        fields_read(l, &POLICY_CHANNEL_FIELDS, c, channel);
    }
}

static const struct field CONTACT[] = {
    { .key = "channels",
      .kind = FIELD_CUSTOM,
      .required = true,
      .read = read_channels,
      .inner = &POLICY_CHANNEL_FIELDS,
      .form = "map",
      .help = "Through what people can be reached. Each person chooses; no "
              "choice is a no." },
    { .key = "asks_per_day",
      .kind = FIELD_U32,
      .at = offsetof(struct policy, asks_per_day),
      .fallback = "10000",
      .min = 1,
      .max = 1e9,
      .help = "How often one sender may ask in a day (UTC) whether it may "
              "contact somebody, so that asking lists nobody's choices." },
};
const struct field_set POLICY_CONTACT_FIELDS =
    FIELD_SET("contact", "contact", CONTACT);

void policy_read_contact(struct loader *l, const struct field *f,
                         const struct yaml_node *node, void *out)
{
    (void)f;
    fields_read(l, &POLICY_CONTACT_FIELDS, node,
                &((struct policy_file *)out)->p);
}

void policy_check_contact(struct loader *l, struct policy_file *file)
{
    const struct policy *p = &file->p;
    const struct yaml_node *contact = yaml_tree_find(file->root, "contact");
    const struct yaml_node *all = yaml_tree_find(file->root, "purposes");
    const struct yaml_node *c = all ? all->first : NULL;
    bool any = false;
    if (contact && !p->has_consent)
        loader_mistake(l, yaml_place_of_key(contact),
                       "'contact' needs a register of consent, which keeps "
                       "what people choose",
                       "add 'consent: {}'");
    for (size_t i = 0; i < p->n_purposes && c; i++, c = c->next) {
        any |= p->purposes[i].contact;
        if (p->purposes[i].contact && !contact)
            loader_mistake(l, yaml_place_of_key(c),
                           "the purpose allows contact, and no channel is "
                           "there",
                           "add 'contact: {channels: {email: {}}}'");
    }
    if (contact && !any)
        loader_mistake(l, yaml_place_of_key(contact),
                       "no purpose allows contact",
                       "write 'contact: true' at a purpose for which people "
                       "may be contacted, or leave this section out");
}

const struct policy_channel *policy_find_channel(const struct policy *p,
                                                 const char *id)
{
    for (size_t i = 0; i < p->n_channels; i++)
        if (strcmp(p->channels[i].id, id) == 0)
            return &p->channels[i];
    return NULL;
}
