/*
 * A Kafka broker on loopback for tests and demo: librdkafka's mock cluster,
 * told what to do over a control port.
 *
 *   flow_broker [--brokers N] [--parent] --control PORT
 *
 * PORT 0 takes any free port.  When ready it prints one line,
 *
 *   bootstrap 127.0.0.1:PORT,... control PORT
 *
 * and serves commands on the control port of 127.0.0.1, from any number of
 * connections: one a line, each answered by one line "ok ..." or
 * "error SENTENCE".
 *
 *   topic NAME PARTITIONS          creates a topic
 *   produce TOPIC PARTITION COUNT  then COUNT times "LENGTH\n" and LENGTH
 *                                  bytes, nothing after them (-1: null
 *                                  value); when the broker has them all:
 *                                  ok FIRST-OFFSET NEXT-OFFSET
 *   down ID|all   up ID|all        refuses connections, accepts them; 1 ...
 *   leader TOPIC PARTITION ID      moves a partition, -1: nowhere
 *   error TOPIC NAME|CODE          metadata of the topic fails; 0 ends that
 *   push-error APIKEY NAME|CODE COUNT   the next COUNT requests fail
 *   quit
 *
 * The mock keeps about 5 MB or 100,000 messages a partition and drops the
 * oldest.  It makes a topic that a client asks for (4 partitions); one that
 * is created later is therefore played by "topic", "error TOPIC
 * UNKNOWN_TOPIC_OR_PART", and "error TOPIC 0" when its time has come.
 *
 * Ends on quit, SIGTERM, SIGINT, and with --parent when the process that
 * started it dies.  Exit status: 0 ended so, 1 could not start or go on,
 * 2 wrong arguments.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>


#define BROKER_CONNECTIONS  64
#define BROKER_INPUT        (4 * 1024 * 1024)
#define BROKER_VALUE_MAX    900000


/* The messages of one "produce" until the last is acknowledged. */

typedef struct {
    struct connection_s  *connection;   /* NULL: it went away */
    rd_kafka_topic_t     *topic;
    int32_t               partition;
    long                  to_read;
    long                  to_deliver;
    int64_t               first;        /* -1: none yet */
    int64_t               next;
    rd_kafka_resp_err_t   error;
} produce_t;


typedef struct connection_s {
    int         descriptor;             /* -1: free */
    char       *input;
    size_t      length;
    produce_t  *produce;                /* no other command before its end */
} connection_t;


static volatile sig_atomic_t     broker_end;
static rd_kafka_t               *broker_kafka;
static rd_kafka_mock_cluster_t  *broker_cluster;
static connection_t              broker_connections[BROKER_CONNECTIONS];


static void
broker_signal(int number)
{
    broker_end = number;
}


static void broker_produced(produce_t *produce);


static void
broker_close(connection_t *connection)
{
    if (connection->produce != NULL) {
        connection->produce->connection = NULL;
        broker_produced(connection->produce);
        connection->produce = NULL;
    }

    close(connection->descriptor);
    connection->descriptor = -1;
    connection->length = 0;
}


__attribute__((format(printf, 2, 3)))
static void
broker_reply(connection_t *connection, const char *format, ...)
{
    int      length;
    char     line[512];
    va_list  args;

    va_start(args, format);
    length = vsnprintf(line, sizeof(line) - 1, format, args);
    va_end(args);

    if (length > (int) sizeof(line) - 2) {
        length = (int) sizeof(line) - 2;
    }

    line[length++] = '\n';

    /* a reply is short: a peer that leaves no room for it is given up */

    if (send(connection->descriptor, line, (size_t) length, MSG_NOSIGNAL)
        != length)
    {
        shutdown(connection->descriptor, SHUT_RDWR);
    }
}


static void
broker_reply_result(connection_t *connection, rd_kafka_resp_err_t error)
{
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        broker_reply(connection, "ok");

    } else {
        broker_reply(connection, "error %s", rd_kafka_err2str(error));
    }
}


/* The end of a "produce": all read and all acknowledged, or given up. */

static void
broker_produced(produce_t *produce)
{
    connection_t  *connection = produce->connection;

    if ((connection != NULL && produce->to_read != 0)
        || produce->to_deliver != 0)
    {
        return;
    }

    if (connection != NULL) {
        connection->produce = NULL;

        if (produce->error != RD_KAFKA_RESP_ERR_NO_ERROR) {
            broker_reply_result(connection, produce->error);

        } else {
            broker_reply(connection, "ok %" PRId64 " %" PRId64,
                         produce->first, produce->next);
        }
    }

    rd_kafka_topic_destroy(produce->topic);
    free(produce);
}


static void
broker_delivered(rd_kafka_t *kafka, const rd_kafka_message_t *message,
    void *data)
{
    produce_t  *produce = message->_private;

    (void) kafka;
    (void) data;

    produce->to_deliver--;

    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        produce->error = message->err;

    } else {
        if (produce->first == -1) {
            produce->first = message->offset;
        }

        produce->next = message->offset + 1;
    }

    broker_produced(produce);
}


/* An error by its name or number; false if there is none such. */

static bool
broker_error(const char *word, rd_kafka_resp_err_t *error)
{
    char                            *end;
    long                             code;
    size_t                           i, count;
    const struct rd_kafka_err_desc  *table;

    code = strtol(word, &end, 10);

    if (*word != '\0' && *end == '\0') {
        *error = (rd_kafka_resp_err_t) code;
        return true;
    }

    rd_kafka_get_err_descs(&table, &count);

    for (i = 0; i < count; i++) {
        if (table[i].name != NULL && strcmp(table[i].name, word) == 0) {
            *error = table[i].code;
            return true;
        }
    }

    return false;
}


static void
broker_begin_produce(connection_t *connection, const char *topic,
    int32_t partition, long count)
{
    produce_t  *produce;

    if (count <= 0) {
        broker_reply(connection, "error COUNT must be at least 1");
        return;
    }

    produce = calloc(1, sizeof(produce_t));

    if (produce != NULL) {
        produce->topic = rd_kafka_topic_new(broker_kafka, topic, NULL);
    }

    if (produce == NULL || produce->topic == NULL) {
        free(produce);
        broker_reply(connection, "error cannot use topic \"%s\"", topic);
        return;
    }

    produce->connection = connection;
    produce->partition = partition;
    produce->to_read = count;
    produce->first = -1;

    connection->produce = produce;
}


static void
broker_push_errors(connection_t *connection, int16_t key,
    rd_kafka_resp_err_t error, long count)
{
    long  i;

    for (i = 0; i < count; i++) {
        rd_kafka_mock_push_request_errors_array(broker_cluster, key, 1,
                                                &error);
    }

    broker_reply(connection, "ok");
}


static void
broker_command(connection_t *connection, char *line)
{
    int                   words;
    char                  command[32], name[256], word[256];
    long                  last;
    int32_t               id, number;
    rd_kafka_resp_err_t   error;

    words = sscanf(line, "%31s %255s %255s %ld", command, name, word, &last);
    number = words >= 3 ? (int32_t) strtol(word, NULL, 10) : 0;

    if (words == 3 && strcmp(command, "topic") == 0) {
        broker_reply_result(connection,
            rd_kafka_mock_topic_create(broker_cluster, name, number, 1));

    } else if (words == 4 && strcmp(command, "produce") == 0) {
        broker_begin_produce(connection, name, number, last);

    } else if (words == 2 && (strcmp(command, "down") == 0
                              || strcmp(command, "up") == 0))
    {
        id = strcmp(name, "all") == 0 ? -1 : (int32_t) strtol(name, NULL, 10);

        broker_reply_result(connection, command[0] == 'd'
            ? rd_kafka_mock_broker_set_down(broker_cluster, id)
            : rd_kafka_mock_broker_set_up(broker_cluster, id));

    } else if (words == 4 && strcmp(command, "leader") == 0) {
        broker_reply_result(connection,
            rd_kafka_mock_partition_set_leader(broker_cluster, name, number,
                                               (int32_t) last));

    } else if (words == 3 && strcmp(command, "error") == 0
               && broker_error(word, &error))
    {
        rd_kafka_mock_topic_set_error(broker_cluster, name, error);
        broker_reply(connection, "ok");

    } else if (words == 4 && strcmp(command, "push-error") == 0
               && broker_error(word, &error))
    {
        broker_push_errors(connection, (int16_t) strtol(name, NULL, 10),
                           error, last);

    } else if (words == 1 && strcmp(command, "quit") == 0) {
        broker_reply(connection, "ok");
        broker_end = SIGTERM;

    } else {
        broker_reply(connection, "error unknown command or wrong arguments: "
                     "%.200s", line);
    }
}


/*
 * The line before a message: its length, -1 for a null value.  Returns the
 * bytes that the line takes, 0 if it is not whole yet, -1 if it is wrong.
 */

static ssize_t
broker_header(const char *input, size_t length, long *size)
{
    char         digits[16], *end;
    size_t       header;
    const char  *feed;

    feed = memchr(input, '\n', length);
    header = feed == NULL ? length : (size_t) (feed - input);

    if (header >= sizeof(digits)) {
        return -1;
    }

    if (feed == NULL) {
        return 0;
    }

    memcpy(digits, input, header);
    digits[header] = '\0';

    *size = strtol(digits, &end, 10);

    if (end == digits || *end != '\0' || *size < -1
        || *size > BROKER_VALUE_MAX)
    {
        return -1;
    }

    return (ssize_t) header + 1;
}


/*
 * One message of a "produce" out of the input.  Returns the bytes taken, 0 if
 * it is not whole yet or librdkafka has no room, -1 if it is no message.
 */

static ssize_t
broker_message(produce_t *produce, const char *input, size_t length)
{
    long      size;
    void     *value = NULL;
    size_t    value_length = 0;
    ssize_t   header;

    header = broker_header(input, length, &size);

    if (header <= 0) {
        return header;
    }

    /* an empty value has a pointer, a null value has none */

    if (size >= 0) {
        value = (void *) (input + header);
        value_length = (size_t) size;
    }

    if (length - (size_t) header < value_length) {
        return 0;
    }

    if (rd_kafka_produce(produce->topic, produce->partition,
                         RD_KAFKA_MSG_F_COPY, value, value_length, NULL, 0,
                         produce)
        == 0)
    {
        produce->to_deliver++;

    } else if (rd_kafka_last_error() == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        return 0;

    } else {
        produce->error = rd_kafka_last_error();
    }

    produce->to_read--;

    return header + (ssize_t) value_length;
}


/* Takes what the input of a connection has whole; -1 closes it. */

static int
broker_take(connection_t *connection)
{
    char     *feed;
    size_t    taken = 0;
    ssize_t   size = 0;

    while (connection->length > taken) {

        if (connection->produce != NULL && connection->produce->to_read == 0) {
            break;
        }

        if (connection->produce != NULL) {
            size = broker_message(connection->produce,
                                  connection->input + taken,
                                  connection->length - taken);
            if (size <= 0) {
                break;
            }

            taken += (size_t) size;
            broker_produced(connection->produce);
            continue;
        }

        feed = memchr(connection->input + taken, '\n',
                      connection->length - taken);

        if (feed == NULL) {
            break;
        }

        *feed = '\0';
        broker_command(connection, connection->input + taken);
        taken = (size_t) (feed + 1 - connection->input);
    }

    memmove(connection->input, connection->input + taken,
            connection->length - taken);
    connection->length -= taken;

    if (size == -1) {
        broker_reply(connection, "error no message where one was expected");
    }

    return size == -1 ? -1 : 0;
}


static void
broker_read(connection_t *connection)
{
    ssize_t  size;

    if (connection->length < BROKER_INPUT) {
        size = recv(connection->descriptor,
                    connection->input + connection->length,
                    BROKER_INPUT - connection->length, MSG_DONTWAIT);

        if (size == 0 || (size == -1 && errno != EAGAIN && errno != EINTR)) {
            broker_close(connection);
            return;
        }

        if (size > 0) {
            connection->length += (size_t) size;
        }
    }

    if (broker_take(connection) == -1) {
        broker_close(connection);
    }
}


static void
broker_accept(int listener)
{
    int     descriptor;
    size_t  i;

    descriptor = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

    for (i = 0; i < BROKER_CONNECTIONS && descriptor != -1; i++) {
        if (broker_connections[i].descriptor != -1) {
            continue;
        }

        if (broker_connections[i].input == NULL) {
            broker_connections[i].input = malloc(BROKER_INPUT);
        }

        if (broker_connections[i].input == NULL) {
            break;
        }

        broker_connections[i].descriptor = descriptor;
        return;
    }

    if (descriptor != -1) {
        close(descriptor);
    }
}


static void
broker_serve(int listener, int wake)
{
    int            room;
    char           bytes[64];
    size_t         i;
    connection_t  *connection;
    struct pollfd  polls[BROKER_CONNECTIONS + 2];

    while (broker_end == 0) {

        polls[0] = (struct pollfd) { .fd = listener, .events = POLLIN };
        polls[1] = (struct pollfd) { .fd = wake, .events = POLLIN };

        for (i = 0; i < BROKER_CONNECTIONS; i++) {
            connection = &broker_connections[i];
            room = connection->length < BROKER_INPUT;
            polls[i + 2] = (struct pollfd) { .fd = connection->descriptor,
                                             .events = room ? POLLIN : 0 };
        }

        /* the bound covers an input that waits for room in librdkafka */

        if (poll(polls, BROKER_CONNECTIONS + 2, 50) == -1 && errno != EINTR) {
            break;
        }

        if (polls[1].revents != 0) {
            (void) !read(wake, bytes, sizeof(bytes));
        }

        rd_kafka_poll(broker_kafka, 0);

        for (i = 0; i < BROKER_CONNECTIONS; i++) {
            connection = &broker_connections[i];

            if (connection->descriptor != -1
                && (polls[i + 2].revents != 0 || connection->length != 0))
            {
                broker_read(connection);
            }
        }

        if (polls[0].revents != 0) {
            broker_accept(listener);
        }
    }
}


/* Returns the descriptor and sets *port, or -1 with errno. */

static int
broker_listen(uint16_t *port)
{
    int                 descriptor, on = 1;
    socklen_t           length;
    struct sockaddr_in  address = { .sin_family = AF_INET };

    address.sin_port = htons(*port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    length = sizeof(address);

    descriptor = socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, 0);

    if (descriptor == -1
        || setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on))
        || bind(descriptor, (struct sockaddr *) &address, length)
        || listen(descriptor, BROKER_CONNECTIONS)
        || getsockname(descriptor, (struct sockaddr *) &address, &length))
    {
        return -1;
    }

    *port = ntohs(address.sin_port);

    return descriptor;
}


/* The producer keeps order and waits for nothing but the acknowledgement. */

static bool
broker_start(const char *brokers)
{
    bool              set = true;
    size_t            i;
    char              text[512];
    rd_kafka_conf_t  *conf = rd_kafka_conf_new();

    const char *const  properties[][2] = {
        { "test.mock.num.brokers", brokers },
        { "acks", "all" },
        { "linger.ms", "1" },
        { "max.in.flight", "1" },
        { "message.timeout.ms", "60000" },
        { "reconnect.backoff.ms", "20" },
        { "reconnect.backoff.max.ms", "200" },
        { "queue.buffering.max.messages", "200000" },
        { "queue.buffering.max.kbytes", "65536" },
        { "log_level", "0" }
    };

    for (i = 0; set && i < sizeof(properties) / sizeof(properties[0]); i++) {
        set = rd_kafka_conf_set(conf, properties[i][0], properties[i][1],
                                text, sizeof(text)) == RD_KAFKA_CONF_OK;
    }

    rd_kafka_conf_set_dr_msg_cb(conf, broker_delivered);

    if (set) {
        broker_kafka = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text,
                                    sizeof(text));
    }

    if (broker_kafka == NULL) {
        fprintf(stderr, "flow_broker: %s\n", text);
        return false;
    }

    broker_cluster = rd_kafka_handle_mock_cluster(broker_kafka);

    return true;
}


static int
broker_run(const char *brokers, uint16_t port)
{
    int                  listener, wake[2];
    size_t               i;
    rd_kafka_queue_t    *queue;

    listener = broker_listen(&port);

    if (listener == -1) {
        fprintf(stderr, "flow_broker: cannot listen on 127.0.0.1:%u: %s\n",
                port, strerror(errno));
        return 1;
    }

    if (pipe2(wake, O_CLOEXEC|O_NONBLOCK) == -1 || !broker_start(brokers)) {
        return 1;
    }

    queue = rd_kafka_queue_get_main(broker_kafka);
    rd_kafka_queue_io_event_enable(queue, wake[1], "1", 1);

    for (i = 0; i < BROKER_CONNECTIONS; i++) {
        broker_connections[i].descriptor = -1;
    }

    printf("bootstrap %s control %u\n",
           rd_kafka_mock_cluster_bootstraps(broker_cluster), port);
    fflush(stdout);

    broker_serve(listener, wake[0]);

    for (i = 0; i < BROKER_CONNECTIONS; i++) {
        if (broker_connections[i].descriptor != -1) {
            broker_close(&broker_connections[i]);
        }

        free(broker_connections[i].input);
    }

    rd_kafka_purge(broker_kafka, RD_KAFKA_PURGE_F_QUEUE
                                 |RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_flush(broker_kafka, 1000);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(broker_kafka);

    return 0;
}


int
main(int argc, char **argv)
{
    int                i;
    long               port = -1;
    bool               parent = false;
    pid_t              starter = getppid();
    char              *end;
    const char        *brokers = "1";
    struct sigaction   action = { .sa_handler = broker_signal };

    for (i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--parent") == 0) {
            parent = true;

        } else if (strcmp(argv[i], "--brokers") == 0 && i + 1 < argc) {
            brokers = argv[++i];

        } else if (strcmp(argv[i], "--control") == 0 && i + 1 < argc) {
            port = strtol(argv[++i], &end, 10);
            port = *end == '\0' ? port : -1;

        } else {
            break;
        }
    }

    if (i != argc || port < 0 || port > 65535) {
        fprintf(stderr, "usage: flow_broker [--brokers N] [--parent] "
                "--control PORT\n");
        return 2;
    }

    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);

    if (parent && (prctl(PR_SET_PDEATHSIG, SIGTERM) == -1
                   || getppid() != starter))
    {
        fprintf(stderr, "flow_broker: the process that started it is gone\n");
        return 1;
    }

    return broker_run(brokers, (uint16_t) port);
}
