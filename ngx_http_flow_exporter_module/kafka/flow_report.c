/*
 * Step 0, its voice: librdkafka repeats itself at each attempt; here it is
 * made into one line per change.
 */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "flow_text.h"
#include "flow_report.h"


/* The first librdkafka that logs in to Kafka 4 by SCRAM. */

#define FLOW_REPORT_SCRAM  0x02060100


static void flow_report_hint(rd_kafka_resp_err_t error, char *text,
    size_t size);
static void flow_report_once(flow_report_t *report, flow_log_e level,
    const char *text);


void
flow_report_line(flow_report_t *report, flow_log_e level, const char *format,
    ...)
{
    char     line[1024], *p;
    va_list  args;

    va_start(args, format);
    (void) vsnprintf(line, sizeof(line), format, args);
    va_end(args);

    for (p = line; *p != '\0'; p++) {
        if ((unsigned char) *p < ' ' || *p == 0x7f) {
            *p = '?';
        }
    }

    report->handler->log(report->data, level, line);
}


void
flow_report_count(flow_report_t *report, rd_kafka_resp_err_t error)
{
    report->handler->error(report->data, rd_kafka_err2name(error));
}


void
flow_report_error(flow_report_t *report, rd_kafka_resp_err_t error,
    const char *reason)
{
    char        text[sizeof(report->reason)], *changing;
    flow_log_e  level = FLOW_LOG_ERROR;

    flow_report_count(report, error);

    if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        flow_report_connected(report, false);
        return;
    }

    (void) snprintf(text, sizeof(text), "%s", reason);

    /* "(after 3ms in state CONNECT)" makes equal lines unequal */

    changing = strstr(text, " (after ");

    if (changing != NULL) {
        *changing = '\0';
    }

    flow_report_hint(error, text, sizeof(text));

    switch (error) {
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
        level = FLOW_LOG_INFO;
        /* fall through */

    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
        memcpy(report->reason, text, sizeof(text));
        break;

    case RD_KAFKA_RESP_ERR__FATAL:
    case RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
        break;

    default:
        level = FLOW_LOG_INFO;
        break;
    }

    flow_report_once(report, level, text);
}


/*
 * What older versions send as the nonce, earlier Kafkas let pass; what Kafka
 * says of it is that the credentials are wrong.
 */

static void
flow_report_hint(rd_kafka_resp_err_t error, char *text, size_t size)
{
    size_t  length = strlen(text);

    if (error == RD_KAFKA_RESP_ERR__AUTHENTICATION
        && rd_kafka_version() < FLOW_REPORT_SCRAM
        && strstr(text, "SCRAM") != NULL)
    {
        (void) snprintf(text + length, size - length, " (for SCRAM, Kafka 4 "
                        "needs librdkafka 2.6.1, and this is %s)",
                        rd_kafka_version_str());
    }
}


void
flow_report_library(flow_report_t *report, int level, const char *facility,
    const char *text)
{
    flow_log_e  own;

    if (level >= LOG_DEBUG) {
        flow_report_line(report, FLOW_LOG_DEBUG, "kafka: %s: %s", facility,
                         text);
        return;
    }

    /* the error callback and the metadata say the same */

    if (strcmp(facility, "FAIL") == 0 || strcmp(facility, "PARTCNT") == 0) {
        return;
    }

    own = level <= LOG_ERR ? FLOW_LOG_ERROR
          : level == LOG_WARNING ? FLOW_LOG_WARNING
          : level == LOG_NOTICE ? FLOW_LOG_NOTICE : FLOW_LOG_INFO;

    flow_report_once(report, own, text);
}


static void
flow_report_once(flow_report_t *report, flow_log_e level, const char *text)
{
    uint32_t    i;
    uint64_t    hash;
    flow_str_t  whole;

    whole.data = text;
    whole.len = strlen(text);

    hash = flow_text_hash(whole);

    for (i = 0; i < FLOW_REPORT_SAID; i++) {
        if (report->said[i] == hash) {
            return;
        }
    }

    report->said[report->said_next] = hash;
    report->said_next = (report->said_next + 1) % FLOW_REPORT_SAID;

    flow_report_line(report, level, "kafka: %s", text);
}


void
flow_report_no_answer(flow_report_t *report, rd_kafka_resp_err_t error)
{
    flow_report_count(report, error);

    /* what the last connection died of says more */

    if (report->reason[0] == '\0') {
        (void) snprintf(report->reason, sizeof(report->reason), "%s",
                        rd_kafka_err2str(error));
    }

    flow_report_connected(report, false);
}


void
flow_report_connected(flow_report_t *report, bool connected)
{
    if (report->told && report->connected == connected) {
        return;
    }

    report->told = true;
    report->connected = connected;

    if (connected) {
        flow_report_line(report, FLOW_LOG_NOTICE, "kafka: connected%s",
                         report->was_connected ? " again" : "");
        report->was_connected = true;
        report->reason[0] = '\0';
        memset(report->said, 0, sizeof(report->said));

    } else {
        flow_report_line(report, FLOW_LOG_ERROR,
                         "kafka: no broker answers%s%s",
                         report->reason[0] == '\0' ? "" : ": ",
                         report->reason);
    }

    report->handler->connected(report->data, connected);
}
