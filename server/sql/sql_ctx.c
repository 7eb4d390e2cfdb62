#include "server/sql/sql_ctx.h"

#include <assert.h>
#include <string.h>

/* What may be done with a field: a refusal, or one of these. */
enum { READ = REFUSAL_COUNT, IGNORED, UNKNOWN };

static const struct field {
    const char *message, *name;
    int rule;
    const char *one;
} FIELDS[] = {
#define FIELD(message, name, rule, one) { message, name, rule, one },
#include "server/sql/field.def"
#undef FIELD
};
enum { N_FIELDS = sizeof FIELDS / sizeof FIELDS[0] };
_Static_assert(N_FIELDS < UINT8_MAX, "a rule's index fits a byte");

/* Rules of one message by index of the field; filled in by sql_fields_init. */
enum { MESSAGES_MAX = 48, MESSAGE_FIELDS_MAX = 24, NO_ROW = UINT8_MAX };
static struct message_rules {
    const ProtobufCMessageDescriptor *is;
    uint8_t row[MESSAGE_FIELDS_MAX]; /* in FIELDS, or NO_ROW */
} RULES[MESSAGES_MAX];
static size_t n_rules;

/* As in PostgreSQL's sources: "A_Const" of "pg_query.A_Const". */
static const char *name_of(const ProtobufCMessageDescriptor *is)
{
    const char *dot = strrchr(is->name, '.');
    return dot ? dot + 1 : is->name;
}

static uint8_t row_of(const char *message, const char *field)
{
    size_t i = 0;
    while (i < N_FIELDS && (strcmp(FIELDS[i].message, message) != 0 ||
                            strcmp(FIELDS[i].name, field) != 0))
        i++;
    return i < N_FIELDS ? (uint8_t)i : NO_ROW;
}

static void add_rules(const ProtobufCMessageDescriptor *is)
{
    struct message_rules rules = { .is = is };
    bool any = false;
    for (unsigned i = 0; i < is->n_fields && i < MESSAGE_FIELDS_MAX; i++) {
        rules.row[i] = row_of(name_of(is), is->fields[i].name);
        any |= rules.row[i] != NO_ROW;
    }
    if (!any)
        return;
    assert(n_rules < MESSAGES_MAX && is->n_fields <= MESSAGE_FIELDS_MAX);
    RULES[n_rules++] = rules;
}

static bool has_field(const ProtobufCMessageDescriptor *is, const char *name)
{
    unsigned i = 0;
    while (i < is->n_fields && strcmp(is->fields[i].name, name) != 0)
        i++;
    return i < is->n_fields;
}

/* ParseResult -> RawStmt -> Node, whose members are all messages there are. */
void sql_fields_init(const ProtobufCMessageDescriptor *parse_result)
{
    const ProtobufCMessageDescriptor *node = NULL;
    for (unsigned i = 0; i < parse_result->n_fields; i++) {
        const ProtobufCMessageDescriptor *raw =
            parse_result->fields[i].descriptor;
        if (parse_result->fields[i].type == PROTOBUF_C_TYPE_MESSAGE)
            node = raw->fields[0].descriptor;
    }
    assert(node);
    n_rules = 0;
    for (unsigned i = 0; i < node->n_fields; i++)
        add_rules(node->fields[i].descriptor);
    for (size_t i = 0; i < N_FIELDS; i++) {
        size_t r = 0;
        while (r < n_rules &&
               strcmp(name_of(RULES[r].is), FIELDS[i].message) != 0)
            r++;
        /* Else a row names no message, or no field of it. */
        assert(r < n_rules && has_field(RULES[r].is, FIELDS[i].name));
    }
}

static const void *member(const ProtobufCMessage *msg, unsigned offset)
{
    return (const char *)msg + offset;
}

static uint32_t word_at(const ProtobufCMessage *msg, unsigned offset)
{
    uint32_t word;
    memcpy(&word, member(msg, offset), sizeof word);
    return word;
}

static bool pointer_is_set(const ProtobufCMessage *msg,
                           const ProtobufCFieldDescriptor *f)
{
    const char *p;
    memcpy(&p, member(msg, f->offset), sizeof p);
    return p && (f->type != PROTOBUF_C_TYPE_STRING || *p);
}

/* True when the field is not what an absent one would be. */
static bool is_set(const ProtobufCMessage *msg,
                   const ProtobufCFieldDescriptor *f)
{
    if (f->label == PROTOBUF_C_LABEL_REPEATED) {
        size_t n;
        memcpy(&n, member(msg, f->quantifier_offset), sizeof n);
        return n > 0;
    }
    if ((f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0)
        return word_at(msg, f->quantifier_offset) == f->id;
    if (f->type == PROTOBUF_C_TYPE_MESSAGE || f->type == PROTOBUF_C_TYPE_STRING)
        return pointer_is_set(msg, f);
    /* Every other type in PostgreSQL's tree has one word. */
    return word_at(msg, f->offset) != 0;
}

static const struct message_rules *rules_of(const ProtobufCMessage *msg)
{
    for (size_t r = 0; r < n_rules; r++)
        if (RULES[r].is == msg->descriptor)
            return &RULES[r];
    return NULL;
}

enum err_code sql_fields(struct sql_ctx *c, const ProtobufCMessage *msg,
                         int offset)
{
    const struct message_rules *rules = rules_of(msg);
    assert(rules); /* sql_init was called, and the message has a handler */
    for (unsigned i = 0; i < msg->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &msg->descriptor->fields[i];
        if (rules->row[i] != NO_ROW && FIELDS[rules->row[i]].rule >= READ)
            continue;
        if (!is_set(msg, f) || strcmp(f->name, "location") == 0)
            continue;
        if (rules->row[i] != NO_ROW) {
            const struct field *row = &FIELDS[rules->row[i]];
            return sql_refuse(c, (enum refusal)row->rule, offset, row->one,
                              NULL);
        }
        const char *what = arena_printf(c->arena, "%s of %s", f->name,
                                        name_of(msg->descriptor));
        return sql_refuse(c, REFUSAL_CONSTRUCT, offset, what ? what : f->name,
                          NULL);
    }
    return ERR_OK;
}

void sql_places_fill(struct place *places, const char *text, size_t len)
{
    struct place at = { 1, 1 };
    for (size_t i = 0; i < len; i++) {
        const bool continues = ((unsigned char)text[i] & 0xc0) == 0x80;
        if (continues && i > 0) {
            places[i] = places[i - 1];
            continue;
        }
        places[i] = at;
        if (text[i] == '\n')
            at = (struct place){ at.line + 1, 1 };
        else
            at.col++;
    }
    places[len] = at;
}

struct place sql_place(const struct sql_ctx *c, int offset)
{
    const bool inside = offset >= 0 && (size_t)offset <= c->len && c->places;
    return inside ? c->places[offset] : (struct place){ 0, 0 };
}

const ProtobufCMessage *sql_message_of(const PgQuery__Node *n)
{
    /* All members of the union are pointers to messages. */
    if (n->node_case == PG_QUERY__NODE__NODE__NOT_SET)
        return NULL;
    return (const ProtobufCMessage *)n->select_stmt;
}

int sql_offset_of(const PgQuery__Node *n, int otherwise)
{
    const ProtobufCMessage *msg = sql_message_of(n);
    for (unsigned i = 0; msg && i < msg->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &msg->descriptor->fields[i];
        if (f->type == PROTOBUF_C_TYPE_INT32 &&
            strcmp(f->name, "location") == 0)
            return (int)word_at(msg, f->offset);
    }
    return otherwise;
}

const char *sql_string(const PgQuery__Node *n)
{
    return n->node_case == PG_QUERY__NODE__NODE_STRING ? n->string->sval : NULL;
}

enum err_code sql_name(struct sql_ctx *c, const char **out, const char *name,
                       int offset)
{
    const size_t len = strlen(name);
    if (len > SQL_NAME_MAX)
        return sql_refuse(c, REFUSAL_NAME_LENGTH, offset, name, NULL);
    *out = arena_strndup(c->arena, name, len);
    return *out ? ERR_OK : sql_no_memory(c);
}
