#!/usr/bin/env python3
"""A small approver for hoopguard: takes signed requests, shows them on web pages
that work on a phone, answers with what a person clicked.  Python 3 standard
library only.  README.md beside it says how to use it and has the protocol.

    approver.py --init hoopguard.secret     make the file with the secrets
    approver.py --secret-file hoopguard.secret

One file on purpose, from the bottom up: secrets and signatures, the store
(SQLite, so that a restart forgets nothing), the pages, HTTP.
"""

import argparse
import base64
import datetime
import hashlib
import hmac
import html
import http.server
import ipaddress
import json
import os
import re
import secrets
import sqlite3
import ssl
import stat
import sys
import threading
import time
import unicodedata
import urllib.parse

MAX_BODY = 256 * 1024       # hoopguard sends 64 KiB at most
MAX_FORM = 16 * 1024
CLOCK_SKEW = 300            # seconds a signature is good for
KEEP_CLOSED = 2000          # requests that the history keeps
MAX_OPEN = 5000             # open requests; more are answered 503
PER_PAGE = 50
REQUEST_TIME = 20           # seconds in which a client has to say it all
MAX_CLIENTS = 128           # connections; the stalest goes for a new one
HOOK = "/hook"
OPEN = "decision IS NULL AND withdrawn IS NULL AND expires > ?"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


# ---- secrets and signatures (Standard Webhooks) ------------------------------

def private_file(path):
    """The text of a file that nobody else may read."""
    with open(path, encoding="utf-8") as file:
        if os.fstat(file.fileno()).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            sys.exit(f"{path}: group or others have access to it")
        return file.read()


def read_secrets(path):
    """Lines "whsec_..." verify requests, "response whsec_..." sign answers."""
    request, response = [], []
    for line in private_file(path).splitlines():
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        where = request
        if line.startswith("response"):
            where, line = response, line[len("response"):].strip()
        if not line.startswith("whsec_"):
            sys.exit(f"{path}: a line is not a secret")
        key = line[len("whsec_"):]
        try:
            where.append(base64.b64decode(key + "=" * (-len(key) % 4),
                                          validate=True))
        except ValueError:
            sys.exit(f"{path}: a secret is not base64")
        if not 24 <= len(where[-1]) <= 64:
            sys.exit(f"{path}: a secret must be 24 to 64 bytes long")
    if not request:
        sys.exit(f"{path}: no secret")
    return request, response


def make_secrets(path):
    """A new file with one secret for each direction, for its owner alone."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "w", encoding="ascii") as out:
        for what in ("", "response "):
            key = base64.b64encode(secrets.token_bytes(32)).decode()
            out.write(f"{what}whsec_{key}\n")


def read_passwords(path):
    """Lines "name:password"; kept as hashes, so that none is compared raw."""
    people = {}
    for line in private_file(path).splitlines():
        name, colon, password = line.strip().partition(":")
        if name.startswith("#") or not name + colon:
            continue
        if not name or not password or len(name) > 60:
            sys.exit(f"{path}: a line is not name:password")
        people[name] = hashlib.sha256(password.encode()).digest()
    if not people:
        sys.exit(f"{path}: nobody is in it")
    return people


def sign(key, msg_id, timestamp, body):
    signed = f"{msg_id}.{timestamp}.".encode() + body
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def verify(keys, headers, body):
    """None if one of the keys signed this lately, else what is wrong."""
    msg_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    if not msg_id or not re.fullmatch(r"[0-9]{1,12}", timestamp):
        return "webhook headers are missing"
    if abs(time.time() - int(timestamp)) > CLOCK_SKEW:
        return "the time of the signature is off by more than five minutes"
    given = headers.get("webhook-signature", "").split()[:16]
    for key in keys:
        mine = sign(key, msg_id, timestamp, body).encode()
        for one in given:
            if hmac.compare_digest(one.encode("utf-8", "replace"), mine):
                return None
    return "the signature is wrong"


# ---- requests ----------------------------------------------------------------

def epoch(text):
    """Seconds since 1970 of a time as hoopguard writes it."""
    when = datetime.datetime.fromisoformat(re.sub("Z$", "+00:00", text))
    return when.timestamp()


def iso(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def depth(value):
    deep, level = 0, [value]
    while level and deep <= 32:
        deep += 1
        level = [inner for one in level if isinstance(one, (dict, list))
                 for inner in (one.values() if isinstance(one, dict) else one)]
    return deep


def read_json(body):
    """An event of any type, or ValueError."""
    try:
        event = json.loads(body.decode())
        if not event["type"].startswith("hoopguard.approval."):
            raise ValueError
        return event
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ValueError("not an event of hoopguard") from None


def read_event(body):
    """The event of a request, or ValueError.  What is used is checked here;
    the rest is shown and nothing more."""
    try:
        event = json.loads(body.decode())
        data = event["data"]
        if not event["type"].startswith("hoopguard.approval.") or \
                not UUID.fullmatch(event["id"]) or \
                not re.fullmatch(r"[!-~]{1,200}", data["binding"]):
            raise ValueError
        event["_expires"] = epoch(data["expires_at"])
        statement = data["statement"]
        if depth(event) > 32 or not (
                isinstance(statement["text"], str) or
                statement["text"] is None and statement["complete"] is False):
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError,
            OverflowError):
        raise ValueError("not a request for approval") from None
    return event


def read_cancelled(event):
    """(request, binding, reason) of the news that a requester gave up."""
    try:
        data = event["data"]
        if not UUID.fullmatch(data["request_id"]) or \
                not isinstance(data["binding"], str):
            raise ValueError
        return data["request_id"], data["binding"], str(data.get("reason") or "")[:200]
    except (ValueError, KeyError, TypeError):
        raise ValueError("not news of a request") from None


class Store:
    """The requests that came in.  The first decision holds."""

    def __init__(self, path, auto):
        self.auto = auto
        self.lock = threading.Lock()
        self.version = 0            # moves whenever a page would look different
        self.asked = {}             # id to the time of the last poll
        if path != ":memory:":
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            if os.stat(path).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                sys.exit(f"{path}: group or others have access to it")
        self.db = sqlite3.connect(path, check_same_thread=False)
        self.db.row_factory = sqlite3.Row
        self.db.executescript("""
            CREATE TABLE IF NOT EXISTS request (
                id TEXT PRIMARY KEY, binding TEXT NOT NULL, event TEXT NOT NULL,
                received REAL NOT NULL, expires REAL NOT NULL,
                decision TEXT, reason TEXT, who TEXT, decided REAL,
                ttl INTEGER, max_rows INTEGER, fetched REAL,
                withdrawn REAL, why TEXT);
            CREATE INDEX IF NOT EXISTS open_idx ON request (expires)
                WHERE decision IS NULL;
            CREATE TABLE IF NOT EXISTS keyring (key BLOB);
        """)
        have = {row["name"] for row in self.db.execute("PRAGMA table_info(request)")}
        for column in ("withdrawn REAL", "why TEXT"):
            if column.split()[0] not in have:       # a file of an older approver
                self.db.execute(f"ALTER TABLE request ADD COLUMN {column}")
        self.db.execute("INSERT INTO keyring SELECT ? WHERE NOT EXISTS "
                        "(SELECT 1 FROM keyring)", (secrets.token_bytes(32),))
        self.db.commit()
        # signs forms; kept, so that a page outlives a restart
        self.key = self.db.execute("SELECT key FROM keyring").fetchone()[0]

    def add(self, event, text):
        """The request, new or known; None when it cannot be taken."""
        with self.lock:
            row = self._get(event["id"])
            if row is not None:
                # what a person looks at must not change under the eyes
                return row if row["binding"] == event["data"]["binding"] else None
            if self._count(OPEN, time.time()) >= MAX_OPEN:
                return None
            self.db.execute(
                "INSERT INTO request (id, binding, event, received, expires)"
                " VALUES (?, ?, ?, ?, ?)",
                (event["id"], event["data"]["binding"], text, time.time(),
                 event["_expires"]))
            self.db.execute(
                "DELETE FROM request WHERE id IN (SELECT id FROM request"
                " WHERE decision IS NOT NULL OR withdrawn IS NOT NULL OR expires < ?"
                " ORDER BY received DESC LIMIT -1 OFFSET ?)",
                (time.time() - 86400, KEEP_CLOSED))
            self.db.commit()
            self.version += 1
        if self.auto != "none":
            self.decide(event["id"], self.auto, "automatic", "approver.py")
        return self.get(event["id"])

    def decide(self, msg_id, decision, reason, who, ttl=None, max_rows=None):
        """Did this decide it?"""
        now = time.time()
        with self.lock:
            done = self.db.execute(
                "UPDATE request SET decision = ?, reason = ?, who = ?,"
                " decided = ?, ttl = ?, max_rows = ?"
                f" WHERE id = ? AND {OPEN}",
                (decision, reason, who, now, ttl, max_rows, msg_id, now))
            self.db.commit()
            self.version += done.rowcount
            return done.rowcount == 1

    def withdraw(self, msg_id, binding, why):
        """Its requester gave up.  A decision that was made stays in the history."""
        with self.lock:
            done = self.db.execute(
                "UPDATE request SET withdrawn = ?, why = ?"
                " WHERE id = ? AND binding = ? AND withdrawn IS NULL",
                (time.time(), why, msg_id, binding))
            self.db.commit()
            self.version += done.rowcount

    def fetched(self, msg_id):
        """hoopguard has the answer now, or has asked for it."""
        with self.lock:
            self.asked[msg_id] = time.time()
            if len(self.asked) > MAX_OPEN:
                for old in sorted(self.asked, key=self.asked.get)[:MAX_OPEN // 2]:
                    del self.asked[old]
            done = self.db.execute(
                "UPDATE request SET fetched = ? WHERE id = ?"
                " AND decision IS NOT NULL AND fetched IS NULL",
                (time.time(), msg_id))
            self.db.commit()
            self.version += done.rowcount

    def get(self, msg_id):
        with self.lock:
            return self._get(msg_id)

    def counts(self):
        with self.lock:
            now = time.time()
            return (self._count(OPEN, now), self._count(f"NOT ({OPEN})", now))

    def listing(self, is_open, page):
        where = f"{OPEN} ORDER BY expires" if is_open else \
            f"NOT ({OPEN}) ORDER BY coalesce(decided, withdrawn, expires) DESC"
        with self.lock:
            return self.db.execute(
                f"SELECT * FROM request WHERE {where} LIMIT ? OFFSET ?",
                (time.time(), PER_PAGE, page * PER_PAGE)).fetchall()

    def _get(self, msg_id):
        return self.db.execute("SELECT * FROM request WHERE id = ?",
                               (msg_id,)).fetchone()

    def _count(self, where, *args):
        return self.db.execute(f"SELECT count(*) FROM request WHERE {where}",
                               args).fetchone()[0]


# ---- text as HTML ------------------------------------------------------------

# Letters that look like nothing although Unicode calls them letters.
BLANK = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"


def badge(text):
    return f'<b class="hidden">{html.escape(text)}</b>'


def hidden(char):
    code = ord(char)
    return (unicodedata.category(char) in ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp")
            or (char != " " and unicodedata.category(char) == "Zs")
            or char in BLANK or 0xfe00 <= code <= 0xfe0f
            or 0xe0100 <= code <= 0xe01ef)


REDACTED = r"\[redacted:[^\]\s]{1,100}\]"


def shown(value, escaped=False, redacted=False):
    """All of a text: what cannot be seen is spelled out, and a gap that could
    push the rest out of sight is counted instead of drawn.  With escaped,
    \\u{202E} as hoopguard writes it is marked in the same way, with redacted
    what stands in a value's place."""
    out = []
    pattern = r"\n{5,}|[ \t]{41,}|\r\n"
    if escaped:
        pattern += r"|\\[ux]\{[0-9A-F]{1,6}\}"
    if redacted:
        pattern += "|" + REDACTED
    text, at = str(value), 0
    for match in re.finditer(pattern, text):
        out.append(plain(text[at:match.start()]))
        gap, at = match.group(), match.end()
        if gap == "\r\n":
            out.append("\n")
        elif gap[0] == "[":
            out.append(f'<mark class="gone">{plain(gap)}</mark>')
        elif gap[0] == "\\":
            out.append(badge("U+" + gap[3:-1].rjust(4, "0") if gap[1] == "u"
                             else "byte " + gap[3:-1]))
        elif gap[0] == "\n":
            out.append("\n" + badge(f"{len(gap) - 1} empty lines") + "\n")
        else:
            out.append(" " + badge(f"{len(gap)} blanks") + " ")
    out.append(plain(text[at:]))
    return "".join(out)


def plain(text):
    if text.isascii() and text.isprintable():
        return html.escape(text)
    return "".join(
        char if char in "\n\t" else
        badge(f"U+{ord(char):04X}") if hidden(char) else html.escape(char)
        for char in text)


def moment(seconds):
    """A time that the page's script turns into the reader's own zone."""
    return f'<time datetime="{iso(seconds)}">' \
           f'{time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))}</time>'


def left(seconds):
    """A countdown; the script keeps it going."""
    rest = max(0, int(seconds - time.time()))
    text = (f"{rest // 3600} h {rest // 60 % 60:02d} min" if rest >= 3600 else
            f"{rest // 60} min {rest % 60:02d} s")
    return f'<span class="left" data-until="{int(seconds)}">' \
           f'{text if rest else "expired"}</span>'


def words(name):
    return str(name).replace("_", " ")


def tree(value):
    """Any JSON, all of it, as tables and lists."""
    if isinstance(value, dict):
        if not value:
            return "none"
        return "<table>" + "".join(
            f'<tr><th scope="row">{shown(words(k))}</th><td>{tree(v)}</td></tr>'
            for k, v in value.items()) + "</table>"
    if isinstance(value, list):
        if not value:
            return "none"
        if all(isinstance(one, dict) for one in value):
            return table(value)
        return "<ul>" + "".join(f"<li>{tree(one)}</li>" for one in value) + "</ul>"
    if value is None:
        return '<i class="null">NULL</i>'
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str) and "\n" in value:
        return f"<pre>{shown(value)}</pre>"
    return f'<span class="value">{shown(value)}</span>'


def table(rows):
    """Objects as the rows of one table."""
    columns = list(dict.fromkeys(key for one in rows for key in one))
    head = "".join(f'<th scope="col">{shown(words(c))}</th>' for c in columns)
    body = "".join(
        "<tr>" + "".join(f'<td data-name="{html.escape(words(c))}">'
                         f'{tree(one[c]) if c in one else ""}</td>'
                         for c in columns) + "</tr>"
        for one in rows)
    return f'<div class="wide" tabindex="0" role="region" aria-label="table">' \
           f'<table class="grid"><thead><tr>{head}</tr></thead>' \
           f'<tbody>{body}</tbody></table></div>'


# ---- one request as HTML -----------------------------------------------------

def part(value, kind):
    """A member of the event if it has the type that it should have."""
    return value if isinstance(value, kind) else kind()


STATES = {"allow": "approved", "deny": "denied", None: "waiting"}


def state_of(row):
    if row["decision"] is None and row["withdrawn"] is not None:
        return "withdrawn"
    if row["decision"] is None and row["expires"] <= time.time():
        return "expired"
    return STATES[row["decision"]]


def closed_at(row):
    return row["decided"] or row["withdrawn"] or row["expires"]


def headline(data):
    facts = part(data.get("facts"), dict)
    objects = [part(act, dict).get("object") for act in part(facts.get("acts"), list)]
    objects = list(dict.fromkeys(str(one) for one in objects if one))
    tag = part(data.get("statement"), dict).get("tag") or "statement"
    return f"{tag} {', '.join(objects)}" if objects else str(tag)


def asker(data):
    who = part(data.get("requester"), dict)
    return who.get("agent") or who.get("session_user") or "somebody"


def summary(row):
    """A line of a list: enough to recognise a request, not to decide it."""
    data = json.loads(row["event"])["data"]
    who = part(data.get("requester"), dict)
    state = state_of(row)
    when = left(row["expires"]) + " left" if state == "waiting" else \
        moment(closed_at(row))
    by = f' by {shown(row["who"])}' if row["who"] else ""
    intent = f'<span class="why">{shown(who["intent"])}</span>' \
        if who.get("intent") else ""
    return (f'<li class="{state}"><a id="r-{row["id"]}" href="/request/{row["id"]}">'
            f'<strong>{shown(headline(data))}</strong>{intent}'
            f'<span class="line"><span>{shown(asker(data))} in '
            f'{shown(data.get("database"))}</span> '
            f'<span><em>{state}</em>{by} · {when}</span></span></a></li>')


def facts_rows(data):
    """What the server knows of the statement, in words."""
    facts = part(data.get("facts"), dict)
    rows = []
    for act in part(facts.get("acts"), list):
        act = dict(part(act, dict))
        text = f"{act.pop('command', '')} {act.pop('object', None) or ''}".strip()
        for key, say in (("unbounded", lambda v: "every row" if v else ""),
                         ("rows", lambda v: f"about {v} row" + "s" * (v != 1)),
                         ("classes", lambda v: f"touches {', '.join(map(str, v))}"
                             if isinstance(v, list) else f"touches {v}"),
                         ("holds", lambda v: f"the table holds {', '.join(map(str, v))}"
                             if isinstance(v, list) else f"the table holds {v}")):
            value = act.pop(key, None)
            if value not in (None, [], "") and say(value):
                text += "; " + say(value)
        rows.append(("Does", shown(text) + (tree(act) if act else "")))
    estimate = part(facts.get("estimate"), dict)
    if estimate:
        rows.append(("Estimate", shown(
            ", ".join(f"{words(k)} {v}" for k, v in estimate.items()))))
    return rows


EVIDENCE = (("rows", "Rows that it changes"), ("sample", "Sample, before and after"),
            ("tables", "Tables that it locks"), ("dependants", "What depends on them"),
            ("lineage", "Where the values come from"), ("plan", "Plan"))


def sample(rows):
    """Rows before and after, side by side, the changed values marked."""
    if not isinstance(rows, list) or not rows or not all(
            isinstance(one, dict) and (one.keys() & {"before", "after"}) and
            isinstance(one.get("before") or {}, dict) and
            isinstance(one.get("after") or {}, dict) for one in rows):
        return tree(rows)
    out = []
    for one in rows:
        before, after = one.get("before"), one.get("after")
        rest = {k: v for k, v in one.items() if k not in ("before", "after")}
        body = ""
        for column in dict.fromkeys([*(before or {}), *(after or {})]):
            cells = [("same" if before is None or after is None or
                      before.get(column) == after.get(column) else "changed",
                      "" if side is None or column not in side else
                      tree(side[column])) for side in (before, after)]
            body += f'<tr><th scope="row">{shown(column)}</th>' + "".join(
                f'<td class="{mark}">{cell}</td>' for mark, cell in cells) + "</tr>"
        name = f'{rest.pop("change", "")} {rest.pop("relation", "")}'.strip()
        out.append((tree(rest) if rest else "") +
                   f'<table class="grid pair"><caption>{shown(name)}</caption>'
                   '<thead><tr><th scope="col">column</th>'
                   f'<th scope="col">before{"" if before else ": no row"}</th>'
                   f'<th scope="col">after{"" if after else ": no row"}</th>'
                   f'</tr></thead><tbody>{body}</tbody></table>')
    return "".join(out)


def evidence(value):
    """What a rehearsal saw.  Known members first, under plain names."""
    if not isinstance(value, dict):
        return tree(value)
    rest, out, alarms = dict(value), [], []
    rest.pop("redactions", None)
    if rest.pop("rehearsed", None) is False:
        alarms.append(f'It was not tried out. {rest.pop("reason", "")}')
    fails = rest.get("would_fail")
    if fails:
        alarms.append("When it was tried out it failed. Nothing holds the run to "
                      "what is shown here.")
    for key in ("cut", "shortened"):
        if rest.get(key) not in (None, False, [], {}):
            alarms.append("The evidence was too long. Some of it is left out; "
                          "the database has more.")
    if not alarms:
        alarms.append("It was tried out and rolled back; the run is held to what "
                      "is shown here.")
    for key, title in EVIDENCE:
        if rest.get(key) in ([], {}):
            del rest[key]
        elif rest.get(key) is not None:
            if key == "rows" and isinstance(rest[key], list):
                # oid is for programs; it is in the request as it came
                rest[key] = [{k: v for k, v in one.items() if k != "oid"}
                             if isinstance(one, dict) else one for one in rest[key]]
            out.append(f"<h3>{title}</h3>"
                       + (sample if key == "sample" else tree)(rest.pop(key)))
    if rest:
        out.insert(0, tree(rest))
    calm = " calm" if value.get("rehearsed") is True and len(alarms) == 1 and \
        alarms[0].startswith("It was tried") else ""
    return "".join(f'<p class="alarm{calm}">{shown(one)}</p>' for one in alarms) + \
        "".join(out)


def redaction(row, data, statement):
    """What the approver is not shown, and where it can be read."""
    text = statement.get("text")
    parameters = [part(one, dict) for one in part(data.get("parameters"), list)]
    said = statement.get("redactions")
    said = said if type(said) is int else 0
    out = []
    if text is None:
        out.append('<p class="alarm">The server does not send statements here, nor '
                   'the values of parameters. Read them before you decide:</p>')
    elif statement.get("redacted"):
        values = said + sum(one["redactions"] for one in parameters
                            if type(one.get("redactions")) is int)
        out.append(f'<p class="alarm soft">{values or "Some"} '
                   f'{"value is" if values == 1 else "values are"} not shown: '
                   '<mark class="gone">[redacted:…]</mark> stands in '
                   f'{"its" if values == 1 else "their"} place. All of it can be '
                   'read in the database:</p>')
    if out:
        out.append("<pre>SELECT statement_text, params FROM hoopguard.pending_approval"
                   f"\nWHERE id = '{row['id']}';</pre>")
    if text is not None and len(re.findall(REDACTED, text)) != said:
        out.append('<p class="alarm">Some of what looks like a redaction is not one: '
                   'the agent wrote it. '
                   f'{said} {"was" if said == 1 else "were"} made.</p>')
    return out


def parameter(one):
    """A parameter's value."""
    if not isinstance(one, dict):
        return tree(one)
    value = one.get("value")
    if one.get("redactions") and value is None:
        return '<i class="null">not sent</i>'
    if one.get("redactions") and isinstance(value, str):
        return f'<span class="value">{shown(value, redacted=True)}</span>'
    return tree(value)


def rows_html(rows):
    return "<table>" + "".join(
        f'<tr><th scope="row">{name}</th><td>{cell}</td></tr>'
        for name, cell in rows if cell != "") + "</table>"


def full(row, token, person):
    """A request with everything that came, and the form at its end."""
    event = json.loads(row["event"])
    data = event["data"]
    statement = part(data.get("statement"), dict)
    who = part(data.get("requester"), dict)
    rule = part(data.get("rule"), dict)
    state = state_of(row)
    text = statement.get("text")
    body = "" if text is None else shown(text, statement.get("escaped") is True,
                                         statement.get("redacted") is True)
    out = [f'<article class="{state}" id="request" data-id="{row["id"]}" '
           f'data-state="{state}">'
           f'<h1>{shown(headline(data))}</h1>']
    if state == "waiting":
        out.append(f'<p class="expiry"><span id="expiry">{left(row["expires"])} left'
                   f'</span>, until {moment(row["expires"])}</p>')
    else:
        out.append(f'<p class="expiry">{state}, '
                   f'{moment(closed_at(row))}</p>')

    why = [("Asked by", f'<strong>{shown(asker(data))}</strong>'),
           ("Says it is for", shown(who["intent"]) +
            ' <small>(the agent’s own words)</small>' if who.get("intent")
            else '<small>the agent did not say</small>'),
           ("Answers for it", shown(who.get("owner") or "")),
           ("Stopped by", shown(f"rule {rule.get('id')}") +
            (f": {shown(rule['reason'])}" if rule.get("reason") else "")),
           ("Database", shown(data.get("database")))]
    out.append("<section><h2>Who and why</h2>" + rows_html(why) + "</section>")

    out.append(f'<section><h2 id="what">What would run</h2>')
    marks = body.count('class="hidden"')
    if marks:
        out.append(f'<p class="alarm">{marks} '
                   f'{"place holds" if marks == 1 else "places hold"} what cannot '
                   'be seen. It is marked in the statement.</p>')
    odd = sorted({char for char in str(text)
                  if ord(char) > 127 and char.isalpha() and not hidden(char)})
    if odd:
        more = f" and {len(odd) - 20} others" if len(odd) > 20 else ""
        out.append('<p class="alarm soft">Letters outside ASCII, which can look '
                   f'like others: {shown(" ".join(odd[:20]))}{more}</p>')
    out += redaction(row, data, statement)
    if text is not None:
        if statement.get("complete") is False:
            out.append('<p class="alarm">This is not the whole statement.</p>')
        out.append('<pre id="statement" tabindex="0" aria-labelledby="what">'
                   f'{body}</pre>')
    parameters = part(data.get("parameters"), list)
    if parameters:
        out.append("<h3>Parameters</h3>" + rows_html(
            [(f"${shown(part(p, dict).get('n', '?'))} "
              f"<small>{shown(part(p, dict).get('type', ''))}</small>",
              parameter(p))
             for p in parameters]))
    out.append("</section>")

    out.append("<section><h2>What it would do</h2>" + rows_html(facts_rows(data)))
    if data.get("evidence") not in (None, {}, []):
        out.append(evidence(data["evidence"]))
    else:
        out.append("<p><small>It was not tried out: what is above is read from "
                   "the statement, and row counts are estimates.</small></p>")
    out.append("</section>")

    details = [("Role", f'{shown(who.get("session_user"))}, acting as '
                        f'{shown(who.get("current_user"))}')]
    details += [(shown(words(key).capitalize()), shown(who[key]))
                for key in who if who[key] not in (None, "") and key not in
                ("agent", "intent", "owner", "session_user", "current_user")]
    details += [("Request", shown(row["id"])), ("Came in", moment(row["received"])),
                ("SHA-256 of it", shown(statement.get("sha256") or ""))]
    out.append("<section><details><summary>More about the request</summary>"
               + rows_html(details) + "<h3>All of it, as it came</h3><pre>"
               + shown(json.dumps(event, indent=1, ensure_ascii=False))
               + "</pre></details></section>")

    if state == "waiting":
        out.append(form(row, token, person))
    elif row["decision"]:
        limits = [f"for {row['ttl'] // 60} minutes" if row["ttl"] else "",
                  f"for at most {row['max_rows']} rows"
                  if row["max_rows"] is not None else ""]
        limits = ", ".join(one for one in limits if one)
        out.append(f'<p class="done"><strong>{state}</strong> by {shown(row["who"])}'
                   f'{", " + limits if limits else ""}: '
                   f'{shown(row["reason"] or "no reason given")}</p>')
        out.append(f'<p>hoopguard fetched the answer {moment(row["fetched"])}.</p>'
                   if row["fetched"] else
                   f'<p>It came too late: {withdrawn(row)}</p>'
                   if row["withdrawn"] else
                   '<p>hoopguard has not fetched the answer yet. It asks each '
                   'second at first, later every half hour.</p>')
    elif state == "withdrawn":
        out.append(f'<p class="done"><strong>withdrawn</strong>: {withdrawn(row)} '
                   'The statement did not run.</p>')
    else:
        out.append('<p class="done">Nobody decided in time. The statement '
                   'did not run.</p>')
    out.append("</article>")
    return "".join(out)


def withdrawn(row):
    why = f' ({shown(row["why"])})' if row["why"] else ""
    return f'the requester gave up {moment(row["withdrawn"])}{why}.'


def form(row, token, person):
    name = (f'<p>You decide as <strong>{shown(person)}</strong>.</p>' if person else
            '<label for="who">Your name</label><input id="who" name="who" required '
            'maxlength="60" autocomplete="name">')
    return (
        '<form method="post" action="/decide" id="form">'
        '<h2>Your decision</h2>'
        f'<input type="hidden" name="token" value="{token}">'
        f'<input type="hidden" name="id" value="{row["id"]}">{name}'
        '<label for="reason">Reason <small>(the agent gets to read it)</small></label>'
        '<textarea id="reason" name="reason" maxlength="400" rows="2"></textarea>'
        '<details><summary>Approve less</summary>'
        '<label for="max_rows">At most so many rows</label>'
        '<input id="max_rows" name="max_rows" inputmode="numeric" pattern="[0-9]{1,9}">'
        '<label for="minutes">To be used within so many minutes</label>'
        '<input id="minutes" name="minutes" inputmode="numeric" pattern="[0-9]{1,4}">'
        '</details><p id="news" role="status"></p><div class="buttons">'
        '<button name="decision" value="deny" class="no">Deny</button>'
        '<button name="decision" value="allow">Approve</button></div></form>')


# ---- HTTP --------------------------------------------------------------------

class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address, handler):
        self.clients = {}           # connection to the time when it must be done
        self.clients_lock = threading.Lock()
        super().__init__(address, handler)
        threading.Thread(target=self.reap, daemon=True).start()

    def watch(self, connection):
        with self.clients_lock:
            self.clients[connection] = time.monotonic() + REQUEST_TIME
            if len(self.clients) > MAX_CLIENTS:
                self.drop(min(self.clients, key=self.clients.get))

    def forget(self, connection):
        with self.clients_lock:
            self.clients.pop(connection, None)

    def drop(self, connection):
        """Under the lock.  The thread that reads from it sees the end."""
        self.clients.pop(connection, None)
        try:
            connection.shutdown(2)
        except OSError:
            pass

    def reap(self):
        """A client that says a byte now and then must not hold a thread."""
        while True:
            time.sleep(1)
            with self.clients_lock:
                now = time.monotonic()
                for connection in [c for c, end in self.clients.items() if end < now]:
                    self.drop(connection)

    def shutdown_request(self, request):
        self.forget(request)
        super().shutdown_request(request)

    def handle_error(self, request, client_address):
        error = sys.exc_info()[1]
        if not isinstance(error, (OSError, ValueError)):
            super().handle_error(request, client_address)


class Handler(http.server.BaseHTTPRequestHandler):
    server_version = "approver"
    sys_version = ""
    protocol_version = "HTTP/1.1"
    timeout = REQUEST_TIME
    person = None

    def handle_one_request(self):
        self.server.watch(self.connection)
        super().handle_one_request()

    def log_message(self, format, *args):
        if not self.server.quiet:
            line = "".join(c if c.isprintable() else f"\\x{ord(c):x}"
                           for c in format % args)
            sys.stderr.write(f"{self.log_date_time_string()} {line}\n")

    def reply(self, status, body, content_type, extra=()):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        for name, value in extra:
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def reply_text(self, status, text, extra=()):
        # an unread body must not be taken for the next request
        self.close_connection = True
        self.reply(status, text.encode() + b"\n", "text/plain; charset=utf-8", extra)

    def send_error(self, code, message=None, explain=None):
        """http.server's own complaints, without the client's words in them."""
        self.reply_text(code, http.server.BaseHTTPRequestHandler.responses
                        .get(code, ("error",))[0])

    def reply_answer(self, row):
        """The decision, or 202 while there is none; signed if we can."""
        answer = {"id": row["id"], "binding": row["binding"],
                  "decision": row["decision"] or "pending"}
        if row["decision"]:
            answer.update(reason=row["reason"],
                          approver={"id": row["who"], "via": "web"},
                          decided_at=iso(row["decided"]))
            if row["ttl"] is not None:
                answer["grant_ttl_s"] = row["ttl"]
            if row["max_rows"] is not None:
                answer["obligations"] = {"max_rows": row["max_rows"]}
        body = json.dumps(answer).encode()
        extra = []
        if self.server.response_keys:
            now = str(int(time.time()))
            extra = [("webhook-id", row["id"]), ("webhook-timestamp", now),
                     ("webhook-signature",
                      " ".join(sign(key, row["id"], now, body)
                               for key in self.server.response_keys))]
        self.server.store.fetched(row["id"])
        self.reply(200 if row["decision"] else 202, body, "application/json", extra)

    def signed(self, body):
        if self.server.request_keys is None:
            return True
        wrong = verify(self.server.request_keys, self.headers, body)
        if wrong:
            self.reply_text(401, wrong)
        return wrong is None

    def body(self, limit):
        length = self.headers.get("Content-Length", "")
        if self.headers.get("Transfer-Encoding") or \
                not re.fullmatch("[0-9]{1,9}", length):
            self.reply_text(411, "a Content-Length is needed")
            return None
        if int(length) > limit:
            # take some of it, so that the client gets to read the answer
            rest = min(int(length), 16 * limit)
            while rest > 0:
                got = self.rfile.read(min(rest, 65536))
                rest = rest - len(got) if got else 0
            self.reply_text(413, f"more than {limit} bytes")
            return None
        body = self.rfile.read(int(length))
        return body if len(body) == int(length) else None

    def welcome(self):
        """Is this a browser that asks for our own name, by somebody we know?"""
        if self.headers.get("Host", "").lower() not in self.server.hosts:
            # another name is a rebound DNS name
            self.reply_text(403, "unknown host name; see --host")
            return False
        if self.server.people is None:
            return True
        method, _, given = self.headers.get("Authorization", "").partition(" ")
        if method.lower() == "basic":
            try:
                name, _, password = base64.b64decode(given).decode().partition(":")
            except ValueError:
                name = password = ""
            digest = hashlib.sha256(password.encode()).digest()
            if hmac.compare_digest(self.server.people.get(name, b""), digest):
                self.person = name
                return True
            time.sleep(1)
        self.reply_text(401, "a name and a password are needed", [
            ("WWW-Authenticate", 'Basic realm="approver", charset="UTF-8"')])
        return False

    def token(self, row):
        """Goes with the form: proof that this page was made for this person
        and showed this very request."""
        text = f'{row["id"]} {row["binding"]} {self.person or ""}'.encode()
        return hmac.new(self.server.store.key, text, hashlib.sha256).hexdigest()

    def do_POST(self):
        path = urllib.parse.urlsplit(self.path).path
        body = self.body(MAX_BODY if path == HOOK else MAX_FORM)
        if body is None:
            self.close_connection = True
        elif path == HOOK:
            self.take_request(body)
        elif path == "/decide":
            self.take_decision(body)
        else:
            self.reply_text(404, "not found")

    def take_request(self, body):
        if not self.signed(body):
            return
        try:
            event = read_json(body)
            if event["type"] == "hoopguard.approval.cancelled.v1":
                self.server.store.withdraw(*read_cancelled(event))
            if event["type"] != "hoopguard.approval.requested.v1":
                # news of other kinds is welcome and not needed
                self.reply(204, b"", "text/plain")
                return
            event = read_event(body)
            row = self.server.store.add(event, body.decode())
        except ValueError:
            self.reply_text(400, "not a request for approval")
            return
        if row is None:
            self.reply_text(503, "too many open requests, or another one with "
                                 "the same id")
        else:
            self.reply_answer(row)

    def take_decision(self, body):
        if not self.welcome():
            return
        form = dict(urllib.parse.parse_qsl(body.decode("utf-8", "replace")))
        row = self.server.store.get(form.get("id", ""))
        origin = self.headers.get("Origin")
        site = self.headers.get("Sec-Fetch-Site", "same-origin")
        if row is None:
            self.message(404, "This request is not known here.")
        elif not hmac.compare_digest(form.get("token", "").encode(),
                                     self.token(row).encode()) or \
                site not in ("same-origin", "none") or \
                (origin not in (None, "null") and
                 urllib.parse.urlsplit(origin).netloc not in self.server.hosts):
            self.message(403, "This form is not from this page. Load it again.")
        else:
            self.decide(row, form)

    def decide(self, row, form):
        who = self.person or form.get("who", "").strip()[:60]
        limits = []
        for name in ("minutes", "max_rows"):
            text = form.get(name, "").strip()
            if text and not re.fullmatch("[0-9]{1,9}", text):
                self.message(400, "A limit has to be a number.")
                return
            limits.append(int(text) if text else None)
        minutes, max_rows = limits
        if form.get("decision") not in ("allow", "deny") or not who:
            self.message(400, "A decision and a name are needed.")
        elif minutes == 0 or (minutes or 0) > 9999:
            self.message(400, "Give it between 1 and 9999 minutes.")
        elif not self.server.store.decide(
                row["id"], form["decision"], form.get("reason", "").strip()[:400],
                who, minutes and minutes * 60, max_rows):
            row = self.server.store.get(row["id"])
            self.message(409, f"Too late: this request is {state_of(row)}."
                         if row["decision"] is None else
                         f"Too late: {STATES[row['decision']]} by {row['who']}.")
        else:
            self.reply(303, b"", "text/plain",
                       [("Location", "/request/" + row["id"])])

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        first, _, rest = url.path[1:].partition("/")
        if first == HOOK[1:]:
            self.poll(rest)
        elif not self.welcome():
            return
        elif url.path == "/" or url.path == "/history":
            page = urllib.parse.parse_qs(url.query).get("page", ["0"])[0]
            self.show_list(url.path == "/",
                           int(page) if re.fullmatch("[0-9]{1,6}", page) else 0)
        elif first == "request":
            row = self.server.store.get(rest)
            if row is None:
                self.message(404, "This request is not known here.")
            else:
                self.page(headline(json.loads(row["event"])["data"]),
                          full(row, self.token(row), self.person))
        elif first == "state":
            # what a page asks to know whether it is out of date
            row = self.server.store.get(rest) if rest else None
            self.reply_text(200, f"{state_of(row)} by {row['who']}" if row else
                            str(self.server.store.version))
        else:
            self.message(404, "There is nothing here.")

    def poll(self, msg_id):
        if not self.signed(b""):
            return
        row = self.server.store.get(msg_id)
        if row is None or (self.server.request_keys is not None and
                           self.headers["webhook-id"] != msg_id):
            self.reply_text(404, "unknown request")
        else:
            self.reply_answer(row)

    def show_list(self, is_open, page):
        rows = self.server.store.listing(is_open, page)
        waiting, closed = self.server.store.counts()
        total = waiting if is_open else closed
        path = "/" if is_open else "/history"
        nothing = "Nothing is waiting." if is_open else "Nothing was decided yet."
        out = [f'<h1>{"Waiting for approval" if is_open else "History"} '
               f'<small>({total})</small></h1><ul id="list" class="list" '
               f'data-version="{self.server.store.version}">',
               "".join(summary(row) for row in rows) or
               f'<li class="none">{nothing}</li>', "</ul>"]
        if total > PER_PAGE:
            out.append('<nav aria-label="pages" class="pages">')
            if page > 0:
                out.append(f'<a href="{path}?page={page - 1}">Back</a>')
            out.append(f'<span>{page * PER_PAGE + 1} to '
                       f'{page * PER_PAGE + len(rows)} of {total}</span>')
            if (page + 1) * PER_PAGE < total:
                out.append(f'<a href="{path}?page={page + 1}">Next</a>')
            out.append("</nav>")
        self.page(f"{waiting} waiting for approval", "".join(out),
                  current=path)

    def message(self, status, text):
        self.close_connection = True
        self.page(text, f'<h1>{shown(text)}</h1>'
                        '<p><a href="/">To what is waiting</a></p>', status)

    def page(self, title, main, status=200, current=""):
        nonce = secrets.token_urlsafe(16)
        waiting, _ = self.server.store.counts()
        here = ' aria-current="page"'
        title = "".join(c if c.isprintable() else "?" for c in title)[:100]
        values = {"nonce": nonce, "title": html.escape(title), "main": main,
                  "count": str(waiting), "now": f"{time.time():.1f}",
                  "on_list": here if current == "/" else "",
                  "on_history": here if current == "/history" else ""}
        # in one pass: a statement may hold what looks like a placeholder
        text = re.sub(r"\{\{(\w+)\}\}", lambda m: values[m.group(1)],
                      self.server.template)
        self.reply(status, text.encode(), "text/html; charset=utf-8", [
            ("Content-Security-Policy",
             f"default-src 'none'; style-src 'nonce-{nonce}'; "
             f"script-src 'nonce-{nonce}'; connect-src 'self'; img-src data:; "
             "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"),
            ("Referrer-Policy", "no-referrer"),
            ("Cross-Origin-Opener-Policy", "same-origin"),
            ("Cross-Origin-Resource-Policy", "same-origin")])


# ---- start -------------------------------------------------------------------

def is_loopback(name):
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--init", metavar="FILE",
                        help="make a file with new secrets, then leave")
    parser.add_argument("--port", type=int, default=8199)
    parser.add_argument("--bind", default="127.0.0.1", metavar="ADDRESS",
                        help="127.0.0.1; another one needs --password-file")
    parser.add_argument("--host", action="append", default=[], metavar="NAME:PORT",
                        help="another name under which browsers ask for the page")
    parser.add_argument("--secret-file", metavar="FILE",
                        help="the file that hoopguard.webhook_secret_file names, "
                             "or a copy")
    parser.add_argument("--unsigned", action="store_true",
                        help="take requests that nobody signed")
    parser.add_argument("--password-file", metavar="FILE",
                        help="lines name:password of those who may decide")
    parser.add_argument("--cert", metavar="FILE", help="certificate and key, for https")
    parser.add_argument("--state", default="approver.db", metavar="FILE",
                        help="where requests and decisions are kept (approver.db)")
    parser.add_argument("--auto", choices=("allow", "deny", "none"), default="none",
                        help="decide every request at once, for tests")
    parser.add_argument("--quiet", action="store_true", help="no log")
    args = parser.parse_args()

    if args.init:
        try:
            make_secrets(args.init)
        except OSError as error:
            sys.exit(f"{args.init}: {error.strerror}")
        print(f"{args.init} holds a secret for each direction")
        return
    if not args.secret_file and not args.unsigned:
        parser.error("--secret-file is needed (--init makes one), or --unsigned")
    if not is_loopback(args.bind) and not args.password_file:
        parser.error("an address that others reach needs --password-file")

    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "template.html"), encoding="utf-8") as file:
        template = file.read()
    request_keys, response_keys = None, []
    if args.secret_file:
        request_keys, response_keys = read_secrets(args.secret_file)
    try:
        server = Server((args.bind, args.port), Handler)
    except OSError as error:
        sys.exit(f"{args.bind}:{args.port}: {error.strerror}")
    if args.cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(args.cert)
        server.socket = context.wrap_socket(server.socket, server_side=True,
                                            do_handshake_on_connect=False)
    server.template = template
    server.quiet = args.quiet
    server.people = read_passwords(args.password_file) if args.password_file else None
    server.request_keys, server.response_keys = request_keys, response_keys
    server.store = Store(args.state, args.auto)
    port = server.server_address[1]
    server.hosts = {f"{name}:{port}".lower() for name in
                    ("localhost", "127.0.0.1", "[::1]", args.bind)}
    server.hosts.update(name.lower() for name in args.host)
    scheme = "https" if args.cert else "http"
    print(f"approver on {scheme}://{args.bind}:{port}/ , webhook at {HOOK}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
