/*
 * An image: all that the zone shows, as one large redo record; see
 * flow_redo.h.  Applied to an empty zone it makes the same zone again.
 */

#ifndef FLOW_IMAGE_H
#define FLOW_IMAGE_H

#include "flow_redo.h"
#include "flow_zone.h"


/*
 * Composes an image in fresh memory, which the caller frees.  The zone's
 * writer, while no record is being applied.  Returns NULL if memory is short.
 */

char *flow_image_create(const flow_zone_t *zone);


#endif /* FLOW_IMAGE_H */
