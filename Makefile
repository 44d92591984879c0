# hoopguard: build, install, test, demonstrate.
#
#	make demo	a throw-away server with a shop database and a played session
#	make demo-stop	take it away again
#	make test	every test on the PostgreSQL that PG_CONFIG names
#	make deps	install what building needs (apt-get; sudo if not root);
#			make test gets itself the rest
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

OBJS = \
	src/approval/approval.o \
	src/approval/approval_json.o \
	src/approval/approval_sql.o \
	src/approval/binding.o \
	src/approval/break_glass.o \
	src/approval/decide.o \
	src/approval/delivery.o \
	src/approval/evidence.o \
	src/approval/late.o \
	src/approval/rehearse.o \
	src/approval/quick.o \
	src/approval/redact.o \
	src/approval/request.o \
	src/approval/rows.o \
	src/approval/sample.o \
	src/approval/ticket.o \
	src/approval/worker.o \
	src/base/catalog.o \
	src/base/command.o \
	src/base/duration.o \
	src/base/guc.o \
	src/base/prf.o \
	src/base/report.o \
	src/base/retire.o \
	src/base/sha256.o \
	src/courier/courier.o \
	src/courier/courier_status.o \
	src/courier/http.o \
	src/courier/outbox_send.o \
	src/courier/relay.o \
	src/courier/webhook_sign.o \
	src/guard/guard.o \
	src/guard/limits.o \
	src/guard/limits_sql.o \
	src/guard/limits_time.o \
	src/guard/limits_watch.o \
	src/guard/limits_window.o \
	src/guard/reach.o \
	src/guard/written.o \
	src/identity/subject.o \
	src/inspect/facts.o \
	src/inspect/fingerprint.o \
	src/inspect/function_group.o \
	src/inspect/lineage.o \
	src/inspect/lineage_column.o \
	src/inspect/lineage_definition.o \
	src/inspect/lineage_effects.o \
	src/inspect/lineage_expr.o \
	src/inspect/lineage_rule.o \
	src/inspect/lineage_scope.o \
	src/inspect/lineage_set.o \
	src/inspect/lineage_utility.o \
	src/inspect/plan_facts.o \
	src/inspect/query_facts.o \
	src/inspect/setting.o \
	src/inspect/unbounded.o \
	src/inspect/utility_facts.o \
	src/inspect/utility_locks.o \
	src/inspect/utility_object.o \
	src/mask/literal.o \
	src/mask/literal_flow.o \
	src/mask/mask_code.o \
	src/mask/mask_copy.o \
	src/mask/mask_ddl.o \
	src/mask/mask_match.o \
	src/mask/mask_method.o \
	src/mask/mask_net.o \
	src/mask/mask_plan.o \
	src/mask/mask_rel.o \
	src/mask/mask_rewrite.o \
	src/mask/mask_trace.o \
	src/mask/mask_write.o \
	src/mask/memoize.o \
	src/mask/method_args.o \
	src/mask/method_date.o \
	src/mask/method_expression.o \
	src/mask/method_hash.o \
	src/mask/method_ip.o \
	src/mask/method_json.o \
	src/mask/method_json_text.o \
	src/mask/method_key.o \
	src/mask/method_number.o \
	src/mask/method_text.o \
	src/mask/method_token.o \
	src/mask/method_token_text.o \
	src/mask/method_type.o \
	src/mask/scrub.o \
	src/mask/scrub_text.o \
	src/policy/allow_list.o \
	src/policy/classify.o \
	src/policy/classify_name.o \
	src/policy/column_ref.o \
	src/policy/detect.o \
	src/policy/detect_check.o \
	src/policy/detect_hint.o \
	src/policy/detect_number.o \
	src/policy/detect_pattern.o \
	src/policy/detect_scan.o \
	src/policy/detect_sql.o \
	src/policy/detect_text.o \
	src/policy/detect_token.o \
	src/policy/detect_wide.o \
	src/policy/finding.o \
	src/policy/forget.o \
	src/policy/inherit.o \
	src/policy/label.o \
	src/policy/mask_rule.o \
	src/policy/policy.o \
	src/policy/policy_sql.o \
	src/policy/rule_match.o \
	src/policy/rule_when.o \
	src/record/bulk.o \
	src/record/event.o \
	src/record/index_append.o \
	src/record/lane.o \
	src/record/launcher.o \
	src/record/outbox.o \
	src/record/record_sql.o \
	src/record/record_store.o \
	src/record/recorder.o \
	src/record/scanner.o \
	src/record/retention.o \
	src/record/row_pack.o \
	src/record/seal.o \
	src/record/seal_digest.o \
	src/record/seal_verify.o \
	src/record/watch.o \
	src/server/failure.o \
	src/server/fastcall.o \
	src/server/govern.o \
	src/server/hooks.o \
	src/server/hoopguard.o \
	src/server/inherit.o \
	src/server/shadow.o \
	src/server/quiet.o \
	src/server/scrub_dest.o \
	src/server/shmem.o \
	src/server/sqlapi.o \
	src/server/stamp.o \
	src/server/stmt.o \
	src/server/twophase.o \
	src/server/wire.o

SQL_PARTS = $(sort $(wildcard src/sql/*.sql))
DATA_built = hoopguard--$(EXTVERSION).sql

REGRESS = \
	identity \
	mask_basic \
	mask_args \
	mask_error \
	mask_existence \
	mask_gate \
	mask_docs \
	mask_json \
	mask_method \
	mask_odd \
	mask_token \
	mask_utf8 \
	mask_read \
	mask_row_type \
	deep \
	mask_match \
	mask_write \
	class_label \
	class_rename \
	class_docs \
	class_inherit \
	attacks \
	attacks_shadow \
	guard_dml \
	guard_function \
	guard_locks \
	guard_reach \
	guard_unbounded \
	guard_utility \
	guard_when \
	limit_rows \
	limit_returned \
	limit_doom \
	record \
	report \
	secrets \
	literals \
	seal \
	lineage \
	audit \
	approval_sql \
	outbox \
	approval_evidence \
	approval_redact \
	learn \
	policy_document \
	detect_names \
	detect_values \
	detect_spans \
	detect_encoding \
	detect_pattern \
	detect_scan \
	scrub \
	scrub_output \
	grants
REGRESS_OPTS = --temp-instance=./tmp_check_regress --no-locale \
	--load-extension=hoopguard \
	--temp-config=$(CURDIR)/test/hoopguard.conf

ISOLATION = \
	lock-nowait \
	policy-change \
	class-inherit
ISOLATION_OPTS = --temp-instance=./tmp_check_iso --no-locale \
	--temp-config=$(CURDIR)/test/hoopguard.conf \
	--inputdir=$(CURDIR)/test/isolation --outputdir=./output_iso \
	--load-extension=hoopguard

TAP_TESTS = 1
PROVE_TESTS = test/t/*.pl

EXTRA_CLEAN = hoopguard--$(EXTVERSION).sql tmp_check tmp_check_regress \
	tmp_check_iso output_iso results regression.diffs regression.out log

# libcurl stays behind courier/http.c, json-c behind approval_json.c, PCRE2
# behind detect_pattern.c.
PG_CPPFLAGS = -I$(CURDIR)/src \
	$(shell pkg-config --cflags libcurl json-c libpcre2-8 2>/dev/null)
SHLIB_LINK = -lcurl -ljson-c -lpcre2-8
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

# These look at each byte of each value, whatever the server was built with.
src/policy/detect%.o src/policy/classify_name.o src/mask/scrub%.o: override CFLAGS += -O2

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

print-%:
	@echo $($*)

deps:
	PG_CONFIG="$(PG_CONFIG)" test/deps build

test-deps:
	PG_CONFIG="$(PG_CONFIG)" test/deps

test: test-deps
	+PG_CONFIG="$(PG_CONFIG)" test/run

demo:
	PG_CONFIG="$(PG_CONFIG)" test/deps build
	+PG_CONFIG="$(PG_CONFIG)" examples/demo/demo.sh

demo-stop:
	PG_CONFIG="$(PG_CONFIG)" examples/demo/demo-stop.sh

.PHONY: all install installcheck lint clean deps test-deps test demo demo-stop
