#ifndef CLI_ERASE_H
#define CLI_ERASE_H

#include "clients/cli/cli.h"

/*
 * A list of whom to erase, as a file: the signed note, an empty line, and what
 * is sealed in lines of base64.
 */
struct erase_list {
    char *note;
    uint8_t *sealed;
    size_t sealed_len;
};

/* From `text`, len bytes and a NUL, which is changed; `path` names it.
 * ERR_INVALID, ERR_LIMIT. */
enum err_code erase_list_parse(struct erase_list *out, char *text, size_t len,
                               const char *path, struct arena *a,
                               struct err *err) MUST_CHECK;

/* The one that the command's word names.  ERR_INVALID, ERR_NOT_FOUND. */
enum err_code erase_list_read(struct erase_list *out, struct cli *cli,
                              struct err *err) MUST_CHECK;

#endif
