
# Statements, cancels, terminations and kills at random: what sync and strict
# promise is in the record.  HG_TORTURE_ROUNDS=20 HG_TORTURE_SECONDS=5 for the
# long form.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use HoopguardTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $rounds = $ENV{HG_TORTURE_ROUNDS} // 3;
my $seconds = $ENV{HG_TORTURE_SECONDS} // 1;
my $node = new_node('main', "hoopguard.audit = governed\nrestart_after_crash = on\nlog_statement = none\n");
store_in($node, 'shop');
$node->safe_psql('shop', <<'EOS');
CREATE TABLE store.d (id int, v int);
CREATE FUNCTION store.began(mark text) RETURNS boolean LANGUAGE plpgsql
AS $$ BEGIN RAISE NOTICE '%', mark; RETURN true; END $$;
GRANT ALL ON store.d TO regress_hoopguard_agent;
SELECT hoopguard.add_rule('allow', '{ALL}', priority => 1);
SELECT hoopguard.set_limit('kind:agent', 'rows_written', 1000000000, per => '1 hour');
EOS
my $bin = `$ENV{PG_CONFIG} --bindir` if $ENV{PG_CONFIG};
$bin = `pg_config --bindir` unless $bin;
chomp $bin;
foreach my $mode ('sync', 'strict')
{
	my $out = '';
	my $ok = IPC::Run::run(
		[
			python(), source_dir() . '/test/stub/torture.py',
			'host=' . $node->host . ' port=' . $node->port . ' dbname=shop',
			$bin, $node->data_dir, $mode, $rounds, $seconds
		],
		'>&', \$out);
	note($out);
	ok($ok, "$mode: nothing that was promised is missing") or diag($out);
	like($out, qr/ [1-9]\d* promised, 0 missing/, "$mode: and something was promised");
	$node->_update_pid(-1);
}
$node->stop;
done_testing();
