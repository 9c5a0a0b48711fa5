/*
 * AS number -> name, from an MMDB or a text list.
 */

#ifndef FLOW_NAMES_H
#define FLOW_NAMES_H

#include "flow_record.h"


typedef struct flow_names_s  flow_names_t;


/*
 * Tells whether "path" is a file of AS names that can be read: an MMDB
 * that has a name within its first 10000 data records, or a text list whose
 * first entry can be parsed.  Reads no more than that.  For "nginx -t".
 * Returns FLOW_OK or FLOW_ERROR with a sentence that names the path.
 */

int flow_names_check(const char *path, flow_error_t *error) FLOW_MUST_CHECK;

/*
 * Loads all names of the file into private memory and closes it.  MMDB
 * schemas: autonomous_system_number, autonomous_system_organization
 * (GeoLite2-ASN, DB-IP ASN Lite); asn ("AS15169"), as_name or name (IPinfo).
 * Text: one "<number> <name>" a line, as CIDR Report and RIPE publish them;
 * the country code after the last ", " is left out.  Where an AS number comes
 * twice, the first name stands.  Names are cleaned by flow_text_clean_name().
 *
 * Returns NULL with a sentence on failure; flow_names_destroy() frees.
 */

flow_names_t *flow_names_create(const char *path, flow_error_t *error);
void flow_names_destroy(flow_names_t *names);

/*
 * Returns the name, at most FLOW_LABEL_MAX bytes of valid UTF-8, not escaped,
 * valid until flow_names_destroy(); empty for an unknown AS number and where
 * "names" is NULL.
 */

flow_str_t flow_names_find(const flow_names_t *names, uint32_t as_number);

/* Number of AS numbers that have a name; 0 for NULL. */

size_t flow_names_count(const flow_names_t *names);

/*
 * Seconds since the epoch: when an MMDB was built, by its metadata; when a
 * text list was modified; 0 for NULL.
 */

int64_t flow_names_timestamp(const flow_names_t *names);


#endif /* FLOW_NAMES_H */
