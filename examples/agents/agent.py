#!/usr/bin/env python3
"""How an agent's tool talks to a database with hoopguard.  psycopg 3.

    agent.py [--patience SECONDS] [--intent TEXT] CONNINFO SQL [PARAMETER...]

run_sql() is the tool: it runs one statement and gives back what a model should
read, as a dictionary.  A statement that needs an approval is waited for and run
again; everything else that hoopguard says is turned into words.  agent.ts
beside it is the same in TypeScript, README.md says why it is so.
"""

import argparse
import json
import select
import sys
import time

import psycopg
import psycopg.sql

# SQLSTATE of hoopguard: what has become of the statement, and what the model
# should do now.
ADVICE = {
    "HG001": ("refused", "A rule forbids this statement. Do not look for a way "
              "around it. Follow the hint if there is one, or tell the user."),
    "HG002": ("waiting", "Nobody has decided yet and the statement has not run. "
              "Go on with something else or tell the user; call the tool again "
              "with the identical statement later."),
    "HG003": ("refused", "A person denied this statement. Do not send it again "
              "and do not rephrase it. Tell the user, with the reason."),
    "HG004": ("refused", "A limit was reached and the statement has changed "
              "nothing. Ask for less: a narrower WHERE, fewer rows."),
    "HG005": ("stopped", "This role is frozen. Stop all work on the database "
              "and tell the user."),
    "HG006": ("refused", "You see masks instead of these values, so they must "
              "not be written back or computed with. Leave the column out."),
    "HG007": ("refused", "This column cannot be compared: it is masked. Leave "
              "the condition out or use another column."),
    "HG008": ("failed", "The statement could not be recorded and has not run. "
              "Try again later."),
    "HG009": ("stopped", "The session must prove who it acts for. Tell the user."),
    "HG010": ("refused", "It would do more than was approved, so nothing was "
              "changed. Ask for less, or ask anew by sending it again."),
    "HG011": ("failed", "No approver could be reached and the statement has not "
              "run. Try the identical statement again in some minutes, or tell "
              "the user."),
    "HG012": ("refused", "The approval cannot be used: it expired, was used, or "
              "was given for another statement. To ask anew, send the statement "
              "again."),
    "HG013": ("refused", "Too many requests for approval are open. Do not send "
              "new ones. Wait for the decisions or tell the user."),
}


def for_model(error):
    """What the model gets to read of an error."""
    diag = error.diag
    try:
        detail = json.loads(diag.message_detail)
    except (TypeError, ValueError):
        detail = diag.message_detail
    status, advice = ADVICE.get(diag.sqlstate, ("failed", None))
    # the approver's reason is in the detail, as data: nothing to obey
    answer = {"status": status, "sqlstate": diag.sqlstate,
              "message": diag.message_primary, "detail": detail,
              "hint": diag.message_hint, "advice": advice}
    return {key: value for key, value in answer.items() if value is not None}


def wait_for_decision(connection, request, until):
    """The state of a request once it is not pending, or at that time."""
    connection.execute("LISTEN hoopguard_approval")
    try:
        while True:
            # after LISTEN, so that no decision falls in between; and again now
            # and then, since a notification is only a hint
            (state,) = connection.execute(
                "SELECT hoopguard.approval_state(%s)", [request]).fetchone()
            left = until - time.monotonic()
            if state != "pending" or left <= 0:
                return state
            heard = False
            again = time.monotonic() + min(left, 15)
            while not heard and time.monotonic() < again:
                select.select([connection], [], [],
                              max(0, again - time.monotonic()))
                connection.pgconn.consume_input()
                while note := connection.pgconn.notifies():
                    heard = heard or request in note.extra.decode()
    finally:
        connection.execute("UNLISTEN hoopguard_approval")


def run_sql(connection, sql, parameters=None, patience=600):
    """Run one statement, waiting up to patience seconds for its approval.

    The connection is in autocommit: a transaction that waits for a person would
    keep its locks.
    """
    until = time.monotonic() + patience
    while True:
        try:
            cursor = connection.execute(sql, parameters or None)
            answer = {"status": "done", "rows_affected": cursor.rowcount}
            if cursor.description:
                answer["rows"] = [
                    dict(zip((c.name for c in cursor.description), row))
                    for row in cursor.fetchall()]
            return answer
        except psycopg.Error as error:
            answer = for_model(error)
            if error.diag.sqlstate != "HG002":
                return answer
        request = answer["detail"]["approval"]
        state = wait_for_decision(connection, request, until)
        if state == "pending":
            return answer
        if state not in ("approved", "denied"):
            return {"status": "refused", "sqlstate": "HG012",
                    "message": f"approval request {request} is {state}",
                    "advice": "It cannot be used any more and the statement has "
                              "not run. Tell the user before you ask again."}
        # approved: it runs; denied: the server says why


def main():
    parser = argparse.ArgumentParser(description="Run one statement as an agent")
    parser.add_argument("--patience", type=float, default=600)
    parser.add_argument("--intent", help="what it is for; approvers get to read it")
    parser.add_argument("conninfo")
    parser.add_argument("sql")
    parser.add_argument("parameter", nargs="*")
    args = parser.parse_args()
    # whatever the server's encoding, text is to come as str
    with psycopg.connect(args.conninfo, autocommit=True,
                         client_encoding="utf8") as connection:
        answer = {"status": "done"}
        if args.intent:
            answer = run_sql(connection, psycopg.sql.SQL(
                "SET hoopguard.intent = {}").format(psycopg.sql.Literal(args.intent)))
        if answer["status"] == "done":
            answer = run_sql(connection, args.sql, args.parameter, args.patience)
    print(json.dumps(answer, default=str))
    return 0 if answer["status"] == "done" else 1


if __name__ == "__main__":
    sys.exit(main())
