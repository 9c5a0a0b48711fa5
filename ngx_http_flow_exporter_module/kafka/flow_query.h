/*
 * Questions to Kafka that have to be waited for.  For the control thread
 * alone.
 */

#ifndef FLOW_QUERY_H
#define FLOW_QUERY_H

#include "flow_control.h"


/* Does a job; fills in its answer.  Waits up to about six seconds. */

void flow_query_job(rd_kafka_t *kafka, rd_kafka_topic_t *topic,
    flow_job_t *job);

/*
 * Asks for metadata of a topic, waiting up to two seconds.  Returns an error
 * if no broker answered.
 */

rd_kafka_resp_err_t flow_query_topic(rd_kafka_t *kafka,
    rd_kafka_topic_t *topic, flow_control_topic_t *answer);


#endif /* FLOW_QUERY_H */
