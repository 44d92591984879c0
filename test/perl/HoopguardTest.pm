
=pod

=head1 NAME

HoopguardTest - what hoopguard's TAP tests share

=cut

package HoopguardTest;

use strict;
use warnings;
use File::Temp qw(tempfile);
use FindBin;
use IO::Socket::INET;
use JSON::PP qw(decode_json);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep time);

use base 'Exporter';
our @EXPORT = qw(new_node store_in as_role as_dba query background
  wait_until python free_port source_dir status_of
  run_tap_script json_lines);

# Top of the source tree.
sub source_dir
{
	return "$FindBin::RealBin/../..";
}

# A running server with hoopguard preloaded; more lines for postgresql.conf.
sub new_node
{
	my ($name, $conf) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	# in a C locale initdb would take SQL_ASCII, in which psycopg returns bytes
	$node->init(extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ]);
	$node->append_conf('postgresql.conf', <<"EOC");
shared_preload_libraries = 'hoopguard'
hoopguard.audit = all
hoopguard.approval_wait = 0
max_worker_processes = 16
max_prepared_transactions = 4
EOC
	$node->append_conf('postgresql.conf', $conf) if defined $conf;
	$node->start;
	return $node;
}

# A database with the store, the extension, a mapped agent with ordinary
# privileges, a bystander who is not mapped, and a workspace.
sub store_in
{
	my ($node, $db) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $db") if $db ne 'postgres';
	$node->safe_psql($db,
		slurp_file(source_dir() . '/test/data/store.sql'));
	$node->safe_psql($db, <<'EOS');
CREATE EXTENSION hoopguard;
DO $$
DECLARE
	name text;
BEGIN
	FOREACH name IN ARRAY ARRAY['agent', 'human', 'approver', 'auditor'] LOOP
		IF NOT EXISTS (SELECT FROM pg_roles
				WHERE rolname = 'regress_hoopguard_' || name) THEN
			EXECUTE format('CREATE ROLE regress_hoopguard_%s LOGIN', name);
		END IF;
	END LOOP;
END $$;
CREATE SCHEMA agent_ws;
GRANT USAGE ON SCHEMA store TO regress_hoopguard_agent, regress_hoopguard_human;
GRANT ALL ON SCHEMA agent_ws TO regress_hoopguard_agent, regress_hoopguard_human;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA store
	TO regress_hoopguard_agent, regress_hoopguard_human;
SELECT hoopguard.map_role('regress_hoopguard_agent');
SELECT hoopguard.add_rule('allow', '{DDL,WRITE}', objects => 'agent_ws.*', priority => 10);
SELECT hoopguard.grant_approver('regress_hoopguard_approver');
SELECT hoopguard.grant_auditor('regress_hoopguard_auditor');
EOS
}

# (status, stdout, stderr) of a script, every statement of it sent by itself;
# errors are shown as bare SQLSTATEs unless the caller says otherwise.
sub as_role
{
	my ($node, $db, $role, $sql, %more) = @_;
	my ($out, $err);
	my $verbosity = $more{verbosity} // 'sqlstate';
	my $status = $node->psql(
		$db, $sql,
		stdout => \$out,
		stderr => \$err,
		on_error_stop => 0,
		on_error_die => 0,
		extra_params =>
		  [ '-U', $role, '-v', "VERBOSITY=$verbosity", @{ $more{params} // [] } ]);
	return ($status, $out, $err);
}

sub as_dba
{
	my ($node, $db, $sql) = @_;
	return $node->safe_psql($db, $sql);
}

# What a query gives, after everything recorded so far has become readable.
sub query
{
	my ($node, $db, $sql) = @_;
	my ($flushed, @rows) = split /\n/,
	  $node->safe_psql($db, "SELECT hoopguard.flush('20 s');\n$sql");
	return join "\n", @rows;
}

# The value of one item of status().
sub status_of
{
	my ($node, $db, $item) = @_;
	return $node->safe_psql($db,
		"SELECT value FROM hoopguard.status() WHERE item = '$item'");
}

# Until the code answers true, or so many seconds.
sub wait_until
{
	my ($seconds, $code) = @_;
	my $end = time() + $seconds;
	while (time() < $end)
	{
		return 1 if $code->();
		usleep(100_000);
	}
	return 0;
}

# What a stub has written, a line of JSON for each thing; a line that it is just
# writing is left for the next time.
sub json_lines
{
	my ($file) = @_;
	my $text = slurp_file($file);
	$text =~ s/[^\n]*\z//;
	return map { decode_json($_) } split /\n/, $text;
}

# A psql running in the background: (harness, \out, \err); finish the harness.
sub background
{
	my ($node, $db, $role, $sql) = @_;
	my ($out, $err) = ('', '');
	my $timer = IPC::Run::timer(120);
	my ($fh, $script) = tempfile('scriptXXXX', TMPDIR => 1, UNLINK => 1);
	print $fh $sql;
	close $fh;
	my $h = IPC::Run::start(
		[
			$node->installed_command('psql'), '-X', '-A', '-t', '-q',
			'-v', 'VERBOSITY=sqlstate', '-h', $node->host, '-p', $node->port,
			'-U', $role, '-d', $db, '-f', $script
		],
		'<', '/dev/null', '>', \$out, '2>', \$err, $timer);
	return ($h, \$out, \$err);
}

# The interpreter that has psycopg.
sub python
{
	for my $python ('python3', '/usr/bin/python3')
	{
		return $python
		  if system("$python -c 'import psycopg' >/dev/null 2>&1") == 0;
	}
	die "no python3 with psycopg";
}

# Run a Python script that prints TAP; each of its lines becomes a test here.
sub run_tap_script
{
	my ($script, @args) = @_;
	my ($out, $err) = ('', '');
	IPC::Run::run([ python(), $script, @args ], '<', '/dev/null', '>', \$out,
		'2>', \$err, IPC::Run::timeout(400))
	  or $err .= "$script ended with " . ($? >> 8);
	foreach my $line (split /\n/, $out)
	{
		if ($line =~ /^ok \d+ - (.*) # SKIP (.*)/)
		{
		  SKIP: { skip("$1: $2", 1); }
		}
		elsif ($line =~ /^(not )?ok \d+ - (.*)/)
		{
			ok(!defined $1, $2);
		}
		elsif ($line =~ /^#/)
		{
			diag($line);
		}
	}
	like($out, qr/^1\.\.\d+$/m, "$script came to its end") or diag($err);
	return;
}

sub free_port
{
	my $s = IO::Socket::INET->new(
		Listen => 1,
		LocalAddr => '127.0.0.1',
		LocalPort => 0) or die "no port: $!";
	my $port = $s->sockport;
	close $s;
	return $port;
}

1;
