#ifndef POLICY_SCALAR_H
#define POLICY_SCALAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What the words of a settings file mean: numbers, durations, sizes, times,
 * names.  Pure functions over NUL-terminated text; each returns false, and
 * leaves *out alone, when the text is not exactly of its form.  None depends on
 * the locale, and none gives NaN or infinity.
 */

/* 12, 1_000_000, 0.5, 1e-6, -3; digits may be grouped by '_'. */
bool scalar_real(double *out, const char *text);

/* A whole number of the same form, exact up to 2^64 - 1 when it is written with
 * digits alone, up to 2^53 otherwise (1e6). */
bool scalar_whole(uint64_t *out, const char *text);

/*
 * "50ms", "1.5 s", "30 days", rounded to the nearest nanosecond; units ns, us,
 * ms, s, min, h, d and their long names.  "0" needs none.  At most 292 years.
 */
bool scalar_duration_ns(uint64_t *out, const char *text);

/* "512 MiB", "4GB", "65536": bytes; powers of 1000 and of 1024. */
bool scalar_bytes(uint64_t *out, const char *text);

/* "2011-03-01" to microseconds since 1970-01-01 UTC; years 1 to 9999. */
bool scalar_date_us(int64_t *out, const char *text);

/* "2011-03-01 12:30:00.5" (T or space, Z allowed, seconds optional), likewise.
 */
bool scalar_timestamp_us(int64_t *out, const char *text);

/* [a-z_][a-z0-9_]*, at most 63 bytes: an SQL identifier that needs no quotes.
 */
bool scalar_is_name(const char *text);

/* The same with '-', '.' and '@', and a digit may come first: ids of datasets,
 * purposes and principals. */
bool scalar_is_id(const char *text);

/* A word PostgreSQL reserves, or a prefix that Halftone or PostgreSQL does. */
bool scalar_is_reserved(const char *name);

/* No control character but line feeds: safe to show on a terminal. */
bool scalar_is_printable(const char *text, size_t len);

#endif
