#!/usr/bin/env python3
"""Many sessions that wait for an approval at a time.

    waiters.py HOST PORT DBNAME AGENT APPROVER COURIER_PID

Prints TAP: how each way of ending the wait releases all of them, and what
they take meanwhile.  The last way is a shutdown, by the signal for it to the
postmaster; PGDATA names its directory.
"""
import os
import select
import signal
import sys
import time

import psycopg
from psycopg import pq

host, port, dbname, agent, approver, courier = sys.argv[1:7]
COUNT = 300
number = 0
base = 0


def ok(good, name):
    global number
    number += 1
    print(f"{'ok' if good else 'not ok'} {number} - {name}", flush=True)


def connect(role):
    return psycopg.connect(f"host={host} port={port} dbname={dbname} user={role}",
                           autocommit=True)


def sockets():
    count = 0
    for fd in os.listdir(f"/proc/{courier}/fd"):
        try:
            count += os.readlink(f"/proc/{courier}/fd/{fd}").startswith("socket:")
        except OSError:
            pass
    return count


def anonymous(pids):
    """Kilobytes of memory of its own of the largest of the processes."""
    most = 0
    for pid in pids:
        with open(f"/proc/{pid}/status") as status:
            for line in status:
                if line.startswith("RssAnon:"):
                    most = max(most, int(line.split()[1]))
    return most


def waiting():
    return dba.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = %s"
                       " AND wait_event_type = 'Extension' AND state = 'active'",
                       (agent,)).fetchone()[0]


def stored():
    return dba.execute("SELECT count(*) FROM hoopguard.approval"
                       " WHERE state = 'pending'").fetchone()[0]


def start():
    """All of them ask, each for a statement of its own; True: they wait."""
    global base
    base += COUNT
    until = time.monotonic() + 25
    for i, session in enumerate(sessions):
        session.pgconn.send_query(
            b"SELECT v FROM store_waiters WHERE id = %d" % (base + i))
        session.pgconn.flush()
        # a request has to be stored in two seconds, on a busy machine too
        while i % 25 == 24 and stored() <= i and time.monotonic() < until:
            time.sleep(0.05)
    while time.monotonic() < until:
        if stored() >= COUNT and waiting() >= COUNT:
            return True
        time.sleep(0.1)
    return False


def released(begin):
    """Seconds to the last answer, and the SQLSTATEs."""
    left = {session.pgconn.socket: session for session in sessions}
    states = set()
    last = begin
    while left and time.monotonic() < begin + 60:
        ready, _, _ = select.select(list(left), [], [], 1)
        for fd in ready:
            pgconn = left[fd].pgconn
            try:
                pgconn.consume_input()
                if pgconn.is_busy():
                    continue
                result = pgconn.get_result()
                while result:
                    state = result.error_field(pq.DiagnosticField.SQLSTATE)
                    states.add(state.decode() if state else "lost")
                    result = pgconn.get_result()
            except psycopg.OperationalError:
                states.add("lost")
            last = time.monotonic()
            del left[fd]
    return (last - begin if not left else 60), sorted(states)


dba = psycopg.connect(f"host={host} port={port} dbname={dbname}", autocommit=True)
sessions = [connect(agent) for _ in range(COUNT)]
pids = [session.info.backend_pid for session in sessions]

ok(start(), "all wait")
before = anonymous(pids)
time.sleep(2)
grown = anonymous(pids) - before
ok(grown < 1024, f"a session that waits does not grow ({grown} kB in 2 s)")
count = sockets()
ok(count <= 24, f"the courier has few connections ({count} sockets)")
people = connect(approver)
begin = time.monotonic()
people.execute("SELECT hoopguard.deny(id) FROM hoopguard.pending_approval")
committed = time.monotonic()
took, states = released(committed)
ok(states == ["HG003"], f"decision: all are told ({states})")
ok(took < 6, f"decision: at once ({took:.2f} s)")

ok(start(), "all wait again")
begin = time.monotonic()
dba.execute("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE usename = %s",
            (agent,))
took, states = released(begin)
ok(states == ["57014"], f"cancel: all are told ({states})")
ok(took < 6, f"cancel: at once ({took:.2f} s)")
until = time.monotonic() + 30
while stored() and time.monotonic() < until:
    time.sleep(0.1)
ok(stored() == 0, "cancel: the requests are taken back")

ok(start(), "all wait a third time")
begin = time.monotonic()
with open(os.environ["PGDATA"] + "/postmaster.pid") as file:
    os.kill(int(file.readline()), signal.SIGINT)
took, states = released(begin)
ok(set(states) <= {"57P01", "lost"}, f"shutdown: all end ({states})")
ok(took < 6, f"shutdown: at once ({took:.2f} s)")
print(f"1..{number}")
