#!/bin/sh
#
# demo-stop.sh
#	  Take away what demo.sh has set up.
#
cd "$(dirname "$0")/../.." || exit 1
. test/lib.sh
. examples/demo/lib.sh

if [ -d "$demo" ]
then
	stop_demo && echo "The demonstration in $demo is gone."
else
	echo "No demonstration in $demo."
fi
