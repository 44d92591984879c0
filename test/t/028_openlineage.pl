
# openlineage() of events of all kinds, held against the specification.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use HoopguardTest;
use JSON::PP;
use OpenLineage;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('main', 'max_prepared_transactions = 2');
store_in($node, 'shop');
my $agent = 'regress_hoopguard_agent';
as_dba($node, 'shop', <<'E');
CREATE SCHEMA "odd ""S";
CREATE TABLE "odd ""S"."T.1" ("a b" int PRIMARY KEY, "ü" text, g int GENERATED ALWAYS AS ("a b" * 2) STORED);
CREATE VIEW "odd ""S".v AS SELECT "a b" AS a, "ü" FROM "odd ""S"."T.1" WHERE "a b" > 0;
CREATE RULE r AS ON DELETE TO "odd ""S".v DO INSTEAD UPDATE "odd ""S"."T.1" SET "ü" = NULL WHERE "a b" = OLD.a;
CREATE FUNCTION "odd ""S".f(n int) RETURNS SETOF text LANGUAGE plpgsql AS
	$$ BEGIN INSERT INTO "odd ""S"."T.1" VALUES (n, 'x'); RETURN QUERY SELECT email::text FROM store.customer; END $$;
E

# each is a statement of its own; what fails is meant to
my @statements = (
	q{SELECT c.email AS mail, count(*) FROM store.customer c JOIN store.invoice USING (customer_id) GROUP BY 1 ORDER BY 1},
	q{SELECT 1},
	q{VALUES (1), (2)},
	q{INSERT INTO "odd ""S"."T.1" SELECT customer_id, email FROM store.customer},
	q{INSERT INTO "odd ""S"."T.1" VALUES (1, 'y') ON CONFLICT ("a b") DO UPDATE SET "ü" = excluded."ü" RETURNING *},
	q{UPDATE "odd ""S".v SET a = a + 1000 WHERE a IN (SELECT max(invoice_id) FROM store.invoice)},
	q{DELETE FROM "odd ""S".v WHERE a = 5},
	q{WITH d AS (DELETE FROM "odd ""S"."T.1" RETURNING *) SELECT "ü" FROM d WHERE g > 2},
	q{MERGE INTO "odd ""S"."T.1" t USING store.customer c ON t."a b" = c.customer_id
		WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (c.customer_id, c.city)},
	q{TRUNCATE "odd ""S"."T.1"},
	q{COPY store.customer (customer_id, email) TO '/dev/null'},
	q{COPY (SELECT email FROM store.customer WHERE country = 'DE') TO '/dev/null'},
	q{COPY "odd ""S"."T.1" ("a b") FROM '/dev/null'},
	q{CREATE TABLE "odd ""S".c AS SELECT lower(email) AS e FROM store.customer},
	q{SELECT email INTO "odd ""S".i FROM store.customer WHERE false},
	q{CREATE MATERIALIZED VIEW "odd ""S".m AS SELECT count(*) AS n FROM store.invoice},
	q{REFRESH MATERIALIZED VIEW "odd ""S".m},
	q{CREATE VIEW "odd ""S".w AS SELECT sum(total) AS s FROM store.invoice},
	q{CREATE TABLE "odd ""S".gen (a int, b int GENERATED ALWAYS AS (a + 1) STORED)},
	q{CREATE FUNCTION "odd ""S".h(int) RETURNS TABLE (k text) LANGUAGE sql AS 'SELECT city FROM store.customer'},
	q{SELECT * FROM "odd ""S".f(7)},
	q{DO $$ BEGIN PERFORM email FROM store.customer; END $$},
	q{PREPARE p(int) AS SELECT email FROM store.customer WHERE customer_id = $1},
	q{EXECUTE p(1)},
	q{EXPLAIN (ANALYZE, COSTS OFF) SELECT email FROM store.customer},
	q{BEGIN}, q{DECLARE cu CURSOR FOR SELECT email FROM store.customer}, q{FETCH 1 FROM cu},
	q{SAVEPOINT s}, q{UPDATE store.customer SET city = upper(city)}, q{ROLLBACK TO s}, q{COMMIT},
	q{BEGIN}, q{DELETE FROM store.invoice_line}, q{ROLLBACK},
	q{BEGIN}, q{UPDATE store.invoice SET total = 1}, q{PREPARE TRANSACTION 'ol'},
	q{SELECT 1 / (customer_id - customer_id) FROM store.customer},
	q{SELECT nothing FROM nowhere},
	q{SELEC},
	q{SET application_name = 'x'},
	q{GRANT SELECT ON "odd ""S".c TO PUBLIC},
	q{DROP VIEW "odd ""S".w});
$node->psql('shop', join('', map { "$_;\n" } @statements), on_error_stop => 0);
as_role($node, 'shop', $agent, <<'E');
SELECT email, phone FROM store.customer;
DELETE FROM store.customer;
CREATE TABLE agent_ws.mails AS SELECT email FROM store.customer;
DROP TABLE agent_ws.mails, store.invoice;
E

my $json = JSON::PP->new->utf8;
my @events = map { $json->decode($_) } split /\n/, query($node, 'shop',
	q{SELECT hoopguard.openlineage(event_id) FROM hoopguard.activity WHERE at > now() - interval '1 hour'});
my %seen;
my @faults;
for my $event (@events)
{
	$seen{"type $event->{eventType}"}++;
	(my $kind = $event->{job}{name}) =~ s/^shop\.(.*)\..*/$1/;
	$seen{"kind $kind"}++;
	$seen{"facet $_"}++ for keys %{ $event->{run}{facets} }, keys %{ $event->{job}{facets} };
	$seen{'edges'}++ for map { keys %{ $_->{facets}{columnLineage}{fields} } } @{ $event->{outputs} };
	push @faults, map { ($event->{job}{facets}{sql}{query} // '') . " $_" } run_event_faults($event);
}
is(join("\n", @faults), '', 'every event is valid');
cmp_ok(scalar @events, '>=', scalar @statements, 'events of all statements');
cmp_ok(scalar(grep { /^kind/ } keys %seen), '>=', 20, 'of many kinds') or diag(join ' ', sort keys %seen);
ok($seen{$_}, $_) for map({ "type $_" } qw(COMPLETE ABORT FAIL RUNNING)),
	map({ "facet $_" } qw(hoopguard parent errorMessage sql)), 'edges';

# The check would see it.
my ($full) = grep { $_->{job}{name} =~ /^shop\.insert\./ && @{ $_->{outputs} } == 1
	  && %{ $_->{outputs}[0]{facets}{columnLineage}{fields} } } @events;
is(join(' ', run_event_faults($full)), '', 'an event to spoil');

sub spoiled
{
	my ($what, $change) = @_;
	my $copy = $json->decode($json->encode($full));
	$change->($copy);
	ok(scalar run_event_faults($copy), "seen: $what");
}
my ($field) = sort keys %{ $full->{outputs}[0]{facets}{columnLineage}{fields} };

sub inputs_of { return $_[0]{outputs}[0]{facets}{columnLineage}{fields}{$field} }

spoiled('no run', sub { delete $_[0]{run} });
spoiled('no run id', sub { delete $_[0]{run}{runId} });
spoiled('no UUID', sub { $_[0]{run}{runId} = 'x' });
spoiled('another type of event', sub { $_[0]{eventType} = 'DONE' });
spoiled('no time', sub { $_[0]{eventTime} = 'yesterday' });
spoiled('no URI', sub { $_[0]{producer} = 'hoopguard' });
spoiled('another schema', sub { $_[0]{schemaURL} =~ s/2-0-2/1-0-0/ });
spoiled('a facet without producer', sub { delete $_[0]{run}{facets}{hoopguard}{_producer} });
spoiled('a facet without schema', sub { delete $_[0]{job}{facets}{sql}{_schemaURL} });
spoiled('no query', sub { delete $_[0]{job}{facets}{sql}{query} });
spoiled('no job name', sub { delete $_[0]{job}{name} });
spoiled('an empty name', sub { $_[0]{job}{name} = '' });
spoiled('inputs that are no array', sub { $_[0]{inputs} = {} });
spoiled('an input without name', sub { delete $_[0]{inputs}[0]{name} });
spoiled('an input twice', sub { push @{ $_[0]{inputs} }, $_[0]{inputs}[0] });
spoiled('a field of nothing', sub { delete inputs_of($_[0])->{inputFields} });
spoiled('a field that is no input', sub { inputs_of($_[0])->{inputFields}[0]{name} = 'x' });
spoiled('a subtype of another type', sub { inputs_of($_[0])->{inputFields}[0]{transformations}[0]{subtype} = 'JOIN' });
spoiled('masking as text', sub { inputs_of($_[0])->{inputFields}[0]{transformations}[0]{masking} = 'true' });
spoiled('a count as text', sub { $_[0]{outputs}[0]{outputFacets}{outputStatistics}{rowCount} = '1 row' });
spoiled('a member nobody knows', sub { $_[0]{inputs}[0]{facts} = {} });

$node->safe_psql('shop', q{ROLLBACK PREPARED 'ol'});
done_testing();
