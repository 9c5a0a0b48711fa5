/*
 * The directives inside a "flow_exporter" block, each with its own checks.
 */

#include "ngx_http_flow_exporter_conf.h"
#include "core/flow_names.h"


/* The smallest zone: what the core needs, and nginx's slab pool. */

#define NGX_HTTP_FLOW_EXPORTER_ZONE_MIN       (1024 * 1024)

/* More instances would have no partition each. */

#define NGX_HTTP_FLOW_EXPORTER_MEMBERS_MAX    1000

/* A file of certificates or a key, read at configuration time. */

#define NGX_HTTP_FLOW_EXPORTER_PEM_MAX        (1024 * 1024)

/* A batch is synced to the disk at most so often, and at least, ms. */

#define NGX_HTTP_FLOW_EXPORTER_COMMIT_MIN     10
#define NGX_HTTP_FLOW_EXPORTER_COMMIT_MAX  60000

/* A series' age is counted in seconds; 10 years, s. */

#define NGX_HTTP_FLOW_EXPORTER_EXPIRE_MIN          1
#define NGX_HTTP_FLOW_EXPORTER_EXPIRE_MAX  315360000


static char *ngx_http_flow_exporter_brokers(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_flow_exporter_topic(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_flow_exporter_partitions(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_flow_exporter_member(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_flow_exporter_group(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_flow_exporter_start_policy(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_flow_exporter_kafka(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_flow_exporter_pem(ngx_conf_t *cf, ngx_str_t *path,
    flow_property_t *property, const char *name);
static const char *ngx_http_flow_exporter_read(ngx_conf_t *cf,
    ngx_file_t *file, off_t size);
static char *ngx_http_flow_exporter_asn(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_flow_exporter_as_names(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_flow_exporter_zone_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_flow_exporter_transit(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_flow_exporter_commit_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_flow_exporter_expire_directive(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);


/*
 * "offset" is the directive's bit in "seen"; those that may come again have
 * none.
 */

ngx_command_t  ngx_http_flow_exporter_block_commands[] = {

    { ngx_string("include"), NGX_CONF_TAKE1,
      ngx_conf_include, 0, 0, NULL },

    { ngx_string("brokers"), NGX_CONF_1MORE,
      ngx_http_flow_exporter_brokers, 0, 0x0001, NULL },

    { ngx_string("topic"), NGX_CONF_1MORE,
      ngx_http_flow_exporter_topic, 0, 0x0002, NULL },

    { ngx_string("partitions"), NGX_CONF_1MORE,
      ngx_http_flow_exporter_partitions, 0, 0x0004, NULL },

    { ngx_string("start"), NGX_CONF_TAKE1,
      ngx_http_flow_exporter_start_policy, 0, 0x0008, NULL },

    { ngx_string("kafka"), NGX_CONF_TAKE2,
      ngx_http_flow_exporter_kafka, 0, 0, NULL },

    { ngx_string("asn"), NGX_CONF_1MORE,
      ngx_http_flow_exporter_asn, 0, 0x0010, NULL },

    { ngx_string("as_names"), NGX_CONF_TAKE1,
      ngx_http_flow_exporter_as_names, 0, 0x0020, NULL },

    { ngx_string("zone"), NGX_CONF_TAKE1,
      ngx_http_flow_exporter_zone_directive, 0, 0x0040, NULL },

    { ngx_string("transit"), NGX_CONF_TAKE1,
      ngx_http_flow_exporter_transit, 0, 0x0080, NULL },

    { ngx_string("commit"), NGX_CONF_TAKE1,
      ngx_http_flow_exporter_commit_directive, 0, 0x0100, NULL },

    { ngx_string("expire"), NGX_CONF_TAKE1,
      ngx_http_flow_exporter_expire_directive, 0, 0x0200, NULL },

    { ngx_string("member"), NGX_CONF_TAKE3,
      ngx_http_flow_exporter_member, 0, 0x1000, NULL },

    { ngx_string("group"), NGX_CONF_TAKE1,
      ngx_http_flow_exporter_group, 0, 0x2000, NULL },

      ngx_null_command
};


static char *
ngx_http_flow_exporter_brokers(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_flow_exporter_conf_t *fecf = conf;

    ngx_str_t     *value, *broker;
    ngx_uint_t     i;
    flow_error_t   error;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (flow_consume_check_broker((const char *) value[i].data, &error)
            != FLOW_OK)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s", error.text);
            return NGX_CONF_ERROR;
        }

        broker = ngx_array_push(&fecf->brokers);
        if (broker == NULL) {
            return NGX_CONF_ERROR;
        }

        *broker = value[i];
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_flow_exporter_topic(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_flow_exporter_conf_t *fecf = conf;

    ngx_str_t     *value, *topic;
    ngx_uint_t     i, k;
    flow_error_t   error;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (flow_consume_check_topic((const char *) value[i].data, &error)
            != FLOW_OK)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s", error.text);
            return NGX_CONF_ERROR;
        }

        topic = fecf->topics.elts;

        for (k = 0; k < fecf->topics.nelts; k++) {
            if (ngx_strcmp(topic[k].data, value[i].data) == 0) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "duplicate topic \"%V\"", &value[i]);
                return NGX_CONF_ERROR;
            }
        }

        if (k == FLOW_ZONE_TOPICS) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "more than %d topics", FLOW_ZONE_TOPICS);
            return NGX_CONF_ERROR;
        }

        topic = ngx_array_push(&fecf->topics);
        if (topic == NULL) {
            return NGX_CONF_ERROR;
        }

        *topic = value[i];
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_flow_exporter_partitions(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_flow_exporter_conf_t *fecf = conf;

    int32_t     *partition;
    ngx_int_t    n;
    ngx_str_t   *value;
    ngx_uint_t   i, k;

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "all") == 0) {
        return NGX_CONF_OK;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        n = ngx_atoi(value[i].data, value[i].len);

        if (n == NGX_ERROR || n >= FLOW_PARTITION_MAX) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid partition \"%V\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        partition = fecf->partitions.elts;

        for (k = 0; k < fecf->partitions.nelts; k++) {
            if (partition[k] == n) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "duplicate partition \"%V\"", &value[i]);
                return NGX_CONF_ERROR;
            }
        }

        partition = ngx_array_push(&fecf->partitions);
        if (partition == NULL) {
            return NGX_CONF_ERROR;
        }

        *partition = (int32_t) n;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_flow_exporter_start_policy(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_flow_exporter_conf_t *fecf = conf;

    time_t      when;
    ngx_str_t  *value;

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "latest") == 0) {
        fecf->assign.start.policy = FLOW_START_LATEST;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value[1].data, "earliest") == 0) {
        fecf->assign.start.policy = FLOW_START_EARLIEST;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value[1].data, "committed") == 0) {
        fecf->assign.start.policy = FLOW_START_COMMITTED;
        return NGX_CONF_OK;
    }

    when = ngx_atotm(value[1].data, value[1].len);

    if (when == (time_t) NGX_ERROR || when > NGX_MAX_INT32_VALUE * 100LL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid start \"%V\", it must be \"latest\", "
                           "\"earliest\", \"committed\" or seconds since the "
                           "epoch", &value[1]);
        return NGX_CONF_ERROR;
    }

    fecf->assign.start.policy = FLOW_START_TIME;
    fecf->assign.start.timestamp = (int64_t) when * 1000;

    return NGX_CONF_OK;
}


/* "member 0 of 3" to "member 2 of 3". */

static char *
ngx_http_flow_exporter_member(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_flow_exporter_conf_t *fecf = conf;

    ngx_int_t   member, members;
    ngx_str_t  *value;

    value = cf->args->elts;
    member = ngx_atoi(value[1].data, value[1].len);
    members = ngx_atoi(value[3].data, value[3].len);

    if (ngx_strcmp(value[2].data, "of") != 0
        || member == NGX_ERROR
        || members == NGX_ERROR)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid member \"%V %V %V\", it must be a number "
                           "\"of\" a number", &value[1], &value[2], &value[3]);
        return NGX_CONF_ERROR;
    }

    if (members == 0 || members > NGX_HTTP_FLOW_EXPORTER_MEMBERS_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid number of members \"%V\", it must be 1 to "
                           "%d", &value[3],
                           NGX_HTTP_FLOW_EXPORTER_MEMBERS_MAX);
        return NGX_CONF_ERROR;
    }

    if (member >= members) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "there is no member \"%V\" of %i, the last one is "
                           "%i", &value[1], members, members - 1);
        return NGX_CONF_ERROR;
    }

    fecf->assign.member = (uint32_t) member;
    fecf->assign.members = (uint32_t) members;

    return NGX_CONF_OK;
}


static char *
ngx_http_flow_exporter_group(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_flow_exporter_conf_t *fecf = conf;

    ngx_str_t     *value;
    flow_error_t   error;

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        return NGX_CONF_OK;
    }

    if (flow_consume_check_group((const char *) value[1].data, &error)
        != FLOW_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s", error.text);
        return NGX_CONF_ERROR;
    }

    fecf->assign.consumer.group = (const char *) value[1].data;

    return NGX_CONF_OK;
}


static char *
ngx_http_flow_exporter_kafka(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_flow_exporter_conf_t *fecf = conf;

    ngx_str_t        *value;
    const char       *pem;
    flow_error_t      error;
    flow_property_t  *property;

    value = cf->args->elts;

    property = ngx_array_push(&fecf->properties);
    if (property == NULL) {
        return NGX_CONF_ERROR;
    }

    property->name = (const char *) value[1].data;
    property->value = (const char *) value[2].data;

    pem = flow_consume_pem_property(property->name);

    if (pem != NULL) {
        return ngx_http_flow_exporter_pem(cf, &value[2], property, pem);
    }

    if (flow_consume_check_property(property->name, property->value, &error)
        != FLOW_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s", error.text);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/*
 * Reads a file of certificates or a key while nginx is still privileged, as
 * it reads its own.  A directory is left to librdkafka.
 */

static char *
ngx_http_flow_exporter_pem(ngx_conf_t *cf, ngx_str_t *path,
    flow_property_t *property, const char *name)
{
    char             *rv;
    ngx_file_t        file;
    ngx_file_info_t   info;

    if (ngx_conf_full_name(cf->cycle, path, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&file, sizeof(ngx_file_t));
    file.name = *path;
    file.log = cf->log;

    file.fd = ngx_open_file(path->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (file.fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" failed", path);
        return NGX_CONF_ERROR;
    }

    rv = NGX_CONF_OK;

    if (ngx_fd_info(file.fd, &info) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_fd_info_n " \"%V\" failed", path);
        rv = NGX_CONF_ERROR;

    } else if (ngx_is_dir(&info)) {
        property->value = (const char *) path->data;

    } else {
        property->name = name;
        property->value = ngx_http_flow_exporter_read(cf, &file,
                                                      ngx_file_size(&info));
        if (property->value == NULL) {
            rv = NGX_CONF_ERROR;
        }
    }

    (void) ngx_close_file(file.fd);

    return rv;
}


/* The file's content, with a zero after it; NULL with a log line. */

static const char *
ngx_http_flow_exporter_read(ngx_conf_t *cf, ngx_file_t *file, off_t size)
{
    u_char   *content;
    ssize_t   n;

    if (size == 0 || size > NGX_HTTP_FLOW_EXPORTER_PEM_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is empty or too large", &file->name);
        return NULL;
    }

    content = ngx_pcalloc(cf->pool, (size_t) size + 1);
    if (content == NULL) {
        return NULL;
    }

    n = ngx_read_file(file, content, (size_t) size, 0);

    return n == NGX_ERROR ? NULL : (const char *) content;
}


static char *
ngx_http_flow_exporter_asn(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_flow_exporter_conf_t *fecf = conf;

    uint32_t    *own;
    ngx_str_t   *value;
    ngx_int_t    n;
    ngx_uint_t   i, k;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        n = value[i].len > NGX_INT32_LEN ? NGX_ERROR
                                  : ngx_atoi(value[i].data, value[i].len);

        if (n == NGX_ERROR || (uint64_t) n > UINT32_MAX) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid AS number \"%V\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        own = fecf->own.elts;

        for (k = 0; k < fecf->own.nelts; k++) {
            if (own[k] == (uint32_t) n) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "duplicate AS number \"%V\"", &value[i]);
                return NGX_CONF_ERROR;
            }
        }

        own = ngx_array_push(&fecf->own);
        if (own == NULL) {
            return NGX_CONF_ERROR;
        }

        *own = (uint32_t) n;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_flow_exporter_as_names(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_flow_exporter_conf_t *fecf = conf;

    ngx_str_t     *value;
    flow_error_t   error;

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        return NGX_CONF_OK;
    }

    fecf->as_names = value[1];

    if (ngx_conf_full_name(cf->cycle, &fecf->as_names, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (flow_names_check((const char *) fecf->as_names.data, &error)
        != FLOW_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s", error.text);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_flow_exporter_zone_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_flow_exporter_conf_t *fecf = conf;

    ssize_t     size;
    ngx_str_t  *value;

    value = cf->args->elts;
    size = ngx_parse_size(&value[1]);

    if (size == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid zone size \"%V\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    if (size < NGX_HTTP_FLOW_EXPORTER_ZONE_MIN) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" is too small, it must be at least "
                           "%dm", &value[1],
                           NGX_HTTP_FLOW_EXPORTER_ZONE_MIN / (1024 * 1024));
        return NGX_CONF_ERROR;
    }

    fecf->zone_size = size;
    fecf->file = cf->conf_file->file.name;
    fecf->line = cf->conf_file->line;

    return NGX_CONF_OK;
}


static char *
ngx_http_flow_exporter_transit(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_flow_exporter_conf_t *fecf = conf;

    ngx_str_t  *value;

    value = cf->args->elts;

    if (ngx_strcasecmp(value[1].data, (u_char *) "on") == 0) {
        fecf->transit = 1;
        return NGX_CONF_OK;
    }

    if (ngx_strcasecmp(value[1].data, (u_char *) "off") == 0) {
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value \"%V\" in \"transit\" directive, "
                       "it must be \"on\" or \"off\"", &value[1]);

    return NGX_CONF_ERROR;
}


static char *
ngx_http_flow_exporter_commit_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_flow_exporter_conf_t *fecf = conf;

    ngx_int_t   ms;
    ngx_str_t  *value;

    value = cf->args->elts;

    ms = ngx_parse_time(&value[1], 0);

    if (ms == NGX_ERROR
        || ms < NGX_HTTP_FLOW_EXPORTER_COMMIT_MIN
        || ms > NGX_HTTP_FLOW_EXPORTER_COMMIT_MAX)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"commit\" directive, it "
                           "must be a time from 10ms to 60s", &value[1]);
        return NGX_CONF_ERROR;
    }

    fecf->commit = (ngx_msec_t) ms;

    return NGX_CONF_OK;
}


static char *
ngx_http_flow_exporter_expire_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_flow_exporter_conf_t *fecf = conf;

    ngx_int_t   seconds;
    ngx_str_t  *value;

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        fecf->expire = 0;
        return NGX_CONF_OK;
    }

    seconds = ngx_parse_time(&value[1], 1);

    if (seconds == NGX_ERROR
        || seconds < NGX_HTTP_FLOW_EXPORTER_EXPIRE_MIN
        || seconds > NGX_HTTP_FLOW_EXPORTER_EXPIRE_MAX)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"expire\" directive, it "
                           "must be \"off\" or a time from 1s to 10y",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    fecf->expire = (ngx_uint_t) seconds;

    return NGX_CONF_OK;
}
