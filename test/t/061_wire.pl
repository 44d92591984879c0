
# What scrub_output sends to the client, many messages at a time: the same
# messages in the same order as without, at their time, also over TLS, and no
# client holds its backend by leaving.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use HoopguardTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $agent = 'regress_hoopguard_agent';
my $human = 'regress_hoopguard_human';
my $node = new_node('main', <<EOC);
wal_level = replica
max_wal_senders = 2
wal_sender_timeout = '2 s'
EOC
store_in($node, 'shop');
my $dba = $node->safe_psql('shop', 'SELECT current_user');
as_dba($node, 'shop', <<EOS);
SELECT hoopguard.map_role('$agent', scrub_output => true);
CREATE FUNCTION agent_ws.noticed(n int) RETURNS int LANGUAGE plpgsql AS \$\$
BEGIN
	IF n % 100 = 0 THEN
		RAISE NOTICE 'row %', n;
	END IF;
	RETURN n;
END\$\$;
EOS

my ($out, $err) = ('', '');
IPC::Run::run([ python(), source_dir() . '/test/stub/messages.py', $node->host,
		$node->port, 'shop', $agent, $human, $dba ],
	'>', \$out, '2>', \$err, IPC::Run::timeout(180));
is($err, '', 'the client came to its end');
my %found = map { /^(\S+) (.*)$/ ? ($1 => $2) : () } split /\n/, $out;

my %wanted = (
	nothing => 3,
	many => 20003,
	copy => 20004,
	noticed => 5053,
	noticed_copy => 5054,
	failed => 4323,
	failed_copy => 4323,
	several => 6009,
	after => 4,
	sizes => 204,
	large_sizes => 114,
	twice_as_large => 154,
	wide => 23,
	flushed => 5614,
	slow => '30, first by then: True',
	early => 'True',
	replicates => 'W',
	given_up => 'True',
	notified => 'A',
	cancelled => 'E 57014',
	after_cancel => 1003,
	left => 'True',
	blocked => 'True',
	ended => 'True',
	alive => 'D 1');
is($found{$_}, $wanted{$_}, $_) foreach sort keys %wanted;

SKIP:
{
	my $key = PostgreSQL::Test::Utils::tempdir . '/key';
	skip 'the server has no TLS', 2
	  if as_dba($node, 'shop', 'SHOW ssl_library') eq '';
	system_or_bail('openssl', 'req', '-new', '-x509', '-days', 2, '-nodes',
		'-subj', '/CN=localhost', '-keyout', "$key.pem", '-out', "$key.crt");
	chmod 0600, "$key.pem";
	$node->append_conf('postgresql.conf', <<"EOC");
ssl = on
ssl_key_file = '$key.pem'
ssl_cert_file = '$key.crt'
listen_addresses = '127.0.0.1'
EOC
	$node->append_conf('pg_hba.conf', 'hostssl all all 127.0.0.1/32 trust');
	$node->restart;
	my $sql = "SELECT 'a' || g || '\@example.org, ' || repeat('.', g % 90), ssl"
	  . ' FROM generate_series(1, 30000) g, pg_stat_ssl WHERE pid = pg_backend_pid();';
	my ($plain, $tls) = ('', '');
	foreach my $to ([ $node->host, \$plain ], [ '127.0.0.1', \$tls ])
	{
		IPC::Run::run([ 'psql', '-qXAt', '-d', "host=$to->[0] port=" . $node->port . " dbname=shop user=$agent",
				'-c', $sql, '-c', 'SELECT 1 / 0', '-c', $sql ],
			'>', $to->[1], '2>', \$err, IPC::Run::timeout(60));
	}
	my $n = () = $tls =~ /^\[email\], \.*\|t$/mg;
	is($n, 60000, 'over TLS');
	$tls =~ s/\|t$/|f/mg;
	ok($tls eq $plain, 'the same as without');
}
unlike(slurp_file($node->logfile), qr/PANIC|terminated by signal|stack smash/, 'no crash');

done_testing();
