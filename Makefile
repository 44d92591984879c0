# hoopguard: build, install, test, demonstrate.
#
#	make demo	a throw-away server with a shop database and a played session
#	make demo-stop	take it away again
#	make test	every test on the PostgreSQL that PG_CONFIG names
#	make deps	install what the targets above need (apt-get; sudo if not root)
#	make, make install, make clean	the usual PGXS targets
#
# For another server version: make clean, then
#	make PG_CONFIG=/usr/lib/postgresql/17/bin/pg_config
#
# demo, test and deps work before any PostgreSQL package is there: without
# PGXS they install it and start make again.

EXTENSION = hoopguard
MODULE_big = hoopguard
EXTVERSION = 1.0
PG_CONFIG ?= pg_config

OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/*/*.c)))

SQL_PARTS = $(sort $(wildcard src/sql/*.sql))
DATA_built = hoopguard--$(EXTVERSION).sql

REGRESS = \
	identity \
	mask_basic \
	guard_dml \
	guard_utility \
	record \
	lineage \
	approval_sql \
	grants
REGRESS_OPTS = --temp-instance=./tmp_check_regress --no-locale \
	--load-extension=hoopguard \
	--temp-config=$(CURDIR)/test/hoopguard.conf

ISOLATION = \
	policy-change
ISOLATION_OPTS = --temp-instance=./tmp_check_iso --no-locale \
	--temp-config=$(CURDIR)/test/hoopguard.conf \
	--inputdir=$(CURDIR)/test/isolation --outputdir=./output_iso \
	--load-extension=hoopguard

TAP_TESTS = 1
PROVE_TESTS = test/t/*.pl

EXTRA_CLEAN = hoopguard--$(EXTVERSION).sql tmp_check tmp_check_regress \
	tmp_check_iso output_iso results regression.diffs regression.out log

# libcurl stays behind courier/http.c, json-c behind approval_json.c,
# libcrypto (HMAC) behind mask_method.c and http.c.
PG_CPPFLAGS = -I$(CURDIR)/src \
	$(shell pkg-config --cflags libcurl json-c libcrypto 2>/dev/null)
SHLIB_LINK = -lcurl -ljson-c -lcrypto
# 15 has no PGDLLEXPORT on Unix: what leaves the library is listed here
SHLIB_LINK += -Wl,--version-script=$(CURDIR)/src/exports.map

# The signatures of hooks and SQL functions force unused parameters on us; the
# server's own headers and macros do not survive the other four.
PG_CFLAGS = -Wall -Wextra -Werror -Wno-unused-parameter \
	-Wno-missing-field-initializers -Wno-sign-compare \
	-Wno-cast-function-type
# no bitcode for the JIT; override beats the server's Makefile.global
override with_llvm = no

PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)

ifneq ($(wildcard $(PGXS)),)

all:
include $(PGXS)

# There is no dependency tracking in PGXS: any header rebuilds everything.
$(OBJS): $(wildcard src/*/*.h) Makefile

hoopguard--$(EXTVERSION).sql: $(SQL_PARTS)
	cat $^ > $@.tmp && mv $@.tmp $@

lint: all
	PG_CONFIG="$(PG_CONFIG)" CC="$(CC)" test/lint/run hoopguard.so

else

all install installcheck lint:
	@echo "PostgreSQL's server development files were not found by $(PG_CONFIG)." >&2
	@echo "Install them (make deps does so on Debian), or name another: make PG_CONFIG=/path/to/pg_config" >&2
	@exit 1

clean:
	rm -rf $(OBJS) hoopguard.so $(EXTRA_CLEAN)

endif

deps:
	PG_CONFIG="$(PG_CONFIG)" test/deps

test: deps
	+PG_CONFIG="$(PG_CONFIG)" test/run

demo:
	PG_CONFIG="$(PG_CONFIG)" test/deps build
	+PG_CONFIG="$(PG_CONFIG)" examples/demo/demo.sh

demo-stop:
	PG_CONFIG="$(PG_CONFIG)" examples/demo/demo-stop.sh

.PHONY: all install installcheck lint clean deps test demo demo-stop
