#!/usr/bin/env python3
"""Send values in all the ways the extended protocol has.  What must not be
recorded is called sesame.

    literals.py DSN_OF_AGENT DSN_OF_DBA
"""
import datetime
import decimal
import sys

import psycopg
from psycopg.types.json import Jsonb

agent = psycopg.connect(sys.argv[1], autocommit=True)
dba = psycopg.connect(sys.argv[2], autocommit=True)

# typed by the server, by the driver, and as text
agent.execute("SELECT FROM v.person WHERE email = %s AND town = %s",
              ("sesame1", "Bath"))
agent.execute("SELECT FROM v.person WHERE id = %s AND visited > %s AND score < %s",
              (7, datetime.date(2001, 2, 3), decimal.Decimal("4.50")))
agent.execute("SELECT FROM v.person WHERE town = ANY(%s) OR email = ANY(%s)",
              (["Ely", None, 'a"b'], ["sesame2"]))
agent.execute("SELECT %s::text, %s::int", ("plain", 5))
agent.execute("UPDATE v.person SET data = %s, blob = %s, town = %s WHERE id = %s",
              (Jsonb({"full_name": "sesame3"}), b"sesame4", None, 8))
agent.execute("SELECT FROM v.person WHERE data ->> %s = %s", ("email", "sesame5"))
# binary parameters
agent.execute("SELECT FROM v.person WHERE town = %b AND id = %b AND email = %b",
              ("Rye", 9, "sesame6"))
# a named statement, often enough for a plan for any value
for i in range(8):
    agent.execute("SELECT FROM v.person WHERE email = %s AND town = %s AND id < 99",
                  ("sesame7", f"Deal{i}"), prepare=True)
# its column gets a class
for i in range(8):
    agent.execute("SELECT FROM v.person WHERE street = %s",
                  (f"early{i}" if i < 7 else "sesame8",), prepare=True)
    if i == 6:
        dba.execute("SECURITY LABEL FOR hoopguard ON COLUMN v.person.street IS 'street_address'")
# a server-side cursor, a pipeline, many, COPY
with agent.transaction(), agent.cursor(name="slices") as cur:
    cur.execute("SELECT FROM v.person WHERE town = %s OR email = %s",
                ("Hythe", "sesame9"))
    cur.fetchall()
with agent.pipeline():
    agent.execute("SELECT FROM v.person WHERE town = %s", ("Lydd",))
    agent.execute("SELECT FROM v.person WHERE email = %s", ("sesame10",))
with agent.cursor() as cur:
    cur.executemany("UPDATE v.person SET email = %s WHERE town = %s",
                    [("sesame11", "Hove"), ("sesame12", "Lewes")])
with agent.cursor() as cur:
    with cur.copy("COPY (SELECT FROM v.person WHERE town = %s AND email = %s) TO STDOUT",
                  ("Rhyl", "sesame13")) as copy:
        for _ in copy:
            pass
    with cur.copy("COPY v.person (id, town) FROM STDIN") as copy:
        copy.write_row((20, "sesame14"))
# fails at Bind, and while it runs
for query, values in (("SELECT FROM v.person WHERE id = %s::int", ("sesame15",)),
                      ("SELECT 1 / (id - id) FROM v.person WHERE town <> %s", ("Wick",))):
    try:
        agent.execute(query, values)
        print("no error")
    except psycopg.Error as e:
        print(e.sqlstate)
