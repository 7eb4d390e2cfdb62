#ifndef CONSENT_ERASE_LOG_H
#define CONSENT_ERASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/err.h"
#include "server/base/writer.h"
#include "server/consent/pseudonym.h"

/*
 * Erasures once more, in a file beside the register (its path and "-erasures"),
 * so that an older copy of the register that is put back forgets none: what
 * stands here and not there is erased again when the register is opened.
 *
 *   pseudonym SP asked SP recorded SP deadline SP population LF
 *
 * A line is on the disk before the erasure is committed: one whose commit then
 * failed is carried out at the next start, as its person asked.  A last line
 * without its end was never told to anybody and is passed over.  Lines are
 * only ever added; nothing in them says whose they are.  Of a shared register
 * each server has a file with all of them: its own before they are committed,
 * others' when it follows.
 */
struct erase_line {
    struct pseudonym who;
    int64_t asked_us, recorded_us, deadline_us;
    const char *population; /* up to the end of the line; borrowed */
    size_t population_len;
};

/* A line without its LF.  False: it is none. */
bool erase_line_parse(struct erase_line *out, const char *text, size_t len);
void erase_line_print(struct writer *w, const struct erase_line *l);

struct consent;
/*
 * Opens the file, made when absent, and erases whoever stands in it and not in
 * the register; erasures of a register that has no such file are put into it.
 *
 * ERR_NOT_FOUND    it cannot be opened
 * ERR_INTERNAL     a line is damaged
 * ERR_UNAVAILABLE  the register cannot be written
 */
enum err_code erase_log_open(struct consent *c, struct err *err) MUST_CHECK;
void erase_log_close(struct consent *c);
/* Those of the register that are newer than the newest line: in a transaction;
 * nothing before erase_log_open.  False: they may not be on the disk. */
bool erase_log_fill(struct consent *c);
/* The line is on the disk.  False: it may not be. */
bool erase_log_add(struct consent *c, const struct erase_line *l);

#endif
