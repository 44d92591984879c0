#!/usr/bin/env python3
"""A small approver for hoopguard: takes signed requests, shows them on a page,
answers with what a person clicked.  Python 3 standard library only.

It keeps requests in memory and knows no users: bind it to this machine, or
put a proxy with logins in front of it.  README.md has the protocol.
"""

import argparse
import base64
import hashlib
import hmac
import html
import http.server
import json
import os
import re
import secrets
import stat
import sys
import threading
import time
import unicodedata
import urllib.parse

MAX_BODY = 65536
CLOCK_SKEW = 300            # seconds a signature is good for
KEEP_DECIDED = 200          # decided requests that stay on the page
HOOK = "/hook"


# ---- secrets and signatures (Standard Webhooks) ------------------------------

def read_secrets(path):
    """Lines "whsec_..." verify requests, "response whsec_..." sign answers."""
    if os.stat(path).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        sys.exit(f"{path}: group or others have access to it")
    request, response = [], []
    with open(path, encoding="ascii") as file:
        for line in file:
            line = line.strip()
            if not line or line.startswith("#"):
                continue
            where = request
            if line.startswith("response"):
                where, line = response, line[len("response"):].strip()
            if not line.startswith("whsec_"):
                sys.exit(f"{path}: a line is not a secret")
            key = line[len("whsec_"):]
            where.append(base64.b64decode(key + "=" * (-len(key) % 4)))
    if not request:
        sys.exit(f"{path}: no secret")
    return request, response


def sign(key, msg_id, timestamp, body):
    signed = f"{msg_id}.{timestamp}.".encode() + body
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def verify(keys, headers, body):
    """None if one of the keys signed this lately, else what is wrong."""
    msg_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    if not msg_id or not re.fullmatch(r"\d{1,12}", timestamp):
        return "webhook headers are missing"
    if abs(time.time() - int(timestamp)) > CLOCK_SKEW:
        return "the signature is too old"
    given = headers.get("webhook-signature", "").split()
    for key in keys:
        mine = sign(key, msg_id, timestamp, body)
        for one in given:
            if hmac.compare_digest(one.encode(), mine.encode()):
                return None
    return "the signature is wrong"


# ---- requests ----------------------------------------------------------------

class Store:
    """The requests that came in, by id; the first decision holds."""

    def __init__(self, auto):
        self.auto = auto
        self.lock = threading.Lock()
        self.requests = {}

    def add(self, event):
        with self.lock:
            request = self.requests.get(event["id"])
            if request is None or \
                    request["event"]["data"]["binding"] != event["data"]["binding"]:
                request = {"event": event, "since": time.time(), "answer": None}
                self.requests[event["id"]] = request
                if self.auto != "none":
                    self._decide(request, self.auto, "automatic", "approver.py")
                self._forget()
            return request

    def get(self, msg_id):
        with self.lock:
            return self.requests.get(msg_id)

    def decide(self, msg_id, decision, reason, who):
        with self.lock:
            request = self.requests.get(msg_id)
            if request is None or request["answer"] is not None:
                return False
            self._decide(request, decision, reason, who)
            return True

    def _decide(self, request, decision, reason, who):
        event = request["event"]
        request["answer"] = {
            "id": event["id"],
            "binding": event["data"]["binding"],
            "decision": decision,
            "reason": reason,
            "approver": {"id": who, "via": "web"},
            "decided_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }

    def _forget(self):
        decided = [i for i, r in self.requests.items() if r["answer"]]
        for msg_id in decided[:-KEEP_DECIDED]:
            del self.requests[msg_id]

    def listing(self):
        with self.lock:
            return sorted(self.requests.values(), key=lambda r: -r["since"])


# ---- the page ----------------------------------------------------------------

def shown(value):
    """Text as HTML, every character that is not seen spelled out."""
    out = []
    for char in str(value):
        if char in "\n\t":
            out.append(char)
        elif (unicodedata.category(char) in ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp")
                or char in "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0"
                or 0xfe00 <= ord(char) <= 0xfe0f
                or 0xe0100 <= ord(char) <= 0xe01ef):
            out.append(f'<b class="hidden">U+{ord(char):04X}</b>')
        elif char != " " and unicodedata.category(char) == "Zs":
            out.append(f'<b class="hidden">U+{ord(char):04X}</b>')
        else:
            out.append(html.escape(char))
    return "".join(out)


def row(name, value):
    if value in (None, "", [], {}):
        return ""
    if isinstance(value, (dict, list)):
        value = json.dumps(value, ensure_ascii=False)
    return f"<tr><th>{shown(name)}</th><td>{shown(value)}</td></tr>"


def card(request, token):
    event, answer = request["event"], request["answer"]
    data = event["data"]
    statement = data.get("statement") or {}
    requester = data.get("requester") or {}
    facts = data.get("facts") or {}
    rule = data.get("rule") or {}
    parts = [f'<article class="{answer["decision"] if answer else "pending"}" '
             f'id="r-{html.escape(event["id"], True)}">']
    parts.append(f'<h2>{shown(statement.get("tag") or "statement")} in '
                 f'{shown(data.get("database"))}, for '
                 f'{shown(requester.get("agent") or requester.get("session_user"))}</h2>')
    parts.append(f'<pre>{shown(statement.get("text"))}</pre>')
    parts.append("<table>")
    for n in data.get("parameters") or []:
        value = n.get("value")
        parts.append(row(f"${n.get('n')} {n.get('type')}",
                         "NULL" if value is None else value))
    for act in facts.get("acts") or []:
        text = f"{act.get('command')} {act.get('object') or ''}"
        if act.get("unbounded"):
            text += ", every row"
        if act.get("classes"):
            text += ", uses " + ", ".join(act["classes"])
        if act.get("holds"):
            text += ", the table holds " + ", ".join(act["holds"])
        parts.append(row("does", text))
    estimate = facts.get("estimate") or {}
    parts.append(row("estimated rows", estimate.get("rows")))
    parts.append(row("rule", f"{rule.get('id')} {rule.get('reason') or ''}"))
    parts.append(row("role", f"{requester.get('session_user')}, acting as "
                             f"{requester.get('current_user')}"))
    for key in ("owner", "model", "intent", "application_name", "client_addr"):
        parts.append(row(key, requester.get(key)))
    parts.append(row("expires", data.get("expires_at")))
    parts.append(row("request", event["id"]))
    parts.append(row("SHA-256 of the statement", statement.get("sha256")))
    parts.append("</table>")
    if answer:
        parts.append(f'<p class="done">{shown(answer["decision"])} by '
                     f'{shown(answer["approver"]["id"])}: '
                     f'{shown(answer["reason"] or "no reason given")}</p>')
    else:
        parts.append(
            '<form method="post" action="/decide">'
            f'<input type="hidden" name="token" value="{token}">'
            f'<input type="hidden" name="id" value="{html.escape(event["id"], True)}">'
            '<input name="who" placeholder="your name" required maxlength="60" '
            'autocomplete="name">'
            '<input name="reason" placeholder="reason" maxlength="400">'
            '<button name="decision" value="allow">Approve</button>'
            '<button name="decision" value="deny" class="no">Deny</button></form>')
    parts.append("</article>")
    return "".join(parts)


# ---- HTTP --------------------------------------------------------------------

class Handler(http.server.BaseHTTPRequestHandler):
    server_version = "approver"
    sys_version = ""
    protocol_version = "HTTP/1.1"
    timeout = 10

    def log_message(self, format, *args):
        if not self.server.quiet:
            sys.stderr.write("%s %s\n" % (self.log_date_time_string(),
                                          shown(format % args)))

    def reply(self, status, body, content_type, extra=()):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        for name, value in extra:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def reply_text(self, status, text):
        # an unread body must not be taken for the next request
        self.close_connection = True
        self.reply(status, text.encode() + b"\n", "text/plain; charset=utf-8")

    def reply_answer(self, request):
        """The decision, or 202 while there is none; signed if we can."""
        event, answer = request["event"], request["answer"]
        status = 200
        if answer is None:
            status = 202
            answer = {"id": event["id"], "decision": "pending",
                      "binding": event["data"]["binding"]}
        body = json.dumps(answer).encode()
        extra = []
        if self.server.response_keys:
            now = str(int(time.time()))
            extra = [("webhook-id", event["id"]), ("webhook-timestamp", now),
                     ("webhook-signature",
                      " ".join(sign(key, event["id"], now, body)
                               for key in self.server.response_keys))]
        self.reply(status, body, "application/json", extra)

    def signed(self, body):
        if self.server.request_keys is None:
            return True
        wrong = verify(self.server.request_keys, self.headers, body)
        if wrong:
            self.reply_text(401, wrong)
        return wrong is None

    def body(self):
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > MAX_BODY:
            self.reply_text(413, "no length, or too long")
            return None
        return self.rfile.read(int(length))

    def from_here(self):
        """Pages are for our own name: another one is a rebound DNS name."""
        host = self.headers.get("Host", "")
        if host in self.server.hosts:
            return True
        self.reply_text(403, "unknown host name")
        return False

    def do_POST(self):
        path = urllib.parse.urlsplit(self.path).path
        body = self.body()
        if body is None:
            return
        if path == HOOK:
            self.take_request(body)
        elif path == "/decide":
            self.take_decision(body)
        else:
            self.reply_text(404, "not found")

    def take_request(self, body):
        if not self.signed(body):
            return
        try:
            event = json.loads(body)
            if event["type"] != "hoopguard.approval.requested.v1" or \
                    not re.fullmatch(r"[0-9a-f-]{36}", event["id"]) or \
                    not isinstance(event["data"]["binding"], str):
                raise ValueError
        except (ValueError, KeyError, TypeError):
            self.reply_text(400, "not a request for approval")
            return
        self.reply_answer(self.server.store.add(event))

    def take_decision(self, body):
        if not self.from_here():
            return
        form = dict(urllib.parse.parse_qsl(body.decode("utf-8", "replace")))
        origin = self.headers.get("Origin")
        if not hmac.compare_digest(form.get("token", "").encode(),
                                   self.server.token.encode()) or \
                (origin not in (None, "null") and
                 urllib.parse.urlsplit(origin).netloc not in self.server.hosts):
            self.reply_text(403, "the form is not from this page; reload it")
            return
        if form.get("decision") not in ("allow", "deny") or \
                not form.get("who", "").strip():
            self.reply_text(400, "a decision and a name are needed")
            return
        if not self.server.store.decide(form.get("id", ""), form["decision"],
                                        form.get("reason", "")[:400],
                                        form["who"].strip()[:60]):
            self.reply_text(409, "this request is decided, or unknown")
            return
        self.reply(303, b"", "text/plain", [("Location", "/")])

    def do_GET(self):
        path = urllib.parse.urlsplit(self.path).path
        if path.startswith(HOOK + "/"):
            if not self.signed(b""):
                return
            request = self.server.store.get(path[len(HOOK) + 1:])
            if request is None:
                self.reply_text(404, "unknown request")
            else:
                self.reply_answer(request)
        elif not self.from_here():
            return
        elif path == "/":
            self.page()
        elif path == "/state":
            # what the page asks to know whether it is out of date
            listing = self.server.store.listing()
            text = ",".join(r["event"]["id"] + ("+" if r["answer"] else "-")
                            for r in listing)
            self.reply_text(200, hashlib.sha256(text.encode()).hexdigest())
        else:
            self.reply_text(404, "not found")

    def page(self):
        listing = self.server.store.listing()
        pending = [r for r in listing if not r["answer"]]
        decided = [r for r in listing if r["answer"]]
        nonce = secrets.token_urlsafe(16)
        values = {
            "nonce": nonce,
            "count": str(len(pending)),
            "pending": "".join(card(r, self.server.token) for r in pending)
                       or "<p>Nothing is waiting.</p>",
            "decided": "".join(card(r, "") for r in decided[:20]),
        }
        # in one pass: a statement may hold what looks like a placeholder
        page = re.sub(r"\{\{(\w+)\}\}", lambda m: values[m.group(1)],
                      self.server.template)
        self.reply(200, page.encode(), "text/html; charset=utf-8", [
            ("Content-Security-Policy",
             f"default-src 'none'; style-src 'nonce-{nonce}'; "
             f"script-src 'nonce-{nonce}'; connect-src 'self'; "
             "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"),
            ("Referrer-Policy", "no-referrer")])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--port", type=int, default=8199)
    parser.add_argument("--bind", default="127.0.0.1")
    parser.add_argument("--host", action="append", default=[],
                        help="another name:port under which the page is asked for")
    parser.add_argument("--secret-file",
                        help="the file that hoopguard.webhook_secret_file names, or a copy")
    parser.add_argument("--auto", choices=("allow", "deny", "none"), default="none",
                        help="decide every request at once, for tests")
    parser.add_argument("--quiet", action="store_true")
    args = parser.parse_args()

    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "template.html"), encoding="utf-8") as file:
        template = file.read()
    server = http.server.ThreadingHTTPServer((args.bind, args.port), Handler)
    server.daemon_threads = True
    server.template = template
    server.quiet = args.quiet
    server.store = Store(args.auto)
    server.token = secrets.token_urlsafe(32)
    port = server.server_address[1]
    server.hosts = {f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}",
                    f"{args.bind}:{port}", *args.host}
    server.request_keys, server.response_keys = None, []
    if args.secret_file:
        server.request_keys, server.response_keys = read_secrets(args.secret_file)
    else:
        print("no --secret-file: requests are not verified", file=sys.stderr)
    print(f"approver on http://{args.bind}:{port}/ , webhook at {HOOK}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
