#include "server/ledger/pq_params.h"

#include <assert.h>
#include <string.h>

#include "server/base/writer.h"
#include "server/ledger/store.h"

void pq_params_add(struct pq_params *p, unsigned type, const void *data,
                   size_t len)
{
    assert(p->n < PQ_PARAMS_MAX && len <= INT32_MAX);
    p->types[p->n] = type;
    p->values[p->n] = data;
    p->lengths[p->n] = (int)len;
    p->formats[p->n] = 1;
    p->n++;
}

unsigned pq_array_of(unsigned type)
{
    assert(type == PQ_INT8 || type == PQ_TEXT || type == PQ_BYTEA);
    return type == PQ_INT8 ? PQ_INT8S : type == PQ_TEXT ? PQ_TEXTS : PQ_BYTEAS;
}

void pq_params_number(struct pq_params *p, int64_t v)
{
    uint8_t *at = p->numbers[p->n];
    struct writer w = writer_of(at, sizeof p->numbers[0]);
    writer_be64(&w, (uint64_t)v);
    pq_params_add(p, PQ_INT8, at, sizeof p->numbers[0]);
}

void pq_params_value(struct pq_params *p, const struct store_value *v)
{
    if (v->type == 'i') {
        pq_params_number(p, v->number);
        return;
    }
    pq_params_add(p,
                  v->type == 't'   ? PQ_TEXT
                  : v->type == 'b' ? PQ_BYTEA
                                   : 0,
                  v->len ? v->data : "", v->len);
    if (v->type == 'n')
        p->values[p->n - 1] = NULL;
}

bool pq_params_of(struct pq_params *out, const char *types, va_list *ap)
{
    out->n = 0;
    for (; *types; types++) {
        if (*types == 'i') {
            pq_params_number(out, va_arg(*ap, int64_t));
        } else if (*types == 'u') {
            const uint64_t v = va_arg(*ap, uint64_t);
            if (v > INT64_MAX)
                return false;
            pq_params_number(out, (int64_t)v);
        } else if (*types == 't') {
            const char *text = va_arg(*ap, const char *);
            pq_params_add(out, PQ_TEXT, text, strlen(text));
        } else {
            assert(*types == 'b');
            const void *data = va_arg(*ap, const void *);
            const size_t len = va_arg(*ap, size_t);
            if (len > INT32_MAX)
                return false;
            pq_params_add(out, PQ_BYTEA, len ? data : "", len);
        }
    }
    return true;
}

/* No statement has a question mark of another meaning. */
bool pq_text_of(char out[PQ_TEXT_CAP], const char *text)
{
    struct writer w = writer_of(out, PQ_TEXT_CAP);
    unsigned next = 1;
    for (; *text; text++) {
        if (*text != '?')
            writer_u8(&w, (uint8_t)*text);
        else if (text[1] >= '1' && text[1] <= '9')
            writer_u8(&w, '$');
        else
            writer_printf(&w, "$%u", next++);
    }
    return writer_cstr(&w);
}
