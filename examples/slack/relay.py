#!/usr/bin/env python3
"""Carry a click in Slack to hoopguard.submit_decision().  Needs psycopg 3.

    relay.py --secret-file hoopguard.secret --slack-secret-file slack.secret \\
        --user U024BE7LH=alice@example.com "dbname=shop user=relay"

Takes Slack's interactive payload, checks Slack's signature (v0) and its time,
looks up who that is, signs the decision with the "response" secret and hands it
to the database.  The relay's role has no right but that function.  README.md
has the message whose buttons lead here.
"""

import argparse
import hashlib
import hmac
import http.server
import json
import os
import re
import secrets
import sys
import time
import urllib.parse

import psycopg

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../approver"))
from approver import UUID, Server, private_file, read_secrets, sign

MAX_BODY = 64 * 1024
WINDOW = 300                # seconds, as Slack advises


def slack_signature(secret, timestamp, body):
    mac = hmac.new(secret, b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256)
    return "v0=" + mac.hexdigest()


def slack_signed(secret, headers, body):
    timestamp = headers.get("X-Slack-Request-Timestamp", "")
    if not re.fullmatch("[0-9]{1,12}", timestamp) or \
            abs(time.time() - int(timestamp)) > WINDOW:
        return False
    return hmac.compare_digest(
        slack_signature(secret, timestamp, body).encode(),
        headers.get("X-Slack-Signature", "").encode("utf-8", "replace"))


def read_click(body):
    """(Slack's user id, request, binding, decision) of a payload, or ValueError."""
    try:
        form = urllib.parse.parse_qs(body.decode(), strict_parsing=True)
        payload = json.loads(form["payload"][0])
        action = payload["actions"][0]
        request, binding = action["value"].split(" ")
        decision = {"hoopguard_allow": "allow",
                    "hoopguard_deny": "deny"}[action["action_id"]]
        if payload["type"] != "block_actions" or not UUID.fullmatch(request):
            raise ValueError
        return payload["user"]["id"], request, binding, decision
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        raise ValueError("not a click on one of our buttons") from None


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 20

    def handle_one_request(self):
        self.server.watch(self.connection)
        super().handle_one_request()

    def log_message(self, format, *args):
        pass

    def reply(self, status, text):
        # what Slack shows to the person who clicked, and to nobody else
        body = json.dumps({"response_type": "ephemeral", "text": text}).encode()
        self.close_connection = True
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MAX_BODY:
            self.reply(413, "too long")
            return
        body = self.rfile.read(int(length))
        if not slack_signed(self.server.slack_secret, self.headers, body):
            self.reply(401, "not signed by Slack")
            return
        try:
            slack_user, request, binding, decision = read_click(body)
        except ValueError as error:
            self.reply(400, str(error))
            return
        who = self.server.users.get(slack_user)
        if who is None:
            self.reply(200, "You may not decide this.")
            return
        self.reply(200, self.server.submit(request, binding, decision, who))


class Relay(Server):
    def submit(self, request, binding, decision, who):
        body = json.dumps({"id": request, "binding": binding, "decision": decision,
                           "reason": "in Slack", "approver": {"id": who}})
        msg_id, now = "slack_" + secrets.token_hex(12), int(time.time())
        signature = sign(self.response_key, msg_id, now, body.encode())
        try:
            with psycopg.connect(self.conninfo, connect_timeout=2, client_encoding="utf8",
                                 options="-c statement_timeout=2000") as connection:
                (state,) = connection.execute(
                    "SELECT hoopguard.submit_decision(%s, %s, %s, %s)",
                    [body, msg_id, now, signature]).fetchone()
            return f"The request is {state}."
        except psycopg.Error as error:
            if error.sqlstate == "HG012":
                return f"Too late, or not valid: {error.diag.message_primary}"
            print(error, file=sys.stderr, flush=True)
            return "The database did not take the decision. Try again."


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--port", type=int, default=8197)
    parser.add_argument("--secret-file", required=True)
    parser.add_argument("--slack-secret-file", required=True,
                        help="the app's signing secret, readable by its owner alone")
    parser.add_argument("--user", action="append", default=[], metavar="SLACK=NAME",
                        help="who may decide, and the name that is recorded")
    parser.add_argument("conninfo")
    args = parser.parse_args()
    server = Relay(("127.0.0.1", args.port), Handler)
    response = read_secrets(args.secret_file)[1]
    if not response:
        sys.exit(f"{args.secret_file}: no response secret")
    server.response_key = response[0]
    server.slack_secret = private_file(args.slack_secret_file).strip().encode()
    server.users = dict(one.split("=", 1) for one in args.user)
    server.conninfo = args.conninfo
    print(f"relay on http://127.0.0.1:{args.port}/", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
