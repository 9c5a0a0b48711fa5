/*
 * Step 6: zone -> Prometheus text, version 0.0.4, into the caller's buffers.
 *
 * The place where a full buffer ended is kept in a cursor of named fields, so
 * that a scrape of any size needs one buffer at a time.
 */

#ifndef FLOW_RENDER_H
#define FLOW_RENDER_H

#include "flow_zone.h"


/*
 * No line is longer, the HELP and TYPE before it included; a buffer must have
 * at least this many bytes.
 */

#define FLOW_RENDER_LINE_MAX  4096


/* What a scrape shows beside the zone's content. */

typedef struct {
    flow_str_t  exporter;       /* its name; none of these needs escaping */
    flow_str_t  version;        /* of the module */
    flow_str_t  nginx;          /* version */
    flow_str_t  librdkafka;     /* version */
} flow_render_conf_t;


typedef struct {
    const flow_zone_t         *zone;
    const flow_render_conf_t  *conf;
    bool                       shown;    /* flow series and counters are */
    uint32_t                   metric;   /* row of flow_metrics[] */
    bool                       header;   /* HELP and TYPE of it are written */
    uint32_t                   item;     /* next entry of the row's scope */
    uint32_t                   element;  /* next value of the row's label */
} flow_render_t;


/*
 * Begins a scrape; allocates nothing.  Zone and conf must outlive it.  Where
 * the zone's counters may not be shown ("shown" is false), the scrape has the
 * exporter's own gauges only, and says that it is not ready.
 */

void flow_render_start(flow_render_t *render, const flow_zone_t *zone,
    const flow_render_conf_t *conf, bool shown);

/*
 * Writes whole lines into "buffer" and sets *written.  Returns FLOW_OK when
 * the scrape is complete, FLOW_AGAIN when the buffer is full, or when so many
 * entries were looked at that it is time to serve others (call again with
 * another buffer; *written may be 0), FLOW_ERROR if "size" is less than the
 * next line's length and nothing was written.
 *
 * A family without a line has no HELP and TYPE either.
 */

int flow_render_fill(flow_render_t *render, char *buffer, size_t size,
    size_t *written) FLOW_MUST_CHECK;


#endif /* FLOW_RENDER_H */
