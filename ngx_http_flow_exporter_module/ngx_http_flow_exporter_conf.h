/*
 * What the directives of a block say, for the dedicated process; and the
 * functions that read them.
 */

#ifndef NGX_HTTP_FLOW_EXPORTER_CONF_H
#define NGX_HTTP_FLOW_EXPORTER_CONF_H

#include "ngx_http_flow_exporter_module.h"
#include "kafka/flow_assign.h"


struct ngx_http_flow_exporter_conf_s {

    /* as the directives give them; arrays end where the block ends */
    ngx_array_t            brokers;       /* ngx_str_t */
    ngx_array_t            topics;        /* ngx_str_t */
    ngx_array_t            partitions;    /* int32_t */
    ngx_array_t            properties;    /* flow_property_t */
    ngx_array_t            own;           /* uint32_t */
    ngx_str_t              as_names;      /* len 0: off */
    size_t                 zone_size;
    ngx_flag_t             transit;
    ngx_msec_t             commit;
    ngx_uint_t             expire;        /* s, 0: off */
    ngx_uint_t             seen;          /* directives, a bit each */

    /* where "zone" stands, or else the block */
    ngx_str_t              file;
    ngx_uint_t             line;

    /* the same as the core and librdkafka take it */
    flow_assign_conf_t     assign;
    flow_pipeline_conf_t   pipeline;

    /* where the lease lies, with a zero; len 0: nowhere, do not consume */
    ngx_str_t              lease;

    /* where the state files lie, with a zero; len 0: there are none */
    ngx_str_t              state;
};


/* Reads one block; the handler of "flow_exporter". */

char *ngx_http_flow_exporter_block(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * The configuration of a location, and the handlers of its directives; and,
 * when all of "http" has been read, the exporter that it names.
 */

void *ngx_http_flow_exporter_create_loc_conf(ngx_conf_t *cf);
char *ngx_http_flow_exporter_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
char *ngx_http_flow_exporter_metrics(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_flow_exporter_status(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_flow_exporter_find(ngx_conf_t *cf,
    ngx_http_flow_exporter_main_conf_t *fmcf,
    ngx_http_flow_exporter_loc_conf_t *flcf);

/*
 * The directives of a block.  "offset" is a directive's bit in "seen"; those
 * that may come again have none.
 */

extern ngx_command_t  ngx_http_flow_exporter_block_commands[];

/*
 * Adds the exporter's zone to the cycle's shared memory, when all of "http" has
 * been read.
 */

ngx_int_t ngx_http_flow_exporter_add_zone(ngx_conf_t *cf,
    ngx_http_flow_exporter_main_conf_t *fmcf,
    ngx_http_flow_exporter_t *exporter);

/* Bytes of a zone proper, in shared memory of that size. */

size_t ngx_http_flow_exporter_zone_size(size_t size);

/* The directory of the state files, when all of "http" has been read. */

ngx_int_t ngx_http_flow_exporter_state_dir(ngx_cycle_t *cycle,
    ngx_http_flow_exporter_main_conf_t *fmcf, ngx_str_t *dir);

/*
 * NGX_DECLINED, with a sentence, if the exporter's zone has no room for what
 * its state files in "dir" have; NGX_OK if it has, or if the files cannot be
 * read.  Changes nothing.
 */

ngx_int_t ngx_http_flow_exporter_check_room(
    ngx_http_flow_exporter_t *exporter, ngx_str_t *dir, flow_error_t *error);

/* The same for all blocks, when the configuration has been read. */

ngx_int_t ngx_http_flow_exporter_check_rooms(ngx_conf_t *cf);


#endif /* NGX_HTTP_FLOW_EXPORTER_CONF_H */
