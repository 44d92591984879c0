"""torture.py CONNINFO BIN DATADIR MODE ROUNDS SECONDS

Eight clients send statements of all kinds while others are cancelled and
terminated and, at the end of each round, a backend, the recorder or the
postmaster is killed with SIGKILL.  Every statement bears a name of its own,
which its text keeps in the record.

sync: what a client was told of (the end of a statement outside a block, or
COMMIT) must be in the record.  strict: also what has begun, as told by a
notice that it raises.  Prints the counts; exits 1 if one is missing.
"""
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time

import psycopg

conninfo, bindir, datadir, mode, rounds, seconds = sys.argv[1:7]
rounds, seconds = int(rounds), float(seconds)
agent = conninfo + " user=regress_hoopguard_agent"
lock = threading.Lock()
promised, began, sent = set(), set(), 0
stop = threading.Event()
counts = {"cancelled": 0, "terminated": 0, "killed": 0}


def name(client):
    global sent
    with lock:
        sent += 1
        return "m%d_%d" % (client, sent)


def keep(names):
    with lock:
        promised.update(names)


def note_begun(notice):
    if re.fullmatch(r"m\d+_\d+", notice.message_primary or ""):
        began.add(notice.message_primary)


def statement(rng, mark):
    kind = rng.randrange(7)
    if kind == 0:
        return "SELECT store.began('%s') AS %s, pg_sleep(%f)" % (
            mark, mark, rng.random() / 20)
    if kind == 1:
        return "INSERT INTO store.d AS %s VALUES (%d, 1)" % (
            mark, rng.randrange(10 ** 9))
    if kind == 2:
        return ("UPDATE store.d AS %s SET v = v + 1 WHERE id < 1000 AND"
                " store.began('%s')" % (mark, mark))
    if kind == 3:
        return "WITH %s AS (SELECT store.began('%s')) SELECT * FROM %s" % (
            mark, mark, mark)
    if kind == 4:
        return "PREPARE %s AS SELECT 1" % mark
    if kind == 5:
        # an xid, and nothing in WAL
        return "SELECT pg_current_xact_id() AS %s" % mark
    return "SELECT count(*) AS %s FROM store.d" % mark


def client(number):
    rng = random.Random(number * 7919 + int(time.time()))
    while not stop.is_set():
        try:
            with psycopg.connect(agent, autocommit=True) as conn:
                conn.add_notice_handler(note_begun)
                conn.execute("SET synchronous_commit = " +
                             rng.choice(["on", "local", "off"]))
                while not stop.is_set():
                    one_turn(rng, conn, number)
        except psycopg.Error:
            time.sleep(0.05)


def one_turn(rng, conn, number):
    if rng.random() < 0.6:
        mark = name(number)
        try:
            conn.execute(statement(rng, mark))
            keep([mark])
        except psycopg.errors.QueryCanceled:
            counts["cancelled"] += 1
        except psycopg.DatabaseError:
            if conn.broken:
                raise
        return
    marks = []
    try:
        conn.execute("BEGIN")
        for _ in range(rng.randrange(1, 5)):
            mark = name(number)
            conn.execute(statement(rng, mark))
            marks.append(mark)
        if rng.random() < 0.8:
            conn.execute("COMMIT")
            keep(marks)
        else:
            conn.execute("ROLLBACK")
    except psycopg.DatabaseError:
        if conn.broken:
            raise
        conn.execute("ROLLBACK")


def trouble(dba, rng):
    """Cancel or terminate one client at random."""
    what = rng.choice(["cancel", "terminate"])
    done = dba.execute(
        "SELECT pg_%s_backend(pid) FROM pg_stat_activity WHERE usename ="
        " 'regress_hoopguard_agent' ORDER BY random() LIMIT 1" % what)
    if what == "terminate" and done.fetchone():
        counts["terminated"] += 1


def kill(dba, victim):
    if victim == "postmaster":
        pid = int(open(datadir + "/postmaster.pid").readline())
    else:
        row = dba.execute(
            "SELECT pid FROM pg_stat_activity WHERE backend_type = %s AND"
            " datname = current_database() AND pid <> pg_backend_pid()"
            " LIMIT 1", [victim]).fetchone()
        if row is None:
            return
        pid = row[0]
    os.kill(pid, signal.SIGKILL)
    counts["killed"] += 1


def up():
    """Wait for the server; start it if the postmaster was killed."""
    end = time.time() + 120
    while time.time() < end:
        try:
            return psycopg.connect(conninfo, autocommit=True)
        except psycopg.Error:
            if subprocess.run([bindir + "/pg_ctl", "status", "-D", datadir],
                              capture_output=True).returncode != 0:
                subprocess.run([bindir + "/pg_ctl", "start", "-D", datadir,
                                "-l", datadir + "/torture.log", "-s"],
                               capture_output=True)
            time.sleep(0.2)
    sys.exit("the server does not come back")


def recorded(conn):
    for _ in range(120):
        try:
            if conn.execute("SELECT hoopguard.flush('5 s')").fetchone()[0]:
                break
        except psycopg.Error:
            conn = up()
    names = set()
    for (text,) in conn.execute(
            "SELECT t.text FROM hoopguard.event e JOIN hoopguard.statement t"
            " USING (statement_id) WHERE t.text ~ 'm[0-9]+_[0-9]+'"):
        names.update(re.findall(r"m\d+_\d+", text))
    bad = conn.execute("SELECT count(*) FROM hoopguard.verify_audit()"
                       " WHERE NOT ok").fetchone()[0]
    return names, bad


rng = random.Random()
dba = up()
dba.execute("ALTER ROLE regress_hoopguard_agent SET"
            " hoopguard.audit_durability = %s" % mode)
victims = ["client backend", "hoopguard recorder", "postmaster"]
for number in range(rounds):
    stop.clear()
    threads = [threading.Thread(target=client, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    end = time.time() + seconds
    while time.time() < end:
        try:
            trouble(dba, rng)
        except psycopg.Error:
            dba = up()
        time.sleep(0.1)
    try:
        kill(dba, victims[number % 3])
    except (psycopg.Error, OSError):
        pass
    time.sleep(0.1)
    stop.set()
    for thread in threads:
        thread.join()
    time.sleep(0.2)
    dba = up()

names, bad = recorded(up())
missing = promised - names
unseen = began - names if mode == "strict" else set()
print("%s: %d rounds, %d sent, %d promised, %d missing, %d begun, %d of them"
      " missing, %d cancelled, %d terminated, %d killed, %d faults of the seal"
      % (mode, rounds, sent, len(promised), len(missing), len(began),
         len(unseen), counts["cancelled"], counts["terminated"],
         counts["killed"], bad))
for mark in sorted(missing | unseen)[:10]:
    print("missing:", mark)
sys.exit(1 if missing or unseen or bad else 0)
