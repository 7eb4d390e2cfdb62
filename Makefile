# make demo            install what is missing, build, ask a demo shop three questions
# make serve           leave the demo server running; DATA= POLICY= for data of your own
# make                 build the server and the client
# make test            every test; SAN=1 under ASan and UBSan, TSAN=1 under TSan
# make check           unit tests and fuzz corpora alone; make unit: unit tests alone
# make test-system     tests of the running server alone
# make test-clients    other people's clients: grpcurl, grpcio, grpc-js, the gRPC interop
#                      client, h2spec, psql, psycopg, asyncpg, pg8000, node, pgx, JDBC, ODBC,
#                      R, Go's verifiers of logs
# make test-superset   Apache Superset by pip: charts, a dashboard, SQL Lab
# make test-engines    what we say of other engines, asked of them
# make fuzz            libFuzzer on each parser, 60 s a target; FUZZ_TARGETS= names some
# make soak            histories, kills and an audit for SOAK_SECONDS (600)
# make bench           benchmarks with their peers
# make attack          why noise in floating point leaks
# make install         PREFIX=/usr/local DESTDIR=
# make deb             a Debian package
# make libdp           dp/ as a library of its own; make install-dp installs it alone
# make format          clang-format
# make clean           remove build/
# make help            these lines
# make V=1 ...         show the commands

ifeq ($(origin CC),default)
CC      := gcc
endif
Q       := $(if $(V),,@)
KIND    := $(if $(FUZZ),fuzz,$(if $(SAN),san,$(if $(TSAN),tsan,opt)))
BUILD   := build/$(KIND)
GEN     := build/gen
DUCKDB  := $(or $(DUCKDB_PREFIX),build/duckdb)

WARN    := -Werror -Wall -Wextra -Wpedantic -Wshadow -Wconversion \
           -Wsign-conversion -Wstrict-prototypes -Wmissing-prototypes -Wvla \
           -Wformat=2 -Wundef -Wcast-qual -Wwrite-strings -Wdouble-promotion \
           -Wswitch-enum -Wimplicit-fallthrough -Wnull-dereference
CFLAGS  ?= -O2 -g
CFLAGS  += -std=c17 -D_GNU_SOURCE -I. -pthread -MMD -MP
INCLUDE := -isystem $(GEN) -isystem $(DUCKDB)/include \
           -isystem /usr/include/postgresql
HARDEN  := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
ifdef FUZZ
# gcc is the compiler whose warnings count.
WARN    := -w
CFLAGS  += -fsanitize=fuzzer-no-link,address,undefined \
           -fno-sanitize-recover=all -fno-omit-frame-pointer
else ifdef SAN
CFLAGS  += -fsanitize=address,undefined -fno-sanitize-recover=all \
           -fno-omit-frame-pointer
else ifdef TSAN
CFLAGS  += -fsanitize=thread -fno-omit-frame-pointer
export TSAN_OPTIONS := suppressions=$(abspath tests/tsan.supp) $(TSAN_OPTIONS)
else
CFLAGS  += $(HARDEN)
LDFLAGS += -pie -Wl,-z,relro,-z,now
endif

PROTOS  := $(sort $(shell find proto -name '*.proto'))
PB_C    := $(PROTOS:proto/%.proto=$(GEN)/%.pb-c.c)
LIB_C   := $(wildcard dp/*.c server/*/*.c clients/cli/*.c)
LIB_O   := $(patsubst %.c,$(BUILD)/%.o,$(filter-out %/main.c,$(LIB_C)) $(PB_C) \
                      $(GEN)/descriptor_set.c)
LIB     := $(BUILD)/libhalftone.a
TESTS   := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/test_*.c))
TEST_LIB := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/lib_*.c))
FUZZERS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
REPLAYS := $(FUZZERS:%=$(BUILD)/tests/fuzz/replay_%)
ATTACK  := $(patsubst %,$(BUILD)/tests/system/%,attack captured pg_attack pg_types)
CRASH   := $(patsubst %,$(BUILD)/tests/crash/%,crash wire rewrite shim.so halftoned)
AUDIT   := $(patsubst %,$(BUILD)/tests/auditor/%,audit probe halftoned)
ATTACK  += $(BUILD)/tests/system/bad_witness
BENCHES := $(patsubst %.c,$(BUILD)/%,$(wildcard benchmarks/bench_*.c))
HEADERS := $(wildcard dp/*.h server/*/*.h clients/cli/*.h)
BIN     := $(if $(SAN)$(TSAN)$(FUZZ),$(BUILD),build)
PROGRAMS := $(BIN)/halftoned $(BIN)/halftone
LIBS    := build/pg_query/pg_query.o -L$(DUCKDB)/lib -lduckdb \
           -levent_core -levent_pthreads -lnghttp2 -lprotobuf-c -lssl -lcrypto \
           -lsqlite3 -lpq -lcurl -lyaml -lgsl -lgslcblas -lm
RPATH   := -Wl,-rpath,$(abspath $(DUCKDB))/lib
LINK     = $(Q)$(CC) $(CFLAGS) $(LDFLAGS) -Wl,--as-needed -o $@ $(filter %.o,$^) \
           $(LIB) $(LIBS) $(RPATH)

all: deps layers
	@$(MAKE) --no-print-directory $(PROGRAMS)

help:
	@sed -n 's/^# \(make .*\|   .*\)/\1/p' Makefile

programs: $(PROGRAMS)

$(BIN)/halftoned: $(BUILD)/server/main/main.o $(LIB) build/deps.ok
	$(LINK)
$(BIN)/halftone: $(BUILD)/clients/cli/main.o $(LIB) build/deps.ok
	$(LINK)

# Manual pages, from the tables of commands and flags.
build/man/%: $(BUILD)/tools/make_man
	@mkdir -p $(@D)
	$(Q)$< $(basename $*) >$@
$(BUILD)/tools/make_man: $(BUILD)/tools/make_man.o $(LIB) build/deps.ok
	$(LINK)

$(BIN)/make_shop: $(BUILD)/demo/make_shop.o $(LIB) build/deps.ok
	$(LINK)

# Variables: DATA= and POLICY= for a file of one's own, SCALE= for a larger shop.
demo serve: deps
	@$(MAKE) -s --no-print-directory $(PROGRAMS) $(BIN)/make_shop
	@BIN=$(BIN) DATA='$(DATA)' POLICY='$(POLICY)' SCALE='$(SCALE)' demo/$@.sh

# Everything; the last line counts single tests.
test: deps
	@$(MAKE) --no-print-directory layers headers $(PROGRAMS) libdp \
	    $(BIN)/make_shop $(TESTS) $(REPLAYS) $(ATTACK) $(AUDIT) $(CRASH)
	@BIN=$(BIN) tests/all.sh $(BUILD) '$(TESTS)' '$(FUZZERS)'

# What we say of another engine, asked of it; they must be installed.
test-engines:
	@set -e; for t in tests/engines/*.sh; do $$t; done

# Tests of the running server alone.
test-system: deps
	@$(MAKE) --no-print-directory $(PROGRAMS) libdp $(BIN)/make_shop $(ATTACK) \
	    $(AUDIT) $(CRASH)
	@BIN=$(BIN) tests/system/run.sh

# Clients and tools that others wrote, fetched at need: what cannot be had on
# this machine says SKIP and why.
test-clients: deps
	@$(MAKE) --no-print-directory $(PROGRAMS) $(BIN)/make_shop
	@BIN=$(BIN) SYSTEM_TIMEOUT=900 tests/system/run.sh \
	    $(patsubst %,tests/system/%.sh,python clients_grpcurl clients_grpcio \
	    clients_grpcjs clients_golog interop h2spec pg_psql pg_python pg_node pg_go pg_jdbc pg_odbc pg_r pg_matrix)

# Apache Superset for real; SCREENSHOT=FILE takes a picture of its dashboard.
test-superset: deps
	@$(MAKE) --no-print-directory $(PROGRAMS) $(BIN)/make_shop
	@BIN=$(BIN) SYSTEM_TIMEOUT=3000 tests/system/run.sh tests/system/superset.sh

# Every package and pinned archive; a second run does nothing.
deps: build/deps.ok
build/deps.ok: tools/deps.sh tools/packages.txt tools/pg_query.symbols
	@tools/deps.sh $(DUCKDB_PREFIX)
	@touch $@

# libFuzzer on each parser, FUZZ_SECONDS (60) each; FUZZ_TARGETS= names some.
FUZZ_TARGETS ?= $(FUZZERS)
fuzz: deps
	@tools/need.sh clang-14 libclang-rt-14-dev
	@$(MAKE) --no-print-directory FUZZ=1 CC=clang-14 \
	    $(FUZZ_TARGETS:%=build/fuzz/tests/fuzz/libfuzzer_%)
	@tests/fuzz/run.sh build/fuzz $(FUZZ_TARGETS)

SOAKED := ledger_crash ledger_model sim ledger_threads workers retry grpc_session \
          grpc_floods
# The tests that never end, for SOAK_SECONDS (600), then the auditor in full.
soak: deps
	@$(MAKE) --no-print-directory $(PROGRAMS) $(BIN)/make_shop $(AUDIT) $(CRASH) \
	    $(SOAKED:%=$(BUILD)/tests/test_%) \
	    $(patsubst %,$(BUILD)/tests/test_%,coverage neighbour neighbour_mutations neighbour_series \
        neighbour_postgres)
	@BIN=$(BIN) tests/soak.sh $(BUILD) $(SOAKED)

# PREFIX (/usr/local), DESTDIR.  libduckdb goes to a folder of its own, and the
# programs find it from where they stand.
PREFIX  ?= /usr/local
INSTALLED := $(BUILD)/install/halftone $(BUILD)/install/halftoned
ifndef DUCKDB_PREFIX
$(INSTALLED): RPATH := -Wl,-rpath,'$$ORIGIN/../lib/halftone'
endif
$(BUILD)/install/halftone: $(BUILD)/clients/cli/main.o $(LIB)
	@mkdir -p $(@D)
	$(LINK)
$(BUILD)/install/halftoned: $(BUILD)/server/main/main.o $(LIB)
	@mkdir -p $(@D)
	$(LINK)
install: deps
	@$(MAKE) -s --no-print-directory $(BIN)/halftone $(INSTALLED) \
	    build/man/halftone.1 build/man/halftoned.8
	@DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' BUILT=$(BUILD)/install \
	    COMPLETER=$(BIN)/halftone ZSH_DIR='$(ZSH_DIR)' \
	    DUCKDB='$(if $(DUCKDB_PREFIX),,$(DUCKDB)/lib/libduckdb.so)' \
	    tools/install/install.sh
# build/halftone_VERSION_ARCH.deb
deb: deps
	@rm -rf build/deb
	@$(MAKE) --no-print-directory install DESTDIR=build/deb PREFIX=/usr \
	    ZSH_DIR=/usr/share/zsh/vendor-completions
	@tools/deb/build.sh build/deb

layers:
	@tests/check_layers.sh
	@tests/check_notes.sh

# Every header compiles on its own.
headers: $(HEADERS:%=$(BUILD)/%.ok)
$(BUILD)/%.h.ok: %.h | $(PB_C) build/deps.ok
	@mkdir -p $(@D)
	@$(CC) $(CFLAGS) $(WARN) $(INCLUDE) -MF $@.d -MT $@ -fsyntax-only -x c $< \
	    && touch $@

check: layers headers unit fuzz-replay
unit: $(TESTS)
	@tests/run.sh $(TESTS)
fuzz-replay: $(REPLAYS)
	@tests/fuzz/replay.sh $(BUILD) $(FUZZERS)

# dp/ as a library of its own: GSL, OpenSSL and nothing of the server.
LIBDP := $(BIN)/libhalftone-dp.a
DP_TO  := $(DESTDIR)$(PREFIX)
libdp: $(LIBDP)
$(LIBDP): $(patsubst %.c,$(BUILD)/%.o,$(wildcard dp/*.c))
	@mkdir -p $(@D)
	@rm -f $@
	$(Q)ar rcs $@ $^
$(BUILD)/dp/%.o: dp/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(WARN) $(INCLUDE) -c $< -o $@
install-dp: $(LIBDP)
	install -d $(DP_TO)/lib/pkgconfig $(DP_TO)/include/halftone/dp \
	    $(DP_TO)/share/doc/halftone-dp/example
	install -m 644 $(LIBDP) $(DP_TO)/lib
	install -m 644 dp/*.h $(DP_TO)/include/halftone/dp
	install -m 644 dp/*.md $(DP_TO)/share/doc/halftone-dp
	install -m 644 dp/example/*.c $(DP_TO)/share/doc/halftone-dp/example
	sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(shell sed -n 's/ .*//;1p' NEWS)|' \
	    dp/halftone-dp.pc.in >$(DP_TO)/lib/pkgconfig/halftone-dp.pc

$(LIB): $(LIB_O)
	@rm -f $@
	$(Q)ar rcs $@ $^

$(GEN)/%.pb-c.c: proto/%.proto build/deps.ok
	@mkdir -p $(GEN)
	$(Q)protoc -Iproto --c_out=$(GEN) $<
# What reflection serves: every contract, as bytes in a C array.
$(GEN)/descriptor_set.c: $(PROTOS) build/deps.ok
	@mkdir -p $(GEN)
	$(Q)protoc -Iproto --include_imports --descriptor_set_out=$(@:.c=.pb) \
	    $(PROTOS)
	$(Q){ echo '#include <stddef.h>'; \
	    echo 'const unsigned char grpc_descriptor_set[] = {'; \
	    od -An -v -tx1 $(@:.c=.pb) | sed 's/ \(..\)/0x\1,/g'; echo '};'; \
	    echo 'const size_t grpc_descriptor_set_len ='; \
	    echo '    sizeof grpc_descriptor_set;'; } >$@
$(GEN)/tests/%.pb-c.c: tests/system/%.proto build/deps.ok
	@mkdir -p $(@D)
	$(Q)protoc -Itests/system --c_out=$(@D) $<
$(BUILD)/$(GEN)/%.o: $(GEN)/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(INCLUDE) -c $< -o $@
# -MMD passes over what is included with -isystem.
$(filter $(BUILD)/server/grpc/% $(BUILD)/clients/%,$(LIB_O)) \
$(TESTS:%=%.o) $(TEST_LIB) \
$(patsubst %.c,$(BUILD)/%.o,$(wildcard $(patsubst %,tests/%/*.c, \
                                    auditor crash system))): $(PB_C)

$(BUILD)/%.o: %.c | $(PB_C) build/deps.ok
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(WARN) $(INCLUDE) -c $< -o $@

$(BUILD)/tests/test_%: $(BUILD)/tests/test_%.o $(TEST_LIB) $(LIB)
	$(LINK) -lcmocka
# Every noise call of the neighbour harness passes through its replay.
NEIGHBOUR := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/neighbour/*.c))
NEIGHBOURS := $(patsubst %,$(BUILD)/tests/test_%,neighbour \
    neighbour_grammar neighbour_controls neighbour_mutations \
    neighbour_series neighbour_postgres \
    canary peers)
$(NEIGHBOURS): $(NEIGHBOUR)
$(NEIGHBOURS): LDFLAGS += -Wl,--wrap=noise_release,--wrap=plan_query,--wrap=plan_bind,--wrap=plan_finish,--wrap=dp_topk_of_price
# Servers in one process, over a store and a time of the test's own.
$(BUILD)/tests/test_sim: $(patsubst %,$(BUILD)/tests/sim/%.o, \
                               baton op shared sim slow)
$(BUILD)/tests/test_sim: LDFLAGS += -Wl,--wrap=store_open,--wrap=committer_run \
    -Wl,--wrap=committer_listen,--wrap=ledger_answer
# A ledger that believes the wrong thing of a commit.
$(BUILD)/tests/test_ledger_wire: LDFLAGS += -Wl,--wrap=store_recover
# How often a batch begins behind another.
$(BUILD)/tests/test_ledger_boundary: LDFLAGS += -Wl,--wrap=store_go_on
# What releases count, before noise.
$(BUILD)/tests/test_consent_releases: LDFLAGS += -Wl,--wrap=noise_release
$(BUILD)/tests/fuzz/replay_%: $(BUILD)/tests/fuzz/fuzz_%.o \
                              $(BUILD)/tests/fuzz/replay.o $(TEST_LIB) $(LIB)
	$(LINK) -lcmocka
$(BUILD)/tests/fuzz/libfuzzer_%: $(BUILD)/tests/fuzz/fuzz_%.o $(TEST_LIB) $(LIB)
	$(LINK) -lcmocka -fsanitize=fuzzer
# Peers of the system tests: programs that are never shipped.
$(BUILD)/tests/system/interop_server.o: | $(GEN)/tests/interop.pb-c.c
$(BUILD)/tests/system/%: $(BUILD)/tests/system/%.o \
                         $(BUILD)/$(GEN)/tests/interop.pb-c.o $(LIB)
	$(LINK)
# The auditor, and the server that it asks (tests/auditor/plant.c).
$(BUILD)/tests/auditor/audit: $(patsubst %,$(BUILD)/tests/auditor/%.o, \
                                audit pipe question score) $(TEST_LIB) $(LIB)
	$(LINK) -lcmocka
$(BUILD)/tests/auditor/probe: $(patsubst %,$(BUILD)/tests/auditor/%.o, \
                                probe pipe) $(LIB)
	$(LINK)
$(BUILD)/tests/auditor/halftoned: LDFLAGS += \
    -Wl,--wrap=service_charge_args,--wrap=dp_mechanism_release \
    -Wl,--wrap=engine_duckdb_open,--wrap=dp_quantile_pick,--wrap=dp_topk_pick,--wrap=dp_threshold_of \
    -Wl,--wrap=leave_at_slot,--wrap=leave_as_first,--wrap=leave_on_time
$(BUILD)/tests/auditor/halftoned: $(BUILD)/server/main/main.o \
                                  $(BUILD)/tests/auditor/plant.o \
                                  $(BUILD)/tests/auditor/remember.o $(LIB)
	$(LINK)
# Crashes of the server: who causes them, what is preloaded into it, and a server
# that charges or records too late (tests/crash/plant.c).
$(BUILD)/tests/crash/crash: $(patsubst %,$(BUILD)/tests/%.o,crash/crash crash/promise crash/points \
                                crash/disk crash/life crash/trace auditor/pipe lib_torn) \
                                $(LIB)
	$(LINK)
$(BUILD)/tests/crash/wire: $(patsubst %,$(BUILD)/tests/%.o,crash/wire crash/promise crash/points \
                                crash/life auditor/pipe lib_relay lib_postgres) $(LIB)
	$(LINK)
$(BUILD)/tests/crash/rewrite: $(patsubst %,$(BUILD)/tests/%.o,crash/rewrite crash/disk \
                                crash/trace lib_torn) $(LIB)
	$(LINK)
$(BUILD)/tests/crash/shim.so: tests/crash/shim.c tests/crash/trace.h
	@mkdir -p $(@D)
	$(Q)$(CC) -O2 -g -std=c17 -D_GNU_SOURCE -I. -pthread $(WARN) -fPIC -shared \
	    -o $@ $< -ldl
$(BUILD)/tests/crash/halftoned: LDFLAGS += \
    -Wl,--wrap=ledger_wait,--wrap=ledger_answer,--wrap=consent_record \
    -Wl,--wrap=lookup_is_due,--wrap=lookup_step
$(BUILD)/tests/crash/halftoned: $(BUILD)/server/main/main.o \
                                $(BUILD)/tests/crash/plant.o $(LIB)
	$(LINK)
$(BUILD)/benchmarks/bench_consent: $(BUILD)/benchmarks/crowd.o
$(BUILD)/benchmarks/bench_ledger: $(addprefix $(BUILD)/benchmarks/,database.o sqlite_peers.o)
$(BUILD)/benchmarks/%: $(BUILD)/benchmarks/%.o $(TEST_LIB) $(LIB)
	$(LINK) -lcmocka

# Why floating-point noise is not private, shown.
attack: $(BUILD)/benchmarks/float_attack
	@$<

# Each figure beside its peer, in one run.
bench: deps
	@$(MAKE) --no-print-directory $(PROGRAMS) $(BIN)/make_shop $(BENCHES)
	@set -e; for b in $(BENCHES); do $$b; done
	@$(or $(PYTHON),python3) benchmarks/peers/quantile.py
	@benchmarks/bench_dp_peers.sh
	@BUILD=$(BUILD) benchmarks/bench_pld.sh
	@BIN=$(BIN) benchmarks/bench_grpc.sh
	@BIN=$(BIN) benchmarks/bench_pg.sh

format:
	clang-format-14 -i $$(git ls-files '*.[ch]')
clean:
	rm -rf build

-include $(shell find build -name '*.d' -type f 2>/dev/null)
.PHONY: help test-engines attack bench all programs libdp install-dp deps demo serve fuzz soak install deb test test-system layers headers check unit fuzz-replay format clean test-clients test-superset
.SECONDARY:
