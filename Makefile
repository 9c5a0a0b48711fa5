# Builds the module and everything beside it into build/, and nothing
# anywhere else.  "make help" lists the targets.

NGINX_BINARY ?= $(shell command -v nginx || echo /usr/sbin/nginx)
NGINX_SRC    ?= /usr/share/nginx/src
CFLAGS       ?= -O2 -g
JOBS         ?= $(shell nproc)
TESTS        ?= $(UNIT_TESTS) $(FUZZ_REPLAYS) $(wildcard t/*.t)

TORTURE_SECONDS ?= 600
TORTURE_SEED    ?= $(shell date +%s)
TORTURE_BROKER  ?= mock

# nginx and ip lie where an ordinary user's path does not lead.
export PATH := $(PATH):/usr/sbin:/sbin
export CC

SBINDIR  ?= /usr/sbin

STATE    = nginx-flow-exporter-state
MODULE   = ngx_http_flow_exporter_module
SOURCES  = $(wildcard $(MODULE)/core/*.c $(MODULE)/kafka/*.c $(MODULE)/*.c)
HEADERS  = $(wildcard $(MODULE)/core/*.h $(MODULE)/kafka/*.h $(MODULE)/*.h)

HARDEN   = -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 \
           -Wformat -Werror=format-security -fPIC
HARDEN_L = -Wl,-z,relro -Wl,-z,now
STRICT   = -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -Wshadow \
           -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
           -Wconversion -Wno-sign-conversion
LIBS     = -lrdkafka -lyajl -lmaxminddb -lz -lpthread


all: module state

help:
	@echo "make          the module, into build/          20 s"
	@echo "make install  copies it to nginx's modules"
	@echo "make demo     the whole way of a flow, until Ctrl-C"
	@echo "make test     all tests                       14 min"
	@echo "make unit     the unit tests alone             2 min"
	@echo "make torture  random faults, for a while      10 min"
	@echo "make check    format, warnings, analyzers      2 min"
	@echo "make fuzz             any bytes, 1 min a target  8 min"
	@echo "make tsan             writer and readers, races 20 s"
	@echo "make test-sanitized   the tests, nginx watched  10 min"
	@echo "make valgrind         from start to stop        30 s"
	@echo "make prometheus-check a real one, and the demo   2 min"
	@echo "make model            what exactly once rests on  5 min"
	@echo "make bench            beside what can be had    25 min"
	@echo "make bench-instructions  counted, repeatable     1 min"
	@echo "make matrix   all builds, three Debians          2 h"
	@echo "make as-names     AS names of the Internet    30 s"
	@echo "make image-check  docker/, without Docker     4 min"
	@echo "make tools    the broker of tests and demo     5 s"
	@echo "make setup    installs what make needs         1 min"
	@echo "make clean    removes build/"
	@echo
	@echo "NGINX_SRC=tree     other nginx sources than those installed"
	@echo "NGINX_BINARY=file  another nginx, for install, test and demo"
	@echo "CC=clang           another compiler; also CFLAGS= and LDFLAGS="
	@echo "DESTDIR=, MODULESDIR=, SBINDIR=  for make install"
	@echo "DEMO_PORT=, DEMO_SECONDS=  for make demo"
	@echo "RELEASES=names             for make matrix"
	@echo "TESTS=files, JOBS=n        for make test; n at a time"
	@echo "TORTURE_SECONDS=, TORTURE_SEED=  for make torture"
	@echo "TORTURE_BROKER=kafka       Apache Kafka, for make torture"
	@echo "BENCH=parts, BENCH_CODECS=, REPEATS=n    for make bench"
	@echo "FUZZ_SECONDS=n             for make fuzz, a target"

setup:
	tools/install-packages build


# What the outputs depend on beside files; rewritten when it changes.

build/settings: NOW = $(CC) $(CFLAGS) $(LDFLAGS) $(NGINX_SRC)
build/sources:  NOW = $(SOURCES) $(HEADERS)

build/settings build/sources: FORCE
	@mkdir -p build
	@echo '$(NOW)' | cmp -s - $@ || echo '$(NOW)' > $@


# The module, by nginx's own build in a copy of its sources.

module: build/$(MODULE).so

build/$(MODULE).so: build/nginx/objs/Makefile $(SOURCES) $(HEADERS)
	@echo "building $@"
	@$(MAKE) -s --no-print-directory -C build/nginx -f objs/Makefile \
	    objs/$(MODULE).so
	@cp build/nginx/objs/$(MODULE).so $@

build/nginx/objs/Makefile: build/settings build/sources config \
                           tools/configure-nginx \
                           $(wildcard $(NGINX_SRC)/src/core/nginx.h)
	@echo "configuring nginx's sources from $(NGINX_SRC)"
	@CFLAGS='$(CFLAGS) $(HARDEN) -ffile-prefix-map=$(CURDIR)=.' \
	    LDFLAGS='$(HARDEN_L) $(LDFLAGS)' \
	    tools/configure-nginx $(NGINX_SRC) build/nginx $(CURDIR)

# The tool for the state files: the core without nginx.

state: build/$(STATE)

build/$(STATE): $(wildcard $(MODULE)/state/*.c $(MODULE)/state/*.h) \
                build/lib/plain/libflow.a
	@echo "building $@"
	@$(CC) $(STRICT) $(CFLAGS) $(FLAGS_plain) $(HARDEN_L) $(LDFLAGS) \
	    $(INCLUDES) $(filter %.c,$^) -o $@ $(filter %.a,$^) \
	    -lyajl -lmaxminddb -lz -lpthread

install: module state
	@install -d "$(DESTDIR)$(SBINDIR)" && \
	    install -m 755 build/$(STATE) "$(DESTDIR)$(SBINDIR)"
	@dir='$(MODULESDIR)' && \
	    : $${dir:=$$(tools/nginx-modules $(NGINX_BINARY))} && \
	    install -d "$(DESTDIR)$$dir" && \
	    install -m 644 build/$(MODULE).so "$(DESTDIR)$$dir" && \
	    echo "installed; nginx.conf: load_module $$dir/$(MODULE).so;"


# Core and kafka as libraries, without nginx, in two variants.

VARIANTS        = plain sanitized
FLAGS_plain     = $(HARDEN)
FLAGS_steps     = $(FLAGS_plain) -DFLOW_STEPS=1
FLAGS_sanitized = -O1 -g -fsanitize=address,undefined \
                  -fno-sanitize-recover=all -fno-omit-frame-pointer

INCLUDES   = -I$(MODULE)/core -I$(MODULE)/kafka
UNIT_NAMES = $(filter-out $(STEP_NAMES), \
                 $(patsubst t/unit/%.c,%,$(wildcard t/unit/*.c)))
STEP_NAMES = flow_crash
UNIT_TESTS = $(foreach v,$(VARIANTS),$(UNIT_NAMES:%=build/unit/$(v)/%)) \
             $(STEP_NAMES:%=build/unit/steps/%)

define variant
build/lib/$(1)/%.o: $(MODULE)/%.c build/settings
	@mkdir -p $$(@D)
	@$$(or $$(CC_$(1)),$$(CC)) $$(STRICT) $$(CFLAGS) $$(FLAGS_$(1)) \
	    $$(INCLUDES) -MMD -MP -c $$< -o $$@

build/lib/$(1)/libflow.a: build/sources \
    $(patsubst $(MODULE)/%.c,build/lib/$(1)/%.o,$(wildcard $(MODULE)/core/*.c))
build/lib/$(1)/libflow_kafka.a: build/sources \
    $(patsubst $(MODULE)/%.c,build/lib/$(1)/%.o,$(wildcard $(MODULE)/kafka/*.c))

build/unit/$(1)/%: t/unit/%.c build/lib/$(1)/libflow_kafka.a \
                   build/lib/$(1)/libflow.a
	@mkdir -p $$(@D)
	@echo "building $$@"
	@$$(or $$(CC_$(1)),$$(CC)) $$(STRICT) $$(CFLAGS) $$(FLAGS_$(1)) \
	    $$(INCLUDES) -MMD -MP -MF $$@.d $$< -o $$@ $$(filter %.a,$$^) \
	    $$(UNIT_LINK_$$*) $$(LIBS)
endef

$(foreach v,$(VARIANTS) steps,$(eval $(call variant,$(v))))

# Allocations that fail in turn.
UNIT_LINK_flow_decode      = -Wl,--wrap=malloc,--wrap=calloc
UNIT_LINK_flow_allocations = -Wl,--wrap=malloc,--wrap=calloc \
                             -Wl,--wrap=realloc,--wrap=free

# The store's system calls, which fail in turn, or are recorded.
DISK_CALLS = openat pwrite ftruncate fsync fdatasync renameat unlinkat
DISK_LINK  = $(DISK_CALLS:%=-Wl,--wrap=%)
UNIT_LINK_flow_store        = $(DISK_LINK)
UNIT_LINK_flow_store_faults = $(DISK_LINK)
UNIT_LINK_flow_store_power  = $(DISK_LINK)
UNIT_LINK_flow_saver        = $(DISK_LINK)

# Writes that fail, and reads beside them.
UNIT_LINK_flow_lease = \
    -Wl,--wrap=pread,--wrap=pwrite,--wrap=fdatasync,--wrap=fsync

# These read MMDB files that Perl has made.
$(foreach v,$(VARIANTS),$(patsubst %,build/unit/$(v)/%, \
    flow_names flow_allocations)): build/unit/mmdb

build/unit/mmdb: t/unit/make-mmdb.pl
	@rm -rf $@.new && mkdir -p $@.new
	@echo "building $@"
	@perl t/unit/make-mmdb.pl $@.new
	@rm -rf $@ && mv $@.new $@

build/lib/%.a:
	@echo "building $@"
	@rm -f $@
	@$(AR) rcs $@ $(filter %.o,$^)

-include $(wildcard build/lib/*/*/*.d build/unit/*/*.d build/tools/*.d)


# The broker of tests and demo, and what tests preload into nginx.

tools: build/tools/flow_broker build/tools/failing_disk.so

build/tools/%.so: t/tools/%.c build/settings
	@mkdir -p build/tools
	@echo "building $@"
	@$(CC) $(STRICT) $(CFLAGS) $(FLAGS_plain) $(LDFLAGS) -shared -MMD -MP \
	    -MF $@.d $< -o $@ -ldl

build/tools/%: t/tools/%.c build/settings
	@mkdir -p build/tools
	@echo "building $@"
	@$(CC) $(STRICT) $(CFLAGS) $(FLAGS_plain) $(LDFLAGS) -MMD -MP \
	    -MF $@.d $< -o $@ -lrdkafka -lpthread


include $(wildcard t/*/Makefile)


# Unit tests run beside each other, those that start nginx one by one.

PROVE = prove -j $(JOBS) --rules 'seq=t/*.t' --rules 'par=**' -I t/lib

unit: $(UNIT_TESTS) $(FUZZ_REPLAYS)
	@$(PROVE) $^

programs: $(UNIT_TESTS) $(FUZZ_REPLAYS)

test:
	@tools/install-packages build test
	@$(MAKE) --no-print-directory run-tests

run-tests: all tools programs
	@TEST_NGINX_BINARY=$(NGINX_BINARY) $(PROVE) $(TESTS)

# Faults of all kinds at random; make test has a short run of the same.

torture:
	@tools/install-packages build test
	@$(MAKE) --no-print-directory run-torture

run-torture: module tools
	@TEST_NGINX_BINARY=$(NGINX_BINARY) \
	    TORTURE_SECONDS=$(TORTURE_SECONDS) TORTURE_SEED=$(TORTURE_SEED) \
	    TORTURE_BROKER=$(TORTURE_BROKER) \
	    prove -v -I t/lib t/torture.t

demo:
	@tools/install-packages build demo
	@$(MAKE) --no-print-directory run-demo

run-demo: module tools
	@NGINX_BINARY=$(NGINX_BINARY) demo/run

check:
	@tools/install-packages build check
	@$(MAKE) --no-print-directory run-check

run-check: module build/lib/plain/libflow.a
	@STRICT='$(STRICT)' INCLUDES='$(INCLUDES)' tools/check

# Ways to build and Debian releases, each in a system of its own.

matrix:
	@tools/install-packages matrix
	@RELEASES='$(RELEASES)' tools/matrix

# AS names of the whole Internet, for who has no other source.

as-names:
	@tools/install-packages names
	@mkdir -p build
	@tools/as-names build

# The image, as Docker would build and run it.

image-check:
	@tools/install-packages build image
	@$(MAKE) --no-print-directory run-image-check

run-image-check: tools
	@tools/image-check

clean:
	@if [ -d build/matrix ]; then tools/matrix remove; fi
	@if [ -d build/image ]; then tools/image-check remove; fi
	rm -rf build

.PHONY: all help setup module state install tools unit test run-tests
.PHONY: demo run-demo
.PHONY: programs check run-check matrix as-names image-check run-image-check
.PHONY: torture run-torture clean FORCE
.DELETE_ON_ERROR:
