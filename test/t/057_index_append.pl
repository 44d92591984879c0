
# Index entries that the recorder appends by the page (index_append.c): the
# index stays one, on the server, after its recovery and on a standby.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use HoopguardTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# A standby compares each page after replay with the server's. What it has not
# received when the server is stopped in the midst of its work is kept for it.
my $node = new_node('main', <<'EOC');
wal_level = replica
max_wal_senders = 5
wal_keep_size = 1GB
wal_consistency_checking = 'generic,btree,heap2'
EOC
store_in($node, 'shop');
$node->safe_psql('shop', 'CREATE EXTENSION amcheck; CREATE EXTENSION pg_walinspect');
$node->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->start;

# Sessions at once, some of whose statements end after later ones.
sub load
{
	my ($n) = @_;
	my $half = $n / 2;
	my @sql = ("SELECT pg_sleep(0.3);\n" . ("SELECT 1;\n" x $n),
		"SELECT 2;\nBEGIN; SELECT 3; COMMIT;\n" x $half,
		"DO \$\$ BEGIN FOR i IN 1..$n LOOP PERFORM 4 + i; END LOOP; END \$\$;\n");
	return map { [ background($node, 'shop', 'regress_hoopguard_human', $_) ] } @sql;
}

# Is each index over ids sound, and does it find all that is there?
sub sound
{
	my ($server, $what, $check) = @_;
	my $found = eval { $server->safe_psql('shop', <<"EOS") } // '';
SELECT count(*) > 1, count(x) FROM pg_class c CROSS JOIN LATERAL $check(c.oid, true) x
WHERE c.relam = 403 AND c.relkind = 'i' AND c.relname ~ '^event_.*event_id_idx\$';
EOS
	like($found, qr/^t\|/, "$what: the index is sound") or diag($@);
	# of one moment, since these are recorded themselves
	my @counts = split /\n/, $server->safe_psql('shop', <<'EOS');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SET LOCAL enable_bitmapscan = off;
SET LOCAL enable_seqscan = off;
SELECT count(*) FROM hoopguard._event WHERE event_id >= 0;
SET LOCAL enable_seqscan = on;
SET LOCAL enable_indexscan = off;
SET LOCAL enable_indexonlyscan = off;
SELECT count(*) FROM hoopguard._event WHERE event_id >= 0;
COMMIT;
EOS
	is($counts[0], $counts[1], "$what: it finds every event");
	return;
}

# The standby has what the server had when this was called.
sub replayed
{
	my $lsn = $node->safe_psql('shop', 'SELECT pg_current_wal_flush_lsn()');
	return wait_until(60, sub { $standby->safe_psql('postgres',
		"SELECT pg_last_wal_replay_lsn() >= '$lsn'") eq 't' });
}

my $start = $node->safe_psql('shop', 'SELECT pg_current_wal_insert_lsn()');
$_->[0]->finish foreach load(4000);
cmp_ok(query($node, 'shop', 'SELECT count(*) FROM hoopguard._event'), '>', 14000,
	'all is recorded');
my ($appended, $one) = split /\|/, $node->safe_psql('shop', <<"EOS");
SELECT count(*) FILTER (WHERE resource_manager = 'Generic'),
	count(*) FILTER (WHERE record_type = 'INSERT_LEAF')
FROM pg_get_wal_records_info('$start', pg_current_wal_flush_lsn());
EOS
cmp_ok($appended, '>', 20, 'entries were appended by the page');
cmp_ok($one, '<', 7000, 'and few one by one');
sound($node, 'server', 'bt_index_parent_check');
ok(replayed(), 'replayed');
sound($standby, 'standby', 'bt_index_check');

# Recovery finds the same.
my @load = load(3000);
ok(wait_until(60, sub { $node->safe_psql('shop',
	"SELECT count(*) > 16000 FROM hoopguard._event") eq 't' }), 'in the midst of it');
$node->stop('immediate');
eval { $_->[0]->finish } foreach @load;
$node->start;
sound($node, 'recovered', 'bt_index_parent_check');
is(query($node, 'shop', 'SELECT ok FROM hoopguard.verify_audit()'), 't', 'the record is whole');

# A page at the end that VACUUM has emptied, and an id far ahead of all others.
$node->safe_psql('shop', 'DELETE FROM hoopguard._event');
$node->safe_psql('shop', 'VACUUM hoopguard._event');
$_->[0]->finish foreach load(500);
is(query($node, 'shop', 'SELECT count(*) > 1500 FROM hoopguard._event'), 't', 'recorded after it');
sound($node, 'emptied', 'bt_index_parent_check');
$node->safe_psql('shop', 'INSERT INTO hoopguard._event (event_id, at, session_id, txn, context_id)'
	. ' SELECT max(event_id) + 1000000000, max(at), 1, 1, 1 FROM hoopguard._event');
$_->[0]->finish foreach load(500);
is(query($node, 'shop', 'SELECT count(*) > 3000 FROM hoopguard._event'), 't', 'recorded before it');
sound($node, 'out of order', 'bt_index_parent_check');

# An index by somebody else, with as many columns as there can be.
my $repeated = join ', ', (qw(event_id at session_id txn statement_id seal)) x 5, qw(event_id at);
$node->safe_psql('shop', "CREATE INDEX repeated ON hoopguard._event ($repeated)");
$_->[0]->finish foreach load(500);
is(query($node, 'shop', 'SELECT count(*) > 4500 FROM hoopguard._event'), 't', 'recorded with another index');
is($node->safe_psql('shop', "SELECT count(*) > 0 FROM pg_class c CROSS JOIN LATERAL bt_index_parent_check(c.oid, true) x
	WHERE c.relkind = 'i' AND c.oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'hoopguard.repeated'::regclass)"),
	't', 'which is sound, too');
ok(replayed(), 'replayed again');
sound($standby, 'standby again', 'bt_index_check');
ok($standby->safe_psql('postgres', 'SELECT pg_is_in_recovery()') eq 't',
	'no page of the standby differs');

$standby->stop;
$node->stop;
unlike(slurp_file($_->logfile), qr/PANIC|TRAP:|segfault|signal 11|signal 6|inconsistent page/,
	$_->name . ': nothing crashed') foreach $node, $standby;
done_testing();
