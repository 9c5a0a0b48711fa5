/*
 * The exporter's zone as shared memory of nginx: its name, its set-up, and
 * the way to it.
 */

#include "ngx_http_flow_exporter_conf.h"
#include "core/flow_lease.h"


static ngx_int_t ngx_http_flow_exporter_init_zone(ngx_shm_zone_t *shm_zone,
    void *data);


/*
 * Whatever shapes the zone is in its name: another shape is another zone.  So
 * is where the lease lies, or two processes with a lease each would write into
 * the same zone during a reload.
 */

ngx_int_t
ngx_http_flow_exporter_add_zone(ngx_conf_t *cf,
    ngx_http_flow_exporter_main_conf_t *fmcf,
    ngx_http_flow_exporter_t *exporter)
{
    u_char     *p;
    uint32_t    place;
    ngx_str_t   name;

    place = fmcf->state_off ? 0xffffffff
                            : ngx_crc32_short(fmcf->state_path.data,
                                              fmcf->state_path.len);

    name.len = sizeof("flow_exporter::::") - 1 + exporter->name.len
               + NGX_INT32_LEN + NGX_SIZE_T_LEN + sizeof("00000000") - 1;

    name.data = ngx_pnalloc(cf->pool, name.len);
    if (name.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(name.data, "flow_exporter:%V:%d:%uz:%08xD",
                    &exporter->name, FLOW_ZONE_VERSION,
                    exporter->conf->zone_size, place);
    name.len = p - name.data;

    exporter->shm_zone = ngx_shared_memory_add(cf, &name,
                                               exporter->conf->zone_size,
                                               &ngx_http_flow_exporter_module);
    if (exporter->shm_zone == NULL) {
        return NGX_ERROR;
    }

    exporter->shm_zone->init = ngx_http_flow_exporter_init_zone;
    exporter->shm_zone->data = exporter;

    return NGX_OK;
}


flow_zone_t *
ngx_http_flow_exporter_zone(ngx_http_flow_exporter_t *exporter)
{
    ngx_slab_pool_t  *shpool;

    shpool = (ngx_slab_pool_t *) exporter->shm_zone->shm.addr;

    if (shpool == NULL || shpool->data == NULL) {
        return NULL;
    }

    return flow_zone_attach(shpool->data,
                            ngx_http_flow_exporter_zone_size(
                                exporter->shm_zone->shm.size));
}


ngx_uint_t
ngx_http_flow_exporter_shown(ngx_http_flow_exporter_t *exporter,
    const flow_zone_t *zone)
{
    uint64_t    id;
    ngx_str_t  *lease;

    lease = &exporter->conf->lease;

    if (lease->len == 0
        || !atomic_load_explicit(&zone->live, memory_order_acquire))
    {
        return 0;
    }

    id = atomic_load_explicit(&zone->id, memory_order_relaxed);

    return id != 0 && flow_lease_zone((const char *) lease->data) == id;
}


ngx_pid_t
ngx_http_flow_exporter_holder(ngx_http_flow_exporter_t *exporter)
{
    ngx_str_t  *lease;

    lease = &exporter->conf->lease;

    return lease->len == 0
           ? 0
           : (ngx_pid_t) flow_lease_holder((const char *) lease->data);
}


static ngx_int_t
ngx_http_flow_exporter_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    size_t            size;
    ngx_slab_pool_t  *shpool;

    /* taken over on reload: its writer may be at work, so nothing is touched */

    if (data != NULL) {
        return NGX_OK;
    }

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (shm_zone->shm.exists) {
        return NGX_OK;
    }

    size = ngx_http_flow_exporter_zone_size(shm_zone->shm.size);

    /* not ngx_slab_calloc(), which would touch every page */

    shpool->data = ngx_slab_alloc(shpool, size);

    if (shpool->data == NULL
        || flow_zone_format(shpool->data, size) == NULL)
    {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "flow exporter zone \"%V\" is too small",
                      &shm_zone->shm.name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * The memory for the zone proper: the shared memory less nginx's slab pool,
 * which keeps 24 bytes for each page, and stays intact at its start.
 */

size_t
ngx_http_flow_exporter_zone_size(size_t size)
{
    return ngx_align(size - size / 64 - 8 * ngx_pagesize, ngx_pagesize);
}
