/*
 * What the consumer says: errors counted, lines for the log once per change,
 * and whether a broker answers.  For the consumer's thread alone.
 */

#ifndef FLOW_REPORT_H
#define FLOW_REPORT_H

#include <librdkafka/rdkafka.h>

#include "flow_consume.h"


#define FLOW_REPORT_SAID  32


typedef struct {
    const flow_consume_handler_t  *handler;
    void                          *data;

    bool                           told;       /* connected means something */
    bool                           connected;
    bool                           was_connected;
    char                           reason[400];

    /* hashes of lines that need not be said again until connected anew */
    uint64_t                       said[FLOW_REPORT_SAID];
    uint32_t                       said_next;
} flow_report_t;


/* A line for the log; bytes that could disturb a terminal are replaced. */

void flow_report_line(flow_report_t *report, flow_log_e level,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Counts an error by its name. */

void flow_report_count(flow_report_t *report, rd_kafka_resp_err_t error);

/* From librdkafka's error callback: counts, remembers the reason, logs. */

void flow_report_error(flow_report_t *report, rd_kafka_resp_err_t error,
    const char *reason);

/* From librdkafka's log callback; "level" is that of syslog. */

void flow_report_library(flow_report_t *report, int level,
    const char *facility, const char *text);

/* Metadata was asked for, and no broker answered. */

void flow_report_no_answer(flow_report_t *report, rd_kafka_resp_err_t error);

/* Tells whether a broker answers; says so where that is a change. */

void flow_report_connected(flow_report_t *report, bool connected);


#endif /* FLOW_REPORT_H */
