package OpenLineage;

# Is a run event what OpenLineage 2-0-2 says, with the facets that hoopguard
# sends?  Stricter than the schemas: no member that they do not name, each
# facet under the URL of its version, each field that something comes from
# among the inputs.

use strict;
use warnings;
use Exporter 'import';
use JSON::PP;

our @EXPORT = qw(run_event_faults);

my $facets = 'https://openlineage.io/spec/facets';
my $core = 'https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs';
my %subtype = (
	DIRECT => qr/^(?:IDENTITY|TRANSFORMATION|AGGREGATION)$/,
	INDIRECT => qr/^(?:JOIN|FILTER|GROUP_BY|SORT|WINDOW|CONDITIONAL)$/);
my @faults;
my %inputs;

sub fault { push @faults, join(': ', @_); return }

sub literal { return JSON::PP->new->allow_nonref->canonical->encode($_[0]) }

# Each of these is given a place and a value.
sub text
{
	my ($at, $v) = @_;
	fault($at, 'not a string') if ref $v || literal($v) !~ /^".+"$/s;
}

sub matching
{
	my ($what, $re) = @_;
	return sub {
		my ($at, $v) = @_;
		text($at, $v);
		fault($at, "not $what: " . literal($v)) if ref $v || $v !~ $re;
	};
}

sub integer { fault($_[0], 'not an integer') if literal($_[1]) !~ /^-?\d+$/ }

sub boolean { fault($_[0], 'not a boolean') if !JSON::PP::is_bool($_[1]) }

my $uri = matching('a URI', qr/^[A-Za-z][A-Za-z0-9+.-]*:[^\s"<>\\^`{|}]+$/);
my $uuid = matching('a UUID', qr/^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/);
my $time = matching('a time',
	qr/^\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-6]\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/);

sub one_of
{
	my @words = @_;
	return matching('one of ' . join(' ', @words), qr/^(?:@{[join '|', @words]})$/);
}

sub list_of
{
	my ($item) = @_;
	return sub {
		my ($at, $v) = @_;
		return fault($at, 'not an array') if ref $v ne 'ARRAY';
		$item->("$at/$_", $v->[$_]) for 0 .. $#$v;
	};
}

# Members by name; those with a ? may be missing.
sub object
{
	my (%want) = @_;
	my %check = map { (my $name = $_) =~ s/\?$//; ($name => $want{$_}) } keys %want;
	return sub {
		my ($at, $v) = @_;
		return fault($at, 'not an object') if ref $v ne 'HASH';
		for (sort keys %$v)
		{
			if ($check{$_}) { $check{$_}->("$at/$_", $v->{$_}) }
			else { fault($at, "unknown member $_") }
		}
		for (sort keys %want) { fault($at, "no $_") if !/\?$/ && !exists $v->{$_} }
	};
}

sub facet
{
	my ($url, %content) = @_;
	return object(_producer => $uri, _schemaURL => one_of(quotemeta $url), %content);
}

my $job = object(namespace => \&text, name => \&text);
my $transformation = sub {
	my ($at, $v) = @_;
	object(type => one_of(keys %subtype), subtype => \&text, masking => \&boolean)->($at, $v);
	fault($at, 'subtype of another type')
		if ref $v eq 'HASH' && ($v->{subtype} // '') !~ ($subtype{ $v->{type} // '' } // qr/^/);
};
my $input_field = sub {
	my ($at, $v) = @_;
	object(namespace => \&text, name => \&text, field => \&text,
		transformations => list_of($transformation))->($at, $v);
	fault($at, 'not of an input')
		if ref $v eq 'HASH' && !$inputs{ ($v->{namespace} // '') . ' ' . ($v->{name} // '') };
};
my $fields = sub {
	my ($at, $v) = @_;
	return fault($at, 'not an object') if ref $v ne 'HASH';
	object(inputFields => list_of($input_field))->("$at/$_", $v->{$_}) for sort keys %$v;
};
my $event = object(
	eventType => one_of(qw(START RUNNING COMPLETE ABORT FAIL OTHER)),
	eventTime => $time, producer => $uri,
	schemaURL => one_of(quotemeta "$core/RunEvent"),
	run => object(runId => $uuid, facets => object(
		hoopguard => facet("$core/RunFacet", 'subject?' => \&text,
			session => \&integer, sessionRole => \&text,
			'effectiveRole?' => \&text, 'intent?' => \&text, verdict => \&text, outcome => \&text, 'maskedColumns?' => list_of(\&text)),
		'errorMessage?' => facet("$facets/1-0-1/ErrorMessageRunFacet.json",
			message => \&text, programmingLanguage => \&text),
		'parent?' => facet("$facets/1-2-0/ParentRunFacet.json",
			run => object(runId => $uuid), job => $job))),
	job => object(namespace => \&text, name => \&text, facets => object(
		'sql?' => facet("$facets/1-1-0/SQLJobFacet.json",
			query => \&text, dialect => \&text))),
	inputs => list_of(object(namespace => \&text, name => \&text)),
	outputs => list_of(object(namespace => \&text, name => \&text,
		facets => object(columnLineage => facet("$facets/1-2-0/ColumnLineageDatasetFacet.json",
			fields => $fields, dataset => list_of($input_field))),
		'outputFacets?' => object(outputStatistics =>
			facet("$facets/1-0-2/OutputStatisticsOutputDatasetFacet.json",
				rowCount => \&integer)))));

# What is wrong with a decoded event, a line each.
sub run_event_faults
{
	my ($v) = @_;
	@faults = ();
	%inputs = ();
	for my $side (qw(inputs outputs))
	{
		my %seen;
		for (ref $v eq 'HASH' && ref $v->{$side} eq 'ARRAY' ? @{ $v->{$side} } : ())
		{
			next if ref $_ ne 'HASH';
			my $name = ($_->{namespace} // '') . ' ' . ($_->{name} // '');
			fault("/$side", "twice: $name") if $seen{$name}++;
			$inputs{$name} = 1 if $side eq 'inputs';
		}
	}
	$event->('', $v);
	return @faults;
}

1;
