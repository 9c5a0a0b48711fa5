/*
 * librdkafka's properties: what the exporter sets, what the user may.  For
 * the consumer alone; the checks for "nginx -t" are in flow_consume.h.
 */

#ifndef FLOW_CONSUME_PROPERTIES_H
#define FLOW_CONSUME_PROPERTIES_H

#include <librdkafka/rdkafka.h>

#include "flow_consume.h"


/*
 * Returns the properties of a consumer, to be given to rd_kafka_new() or to
 * rd_kafka_conf_destroy(); or NULL with a sentence.
 */

rd_kafka_conf_t *flow_consume_properties_create(
    const flow_consumer_conf_t *conf, flow_error_t *error);


#endif /* FLOW_CONSUME_PROPERTIES_H */
