/*
 * flow_classify: the direction is that of the Go exporter, for every way in
 * which source and destination can be own or foreign.
 */

#include "flow_classify.h"
#include "tap.h"


int
main(void)
{
    size_t         i;
    flow_record_t  record = { 0 };

    static const uint32_t    numbers[] = { 64500, 0, 4294967295 };
    static const flow_own_t  own = { numbers, 3 }, none = { numbers, 0 };

    static const struct {
        uint32_t          source;
        uint32_t          destination;
        flow_direction_e  direction;
    } cases[] = {
        { 64500, 64496, FLOW_TRANSMIT },
        { 64496, 64500, FLOW_RECEIVE },
        { 64500, 64500, FLOW_TRANSMIT },
        { 64500, 0, FLOW_TRANSMIT },
        { 64496, 64497, FLOW_TRANSIT },
        { 0, 64496, FLOW_TRANSMIT },
        { 64496, 0, FLOW_RECEIVE },
        { 4294967295, 1, FLOW_TRANSMIT },
        { 4294967294, 4294967295, FLOW_RECEIVE }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        record.source_as = cases[i].source;
        record.destination_as = cases[i].destination;

        ok(flow_classify_record(&own, &record) == cases[i].direction,
           "%u to %u", cases[i].source, cases[i].destination);
        ok(flow_classify_record(&none, &record) == FLOW_TRANSIT,
           "%u to %u is transit where nothing is own", cases[i].source,
           cases[i].destination);
    }

    return done();
}
