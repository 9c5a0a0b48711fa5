/*
 * When series grow older in the dedicated process, and when they may leave.
 *
 * A second counts if all flows were seen that there were in it, and if that is
 * certain: a broker that has gone is noticed late, and so is what came
 * meanwhile when it is back.
 */

#include "ngx_http_flow_exporter_process.h"


/* A longer time between two looks says nothing of what was between, ns. */

#define NGX_HTTP_FLOW_EXPORTER_LOOK   UINT64_C(2000000000)

/* For so long after an error of Kafka's nothing is certain, ns. */

#define NGX_HTTP_FLOW_EXPORTER_DOUBT  UINT64_C(60000000000)


static ngx_uint_t ngx_http_flow_exporter_may_expire(
    ngx_http_flow_exporter_process_t *fep);


void
ngx_http_flow_exporter_age(ngx_http_flow_exporter_process_t *fep,
    ngx_uint_t seen)
{
    uint64_t    now, passed;
    ngx_uint_t  certain;

    now = ngx_http_flow_exporter_clock();
    passed = ngx_min(now - fep->looked_at, NGX_HTTP_FLOW_EXPORTER_LOOK);
    fep->looked_at = now;

    certain = seen
              && !fep->resting
              && !fep->stalled
              && atomic_load(&fep->zone->kafka_connected)
              && (fep->doubted_at == 0
                  || now - fep->doubted_at > NGX_HTTP_FLOW_EXPORTER_DOUBT);

    if (certain && fep->certain) {
        fep->aged += passed;
        flow_zone_age(fep->writer, (uint32_t) (fep->aged / 1000000000));
        fep->aged %= 1000000000;
    }

    fep->certain = certain;

    if (ngx_http_flow_exporter_expire(fep)) {
        fep->commit = 1;
    }
}


void
ngx_http_flow_exporter_doubt(ngx_http_flow_exporter_process_t *fep)
{
    fep->certain = 0;
    fep->doubted_at = ngx_http_flow_exporter_clock();
}


ngx_uint_t
ngx_http_flow_exporter_expire(ngx_http_flow_exporter_process_t *fep)
{
    return ngx_http_flow_exporter_may_expire(fep)
           && flow_zone_expire(fep->writer,
                               (uint32_t) fep->exporter->conf->expire);
}


void
ngx_http_flow_exporter_turn(ngx_http_flow_exporter_process_t *fep)
{
    flow_zone_turn(fep->writer, ngx_http_flow_exporter_clock() / 1000000);

    if (!ngx_http_flow_exporter_may_expire(fep)) {
        flow_zone_stay(fep->writer);
    }
}


/*
 * What leaves is in no state file while these lack what is shown: it would
 * come back with less than it had.
 */

static ngx_uint_t
ngx_http_flow_exporter_may_expire(ngx_http_flow_exporter_process_t *fep)
{
    return fep->exporter->conf->expire != 0
           && fep->certain
           && fep->proven
           && !fep->withhold
           && !flow_zone_has_renames(fep->writer);
}
