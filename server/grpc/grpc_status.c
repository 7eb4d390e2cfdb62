#include "server/grpc/grpc_status.h"

#include <string.h>

struct grpc_status grpc_status_of(const struct err *err)
{
    const struct err_info *info = err_info_of(err->code);
    return (struct grpc_status){
        .code = info->grpc,
        .message = err->msg,
        .name = info->name,
        .hint = err->hint,
        .line = err->line,
        .col = err->col,
    };
}

void grpc_percent_encode(struct writer *w, const char *text)
{
    static const char hex[] = "0123456789ABCDEF";
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p >= 0x20 && *p <= 0x7e && *p != '%') {
            writer_u8(w, *p);
            continue;
        }
        writer_u8(w, '%');
        writer_u8(w, (uint8_t)hex[*p >> 4]);
        writer_u8(w, (uint8_t)hex[*p & 15]);
    }
}

static int hex_value(char c)
{
    static const char digits[] = "0123456789abcdef";
    if (c >= 'A' && c <= 'F')
        c = (char)(c - 'A' + 'a');
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

size_t grpc_percent_decode(char *out, const char *text, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '%' && len - i > 2) {
            const int hi = hex_value(text[i + 1]), lo = hex_value(text[i + 2]);
            if (hi >= 0 && lo >= 0) {
                out[n++] = (char)(hi << 4 | lo);
                i += 2;
                continue;
            }
        }
        out[n++] = text[i];
    }
    out[n] = '\0';
    return n;
}
