/*
 * What the dedicated process of zone z does, step by step.  It can be killed
 * between two steps; "atomic" and "d_step" make one step of several lines.
 * Its variables are those of the process in exactly_once.pml.
 */

typedef Zone {                  /* it survives a kill */
    Sums    counted;
    Record  journal;
    bool    filled;             /* the journal's mark */
    bool    live;
    byte    loads
};

Zone  zone[2];
byte  end[PARTITIONS];          /* of the topic: at worst, what was ever read */

#define COUNTED  zone[z].counted
#define JOURNAL  zone[z].journal


/* Step 3, journal to zone: who dies here leaves it full, to apply again. */

inline apply(z, rule) {
    zone[z].filled = KEPT(rule);
    COUNTED.value = (KEPT(ABSOLUTE_VALUES) -> JOURNAL.value :
        COUNTED.value + JOURNAL.next - COUNTED.next[JOURNAL.partition]);
    COUNTED.next[JOURNAL.partition] = JOURNAL.next;
    COUNTED.position = JOURNAL.position;
    zone[z].filled = false
}

/*
 * The mark, in the lease record: where its sync fails, the record is written
 * and synced again, so that a failure is only more time before the sync.
 */

inline set_mark() {
    mark = mark || KEPT(MARK);
    d_step {
        disk_epoch = epoch;
        disk_mark = (KEPT(MARK_SYNC) -> mark : disk_mark)
    }
}

/* State files: an image begins with a new log, and the zone's copy. */

inline create_log() {
    d_step {
        if
        :: logs > 0 && NEWEST.count == 0 && NEWEST.tail == CLEAN
        :: else -> logs++       /* an empty one is not kept here */
        fi;
        NEWEST.named = false
    }
}

inline begin_image(z) {
    d_step {
        if
        :: KEPT(DIRECTORY_SYNC) -> sync_directory()
        :: else
        fi;
        copy_sums(fresh, COUNTED);
        stage = COPIED;
        first = logs - 1;
        heals = degraded || !KEPT(IMAGE_AFTER)
    }
}

inline continue_image() {
    if
    :: d_step { stage == COPIED -> stage = WRITTEN }
    :: d_step {
           stage == COPIED && fails > 0 ->
           fails--;
           heals = false;
           drop_image()
       }
    :: stage == WRITTEN -> stage = RENAMED
    :: d_step {
           stage == RENAMED ->
           sync_directory();
           adopt_image();
           degraded = degraded && !heals;
           heals = false
       }
    fi
}

/* One redo record per batch, step 1: it is composed in the journal. */

#define MORE  (COUNTED.next[0] < RECORDS || COUNTED.next[LAST] < RECORDS)

inline compose(z) {
    atomic {
        MORE && !(degraded && heals && KEPT(REST)) ->
        assert(COUNTED.value == COUNTED.next[0] +
               (LAST -> COUNTED.next[LAST] : 0));
        if
        :: COUNTED.next[0] < RECORDS -> part = 0
        :: LAST && COUNTED.next[LAST] < RECORDS -> part = LAST
        fi;
        next = COUNTED.next[part] + 1;
        if
        :: next < RECORDS -> next++
        :: true
        fi;
        end[part] = (end[part] < next -> next : end[part]);
        JOURNAL.value = COUNTED.value + next - COUNTED.next[part]
    };
    d_step {
        JOURNAL.position = POSITION(epoch, NUMBER_OF(COUNTED.position) + 1);
        JOURNAL.follows = COUNTED.position;
        JOURNAL.partition = part;
        JOURNAL.next = next;
        part = 0;
        next = 0
    }
}

/*
 * Step 2: it is appended and synced.  Where that fails, it is applied as it
 * is, with its number, which no other record will have.
 */

inline append(z) {
    if
    :: degraded
    :: d_step {
           !degraded ->
           copy_record(NEWEST.record[NEWEST.count], JOURNAL);
           NEWEST.tail = TORN
       };
       if
       :: d_step { NEWEST.count++; NEWEST.tail = NEW };
          if
          :: d_step { KEPT(SYNC_BEFORE_APPLY) -> sync_log(logs - 1) }
          :: d_step { fails > 0 -> fails--; fail_sync(logs - 1) }; degrade()
          :: !KEPT(SYNC_BEFORE_APPLY)
          fi
       :: d_step { fails > 0 -> fails-- }; degrade()
       fi
    fi
}

/* Degraded mode begins: the mark, then the log is cut back. */

inline degrade() {
    set_mark();
    cut_back(logs - 1);
    if
    :: d_step { sync_log(logs - 1) }
    :: d_step { fails > 0 -> fails--; fail_sync(logs - 1) }
    fi;
    degraded = KEPT(IMAGE_FIRST)
}

/*
 * Lease: the taker's zone is not live unless the lease named it; its epoch is
 * durable before its first record.
 */

inline take_lease(z) {
    zone[z].live = zone[z].live && (lease == z || !KEPT(LEASE_ORDER));
    d_step {
        found = mark;
        degraded = mark;
        other = (lease != z);
        lease = z;
        epoch = epoch + KEPT(EPOCH)
    };
    d_step {
        zone[z].live = zone[z].live && !other;
        other = false;
        disk_epoch = epoch;
        disk_mark = mark
    }
}

/*
 * Recovery of the files, before anything of them is applied.  The last record
 * need not lie in the last log, and behind it one may have been cut off: all
 * logs since the image are synced.
 */

inline recover_files() {
    d_step {
        n = logs;
        do
        :: n > 0 && log[n - 1].count == 0 && log[n - 1].tail != TORN -> n--
        :: else -> break
        od
    };
    if
    :: n > 0 && log[n - 1].tail == TORN -> cut_back(n - 1)
    :: d_step {
           n > 0 && log[n - 1].tail == LOST ->
           log[n - 1].tail = (KEPT(REWRITE) -> NEW : LOST)
       }
    :: else
    fi;
    if
    :: d_step {
           KEPT(RECOVERY_SYNC) ->
           do
           :: i < logs -> sync_log(i); i++
           :: else -> i = 0; break
           od
       }
    :: d_step {
           KEPT(RECOVERY_SYNC) && fails > 0 ->
           fails--;
           do
           :: i < logs -> fail_sync(i); i++
           :: else -> i = 0; break
           od;
           degraded = true
       };
       set_mark()
    :: !KEPT(RECOVERY_SYNC)
    fi;
    d_step {
        n = 0;
        sync_directory();
        if
        :: stage == RENAMED -> adopt_image()
        :: else -> drop_image()
        fi
    }
}

/* Where the chain of image and logs ends; whether the zone is on it. */

inline read_chain(at) {
    d_step {
        last = image.position;
        known = (at == last);
        do
        :: i < logs ->
            do
            :: j < log[i].count ->
                assert(log[i].record[j].follows == last);
                last = log[i].record[j].position;
                known = known || at == last;
                j++
            :: else -> j = 0; break
            od;
            assert(log[i].tail != TORN);
            i++
        :: else -> i = 0; break
        od
    }
}

/* A zone that is neither on the chain nor ahead of it is loaded. */

inline load_image(z) {
    zone[z].live = false;
    d_step { COUNTED.position = NOWHERE; zone[z].loads++ };
    COUNTED.value = 0;
    COUNTED.value = image.value;
    d_step { copy_sums(COUNTED, image) }
}

/* Log records that follow the zone's position are applied in order. */

inline apply_logs(z) {
    do
    :: atomic {
           known && COUNTED.position != last ->
           do
           :: log[i].count == j -> i++; j = 0
           :: log[i].count > j &&
              log[i].record[j].follows != COUNTED.position -> j++
           :: else -> break
           od;
           copy_record(JOURNAL, log[i].record[j]);
           i = 0;
           j = 0
       };
       apply(z, REPLAY_JOURNAL)
    :: !known || COUNTED.position == last -> break
    od
}

/* Recovery of the zone. */

inline recover_zone(z) {
    if
    :: zone[z].filled || !KEPT(FULL_ALONE) -> apply(z, FULL_MARK)
    :: else
    fi;
    read_chain(COUNTED.position);
    if
    :: known
    :: atomic {                 /* ahead: kept, degraded */
           !known && COUNTED.position > last &&
           EPOCH_OF(COUNTED.position) == EPOCH_OF(last) ->
           degraded = true
       }
    :: else -> load_image(z); known = true
    fi;
    apply_logs(z)
}

/* Withheld series: the topic's end as of the taker's start was passed. */

#define PASSED  (COUNTED.next[0] >= target[0] && \
                 COUNTED.next[LAST] >= target[LAST])
