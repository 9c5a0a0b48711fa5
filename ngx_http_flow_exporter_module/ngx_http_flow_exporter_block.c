/*
 * A "flow_exporter" block: its name, its directives one after another, and at
 * its end what belongs together.  Whatever is wrong is told by "nginx -t",
 * with file and line.
 */

#include "ngx_http_flow_exporter_conf.h"


#define NGX_HTTP_FLOW_EXPORTER_ZONE_DEFAULT    (32 * 1024 * 1024)
#define NGX_HTTP_FLOW_EXPORTER_COMMIT_DEFAULT  1000     /* ms */

#define NGX_HTTP_FLOW_EXPORTER_NAME_MAX      32


static ngx_http_flow_exporter_t *ngx_http_flow_exporter_create(ngx_conf_t *cf,
    ngx_http_flow_exporter_main_conf_t *fmcf);
static ngx_int_t ngx_http_flow_exporter_check_name(ngx_conf_t *cf,
    ngx_http_flow_exporter_main_conf_t *fmcf, ngx_str_t *name);
static char *ngx_http_flow_exporter_directive(ngx_conf_t *cf,
    ngx_command_t *dummy, void *conf);
static ngx_command_t *ngx_http_flow_exporter_find_directive(ngx_str_t *name);
static ngx_uint_t ngx_http_flow_exporter_check_arguments(ngx_command_t *cmd,
    ngx_uint_t n);
static ngx_int_t ngx_http_flow_exporter_complete(ngx_conf_t *cf,
    ngx_http_flow_exporter_t *exporter);
static ngx_int_t ngx_http_flow_exporter_complete_consumer(ngx_conf_t *cf,
    ngx_http_flow_exporter_conf_t *fecf);
static const char *ngx_http_flow_exporter_join_brokers(ngx_conf_t *cf,
    ngx_array_t *brokers);
static ngx_int_t ngx_http_flow_exporter_complete_pipeline(ngx_conf_t *cf,
    ngx_http_flow_exporter_t *exporter);
static int ngx_libc_cdecl ngx_http_flow_exporter_compare_partitions(
    const void *one, const void *two);


char *
ngx_http_flow_exporter_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_flow_exporter_main_conf_t *fmcf = conf;

    char                       *rv;
    ngx_conf_t                  save;
    ngx_http_flow_exporter_t   *exporter, **slot;

    exporter = ngx_http_flow_exporter_create(cf, fmcf);
    if (exporter == NULL) {
        return NGX_CONF_ERROR;
    }

    slot = ngx_array_push(&fmcf->exporters);
    if (slot == NULL) {
        return NGX_CONF_ERROR;
    }

    *slot = exporter;

    save = *cf;
    cf->handler = ngx_http_flow_exporter_directive;
    cf->handler_conf = (void *) exporter;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (ngx_http_flow_exporter_complete(cf, exporter) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_http_flow_exporter_t *
ngx_http_flow_exporter_create(ngx_conf_t *cf,
    ngx_http_flow_exporter_main_conf_t *fmcf)
{
    ngx_str_t                      *value;
    ngx_http_flow_exporter_t       *exporter;
    ngx_http_flow_exporter_conf_t  *fecf;

    exporter = ngx_pcalloc(cf->pool, sizeof(ngx_http_flow_exporter_t));
    fecf = ngx_pcalloc(cf->pool, sizeof(ngx_http_flow_exporter_conf_t));

    if (exporter == NULL || fecf == NULL) {
        return NULL;
    }

    exporter->conf = fecf;

    if (cf->args->nelts == 2) {
        value = cf->args->elts;
        exporter->name = value[1];

    } else {
        ngx_str_set(&exporter->name, "default");
    }

    if (ngx_http_flow_exporter_check_name(cf, fmcf, &exporter->name)
        != NGX_OK)
    {
        return NULL;
    }

    if (ngx_array_init(&fecf->brokers, cf->pool, 4, sizeof(ngx_str_t))
        != NGX_OK
        || ngx_array_init(&fecf->topics, cf->pool, 4, sizeof(ngx_str_t))
           != NGX_OK
        || ngx_array_init(&fecf->partitions, cf->pool, 4, sizeof(int32_t))
           != NGX_OK
        || ngx_array_init(&fecf->properties, cf->pool, 4,
                          sizeof(flow_property_t))
           != NGX_OK
        || ngx_array_init(&fecf->own, cf->pool, 4, sizeof(uint32_t))
           != NGX_OK)
    {
        return NULL;
    }

    fecf->zone_size = NGX_HTTP_FLOW_EXPORTER_ZONE_DEFAULT;
    fecf->file = cf->conf_file->file.name;
    fecf->line = cf->conf_file->line;
    fecf->commit = NGX_HTTP_FLOW_EXPORTER_COMMIT_DEFAULT;

    return exporter;
}


/* The name becomes a label, a file's name and part of the zone's name. */

static ngx_int_t
ngx_http_flow_exporter_check_name(ngx_conf_t *cf,
    ngx_http_flow_exporter_main_conf_t *fmcf, ngx_str_t *name)
{
    ngx_uint_t                  i;
    ngx_http_flow_exporter_t  **exporters;

    for (i = 0; i < name->len; i++) {
        if ((name->data[i] < 'a' || name->data[i] > 'z')
            && (name->data[i] < '0' || name->data[i] > '9')
            && name->data[i] != '_' && name->data[i] != '-')
        {
            break;
        }
    }

    if (i != name->len
        || name->len == 0
        || name->len > NGX_HTTP_FLOW_EXPORTER_NAME_MAX)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid flow exporter name \"%V\", it must be "
                           "1 to %d characters of \"a-z0-9_-\"",
                           name, NGX_HTTP_FLOW_EXPORTER_NAME_MAX);
        return NGX_ERROR;
    }

    exporters = fmcf->exporters.elts;

    for (i = 0; i < fmcf->exporters.nelts; i++) {
        if (exporters[i]->name.len == name->len
            && ngx_memcmp(exporters[i]->name.data, name->data, name->len)
               == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate flow exporter \"%V\"", name);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* Does for the directives of a block what ngx_conf_handler() does. */

static char *
ngx_http_flow_exporter_directive(ngx_conf_t *cf, ngx_command_t *dummy,
    void *conf)
{
    ngx_http_flow_exporter_t *exporter = conf;

    char                           *rv;
    ngx_str_t                      *value;
    ngx_command_t                  *cmd;
    ngx_http_flow_exporter_conf_t  *fecf;

    fecf = exporter->conf;
    value = cf->args->elts;

    cmd = ngx_http_flow_exporter_find_directive(&value[0]);

    if (cmd == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "unknown directive \"%V\"",
                           &value[0]);
        return NGX_CONF_ERROR;
    }

    if (!ngx_http_flow_exporter_check_arguments(cmd, cf->args->nelts - 1)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid number of arguments in \"%V\" directive",
                           &value[0]);
        return NGX_CONF_ERROR;
    }

    rv = (fecf->seen & cmd->offset) ? "is duplicate"
                                    : cmd->set(cf, cmd, fecf);

    fecf->seen |= cmd->offset;

    if (rv == NGX_CONF_OK || rv == NGX_CONF_ERROR) {
        return rv;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" directive %s",
                       &value[0], rv);

    return NGX_CONF_ERROR;
}


static ngx_command_t *
ngx_http_flow_exporter_find_directive(ngx_str_t *name)
{
    ngx_command_t  *cmd;

    for (cmd = ngx_http_flow_exporter_block_commands; cmd->name.len; cmd++) {
        if (cmd->name.len == name->len
            && ngx_strcmp(cmd->name.data, name->data) == 0)
        {
            return cmd;
        }
    }

    return NULL;
}


static ngx_uint_t
ngx_http_flow_exporter_check_arguments(ngx_command_t *cmd, ngx_uint_t n)
{
    if (cmd->type & NGX_CONF_1MORE) {
        return n >= 1;
    }

    return n == ((cmd->type & NGX_CONF_TAKE3) ? 3
                 : (cmd->type & NGX_CONF_TAKE2) ? 2 : 1);
}


/* The block has ended: what is missing, and what belongs together. */

static ngx_int_t
ngx_http_flow_exporter_complete(ngx_conf_t *cf,
    ngx_http_flow_exporter_t *exporter)
{
    uint32_t                       *own;
    ngx_http_flow_exporter_conf_t  *fecf;

    fecf = exporter->conf;

    if (fecf->brokers.nelts == 0 || fecf->topics.nelts == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no \"%s\" in flow exporter \"%V\"",
                           fecf->brokers.nelts == 0 ? "brokers" : "topic",
                           &exporter->name);
        return NGX_ERROR;
    }

    if (fecf->own.nelts == 0) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "no \"asn\" in flow exporter \"%V\", "
                           "AS 0 is taken as its own", &exporter->name);

        own = ngx_array_push(&fecf->own);
        if (own == NULL) {
            return NGX_ERROR;
        }

        *own = 0;
    }

    if (fecf->assign.start.policy == FLOW_START_COMMITTED
        && fecf->assign.consumer.group == NULL)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"start committed\" without \"group\" in flow "
                           "exporter \"%V\"", &exporter->name);
        return NGX_ERROR;
    }

    if (ngx_http_flow_exporter_complete_consumer(cf, fecf) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_flow_exporter_complete_pipeline(cf, exporter);
}


static ngx_int_t
ngx_http_flow_exporter_complete_consumer(ngx_conf_t *cf,
    ngx_http_flow_exporter_conf_t *fecf)
{
    ngx_str_t             *topic;
    ngx_uint_t             i;
    const char           **topics;
    flow_error_t           error;
    flow_consumer_conf_t  *consumer;

    consumer = &fecf->assign.consumer;
    topic = fecf->topics.elts;

    consumer->brokers = ngx_http_flow_exporter_join_brokers(cf,
                                                            &fecf->brokers);
    topics = ngx_palloc(cf->pool, fecf->topics.nelts * sizeof(char *));

    if (consumer->brokers == NULL || topics == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < fecf->topics.nelts; i++) {
        topics[i] = (const char *) topic[i].data;
    }

    consumer->topics = topics;
    consumer->topic_count = (uint32_t) fecf->topics.nelts;
    consumer->properties = fecf->properties.elts;
    consumer->property_count = (uint32_t) fecf->properties.nelts;

    if (flow_consume_check(consumer, &error) != FLOW_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s", error.text);
        return NGX_ERROR;
    }

    ngx_qsort(fecf->partitions.elts, fecf->partitions.nelts, sizeof(int32_t),
              ngx_http_flow_exporter_compare_partitions);

    fecf->assign.partitions = fecf->partitions.elts;
    fecf->assign.partition_count = (uint32_t) fecf->partitions.nelts;

    return NGX_OK;
}


/* "host:port,host:port", as librdkafka takes them; NULL if memory is short. */

static const char *
ngx_http_flow_exporter_join_brokers(ngx_conf_t *cf, ngx_array_t *brokers)
{
    u_char      *joined, *p;
    size_t       len;
    ngx_str_t   *broker;
    ngx_uint_t   i;

    broker = brokers->elts;
    len = 0;

    for (i = 0; i < brokers->nelts; i++) {
        len += broker[i].len + 1;
    }

    joined = ngx_pnalloc(cf->pool, len);
    if (joined == NULL) {
        return NULL;
    }

    p = joined;

    for (i = 0; i < brokers->nelts; i++) {
        p = ngx_cpymem(p, broker[i].data, broker[i].len);
        *p++ = i + 1 == brokers->nelts ? '\0' : ',';
    }

    return (const char *) joined;
}


static ngx_int_t
ngx_http_flow_exporter_complete_pipeline(ngx_conf_t *cf,
    ngx_http_flow_exporter_t *exporter)
{
    ngx_str_t                      *topic;
    ngx_uint_t                      i;
    flow_str_t                     *topics;
    flow_str_t                      version;
    flow_str_t                      nginx = flow_string(NGINX_VERSION);
    flow_str_t                      ours =
                                  flow_string(NGX_HTTP_FLOW_EXPORTER_VERSION);
    ngx_http_flow_exporter_conf_t  *fecf;

    fecf = exporter->conf;
    topic = fecf->topics.elts;

    topics = ngx_palloc(cf->pool, fecf->topics.nelts * sizeof(flow_str_t));
    if (topics == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < fecf->topics.nelts; i++) {
        topics[i].data = (const char *) topic[i].data;
        topics[i].len = topic[i].len;
    }

    fecf->pipeline.format = &flow_format_pmacct;
    fecf->pipeline.topics = topics;
    fecf->pipeline.topic_count = (uint32_t) fecf->topics.nelts;
    fecf->pipeline.own.numbers = fecf->own.elts;
    fecf->pipeline.own.count = fecf->own.nelts;
    fecf->pipeline.transit = fecf->transit != 0;

    version.data = flow_consume_version();
    version.len = ngx_strlen(version.data);

    exporter->render.exporter.data = (const char *) exporter->name.data;
    exporter->render.exporter.len = exporter->name.len;
    exporter->render.version = ours;
    exporter->render.nginx = nginx;
    exporter->render.librdkafka = version;

    return NGX_OK;
}


static int ngx_libc_cdecl
ngx_http_flow_exporter_compare_partitions(const void *one, const void *two)
{
    int32_t  first, second;

    first = *(const int32_t *) one;
    second = *(const int32_t *) two;

    return (first > second) - (first < second);
}
