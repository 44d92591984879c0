
# The scanner looks at many bytes at a time, in other ways on other processors:
# all find the same in the same texts.

use strict;
use warnings;
use FindBin;
use PostgreSQL::Test::Utils;
use Test::More;

my $tree = "$FindBin::RealBin/../..";
my $config = $ENV{PG_CONFIG} // 'pg_config';
chomp(my ($include, @lib) = map { scalar `$config $_` }
	'--includedir-server', '--pkglibdir', '--libdir');
my ($lib) = grep { -f "$_/libpgcommon.a" } $lib[0], "$lib[0]/../../lib", $lib[1];
plan skip_all => 'libpgcommon.a is not installed' if !defined $lib;

my @sources = map { "$tree/src/$_.c" } (map { "policy/$_" } qw(detect detect_check
	detect_hint detect_number detect_scan detect_text detect_token detect_wide
	classify_name)), 'base/sha256';
my $dir = PostgreSQL::Test::Utils::tempdir;
my $compiler = $ENV{CC} // 'cc';

# What the scanner finds when it is compiled so; [found, hash, way].
sub found
{
	my ($name, @options) = @_;
	my $program = "$dir/$name";
	command_ok([ $compiler, '-O2', '-std=gnu99', '-w', @options, '-I', "$tree/src", '-I', $include,
		'-o', $program, "$tree/test/fuzz_detect/paths.c", @sources,
		'-L', $lib, '-lpgcommon', '-lpgport', '-lm' ], "compiled: $name");
	my ($out) = run_command([ $program, 200000 ]);
	my @result = split / /, $out, 3;
	note "$name: @result";
	return @result;
}

my @wide = found('wide');
my @narrow = found('narrow', '-DHG_NARROW');
my @plain = found('plain', '-DHG_NARROW', '-U__SSE2__');
cmp_ok($plain[0], '>', 100000, 'there is something to find');
is($plain[2], 'plain', 'a byte at a time');
is("@narrow[0, 1]", "@plain[0, 1]", "$narrow[2] as a byte at a time");
is("@wide[0, 1]", "@plain[0, 1]", "$wide[2] as a byte at a time");
done_testing();
