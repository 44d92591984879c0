
# Some hundred statements by every road, in both protocols, and what the
# baseline says to each; what check_sql says of them; and that nothing has
# happened.  The statements are in test/data/commands.tsv.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use HoopguardTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $agent = 'regress_hoopguard_agent';
my $root = 'regress_hoopguard_root';
my $node = new_node('main', <<'EOC');
hoopguard.heuristics = off
hoopguard.approval_max_pending = 10000
hoopguard.approval_rate = 10000
wal_level = logical
EOC
$node->safe_psql('postgres', 'CREATE DATABASE guarded');
$node->safe_psql('guarded', slurp_file(source_dir() . '/test/data/commands.sql'));

my $table = source_dir() . '/test/data/commands.tsv';
my ($major) = $node->safe_psql('guarded', 'SHOW server_version_num') =~ /^(\d+)\d{4}$/;
my $counts = q{SELECT (SELECT count(*) || ' ' || sum(v) FROM app.t),
	(SELECT count(*) FROM app.u), (SELECT count(*) FROM app.c),
	(SELECT count(*) FROM app.p), (SELECT count(*) FROM app.parent),
	(SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname !~ '^(pg_|hoopguard)'),
	(SELECT count(*) FROM pg_proc), (SELECT count(*) FROM pg_roles),
	(SELECT count(*) FROM pg_largeobject_metadata), (SELECT count(*) FROM pg_database),
	(SELECT count(*) FROM hoopguard.rule)};
my $before = $node->safe_psql('guarded', $counts);

my ($out, $err) = ('', '');
IPC::Run::run([ python(), source_dir() . '/test/stub/commands.py', $table, $major,
		$node->connstr('guarded'), $agent, $root ],
	'>', \$out, '2>', \$err, IPC::Run::timeout(300));
is($err, '', 'every statement was sent');
my %got = map { /^(\d+) (\w+) (.*)$/ ? ("$1 $2" => $3) : () } split /\n/, $out;

my %code = (allow => '00000', approve => 'HG002', deny => 'HG001');
my ($n, $tried) = (0, 0);
my @asked;
open my $fh, '<', $table or die "$table: $!";
while (my $line = <$fh>)
{
	next if $line =~ /^#|^\s*$/;
	chomp $line;
	my ($flags, $verdict, $unbounded, $commands, $sql) = split /\t/, $line;
	$n++;
	next if $flags =~ /v(\d+)/ && $1 > $major;
	$tried++;
	$sql =~ s/\\n/\n/g;
	foreach my $protocol ($flags =~ /m/ ? ('simple') : ('simple', 'extended'))
	{
		is($got{"$n $protocol"}, $code{$verdict}, "$verdict, $protocol: $sql");
	}
	push @asked, [ $flags, $verdict, $unbounded, $commands, $sql ];
}
close $fh;
cmp_ok($n, '>=', 300, 'the table is long enough');

# The same questions to check_sql, in one go.
my $questions = join ",\n", map {
	my ($flags, $verdict, $unbounded, $commands, $sql) = @{ $asked[$_] };
	my $role = $flags =~ /^r/ ? $root : $agent;
	"($_, '$role', \$hg\$$sql\$hg\$)"
} grep { $asked[$_][0] !~ /m/ } 0 .. $#asked;
my $facts = $node->safe_psql('guarded', <<"EOS");
SELECT q.n, array_to_string(c.commands, ','), c.unbounded, c.verdict
FROM (VALUES $questions) q(n, role, sql), LATERAL hoopguard.check_sql(q.sql, q.role) c
EOS
my %facts;
foreach my $line (split /\n/, $facts)
{
	my ($i, $commands, $unbounded, $verdict) = split /\|/, $line;
	push @{ $facts{$i}{commands} }, split /,/, $commands;
	$facts{$i}{unbounded} = 't' if $unbounded eq 't';
	push @{ $facts{$i}{verdicts} }, $verdict;
}
for my $i (0 .. $#asked)
{
	my ($flags, $verdict, $unbounded, $commands, $sql) = @{ $asked[$i] };
	next if $flags =~ /m/;
	my %said = map { $_ => 1 } @{ $facts{$i}{commands} // [] };
	my @missing = $commands eq '-' ? () : grep { !$said{$_} } split /,/, $commands;
	is("@missing", '', "facts name $commands: $sql");
	is($facts{$i}{unbounded} // 'f', $unbounded, "facts, unbounded: $sql")
	  if $unbounded ne '-';
	ok((grep { $_ eq $verdict } @{ $facts{$i}{verdicts} // [] }),
		"check_sql says $verdict: $sql")
	  unless $flags =~ /n/;
}

is($node->safe_psql('guarded', $counts), $before, 'nothing has happened');
note("$tried of $n statements on PostgreSQL $major");
$node->stop;
done_testing();
