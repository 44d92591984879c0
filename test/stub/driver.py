#!/usr/bin/env python3
"""Walk the extended protocol with psycopg; one "name value" line per finding.

    driver.py DSN_OF_AGENT DSN_OF_DBA
"""
import sys

import psycopg

agent_dsn, dba_dsn = sys.argv[1:3]


def say(name, value):
    print(name, value, flush=True)


def real(rows):
    return any("@real.test" in str(r) or "+49 555" in str(r) for r in rows)


agent = psycopg.connect(agent_dsn, autocommit=True)
dba = psycopg.connect(dba_dsn, autocommit=True)

# parameters, bound at Execute
rows = agent.execute("SELECT email FROM store.customer WHERE customer_id = %s",
                     (3,)).fetchall()
say("parameter_rows", len(rows))
say("parameter_real", real(rows))

# named prepared statement, executed often enough for a generic plan
for i in range(1, 9):
    rows = agent.execute("SELECT phone FROM store.customer WHERE customer_id = %s",
                         (i,), prepare=True).fetchall()
    if real(rows):
        say("prepared_real", i)
say("prepared_rows", len(rows))

# binary results
with agent.cursor(binary=True) as cur:
    cur.execute("SELECT c FROM store.customer c")
    say("binary_real", b"@real.test" in b"".join(
        bytes(str(r), "utf8") for r in cur.fetchall()))

# a portal read in slices
with agent.transaction(), agent.cursor(name="slices") as cur:
    cur.itersize = 5
    cur.execute("SELECT email FROM store.customer")
    say("portal_real", real(list(cur)))

# pipeline
with agent.pipeline():
    one = agent.execute("SELECT email FROM store.customer LIMIT 1")
    two = agent.execute("SELECT sum(total) FROM store.invoice")
    say("pipeline_real", real(one.fetchall()))
    say("pipeline_sum", two.fetchone()[0])

# executemany: each execution has its own verdict and its own parameters
with agent.cursor() as cur:
    cur.executemany("UPDATE store.invoice_line SET quantity = %s WHERE invoice_line_id = %s",
                    [(7, 1), (7, 2), (7, 3)])
say("executemany", dba.execute(
    "SELECT count(*) FROM store.invoice_line WHERE quantity = 7").fetchone()[0])

# COPY
with agent.cursor() as cur, cur.copy("COPY store.customer TO STDOUT") as copy:
    say("copy_real", real([bytes(b) for b in copy]))

# refused at Execute
try:
    agent.execute("DELETE FROM store.invoice_line", prepare=True)
    say("delete", "ran")
except psycopg.Error as error:
    say("delete", error.sqlstate)
    say("delete_detail", error.diag.message_detail)

# a policy change between two executions of one prepared statement, in a
# transaction that had begun before it
agent.autocommit = False
rows = agent.execute("SELECT company FROM store.customer WHERE company IS NOT NULL",
                     prepare=True).fetchall()
say("before", "Company3" in str(rows))
dba.execute("SELECT hoopguard.add_mask('null', relation => 'store.customer',"
            " column_name => 'company')")
rows = agent.execute("SELECT company FROM store.customer WHERE company IS NOT NULL",
                     prepare=True).fetchall()
say("after", "Company" in str(rows))
agent.rollback()

# a rule between two executions
agent.autocommit = True
agent.execute("SELECT count(*) FROM store.invoice", prepare=True)
dba.execute("SELECT hoopguard.add_rule('deny', '{SELECT}', objects => 'store.invoice', priority => 1)")
try:
    agent.execute("SELECT count(*) FROM store.invoice", prepare=True)
    say("rule", "ran")
except psycopg.Error as error:
    say("rule", error.sqlstate)

# fast-path function call
pg = agent.pgconn
oid = dba.execute("SELECT 'pg_read_file(text)'::regprocedure::oid").fetchone()[0]
try:
    import ctypes
    import ctypes.util
    libpq = ctypes.CDLL(ctypes.util.find_library("pq"))

    class Arg(ctypes.Structure):
        _fields_ = [("len", ctypes.c_int), ("isint", ctypes.c_int),
                    ("ptr", ctypes.c_char_p)]

    libpq.PQfn.restype = ctypes.c_void_p
    libpq.PQresultErrorField.restype = ctypes.c_char_p
    libpq.PQconnectdb.restype = ctypes.c_void_p
    conn = ctypes.c_void_p(libpq.PQconnectdb(agent_dsn.encode()))
    arg = Arg(10, 0, b"PG_VERSION")
    length = ctypes.c_int()
    buffer = ctypes.create_string_buffer(8192)
    result = ctypes.c_void_p(libpq.PQfn(conn, ctypes.c_int(oid), buffer,
                                        ctypes.byref(length), 0,
                                        ctypes.byref(arg), 1))
    state = libpq.PQresultErrorField(result, ord("C"))
    say("fastpath", state.decode() if state else "ran")
except OSError as error:
    say("fastpath", "no libpq: %s" % error)
