/*
 * flow_consume_check, as for "nginx -t", with any text as a configuration:
 *
 *   brokers, joined by commas
 *   topic ...                         one a line; then an empty line
 *   property value                    one a line
 *
 * What is refused is told in a sentence; no secret is in it; and what is
 * accepted has the form that Kafka wants.
 */

#include <ctype.h>
#include <string.h>

#include "flow_consume.h"
#include "fuzz.h"


#define LINES  64


static char *
next_line(char **rest)
{
    char  *line = strsep(rest, "\n");

    return line == NULL || line[0] == '\0' ? NULL : line;
}


static void
require_topic(const char *name)
{
    size_t  i, len = strlen(name);

    for (i = 0; i < len; i++) {
        require(isalnum((unsigned char) name[i]) || name[i] == '.'
                || name[i] == '_' || name[i] == '-', "a topic's characters");
    }

    require(len > 0 && len <= 249, "a topic's length");
}


static void
require_sentence(const flow_error_t *error)
{
    require(error->text[0] != '\0'
            && memchr(error->text, '\0', sizeof(error->text)) != NULL,
            "a sentence");
}


/* A value that could not stand in a sentence by chance. */

static void
check_property(const flow_property_t *property)
{
    flow_error_t  error;

    memset(&error, 0, sizeof(error));

    if (flow_consume_check_property(property->name, property->value, &error)
        == FLOW_OK)
    {
        return;
    }

    require_sentence(&error);

    if (strstr(property->name, "password") != NULL
        && strlen(property->value) > 12
        && strstr(property->name, property->value) == NULL)
    {
        require(strstr(error.text, property->value) == NULL, "no secret");
    }
}


static void
check(char *rest)
{
    char                  *line;
    uint32_t               i;
    const char            *topics[LINES];
    flow_error_t           error;
    flow_property_t        properties[LINES];
    flow_consumer_conf_t   conf = { "", topics, 0, properties, 0,
                                    "group" };

    memset(&error, 0, sizeof(error));

    line = strsep(&rest, "\n");
    conf.brokers = line;

    while (conf.topic_count < LINES && (line = next_line(&rest)) != NULL) {
        topics[conf.topic_count++] = line;
    }

    while (conf.property_count < LINES && (line = next_line(&rest)) != NULL) {
        flow_property_t  *property = &properties[conf.property_count++];

        property->name = strsep(&line, " ");
        property->value = line == NULL ? "" : line;
        check_property(property);
    }

    if (flow_consume_check(&conf, &error) != FLOW_OK) {
        require_sentence(&error);
        return;
    }

    require(strchr(conf.brokers, ':') != NULL, "a port");

    for (i = 0; i < conf.topic_count; i++) {
        require_topic(topics[i]);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char  *text = malloc(size + 1);

    require(text != NULL, "memory");
    memcpy(text, data, size);
    text[size] = '\0';

    check(text);
    free(text);

    return 0;
}
