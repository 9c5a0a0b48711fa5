/*
 * Questions to Kafka that have to be waited for.  For the control thread
 * alone.
 */

#ifndef FLOW_QUERY_H
#define FLOW_QUERY_H

#include "flow_control.h"


/*
 * Does jobs, linked by "next", and fills in their answers: one stop, or any
 * number of questions, which are asked at once.  A broker answers behind a
 * fetch that it holds back for up to half a second, so that one after another
 * they would take minutes.  Waits up to about nine seconds.
 */

void flow_query_jobs(rd_kafka_t *kafka, rd_kafka_topic_t *const *topics,
    flow_job_t *jobs);

/*
 * Wakes librdkafka's threads of the brokers that lead the partitions: each is
 * asked something, and the answers do not matter.  Waits up to a tenth of a
 * second.
 */

void flow_query_wake(rd_kafka_t *kafka,
    rd_kafka_topic_partition_list_t *partitions);

/*
 * Asks for metadata of a topic, waiting up to two seconds.  Returns an error
 * if no broker answered.
 */

rd_kafka_resp_err_t flow_query_topic(rd_kafka_t *kafka,
    rd_kafka_topic_t *topic, flow_control_topic_t *answer);


/*
 * Whose brokers these are, as the last metadata told, in FLOW_CONSUME_CLUSTER
 * bytes; false: not told, or no id of that length.  Does not wait.
 */

bool flow_query_cluster(rd_kafka_t *kafka, char *id);


#endif /* FLOW_QUERY_H */
