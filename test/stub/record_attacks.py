#!/usr/bin/env python3
"""Send statements in every way that may escape the record, and compare what
the record says with what the server answered.  Prints TAP.

    record_attacks.py DSN_OF_DATABASE DBA

Each script runs as an agent and as somebody who is not mapped, in the simple
and in the extended protocol.  What it must leave is worked out from the
answers: one event of level 0 for each, with its SQLSTATE, committed if the
transaction was and no savepoint was rolled back over it.
"""
import ctypes
import re
import sys

from psycopg import pq

DSN, DBA = sys.argv[1:3]
AGENT, HUMAN = "regress_hoopguard_agent", "regress_hoopguard_human"
Status = pq.ExecStatus
tests = 0


def ok(good, name, more=""):
    global tests
    tests += 1
    print("%sok %d - %s" % ("" if good else "not ", tests, name), flush=True)
    if not good:
        print("\n".join("# " + x for x in str(more).split("\n")), flush=True)


def same(got, wanted, name):
    ok(got == wanted, name, "got    %s\nwanted %s" % (got, wanted))


def connect(user, more=""):
    conn = pq.PGconn.connect(("%s user=%s %s" % (DSN, user, more)).encode())
    if conn.status != pq.ConnStatus.OK:
        raise Exception(conn.error_message.decode())
    return conn


def query(sql, conn=None):
    conn = conn or dba
    r = conn.exec_(sql.encode())
    if r.status not in (Status.TUPLES_OK, Status.COMMAND_OK):
        raise Exception(sql + ": " + conn.error_message.decode())
    return [tuple(None if r.get_value(i, j) is None else
                  r.get_value(i, j).decode() for j in range(r.nfields))
            for i in range(r.ntuples)]


def answers(conn):
    """(command tag or None, SQLSTATE) of each statement of a message"""
    found = []
    while True:
        r = conn.get_result()
        if r is None:
            return found
        if r.status == Status.COPY_IN:
            conn.put_copy_end(b"the client gave up")
        elif r.status == Status.COPY_OUT:
            while conn.get_copy_data(0)[0] >= 0:
                pass
        elif r.status == Status.FATAL_ERROR:
            state = r.error_field(pq.DiagnosticField.SQLSTATE)
            found.append((None, (state or b"?").decode()))
        elif r.status != Status.EMPTY_QUERY:
            found.append(((r.command_status or b"").decode(), "00000"))


class Session:
    def __init__(self, user, extended=False):
        self.conn = connect(user)
        self.extended = extended
        self.events = []        # [text, sqlstate, outcome, tag]
        self.open = []          # of the transaction that runs
        self.savepoints = []
        self.prepared = {}

    def end(self, outcome):
        for event in self.open:
            event[2] = event[2] or outcome
        self.open, self.savepoints = [], []

    def send(self, text):
        if self.extended and "; " not in text:
            self.conn.send_query_params(text.encode(), [])
        else:
            self.conn.send_query(text.encode())
        found = answers(self.conn)
        for tag, state in found:
            event = [text, state, None if tag else "rolled back", tag]
            self.events.append(event)
            self.open.append(event)
            back = tag == "ROLLBACK" and re.search(r"\bto (\w+)", text)
            if tag == "SAVEPOINT":
                name = re.search(r"savepoint (\w+)", text).group(1)
                self.savepoints.append((name, len(self.open)))
            elif back:
                while self.savepoints[-1][0] != back.group(1):
                    self.savepoints.pop()
                for event in self.open[self.savepoints[-1][1]:-1]:
                    if event[3] not in ("SAVEPOINT", "RELEASE", "ROLLBACK"):
                        event[2] = "rolled back"
            elif tag == "RELEASE":
                while self.savepoints.pop()[0] != text.split()[-1]:
                    pass
            elif tag in ("COMMIT", "ROLLBACK"):
                self.end("committed" if tag == "COMMIT" else "rolled back")
            elif tag == "PREPARE TRANSACTION":
                self.prepared[text.split("'")[1]] = self.open
                self.open, self.savepoints = [], []
        if self.conn.transaction_status == pq.TransactionStatus.IDLE:
            self.end("committed" if all(s == "00000" for _, s in found)
                     else "rolled back")

    def recorded(self):
        """(sqlstate, outcome, text, level, command) of each event"""
        query("SELECT hoopguard.flush('60 s')")
        return query("""SELECT a.sqlstate, a.outcome, a.text, a.level,
                a.command, a.lsn, a.ended_at, e.xid, a.event_id
            FROM hoopguard.activity a JOIN hoopguard.event e USING (event_id)
            WHERE a.session_id = (SELECT max(session_id)
                FROM hoopguard.session WHERE backend_pid = %d)
            ORDER BY a.event_id""" % self.conn.backend_pid)

    def check(self, name, nested=()):
        recorded = self.recorded()
        found = []
        for event in (e for e in recorded if e[3] == "0"):
            # what fails in the commit is an event of its own
            if event[2] is None and event[4] == "TRANSACTION" and found and \
                    found[-1] == ["00000", "rolled back"]:
                found[-1][0] = event[0]
            else:
                found.append(list(event[:2]))
        wanted = [[e[1], e[2]] for e in self.events]
        good = found == wanted
        more = "wanted %s\ngot    %s" % (self.events, recorded)
        for event in recorded:
            if event[1] == "committed" and event[7] and not event[5]:
                good, more = False, "no LSN: %s" % (event,)
            if event[1] in ("committed", "rolled back") and not event[6]:
                good, more = False, "no time: %s" % (event,)
        left = [e for e in recorded if e[3] != "0"]
        for pattern, state, outcome in nested:
            for event in left:
                if re.search(pattern, event[2] or "") and \
                        event[:2] == (state, outcome):
                    left.remove(event)
                    break
            else:
                good = False
                more = "no nested %s %s %s in %s" % (pattern, state, outcome,
                                                     recorded)
        ok(good, name, more)


dba = connect(DBA)
for line in """
CREATE SCHEMA w
CREATE EXTENSION xml2
CREATE TABLE w.t (id int PRIMARY KEY, v text)
INSERT INTO w.t SELECT i, 'v' || i FROM generate_series(1, 50) i
CREATE TABLE w.c (a int, b int)
CREATE TABLE w.d (id int UNIQUE DEFERRABLE INITIALLY DEFERRED, x int)
CREATE TABLE w.big AS SELECT i AS id, repeat('x', 100) AS pad FROM generate_series(1, 20000) i
CREATE TABLE w.hidden (a int)
INSERT INTO w.hidden VALUES (1), (2)
CREATE VIEW w.grouped AS SELECT id, count(*) AS n FROM w.t GROUP BY id
CREATE FUNCTION w.count(n int) RETURNS int LANGUAGE plpgsql PARALLEL SAFE COST 10000 AS $$ DECLARE r int; BEGIN SELECT count(*) INTO r FROM w.t WHERE id <= n; RETURN r; END $$
CREATE FUNCTION w.peek() RETURNS int LANGUAGE plpgsql PARALLEL SAFE COST 10000 AS $$ DECLARE r int; BEGIN SELECT count(*) INTO r FROM w.hidden; RETURN r; END $$
CREATE FUNCTION w.caught() RETURNS int LANGUAGE plpgsql AS $$ BEGIN BEGIN INSERT INTO w.t VALUES (1, 'again'); EXCEPTION WHEN unique_violation THEN INSERT INTO w.c VALUES (7, 7); END; RETURN 1; END $$
CREATE FUNCTION w.dynamic() RETURNS int LANGUAGE plpgsql AS $$ BEGIN BEGIN EXECUTE 'SELECT 17 FROM w.nowhere'; EXCEPTION WHEN OTHERS THEN NULL; END; BEGIN EXECUTE 'SELEKT 1'; EXCEPTION WHEN OTHERS THEN NULL; END; RETURN 1; END $$
CREATE FUNCTION w.fails() RETURNS int LANGUAGE plpgsql AS $$ BEGIN INSERT INTO w.c VALUES (8, 8); RAISE EXCEPTION 'x' USING ERRCODE = 'ZZ001'; END $$
CREATE PROCEDURE w.commits() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO w.c VALUES (1, 1); COMMIT AND CHAIN; INSERT INTO w.c VALUES (2, 2); ROLLBACK; INSERT INTO w.c VALUES (3, 3); PERFORM 1 / 0; END $$
CREATE FUNCTION w.late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO w.c VALUES (99, 99); RETURN NEW; END $$
CREATE TABLE w.put_off (a int)
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON w.put_off DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION w.late()
CREATE SCHEMA priv
CREATE FUNCTION priv.f() RETURNS int LANGUAGE sql AS 'SELECT 1'
CREATE FUNCTION w.denied() RETURNS int LANGUAGE sql AS 'SELECT 1'
REVOKE ALL ON FUNCTION w.denied() FROM PUBLIC
GRANT USAGE ON SCHEMA w TO PUBLIC
GRANT ALL ON ALL TABLES IN SCHEMA w TO PUBLIC
SELECT hoopguard.add_rule('allow', '{ALL}', priority => 5)
SELECT hoopguard.add_rule('deny', '{SELECT}', objects => 'w.hidden', priority => 1)
""".strip().split("\n"):
    query(line)

NESTED = r"^insert into w\.c "
BOTH = (False, True)
SIMPLE = (False,)
for name, script, protocols, nested in (
    ("savepoints", "begin|insert into w.c values (1)|savepoint a|insert into w.c values (2)|savepoint b|insert into w.c values (3)|release b|rollback to a|insert into w.c values (4)|commit", BOTH, ()),
    ("recovered errors", "begin|savepoint a|select 1/0|select 1|rollback to a|selekt|rollback to a|select 7|commit", BOTH, ()),
    ("failed blocks", "begin|select nothing|select 2|savepoint x|commit|select 1", BOTH, ()),
    ("chains", "begin|insert into w.c values (1)|commit and chain|insert into w.c values (2)|rollback and chain|select 3|commit|commit and chain|rollback", BOTH, ()),
    ("errors before any hook", "selekt 1|select (|select 'open|select * from w.nowhere|select nofunc(1)|select priv.f()|insert into w.grouped values (1)|select 'a'::int|execute nosuch|prepare x as select nope", BOTH, ()),
    ("errors at run time", "select 1/0|insert into w.t values (1)|select w.fails()|drop table w.nowhere|set nosuch = 1|alter system set work_mem = 1", BOTH, ((NESTED, "00000", "rolled back"),)),
    ("cursors", "begin|declare c cursor for select 1/(id-3) from w.t|fetch 2 from c|move 0 in c|savepoint s|fetch 5 from c|rollback to s|close c|commit", BOTH, ()),
    ("held cursors", "begin|declare ch cursor with hold for select id from w.t|commit|fetch 3 from ch|close ch|begin|declare cf cursor with hold for select 1/(id-3) from w.t|select 2|commit|select 1", BOTH, ()),
    ("constraints at commit", "begin|insert into w.d values (5), (5)|commit|select 1", BOTH, ()),
    ("constraints at an implicit commit", "insert into w.d values (6), (6); select 1|begin; insert into w.d values (7), (7); commit; select 1|insert into w.d values (8), (8);", SIMPLE, ()),
    ("triggers at commit", "insert into w.put_off values (1)|begin|insert into w.put_off values (2)|commit", BOTH, ((NESTED, "00000", "committed"),) * 2),
    ("COPY", "copy w.c from stdin|begin|copy w.c from stdin|rollback|copy w.c to stdout|copy (select 1) to stdout|copy w.nowhere to stdout", SIMPLE, ()),
    ("several in a string", "insert into w.c values (1); select 1/0; select 3|select 1; select nope from w.t; select 3|begin; select 1; commit; select priv.f(); select 2|select 1; selekt 2", SIMPLE, ()),
    ("a block across strings", "begin; insert into w.c values (1)|select 1; commit; select 2|select 3; begin; select 4; rollback; select 5", SIMPLE, ()),
    ("DO", "do $$ begin insert into w.c values (1); begin insert into w.c values (2); perform 1/0; exception when others then null; end; commit; insert into w.c values (3); rollback; end $$", SIMPLE, ((NESTED, "00000", "committed"), (NESTED, "00000", "rolled back"), (NESTED, "00000", "rolled back"))),
    ("procedures", "call w.commits()|begin|call w.commits()|rollback", BOTH, ((NESTED, "00000", "committed"), (NESTED, "00000", "rolled back"), (NESTED, "00000", "rolled back"))),
    ("caught errors", "select w.caught()|select w.dynamic()", BOTH, (("^insert into w.t", "23505", "rolled back"), (NESTED, "00000", "committed"), (r"^select \$1 from w\.nowhere", "42P01", "rolled back"), ("^$", "42601", "rolled back"))),
    ("timeouts", "set statement_timeout = 30|select pg_sleep(5)|do $$ begin perform pg_sleep(5); end $$|begin|select pg_sleep(5)|rollback|reset statement_timeout", BOTH, ()),
):
    for user in (AGENT, HUMAN):
        for extended in protocols:
            session = Session(user, extended)
            for text in script.split("|"):
                session.send(text)
            session.check("%s, %s%s" % (name, user.split("_")[2],
                                        ", extended" if extended else ""),
                          nested)
            session.conn.finish()

# the text is that of the statement which failed
session = Session(HUMAN)
session.send("select 41 as a; select priv.f(); select 3")
session.send("select 42 as a; insert into w.grouped values (1)")
session.send(";; /* ; */ select priv.f() as b; select 3")
same([e[2] for e in session.recorded() if e[0] != "00000"],
     ["select priv.f()", "insert into w.grouped values ($1)",
      "select priv.f() as b"], "each error has its statement's text")

# triggers at commit belong to the statement before it
session = Session(HUMAN)
session.send("insert into w.put_off values (5)")
same(query("""SELECT c.level, p.text FROM hoopguard.activity c
    JOIN hoopguard.activity p ON p.event_id = c.parent_id
    WHERE c.text ~ '^insert into w.c ' AND p.session_id = (SELECT
        max(session_id) FROM hoopguard.session WHERE backend_pid = %d)"""
           % session.conn.backend_pid if session.recorded() else ""),
     [("1", "insert into w.put_off values ($1)")], "and have it as parent")

# what a client has had is there though its transaction is open
for user in (AGENT, HUMAN):
    session = Session(user, True)
    session.send("begin")
    session.send("select 1 as seen")
    same([e[1] for e in session.recorded()], ["in progress"] * 2,
         "a SELECT of an open transaction, %s" % user)
    session.send("declare c cursor for select 1")
    query("SELECT pg_terminate_backend(%d, 20000)" % session.conn.backend_pid)
    session.end("rolled back")
    session.check("and of one whose session was terminated, idle")

# two-phase commit, ended elsewhere
for user in (AGENT, HUMAN):
    for end, outcome in (("commit", "committed"), ("rollback", "rolled back")):
        session = Session(user)
        name = "%s_%s" % (user, end)
        for text in ("begin", "insert into w.c values (1)", "savepoint s",
                     "insert into w.c values (2)", "rollback to s",
                     "prepare transaction '%s'" % name):
            session.send(text)
        for event in session.prepared[name]:
            event[2] = event[2] or "prepared"
        session.check("prepared, %s" % user)
        began = query("SELECT clock_timestamp()")[0][0]
        query("%s PREPARED '%s'" % (end, name))
        for event in session.prepared[name]:
            if event[2] == "prepared":
                event[2] = outcome
        session.check("then %s" % outcome)
        ends = [e for e in session.recorded() if e[2].startswith("prepare")]
        same((ends[0][5] is not None, query("SELECT '%s' >= '%s'::timestamptz"
                                            % (ends[0][6], began))),
             (end == "commit", [("t",)]), "with LSN and time of that")

# pipelines
for user in (AGENT, HUMAN):
    for last, outcome in (("select 1/0", "rolled back"),
                          ("select 1", "committed")):
        conn = connect(user)
        conn.enter_pipeline_mode()
        for text in ("insert into w.c values (1, 1)", "select 2", last):
            conn.send_query_params(text.encode(), [])
        conn.pipeline_sync()
        while True:
            r = conn.get_result()
            if r is not None and r.status == Status.PIPELINE_SYNC:
                break
        query("SELECT hoopguard.flush('60 s')")
        same([e[0] for e in query("""SELECT outcome FROM hoopguard.activity
            WHERE level = 0 AND session_id = (SELECT max(session_id) FROM
                hoopguard.session WHERE backend_pid = %d)"""
                                  % conn.backend_pid)],
             [outcome] * 3, "a pipeline, %s, %s" % (user, outcome))
        conn.finish()

# parallel workers judge and record nothing, so nothing runs there
PARALLEL = ("set max_parallel_workers_per_gather = 2", "set parallel_setup_cost = 0",
            "set parallel_tuple_cost = 0", "set min_parallel_table_scan_size = 0",
            "set parallel_leader_participation = off")
for user in (AGENT, HUMAN):
    session = Session(user)
    for text in PARALLEL:
        session.send(text)
    session.send("select w.count(3) from w.big where id > 19990")
    session.check("functions in parallel plans, %s" % user,
                  (("^select count", "00000", "committed"),) * 10)
    session.send("select w.peek() from w.big where id > 19990")
    same(session.events[-1][1], "HG001" if user == AGENT else "00000",
         "and rules apply in them")
    session.send("select count(*) from w.big b, xpath_table('a', 'a::text', 'w.hidden', '/a',"
                 " 'true') as t(a int, v text) where b.id > 19990")
    same(session.events[-1][1], "HG001" if user == AGENT else "00000",
         "and in one in C that runs statements, %s" % user)

# function calls without a statement
libpq = ctypes.CDLL("libpq.so.5")


class Argument(ctypes.Structure):
    _fields_ = [("len", ctypes.c_int), ("isint", ctypes.c_int),
                ("integer", ctypes.c_int)]


libpq.PQfn.restype = ctypes.c_void_p
libpq.PQfn.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p,
                       ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p,
                       ctypes.c_int]


def call(session, function, *values):
    result, length = (ctypes.c_int * 16)(), ctypes.c_int(0)
    args = (Argument * max(len(values), 1))(*[(4, 1, v) for v in values])
    libpq.PQfn(session.conn.pgconn_ptr,
               int(query("SELECT '%s'::regprocedure::oid" % function)[0][0]),
               result, ctypes.byref(length), 1, args, len(values))


for user in (AGENT, HUMAN):
    session = Session(user)
    call(session, "w.count(int)", 5)
    session.send("begin")
    call(session, "pg_backend_pid()")
    same([e[1] for e in session.recorded() if e[3] == "0"],
         ["committed", "in progress", "in progress"], "calls, %s" % user)
    session.send("rollback")
    call(session, "w.fails()")
    call(session, "w.denied()")
    session.send("select 1")
    same([(e[3], e[0], e[1], e[2]) for e in session.recorded()],
         [("0", "00000", "committed", "function call w.count(integer)"),
          ("1", "00000", "committed", "select count(*) from w.t where id <= n"),
          ("0", "00000", "rolled back", "begin"),
          ("0", "00000", "rolled back", "function call pg_catalog.pg_backend_pid()"),
          ("0", "00000", "rolled back", "rollback"),
          ("0", "ZZ001", "rolled back", "function call w.fails()"),
          ("1", "00000", "rolled back", "insert into w.c values ($1, $2)"),
          ("0", "42501", "rolled back", None),
          ("0", "00000", "committed", "select $1")],
         "and all that they did, %s" % user)

# a value that poses as the name of a role
session = Session(HUMAN)
session.send("set my.role = sesame")
session.send("set my.search_path to sesame, sesame")
session.send("begin")
session.send("select 1/0")
session.send("/* x */ create function f() returns text language sql set my.role to sesame as 'select ''sesame'''")
same([e[2] for e in session.recorded() if "sesame" in (e[2] or "")], [],
     "no value of a setting")

# replication connections
conn = connect(DBA, "replication=database")
conn.exec_(b"START_REPLICATION SLOT nosuch LOGICAL 0/0")
pid = conn.backend_pid
conn.finish()
query("SELECT hoopguard.flush('60 s')")
same(query("""SELECT l.sqlstate, a.sqlstate FROM hoopguard.login l
    JOIN hoopguard.activity a USING (session_id) WHERE a.backend_pid = %d
    ORDER BY a.event_id DESC LIMIT 1""" % pid), [("00000", "42704")],
     "login and failure of a replication connection")

ok(len(query("SELECT hoopguard.report_html('1 hour')")[0][0]) > 1000,
   "a report without requests for approval")
same(query("SELECT ok FROM hoopguard.verify_audit()"), [("t",)], "the seal holds")
same(query("SELECT value FROM hoopguard.status() WHERE item = 'lost events'"),
     [("0",)], "nothing was lost")
print("1..%d" % tests)
