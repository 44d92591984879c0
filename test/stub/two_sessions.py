#!/usr/bin/env python3
"""Two sessions run one approved statement at the same moment, many times.

    two_sessions.py ROUNDS CONNINFO_AGENT CONNINFO_APPROVER

Each round has a statement of its own, INSERT INTO agent_ws.once VALUES (i),
for which approvals have been asked and given before.  Prints, on one line
each, the rounds in which exactly one session ran it, what the other one was
told, and how many rows there are.
"""
import collections
import sys
import time

import psycopg

rounds = int(sys.argv[1])
agents = [psycopg.connect(sys.argv[2], autocommit=True) for _ in range(2)]
approver = psycopg.connect(sys.argv[3], autocommit=True)


def run(connection, i):
    try:
        connection.execute(f"INSERT INTO agent_ws.once VALUES ({i})")
        return "ran"
    except psycopg.Error as error:
        return error.sqlstate


begun = time.time()
asked = collections.Counter(run(agents[i % 2], i) for i in range(rounds))
approver.execute("SELECT hoopguard.approve(id) FROM hoopguard.pending_approval")
asked_at = time.time()


def race(i):
    """Send it to both before any of them is heard; who is first alternates."""
    connections = [agents[k].pgconn for k in ((0, 1), (1, 0))[i % 2]]
    for connection in connections:
        connection.send_query(f"INSERT INTO agent_ws.once VALUES ({i})".encode())
    told = []
    for connection in connections:
        while (result := connection.get_result()) is not None:
            state = result.error_field(psycopg.pq.DiagnosticField.SQLSTATE)
            told.append(state.decode() if state else "ran")
    return told


results = [race(i) for i in range(rounds)]
others = collections.Counter(r for pair in results for r in pair if r != "ran")
print("seconds", f"{asked_at - begun:.1f} to ask and approve,",
      f"{time.time() - asked_at:.1f} for the rounds")
print("asked", dict(asked))
print("exactly one", sum(pair.count("ran") == 1 for pair in results))
print("other", " ".join(sorted(others)))
