
# Column lineage, case by case: test/data/lineage says how they are written.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use HoopguardTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my %subtype = (
	I => 'IDENTITY', T => 'TRANSFORMATION', A => 'AGGREGATION', J => 'JOIN',
	F => 'FILTER', G => 'GROUP_BY', S => 'SORT', W => 'WINDOW',
	C => 'CONDITIONAL');
my $dir = source_dir() . '/test/data/lineage';

sub full_name
{
	my ($name, $parts) = @_;
	my @have = $name =~ /"(?:[^"]|"")*"|[^.]+/g;
	return @have < $parts ? "lt.$name" : $name;
}

# What is expected, in the form in which the record is read.
sub expected
{
	my ($spec) = @_;
	my (%edge, %read, %written, %rule);
	for my $part (split /\s*;\s*/, $spec)
	{
		next if $part =~ /^\s*$/;
		if ($part =~ /^\+([RW])\s+(.*)$/)
		{
			my $access = $1 eq 'R' ? 'reads' : 'writes';
			$rule{"rule $access " . full_name($_, 2)} = 1 for split ' ', $2;
			next;
		}
		if ($part =~ /^-w\s+(.*)$/)
		{
			delete $written{ full_name($_, 2) } for split ' ', $1;
			next;
		}
		if ($part =~ /^\+([rw])\s+(.*)$/)
		{
			my $set = $1 eq 'r' ? \%read : \%written;
			$set->{ full_name($_, 2) } = 1 for split ' ', $2;
			next;
		}
		my ($target, $sources) = $part =~ /^((?:[^\s":]|"[^"]*")+)\s*:\s+(.*)$/
			or die "unreadable: $part";
		my $to;
		if ($target eq '*') { $to = 'result' }
		elsif ($target =~ /^(.*)\.\*$/)
		{
			$to = full_name($1, 2);
			$written{$to} = 1;
		}
		elsif ($target =~ /^(?:(?:"[^"]*"|[^".]+)\.)+(?:"[^"]*"|[^".]+)$/)
		{
			$to = full_name($target, 3);
			my ($table) = $to =~ /^(.*)\.(?:"[^"]*"|[^".]+)$/;
			$written{$table} = 1;
		}
		else { $to = "result.$target" }
		for my $source (split /\s*,\s*/, $sources)
		{
			my ($from, $kinds) = $source =~ /^(\S.*)\s([ITAJFGSWC]+)$/
				or die "unreadable: $source";
			$from = full_name($from, 3);
			my ($table) = $from =~ /^(.*)\.(?:"[^"]*"|[^".]+)$/;
			$read{$table} = 1;
			$edge{"$from > $to $subtype{$_}"} = 1 for split //, $kinds;
		}
	}
	return join("\n", (sort keys %edge), (map { "reads $_" } sort keys %read),
		(sort keys %rule), (map { "writes $_" } sort keys %written));
}

my @cases;
for my $block (split /\n\s*\n/, slurp_file("$dir/cases.txt"))
{
	my %case = (before => [], sql => '', want => undef, nested => []);
	for (split /\n/, $block)
	{
		next if /^#/;
		if (/^< (.*)/) { push @{ $case{before} }, $1 }
		elsif (/^=>\s*(.*)/) { $case{want} = ($case{want} // '') . "; $1" }
		elsif (/^n=>\s*(.*)/) { push @{ $case{nested} }, $1 }
		else { $case{sql} .= "$_\n" }
	}
	push @cases, \%case if $case{sql} =~ /\S/;
}

my $node = new_node('main');
my $version = $node->safe_psql('postgres', 'SHOW server_version_num');
$node->safe_psql('postgres', 'CREATE EXTENSION hoopguard');
$node->safe_psql('postgres', slurp_file("$dir/setup.sql"));

# All of them in one session, then one look at the record.
my $script = "\\set ON_ERROR_STOP 0\nSET search_path = lt, public;\n";
for my $n (0 .. $#cases)
{
	my $case = $cases[$n];
	$case->{skip} = 1
		if $case->{sql} =~ /^\s*\/\*\s*(\d+)\s*\+/ && $version < $1 * 10000;
	next if $case->{skip};
	$script .= join('', "BEGIN;\n", (map { "$_;\n" } @{ $case->{before} }),
		"SET LOCAL hoopguard.intent = 'case $n';\n", $case->{sql}, ";\n",
		"ROLLBACK;\n");
}
my ($status, $out, $err) = $node->psql('postgres', $script);
my @failed = grep { /ERROR/ } split /\n/, $err;
is(join("\n", @failed), '', 'all statements run');

my $record = query($node, 'postgres', <<'E');
SELECT json_agg(json_build_array(replace(intent, 'case ', '')::int, level, lineage))
FROM (SELECT DISTINCT ON (intent, CASE WHEN level > 0 THEN event_id END,
		CASE WHEN level = 0 THEN statement_id END)
	e.intent, least(e.level, 1) AS level, concat_ws(E'\n',
	(SELECT string_agg(DISTINCT format('%s > %s %s',
			concat_ws('.', quote_ident(source_schema), quote_ident(source_relation), quote_ident(source_column)),
			concat_ws('.', quote_ident(target_schema), quote_ident(target_relation), quote_ident(target_column)),
			subtype), E'\n')
		FROM hoopguard.lineage_edge l WHERE l.statement_id = e.statement_id),
	(SELECT string_agg(DISTINCT format('%ss %s', access,
			concat_ws('.', quote_ident(schema_name), quote_ident(relation_name))), E'\n')
		FROM hoopguard.lineage_dataset d
		WHERE d.statement_id = e.statement_id AND schema_name IS NOT NULL)) AS lineage
	FROM hoopguard.event e WHERE e.intent LIKE 'case %'
	ORDER BY intent, CASE WHEN level > 0 THEN event_id END,
		CASE WHEN level = 0 THEN statement_id END) x
E
require JSON::PP;
my (%got, %nested);
for my $row (@{ JSON::PP::decode_json($record) })
{
	my ($n, $level, $lineage) = @$row;
	if ($level == 0) { $got{$n}{$_} = 1 for split /\n/, $lineage }
	elsif ($lineage ne '') { $nested{$n}{ join("\n", sort split /\n/, $lineage) } = 1 }
}
for my $n (0 .. $#cases)
{
	my $case = $cases[$n];
	my ($name) = $case->{sql} =~ /^\s*(.{1,70})/;
  SKIP:
	{
		skip 'not in this version', 1 if $case->{skip};
		my $have = join("\n", (sort grep { !/^(rule )?(reads|writes) / } keys %{ $got{$n} }),
			sort grep { /^(rule )?(reads|writes) / } keys %{ $got{$n} });
		my $want = expected($case->{want});
		if (@{ $case->{nested} } || $nested{$n})
		{
			my %want = map { join("\n", sort split /\n/, expected($_)) => 1 } @{ $case->{nested} };
			$have .= "\nnested\n" . join("\n\n", sort keys %{ $nested{$n} });
			$want .= "\nnested\n" . join("\n\n", sort keys %want);
		}
		if (!is($have, $want, $name))
		{
			my %h = map { $_ => 1 } split /\n/, $have;
			my %w = map { $_ => 1 } split /\n/, $want;
			diag("missing $_") for grep { !$h{$_} } sort keys %w;
			diag("extra   $_") for grep { !$w{$_} } sort keys %h;
		}
	}
}

# What INSTEAD NOTHING leaves nothing of is recorded where it runs.
$node->psql('postgres', <<'E', on_error_stop => 0);
CREATE RULE r AS ON INSERT TO lt.arch DO INSTEAD NOTHING;
CREATE RULE r2 AS ON UPDATE TO lt.arch DO INSTEAD NOTIFY lt;
SET hoopguard.intent = 'dropped';
INSERT INTO lt.arch VALUES (1); INSERT INTO lt.arch VALUES (1), (2);
UPDATE lt.arch SET a = 1;
PREPARE q AS INSERT INTO lt.arch SELECT 1;
EXECUTE q;
EXECUTE q;
EXPLAIN INSERT INTO lt.arch SELECT 2;
INSERT INTO lt.arch VALUES (1) RETURNING a;
CREATE FUNCTION lt.drops() RETURNS void LANGUAGE sql AS 'INSERT INTO lt.arch VALUES (7)';
CREATE FUNCTION lt.drops2() RETURNS void LANGUAGE plpgsql AS
	$$ BEGIN INSERT INTO lt.arch VALUES (8); PERFORM lt.drops(); END $$;
DO $$ BEGIN PERFORM lt.drops2(); END $$;
RESET hoopguard.intent;
E
is(query($node, 'postgres', <<'E'), join("\n", split ' ', <<'E'), 'statements that rules drop');
SELECT least(level, 1), command, sqlstate, replace(outcome, ' ', '-'), count(*) FROM hoopguard.activity
WHERE intent = 'dropped' AND (sqlstate <> '00000'
	OR command IN ('INSERT', 'UPDATE', 'NOTIFY', 'EXECUTE', 'EXPLAIN'))
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3
E
0|EXECUTE|00000|committed|2
0|EXPLAIN|00000|committed|1
0|INSERT|00000|committed|2
0|INSERT|0A000|rolled-back|1
0|NOTIFY|00000|committed|1
0|UPDATE|00000|committed|1
1|INSERT|00000|committed|2
E

done_testing();
