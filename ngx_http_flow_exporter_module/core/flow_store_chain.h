/*
 * Inside of the store: the row of records that follow each other, from an
 * image on.  For flow_store*.c alone.
 */

#ifndef FLOW_STORE_CHAIN_H
#define FLOW_STORE_CHAIN_H

#include "flow_store_files.h"


typedef enum {
    FLOW_STORE_SOUND = 0,
    FLOW_STORE_DAMAGE,             /* no whole record */
    FLOW_STORE_GAP                 /* a record that does not follow */
} flow_store_trouble_e;


/* The first thing behind the chain's end that is not its continuation. */

typedef struct {
    flow_store_trouble_e   what;
    uint32_t               log;
    uint64_t               offset;
    const char            *reason;
    flow_position_t        previous;   /* of the record that does not follow */
    bool                   followed;   /* by whole records */
    bool                   ends;       /* the file does, within it */
} flow_store_trouble_t;


typedef struct flow_store_chain_s  flow_store_chain_t;

/* Takes the record of the chain that the reader has just read. */

typedef int (*flow_store_record_pt)(flow_store_chain_t *chain, uint32_t log,
    flow_error_t *error);

struct flow_store_chain_s {
    flow_store_t          *store;
    flow_store_reader_t    reader;
    flow_position_t        end;        /* of what was read so far */
    flow_position_t        newest;     /* of all that was read */
    flow_store_trouble_t   trouble;
    flow_store_record_pt   record;
    void                  *data;       /* of "record" */
};


void flow_store_chain_init(flow_store_chain_t *chain, flow_store_t *store);
void flow_store_chain_done(flow_store_chain_t *chain);

/*
 * Follows the chain from the store's image on, through each log that has
 * records beyond it.  Ends with what "record" returns, if that is not
 * FLOW_OK; FLOW_ERROR with a sentence.
 */

int flow_store_chain_follow(flow_store_chain_t *chain, flow_error_t *error)
    FLOW_MUST_CHECK;


/* flow_store_settle.c */

/*
 * Cuts off what is torn, writes the last record again, removes leftovers, and
 * syncs all that.  FLOW_OK, or FLOW_ERROR with a sentence.
 */

int flow_store_settle(flow_store_t *store, flow_store_reader_t *reader,
    flow_error_t *error) FLOW_MUST_CHECK;


#endif /* FLOW_STORE_CHAIN_H */
