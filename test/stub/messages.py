#!/usr/bin/env python3
"""The protocol's messages as they arrive; one "name value" line per finding.

    messages.py SOCKET_DIRECTORY PORT DATABASE SCRUBBED_ROLE PLAIN_ROLE DBA

The same statements are sent by a role whose rows are scrubbed and by one whose
rows are not: beside what is replaced the messages are to be the same, and to
arrive when the server means them to.
"""
import re
import socket
import struct
import sys
import time

directory, port, database, scrubbed, plain, dba = sys.argv[1:7]


def say(name, value):
    print(name, value, flush=True)


class Session:
    """A connection without a password; messages are (type, body) pairs."""

    def __init__(self, role, *options):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect("%s/.s.PGSQL.%s" % (directory, port))
        self.socket.settimeout(60)
        self.buffer = b""
        self.taken = 0  # of it
        self.pid = None
        body = struct.pack("!i", 196608)
        for word in ("user", role, "database", database) + options:
            body += word.encode() + b"\0"
        body += b"\0"
        self.socket.sendall(struct.pack("!i", len(body) + 4) + body)
        for kind, body in self.until("Z"):
            if kind == "K":
                self.pid = struct.unpack("!ii", body)[0]
            assert kind != "E", body

    def send(self, kind, body=b""):
        self.socket.sendall(kind.encode() + struct.pack("!i", len(body) + 4) + body)

    def query(self, text):
        self.send("Q", text.encode() + b"\0")

    def message(self):
        while True:
            start = self.taken
            if len(self.buffer) >= start + 5:
                end = start + 1 + struct.unpack_from("!i", self.buffer, start + 1)[0]
                if len(self.buffer) >= end:
                    self.taken = end
                    return chr(self.buffer[start]), self.buffer[start + 5:end]
            data = self.socket.recv(1 << 16)
            if not data:
                return None, b""
            self.buffer, self.taken = self.buffer[start:] + data, 0

    def until(self, last):
        """Messages to the first of a type, or to the end."""
        found = []
        while not found or found[-1][0] not in (last, None):
            found.append(self.message())
        return found

    def run(self, text):
        self.query(text)
        return self.until("Z")


def text_of(kind, body):
    """A message as text, what differs by itself left out."""
    if kind in ("N", "E"):
        fields = dict((f[:1], f[1:]) for f in body.split(b"\0") if f)
        return "%s %s %s" % (kind, fields[b"C"].decode(), fields[b"M"].decode())
    if kind == "D":
        values, at = [], 2
        for _ in range(struct.unpack("!h", body[:2])[0]):
            size = struct.unpack("!i", body[at:at + 4])[0]
            values.append(body[at + 4:at + 4 + size].decode())
            at += 4 + max(size, 0)
        return "D " + "|".join(values)
    if kind == "T":
        return "T"
    return "%s %s" % (kind, body.decode("latin-1"))


def readable(messages):
    lines = [text_of(kind, body) for kind, body in messages if kind is not None]
    return [re.sub(r"[\w.]{1,20}@example\.org", "[email]", line) for line in lines]


agent, human, admin = Session(scrubbed), Session(plain), Session(dba)


def same(name, statement):
    """How many messages, if all are the same."""
    one, two = readable(agent.run(statement)), readable(human.run(statement))
    for i, (a, b) in enumerate(zip(one, two)):
        if a != b:
            return say(name, "differs at %d: %.200s / %.200s" % (i, a, b))
    say(name, len(one) if len(one) == len(two) else
        "%d messages, not %d" % (len(one), len(two)))


rows = "SELECT 'a' || g || '@example.org, ' || repeat('.', g %% 90) FROM (SELECT generate_series(1, %d) g) s"
same("nothing", rows % 0)
same("many", rows % 20000)
same("copy", "COPY (%s) TO STDOUT" % (rows % 20000))
same("noticed", "SELECT 'a' || g || '@example.org', agent_ws.noticed(g) FROM generate_series(1, 5000) g")
same("noticed_copy", "COPY (SELECT 'a' || g || '@example.org', agent_ws.noticed(g) "
     "FROM generate_series(1, 5000) g) TO STDOUT")
same("failed", "SELECT 'a' || g || '@example.org', 1 / (4321 - g) FROM generate_series(1, 5000) g")
same("failed_copy", "COPY (SELECT 'a' || g || '@example.org', 1 / (4321 - g) "
     "FROM generate_series(1, 5000) g) TO STDOUT")
same("several", "; ".join([rows % 3000, "SELECT 1", rows % 3000, "SELECT 1 / 0", "SELECT 2"]))
same("after", "SELECT 'b@example.org'")
# around each size at which a buffer is full
same("sizes", "SELECT repeat('x', n) || ' a@example.org' FROM generate_series(8100, 8300) n")
same("large_sizes", "SELECT repeat('x', n) || ' a@example.org' FROM generate_series(65450, 65560) n")
same("twice_as_large", "SELECT repeat('x', n) || ' a@example.org' FROM generate_series(130950, 131100) n")
same("wide", "SELECT " + ", ".join("'c%d@example.org' || g" % i for i in range(1600)) +
     " FROM generate_series(1, 20) g")


def gone(pid):
    for _ in range(200):
        found = readable(admin.run("SELECT count(*) FROM pg_stat_activity WHERE pid = %d" % pid))
        if found[1] == "D 0":
            return True
        time.sleep(0.1)
    return False


def unnamed(text, limit=0):
    """Parse, Bind and Execute."""
    return (("P", b"\0" + text.encode() + b"\0\0\0"), ("B", b"\0\0" + b"\0\0" * 3),
            ("E", b"\0" + struct.pack("!i", limit)))


def flushed(session):
    """What arrives without an end of the transaction, after Flush."""
    for part in unnamed(rows % 5000, 2000):
        session.send(*part)
    session.send("H")
    found = session.until("s")
    session.send("E", b"\0" + struct.pack("!i", 0))
    session.send("H")
    found += session.until("C")
    for i in range(1, 4):
        for part in unnamed(rows % (i * 100)):
            session.send(*part)
    session.send("S")
    return readable(found + session.until("Z"))


one, two = flushed(agent), flushed(human)
say("flushed", len(one) if one == two else "differs")

def arrivals(session, statement):
    """When each row comes, in seconds."""
    session.query(statement)
    start, times, kind = time.time(), [], None
    while kind != "Z":
        kind = session.message()[0]
        if kind == "D":
            times.append(time.time() - start)
    return times


# Rows that come slowly are not held back for those to come, nor are those of
# one statement for the next one's.
times = arrivals(agent, "SELECT repeat('x', 3000) || ' a@example.org', pg_sleep(0.1) FROM generate_series(1, 30)")
say("slow", "%d, first by then: %s" % (len(times), times[0] < 1.5))
times = arrivals(agent, rows % 1500 + "; SELECT pg_sleep(2)")
say("early", times[1300] < 1.5)

# Who replicates gathers by itself, and is given up when its peer stalls.
walsender = Session(dba, "replication", "database")
walsender.run("SET ROLE " + scrubbed)
walsender.run(rows % 100)
walsender.run("RESET ROLE")
here = readable(admin.run("SELECT pg_current_wal_lsn()"))[1][2:]
walsender.query("START_REPLICATION PHYSICAL " + here)
say("replicates", walsender.message()[0])
admin.run("CREATE TABLE agent_ws.wal AS SELECT repeat('x', 1000) FROM generate_series(1, 30000)")
say("given_up", gone(walsender.pid))

# A notification comes to an idle session.
agent.run("LISTEN woken")
admin.run("NOTIFY woken")
say("notified", agent.message()[0])

# A statement that is cancelled ends; the session goes on.
agent.query(rows % 100000000)
agent.message()
admin.run("SELECT pg_cancel_backend(%d)" % agent.pid)
say("cancelled", readable(agent.until("Z"))[-2][:7])
same("after_cancel", rows % 1000)


# A client that leaves, one that does not read and is ended, and one that is
# ended while it reads.
leaver, sleeper, reader = Session(scrubbed), Session(scrubbed), Session(scrubbed)
for session in leaver, sleeper, reader:
    session.query(rows % 100000000)
    session.message()
leaver.socket.close()
say("left", gone(leaver.pid))
time.sleep(0.5)
admin.run("SELECT pg_terminate_backend(%d)" % sleeper.pid)
say("blocked", gone(sleeper.pid))
admin.run("SELECT pg_terminate_backend(%d)" % reader.pid)
reader.until("E")
say("ended", gone(reader.pid))
say("alive", readable(admin.run("SELECT 1"))[1])
