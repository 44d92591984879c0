#!/usr/bin/env python3
"""Run the statements of a table by both protocols.

    commands.py TABLE MAJOR DSN AGENT ROOT

A line per run: "number protocol SQLSTATE".  Every statement runs in a
transaction that is rolled back, unless its flags say that it cannot.
"""
import sys

import psycopg
from psycopg.pq import ExecStatus

table, major, dsn, agent, root = sys.argv[1:6]
connections = {}


def connect(role):
    if role not in connections or connections[role].closed:
        connections[role] = psycopg.connect(f"{dsn} user={role}", autocommit=True)
        connections[role].pgconn.exec_(b"SET client_min_messages = error")
    return connections[role].pgconn


def run(pg, sql, extended):
    """SQLSTATE of the last result that is an error, else 00000."""
    if extended:
        result = pg.exec_params(sql, [])
    else:
        result = pg.exec_(sql)
    while result.status in (ExecStatus.COPY_OUT, ExecStatus.COPY_IN):
        if result.status == ExecStatus.COPY_OUT:
            while pg.get_copy_data(0)[0] > 0:
                pass
        else:
            pg.put_copy_end()
        code = "00000"
        while (more := pg.get_result()) is not None:
            if more.status == ExecStatus.FATAL_ERROR:
                code = more.error_field(psycopg.pq.DiagnosticField.SQLSTATE).decode()
        return code
    if result.status == ExecStatus.FATAL_ERROR:
        state = result.error_field(psycopg.pq.DiagnosticField.SQLSTATE)
        return state.decode() if state else "lost: " + result.error_message.decode()
    return "00000"


number = 0
for line in open(table, encoding="utf-8"):
    if line.startswith("#") or not line.strip():
        continue
    number += 1
    flags, verdict, unbounded, commands, sql = line.rstrip("\n").split("\t")
    if "v" in flags and int(flags.split("v")[1]) > int(major):
        continue
    sql = sql.replace("\\n", "\n").encode()
    pg = connect(root if flags.startswith("r") else agent)
    for extended in (False, True):
        if extended and "m" in flags:
            continue
        block = "x" not in flags and "m" not in flags
        if block:
            pg.exec_(b"BEGIN")
        code = run(pg, sql, extended)
        pg.exec_(b"ROLLBACK")
        pg.exec_(b"DEALLOCATE ALL")
        if not block:
            pg.exec_(b"DISCARD TEMP")
            pg.exec_(b"SELECT pg_advisory_unlock_all()")
        pg.exec_(b"SET client_min_messages = error")
        print(number, "extended" if extended else "simple", code, flush=True)
