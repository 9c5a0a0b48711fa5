/*
 * flow_names with any bytes as a file, a text list or an MMDB: check and
 * create judge it alike, and every name in the table is clean and is found.
 */

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "flow_names_table.h"
#include "flow_text.h"
#include "fuzz.h"


const char *__lsan_default_suppressions(void);


/*
 * MMDB_open() of libmaxminddb before 1.12 leaks where it refuses damaged
 * metadata.  That what is opened is closed, flow_names in t/unit/ tells.
 */

const char *
__lsan_default_suppressions(void)
{
    return "leak:libmaxminddb";
}


static void
check_table(const flow_names_t *names)
{
    char        clean[FLOW_LABEL_MAX];
    size_t      count = 0;
    uint32_t    place, number;
    flow_str_t  name, found;

    for (place = 0; place < names->arena_used; count++) {
        memcpy(&number, &names->arena[place], sizeof(number));
        place += (uint32_t) sizeof(number);

        name.len = (unsigned char) names->arena[place++];
        name.data = &names->arena[place];
        place += (uint32_t) name.len;

        found = flow_names_find(names, number);

        require(found.data == name.data && found.len == name.len,
                "each name is found");
        require(name.len > 0 && flow_text_clean_name(clean, name) == name.len,
                "each name is clean");
    }

    require(place == names->arena_used, "names fill the arena");
    require(count > 0 && count == flow_names_count(names), "all are counted");
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int            checked;
    char           path[32];
    flow_error_t   check, create;
    flow_names_t  *names;

    static int  fd = -1;

    if (fd == -1) {
        fd = memfd_create("names", 0);
    }

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    require(fd != -1 && ftruncate(fd, 0) == 0
            && pwrite(fd, data, size, 0) == (ssize_t) size, "a file");

    memset(&check, 0, sizeof(check));
    memset(&create, 0, sizeof(create));

    checked = flow_names_check(path, &check);
    names = flow_names_create(path, &create);

    require(checked == FLOW_OK || names == NULL, "create is no milder");

    if (names == NULL) {
        require(strstr(create.text, path) != NULL, "an error names the file");
        require(checked == FLOW_OK || strcmp(check.text, create.text) == 0,
                "both say the same");
        return 0;
    }

    check_table(names);
    flow_names_destroy(names);

    return 0;
}
