
# The example approver: its protocol, its forms, attacks on it, and its pages in
# a browser.  Nothing of PostgreSQL runs here; 004_approval_webhook.pl has the
# server's side, 031_agents.pl both together.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use HoopguardTest;
use PostgreSQL::Test::Utils;
use Test::More;

run_tap_script(source_dir() . '/test/approver/pages.py',
	PostgreSQL::Test::Utils::tempdir());
done_testing();
