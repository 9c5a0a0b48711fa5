/*
 * Counting exactly once, as a model for spin; "make model" explores every
 * interleaving and every fault within the bounds that t/model/run has.
 *
 * A counter sums the records of a topic, each worth one: it is right when it
 * equals the sum of the next offsets.  A dedicated process holds the lease
 * and counts batches into its master's zone, by redo records that it appends
 * to a log; a worker scrapes.  Two masters, each with a zone, run beside each
 * other in an upgrade and its roll-back.  A process is killed at any step,
 * all of nginx is, the power is cut, a write or a sync fails.
 *
 * Shown: no scrape is lower than an earlier one; what is counted is what lies
 * below the next offsets; files that only such faults have touched are never
 * refused; and when the faults end, all is counted, durable and shown.
 *
 * Left out: first start, gaps, names, expiry, damaged files and the second
 * image that is kept against them, several counters, a lost lease file, and
 * directories whose sync fails.
 */

/* The rules; -DWITHOUT=NAME leaves one out, and something has to break. */

#define NOTHING            0
#define SYNC_BEFORE_APPLY  1    /* a redo record is synced, then applied */
#define ABSOLUTE_VALUES    2    /* it has values, not increases */
#define FULL_MARK          3    /* the journal is full while it is applied */
#define FULL_ALONE         4    /* a journal that is not full is ignored */
#define REPLAY_JOURNAL     5    /* the log is applied through the journal */
#define REWRITE            6    /* recovery writes the last record again, */
#define RECOVERY_SYNC      7    /* and syncs, before it applies what it read */
#define CUT_SYNC           8    /* a log that was cut back is synced */
#define DIRECTORY_SYNC     9    /* a new log's name is durable before its use */
#define IMAGE_SYNC         10   /* an image is synced before it is renamed */
#define EPOCH              11   /* each taker raises the epoch */
#define LEASE_ORDER        12   /* live is cleared, then the lease written */
#define LEASE_CHECK        13   /* a zone is shown while the lease names it */
#define LOAD_COUNT         14   /* a scrape across a load is aborted */
#define MARK               15   /* set before the first that is not durable */
#define MARK_SYNC          16   /* is shown, and synced */
#define MARK_UNTIL_IMAGE   17   /* cleared after a durable image only, */
#define MARK_WITHHELD      18   /* and not while series are withheld */
#define WITHHOLD           19   /* by who finds it, until it has caught up */
#define IMAGE_FIRST        20   /* degraded: an image, then appends again, */
#define IMAGE_AFTER        21   /* one copied after the append that failed, */
#define REST               22   /* and nothing is counted until it is durable */

#define KEPT(rule)  (WITHOUT != rule)

#define ALL      (PARTITIONS * RECORDS)
#define LAST     (PARTITIONS - 1)
#define LOGS     (ALL + FAILS + 2)
#define NOBODY   2              /* beside zones 0 and 1 */
#define NOWHERE  0              /* the position of a zone that is not loaded */

#define POSITION(epoch, number)  ((epoch) * 16 + (number))
#define EPOCH_OF(position)       ((position) / 16)
#define NUMBER_OF(position)      ((position) % 16)

#include "disk.pml"
#include "protocol.pml"

mtype:scrape = { IDLE, BEGUN, READ };

byte  holder = NOBODY;          /* of flock(), which ends with the process */
bool  killed;                   /* so is the holder, before its next step */
byte  masters = 1;

mtype:scrape  scrape = IDLE;
byte          scraped;          /* the zone */
byte          loads;            /* its load count at the start */
byte          got;
byte          shown;            /* by the scrapes before */
bool          over;             /* no more faults and scrapes */

byte  kills = KILLS, restarts = RESTARTS, cuts = CUTS;
byte  moves = MOVES, switches = SWITCHES;


/* The dedicated process of a master, started again whenever it ends. */

proctype consumer(byte z) {
    bool  found, other, known, withheld, degraded;
    bool  heals;                /* the image being written ends degraded */
    byte  n, part, next, last;
    byte  target[PARTITIONS];

wait:
    atomic { holder == NOBODY && z < masters && !killed -> holder = z };
    {
        take_lease(z);
        recover_files();
        recover_zone(z);
        atomic {
            withheld = found && !zone[z].live && KEPT(WITHHOLD);
            zone[z].live = zone[z].live || !withheld;
            target[0] = end[0];
            target[LAST] = end[LAST]
        };
        create_log();
        begin_image(z);

        do
        :: compose(z); append(z); apply(z, FULL_MARK)
        :: continue_image()
        :: atomic { stage == NO_IMAGE && degraded -> create_log() };
           begin_image(z)
        :: atomic {
               stage == NO_IMAGE && !degraded && switches > 0 ->
               switches--;
               create_log()
           };
           begin_image(z)
        :: d_step {
               withheld && PASSED ->
               withheld = false;
               zone[z].live = true
           }
        :: d_step {
               mark && (!degraded || !KEPT(MARK_UNTIL_IMAGE)) &&
               (!withheld || !KEPT(MARK_WITHHELD)) ->
               mark = false
           };
           d_step { disk_epoch = epoch; disk_mark = mark }
        :: d_step { masters == 2 && moves > 0 && !killed -> moves-- }; break
        od
    } unless { killed };
    atomic {
        holder = NOBODY;
        killed = false;
        found = false; known = false; withheld = false; degraded = false;
        heals = false;
        n = 0; part = 0; next = 0; last = 0;
        target[0] = 0; target[LAST] = 0;
        goto wait
    }
}

/* A worker: flow series if it may show the zone at both ends of a scrape. */

#define MAY_SHOW(z)  (zone[z].live && (lease == z || !KEPT(LEASE_CHECK)))
#define SAME_LOAD    (loads == zone[scraped].loads || !KEPT(LOAD_COUNT))

inline begin_scrape(z) {
    d_step {
        scrape == IDLE && !over && MAY_SHOW(z) ->
        scrape = BEGUN;
        scraped = z;
        loads = zone[z].loads
    }
}

inline end_scrape() {
    scrape = IDLE; scraped = 0; loads = 0; got = 0
}

proctype worker() {
    do
    :: begin_scrape(0)
    :: begin_scrape(1)
    :: d_step {
           scrape == BEGUN ->
           scrape = READ;
           got = zone[scraped].counted.value
       }
    :: d_step {
           scrape == READ ->
           if
           :: MAY_SHOW(scraped) && SAME_LOAD ->
               assert(got >= shown);
               shown = got
           :: else
           fi;
           end_scrape()
       }
    od
}

/* What happens at any time. */

inline end_zone(z) {
    forget_sums(COUNTED);
    forget_record(JOURNAL);
    zone[z].filled = false;
    zone[z].live = false;
    zone[z].loads = 0
}

inline end_nginx() {
    killed = (holder != NOBODY);
    masters = 1;
    lease = NOBODY;             /* it names a zone that is no more */
    end_zone(0);
    end_zone(1);
    end_scrape()
}

proctype faults() {
    do
    :: atomic {
           kills > 0 && holder != NOBODY && !killed ->
           kills--;
           killed = true;
           lose_pages()
       }
    :: d_step { restarts > 0 && !killed -> restarts--; end_nginx() }
    :: atomic { cuts > 0 && !killed -> cuts--; end_nginx(); cut_disk() }
    :: masters == 1 && moves > 0 && !killed -> masters = 2
    :: over = true; break
    od;

    timeout;                    /* the others can do nothing more */
    assert(holder != NOBODY && lease == holder && zone[holder].live);
    assert(zone[holder].counted.value == ALL);
    assert(!mark && stage == NO_IMAGE && scrape == IDLE)
}

init {
    atomic {
        image.position = POSITION(1, 0);
        run consumer(0);
        run consumer(1);
        run worker();
        run faults()
    }
}
