/*
 * The directives of a "flow_exporter" block with any text, parsed by nginx
 * itself: what is refused is told with file and line, and what is accepted is
 * complete.  No files are reached but seeds of AS names.
 */

#include <sys/mman.h>

#include "core/flow_text.h"
#include "fuzz.h"
#include "ngx_http_flow_exporter_conf.h"


#define BUFFER  4096              /* nginx's own NGX_CONF_BUFFER */


static unsigned  told;


static void
tell(ngx_log_t *log, ngx_uint_t level, u_char *text, size_t len)
{
    told += len != 0;
}


static ngx_log_t  fuzz_log = { .log_level = NGX_LOG_ERR, .writer = tell };


/* What nginx's main() does before it reads a configuration. */

static void
begin(void)
{
    ngx_use_stderr = 0;
    ngx_pagesize = (ngx_uint_t) getpagesize();
    ngx_cacheline_size = 64;
    require(ngx_strerror_init() == NGX_OK, "memory");
    ngx_time_init();
}


/* A descriptor of the text, with the brace that ends a block after it. */

static int
write_block(const uint8_t *data, size_t size)
{
    static int  fd = -1;

    if (fd == -1) {
        begin();
        fd = memfd_create("block", 0);
    }

    require(fd != -1 && ftruncate(fd, 0) == 0
            && pwrite(fd, data, size, 0) == (ssize_t) size
            && pwrite(fd, "\n}\n", 3, (off_t) size) == 3, "a file");

    return fd;
}


static void
require_complete(ngx_http_flow_exporter_main_conf_t *fmcf)
{
    ngx_http_flow_exporter_t       *exporter;
    ngx_http_flow_exporter_conf_t  *fecf;

    exporter = ((ngx_http_flow_exporter_t **) fmcf->exporters.elts)[0];
    fecf = exporter->conf;

    require(fmcf->exporters.nelts == 1 && fecf->zone_size >= 1024 * 1024,
            "a zone");
    require(fecf->pipeline.own.count > 0, "an own AS");
    require(fecf->assign.consumer.topic_count > 0
            && fecf->pipeline.topic_count == fecf->assign.consumer.topic_count,
            "topics");
    require(strchr(fecf->assign.consumer.brokers, ':') != NULL, "brokers");
}


static void
parse(ngx_conf_t *cf)
{
    char                                *rv;
    ngx_str_t                           *name;
    ngx_http_module_t                   *module;
    ngx_http_flow_exporter_main_conf_t  *fmcf;

    module = ngx_http_flow_exporter_module.ctx;
    fmcf = module->create_main_conf(cf);
    name = ngx_array_push(cf->args);
    require(fmcf != NULL && name != NULL, "memory");
    ngx_str_set(name, "flow_exporter");

    told = 0;
    rv = ngx_http_flow_exporter_block(cf, NULL, fmcf);

    if (rv == NGX_CONF_OK) {
        require_complete(fmcf);

    } else {
        require(rv != NGX_CONF_ERROR || told > 0, "an error is told");
    }
}


static void
begin_cycle(ngx_cycle_t *cycle)
{
    ngx_memzero(cycle, sizeof(*cycle));

    cycle->log = &fuzz_log;
    cycle->pool = ngx_create_pool(BUFFER, &fuzz_log);

    require(cycle->pool != NULL
            && ngx_list_init(&cycle->shared_memory, cycle->pool, 1,
                             sizeof(ngx_shm_zone_t)) == NGX_OK
            && ngx_array_init(&cycle->config_dump, cycle->pool, 1,
                              sizeof(ngx_conf_dump_t)) == NGX_OK, "memory");

    ngx_rbtree_init(&cycle->config_dump_rbtree, &cycle->config_dump_sentinel,
                    ngx_str_rbtree_insert_value);
    ngx_str_set(&cycle->conf_prefix, "t/fuzz/corpus/names/");
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t            i;
    ngx_buf_t         buffer;
    ngx_conf_t        cf;
    ngx_cycle_t       cycle;
    ngx_conf_file_t   file;

    /* text; no files but those of one directory; and only this block */

    for (i = 0; i < size; i++) {
        if (memchr("\0/{}", data[i], 4) != NULL) {
            return 0;
        }
    }

    begin_cycle(&cycle);

    ngx_memzero(&buffer, sizeof(buffer));
    ngx_memzero(&file, sizeof(file));
    ngx_memzero(&cf, sizeof(cf));

    buffer.start = ngx_palloc(cycle.pool, BUFFER);
    buffer.pos = buffer.last = buffer.start;
    buffer.end = buffer.start + BUFFER;

    file.buffer = &buffer;
    file.line = 1;
    file.file.fd = write_block(data, size);
    file.file.log = &fuzz_log;
    ngx_str_set(&file.file.name, "block");
    require(ngx_fd_info(file.file.fd, &file.file.info) == 0, "a file");

    cf.args = ngx_array_create(cycle.pool, 10, sizeof(ngx_str_t));
    cf.cycle = &cycle;
    cf.pool = cf.temp_pool = cycle.pool;
    cf.log = &fuzz_log;
    cf.conf_file = &file;
    cf.module_type = NGX_HTTP_MODULE;
    cf.cmd_type = NGX_HTTP_MAIN_CONF;

    parse(&cf);
    ngx_destroy_pool(cycle.pool);

    return 0;
}
