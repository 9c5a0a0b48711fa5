/*
 * The state files as a disk keeps them.  Processes see the page cache; a
 * power cut leaves what was synced, and any part of the rest.
 */

typedef Record {
    byte  position;
    byte  follows;              /* the position before it */
    byte  value;                /* of the counter, absolute */
    byte  partition;
    byte  next                  /* offset of the partition */
};

typedef Sums {
    byte  position;
    byte  value;
    byte  next[PARTITIONS]
};

/*
 * Of a log, all is durable but its end:
 *
 *   TORN  behind the records lies a part of one
 *   NEW   the last record is in the page cache only
 *   LOST  so is it, and its sync has failed: the next sync succeeds, and
 *         proves nothing
 *   CUT   behind the records one was cut off; a sync makes that durable, also
 *         after one that failed (it is metadata, which stays pending)
 */

mtype:tail = { CLEAN, TORN, NEW, LOST, CUT };

typedef Log {
    bool        named;          /* its directory entry is durable */
    mtype:tail  tail = CLEAN;
    byte        count;
    Record      record[ALL + 1]
};

mtype:stage = { NO_IMAGE, COPIED, WRITTEN, RENAMED };

Log          log[LOGS + 1];     /* since the image, as their names order them */
byte         logs;
Sums         image;             /* the newest one that is durable */
bool         hollow;            /* but its bytes were not synced */
Sums         fresh;             /* the one being written */
mtype:stage  stage = NO_IMAGE;
byte         first;             /* the log that was created with it */

byte  lease = NOBODY;           /* the lease record: the zone it names, */
byte  epoch = 1;                /* epoch and mark, as cached */
bool  mark;
byte  disk_epoch = 1;           /* and as synced; no zone outlives a cut */
bool  disk_mark;

byte  fails = FAILS;

byte  i, j;                     /* within one step; else 0 */

#define NEWEST  log[logs - 1]


inline copy_record(to, from) {
    to.position = from.position;
    to.follows = from.follows;
    to.value = from.value;
    to.partition = from.partition;
    to.next = from.next
}

inline forget_record(it) {
    it.position = 0;
    it.follows = 0;
    it.value = 0;
    it.partition = 0;
    it.next = 0
}

inline copy_sums(to, from) {
    to.position = from.position;
    to.value = from.value;
    to.next[0] = from.next[0];
    to.next[LAST] = from.next[LAST]
}

inline forget_sums(it) {
    it.position = 0;
    it.value = 0;
    it.next[0] = 0;
    it.next[LAST] = 0
}

/* The logs behind it move up; behind the last one lies an empty one. */

inline remove_log(n) {
    i = n;
    do
    :: i < logs ->
        log[i].named = log[i + 1].named;
        log[i].tail = log[i + 1].tail;
        log[i].count = log[i + 1].count;
        do
        :: j <= ALL ->
            copy_record(log[i].record[j], log[i + 1].record[j]);
            j++
        :: else -> j = 0; break
        od;
        i++
    :: else -> i = 0; break
    od;
    logs--
}

inline drop_image() {
    stage = NO_IMAGE;
    first = 0;
    forget_sums(fresh)
}

/* The renamed image is the newest one; the logs before it are removed. */

inline adopt_image() {
    copy_sums(image, fresh);
    hollow = !KEPT(IMAGE_SYNC);
    do
    :: first > 0 -> remove_log(0); first--
    :: else -> break
    od;
    drop_image()
}

inline sync_directory() {
    do
    :: i < logs -> log[i].named = true; i++
    :: else -> i = 0; break
    od
}

inline sync_log(n) {
    if
    :: log[n].tail == NEW -> log[n].tail = CLEAN
    :: log[n].tail == CUT && KEPT(CUT_SYNC) ->
        log[n].tail = CLEAN;
        forget_record(log[n].record[log[n].count])
    :: else
    fi
}

inline fail_sync(n) {
    if
    :: log[n].tail == NEW -> log[n].tail = LOST
    :: else
    fi
}

/* What is left of an append that failed is taken away. */

inline cut_back(n) {
    d_step {
        if
        :: log[n].tail == LOST -> log[n].count--
        :: else                 /* TORN */
        fi;
        log[n].tail = CUT
    }
}

/* A page whose sync failed may be read from the disk again. */

inline lose_pages() {
    do
    :: i < logs && log[i].tail == LOST ->
        log[i].tail = TORN;
        log[i].count--;
        forget_record(log[i].record[log[i].count]);
        i++
    :: i < logs -> i++
    :: i == logs -> i = 0; break
    od
}

inline cut_log(n) {
    if
    :: log[n].tail == NEW || log[n].tail == LOST ->
        if
        :: log[n].tail = CLEAN
        :: log[n].tail = CLEAN; log[n].count--
        :: log[n].tail = TORN; log[n].count--
        fi
    :: log[n].tail == CUT ->
        if
        :: log[n].tail = CLEAN
        :: log[n].tail = TORN
        :: log[n].record[log[n].count].position != 0 ->
            log[n].tail = CLEAN;
            log[n].count++
        fi
    :: log[n].tail == TORN ->
        if
        :: log[n].tail = CLEAN
        :: true
        fi
    :: else
    fi;
    forget_record(log[n].record[log[n].count])
}

inline cut_disk() {
    do
    :: i < logs -> cut_log(i); i++
    :: else -> i = 0; break
    od;
    if
    :: stage == RENAMED -> adopt_image()
    :: drop_image()
    fi;
    assert(!hollow);            /* a bad image in place of a good one */
    if
    :: logs > 0 && !NEWEST.named -> remove_log(logs - 1)
    :: sync_directory()
    fi;
    if
    :: epoch = disk_epoch; mark = disk_mark
    :: disk_epoch = epoch; disk_mark = mark
    fi
}
