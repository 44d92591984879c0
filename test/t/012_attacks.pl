
# Attacks on masking, one a line in test/attacks/*.sql.  None shows a real
# value to a mapped role, with the guard at work or off; and half of them do
# to the same role when it is not mapped, so that they are worth their name.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use HoopguardTest;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('main', "hoopguard.heuristics = off\nhoopguard.audit = governed\n");
$node->safe_psql('postgres', 'CREATE ROLE agent LOGIN; CREATE ROLE agent2');
my $dir = source_dir() . '/test/attacks';
my $real = qr/canary\d|\b73[0-4]\d(\.5)?\b|1907-0[1-9]-(?!01)\d\d/i;

# Attack => what it showed, for all files, in a database of its own.
sub attack
{
	my ($db, $before) = @_;
	my %shown;

	$node->safe_psql('postgres', "CREATE DATABASE $db");
	$node->safe_psql($db, 'CREATE EXTENSION hoopguard');
	$node->psql($db, slurp_file("$dir/setup.sql"), on_error_stop => 0);
	$node->safe_psql($db, $before) if $before;
	foreach my $file (glob "$dir/*.sql")
	{
		next if $file =~ /setup\.sql$/;
		my ($name) = $file =~ m{([^/]+)\.sql$};
		my @lines = grep { !/^--/ && /\S/ } split /\n/, slurp_file($file);
		my $script = '';
		my $n = 0;

		$script .= "\\echo \@$_\n\\warn \@$_\n$lines[$_ - 1]\n" foreach 1 .. @lines;
		my ($out, $err) = ('', '');
		IPC::Run::run(
			[ 'psql', '-X', '-A', '-U', 'agent', '-v', 'SHOW_CONTEXT=always',
				'-d', $node->connstr($db), '-f', '-' ],
			'<', \$script, '>', \$out, '2>', \$err,
			IPC::Run::timeout(300));
		like($out, qr/\@${\ scalar @lines}\n/, "$db: $name ran to its end");
		foreach my $text ($out, $err)
		{
			# the attack itself, shown again
			$text =~ s/^(LINE \d+:|.*LOG:  statement:) .*$//mg;
			foreach my $part (split /^\@(?=\d+$)/m, $text)
			{
				$shown{"$name $1"} .= $part if $part =~ s/^(\d+)\n//;
			}
		}
	}
	return \%shown;
}

foreach my $mode ('enforce', 'off')
{
	$node->safe_psql('postgres', "ALTER SYSTEM SET hoopguard.mode = '$mode'");
	$node->reload;
	my $shown = attack("guard_$mode", undef);
	my @leaks = grep { $shown->{$_} =~ $real } sort keys %$shown;

	is(scalar @leaks, 0, "guard $mode: none of " . keys(%$shown) . ' attacks shows a real value');
	diag("$_: $shown->{$_}") foreach @leaks;
	my $masked = grep { $shown->{$_} =~ /hidden|\*\*\*|1970-01-01/ } keys %$shown;
	cmp_ok($masked, '>=', 50, 'many of them are answered with masks');
}
my $plain = attack('plain', "SELECT hoopguard.unmap_role('agent')");
my $fair = grep { $plain->{$_} =~ $real } keys %$plain;
cmp_ok($fair, '>=', 60, 'without a mapping half of them show real values');
note("$fair of " . keys(%$plain));
unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC/, 'no crash');

done_testing();
