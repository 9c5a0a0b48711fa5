/*
 * Text: strict numbers, decimal output, UTF-8, label escaping, hash, checksum.
 * Any thread may call; nothing here allocates.
 */

#ifndef FLOW_TEXT_H
#define FLOW_TEXT_H

#include "flow_record.h"


/* Longest decimal form of a 64-bit number, without a terminating zero. */

#define FLOW_DECIMAL_MAX  20

/* Room for any label value after flow_text_escape(). */

#define FLOW_ESCAPED_MAX  (2 * FLOW_LABEL_MAX)


/* Writes a sentence, cut where the room ends, as printf() does. */

void flow_error_set(flow_error_t *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Reads an unsigned decimal number: digits only, all of them.  Returns
 * FLOW_OK, or FLOW_DECLINED with the reason: FLOW_REASON_NEGATIVE (a minus
 * before digits), _FRACTIONAL (a JSON number with point or exponent),
 * _OVERFLOW (above 2^64-1), _NOT_NUMBER (all else, the empty string too).
 */

int flow_text_parse_number(flow_str_t text, uint64_t *number,
    flow_reason_e *reason) FLOW_MUST_CHECK;

/*
 * Writes "number" in decimal at "out", which has FLOW_DECIMAL_MAX bytes;
 * returns the number of bytes written.
 */

size_t flow_text_decimal(char *out, uint64_t number);

/*
 * Copies "text" to "out" (FLOW_LABEL_MAX bytes), each byte that is not part
 * of well-formed UTF-8 (RFC 3629) replaced by U+FFFD, cut before the
 * character that does not fit.  Sets *cut and *repaired to what was done;
 * returns the number of bytes written.
 */

size_t flow_text_clean_label(char *out, flow_str_t text, bool *cut,
    bool *repaired);

/*
 * As the Go exporter does with AS names: copies "text" to "out", bytes that
 * are not part of well-formed UTF-8 left out, cut at FLOW_LABEL_MAX bytes at
 * a character; returns the number of bytes written.
 */

size_t flow_text_clean_name(char *out, flow_str_t text);

/*
 * Writes "text" (FLOW_LABEL_MAX bytes at most) at "out" (FLOW_ESCAPED_MAX
 * bytes), with backslash, double quote and line feed escaped as the
 * Prometheus text format 0.0.4 asks for in label values; returns the number
 * of bytes written.
 */

size_t flow_text_escape(char *out, flow_str_t text);

/* Hash for tables in private memory; never stored. */

uint64_t flow_text_hash(flow_str_t text);

/* CRC-32, as zlib and gzip have it. */

uint32_t flow_text_checksum(const char *bytes, size_t len);


#endif /* FLOW_TEXT_H */
