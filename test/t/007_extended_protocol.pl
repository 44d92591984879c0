
# A real driver: parameters, prepared statements, binary results, portals,
# pipelines and COPY, and policy changes in between.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use HoopguardTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $agent = 'regress_hoopguard_agent';
my $node = new_node('main');
store_in($node, 'shop');

# pg_read_file is the fast-path victim; the agent has the privilege
as_dba($node, 'shop', "GRANT EXECUTE ON FUNCTION pg_read_file(text) TO $agent");

my ($out, $err) = ('', '');
IPC::Run::run([ python(), source_dir() . '/test/stub/driver.py',
		$node->connstr('shop') . " user=$agent", $node->connstr('shop') ],
	'>', \$out, '2>', \$err, IPC::Run::timeout(120));
my %found = map { /^(\S+) (.*)$/ ? ($1 => $2) : () } split /\n/, $out;
is($err, '', 'the driver came to its end');

my %wanted = (
	parameter_rows => '1',
	parameter_real => 'False',
	prepared_rows => '1',
	prepared_real => undef,
	binary_real => 'False',
	portal_real => 'False',
	pipeline_real => 'False',
	pipeline_sum => '1764.00',
	executemany => '3',
	copy_real => 'False',
	delete => 'HG001',
	before => 'True',
	after => 'False',
	rule => 'HG001');
foreach my $name (sort keys %wanted)
{
	is($found{$name}, $wanted{$name}, $name);
}
like($found{fastpath} // '', qr/^(HG001|42501)$/, 'fast-path call of a file function');
like($found{delete_detail} // '', qr/^\{.*\}$/, 'the detail of a refusal is JSON');

# Each execution of the prepared statements is an event, with its text once.
is(query($node, 'shop', q{SELECT count(*) FROM hoopguard.activity
	WHERE text ILIKE 'UPDATE store.invoice_line%' AND level = 0}),
	'3', 'three executions, three events');
is(query($node, 'shop', q{SELECT count(*) FROM hoopguard.activity
	WHERE text ILIKE '%phone FROM store.customer%' AND level = 0}),
	'8', 'also of a generic plan');
is(query($node, 'shop', q{SELECT count(*) FROM hoopguard.statement
	WHERE text ILIKE '%phone FROM store.customer%'}), '1', 'and one statement');
is(query($node, 'shop', q{SELECT count(*) FROM hoopguard.activity
	WHERE verdict = 'deny' AND command = 'DELETE' AND sqlstate = 'HG001'}),
	'1', 'the refusal is recorded');

$node->stop;
done_testing();
