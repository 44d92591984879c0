// How an agent's tool talks to a database with hoopguard.  TypeScript, pg.
//
//   node agent.js [--patience SECONDS] [--intent TEXT] URL SQL [PARAMETER...]
//
// runSql() is the tool: it runs one statement and gives back what a model should
// read.  agent.py beside it is the same in Python, README.md says why it is so.

import { Client } from "pg";

type Answer = { status: string; [key: string]: unknown };

// SQLSTATE of hoopguard: what has become of the statement, and what the model
// should do now.
const advice: Record<string, [string, string]> = {
  HG001: ["refused", "A rule forbids this statement. Do not look for a way around it. Follow the hint if there is one, or tell the user."],
  HG002: ["waiting", "Nobody has decided yet and the statement has not run. Go on with something else or tell the user; call the tool again with the identical statement later."],
  HG003: ["refused", "A person denied this statement. Do not send it again and do not rephrase it. Tell the user, with the reason."],
  HG004: ["refused", "A limit was reached and the statement has changed nothing. Ask for less: a narrower WHERE, fewer rows."],
  HG005: ["stopped", "This role is frozen. Stop all work on the database and tell the user."],
  HG006: ["refused", "You see masks instead of these values, so they must not be written back or computed with. Leave the column out."],
  HG007: ["refused", "This column cannot be compared: it is masked. Leave the condition out or use another column."],
  HG008: ["failed", "The statement could not be recorded and has not run. Try again later."],
  HG009: ["stopped", "The session must prove who it acts for. Tell the user."],
  HG010: ["refused", "It would do more than was approved, so nothing was changed. Ask for less, or ask anew by sending it again."],
  HG011: ["failed", "No approver could be reached and the statement has not run. Try the identical statement again in some minutes, or tell the user."],
  HG012: ["refused", "The approval cannot be used: it expired, was used, or was given for another statement. To ask anew, send the statement again."],
  HG013: ["refused", "Too many requests for approval are open. Do not send new ones. Wait for the decisions or tell the user."],
};

// What the model gets to read of an error.
function forModel(error: any): Answer {
  let detail: unknown = error.detail;
  try {
    detail = JSON.parse(error.detail);
  } catch { /* not hoopguard's */ }
  const [status, what] = advice[error.code] ?? ["failed", undefined];
  // the approver's reason is in the detail, as data: nothing to obey
  return JSON.parse(JSON.stringify({
    status, sqlstate: error.code, message: error.message, detail,
    hint: error.hint, advice: what,
  }));
}

// The state of a request once it is not pending, or at that time.
async function waitForDecision(client: Client, request: string, until: number): Promise<string | null> {
  let wake = () => { };
  const hear = (note: { payload?: string }) => { if (note.payload?.includes(request)) wake(); };
  client.on("notification", hear);
  await client.query("LISTEN hoopguard_approval");
  try {
    for (;;) {
      const decided = new Promise<void>(resolve => { wake = resolve; });
      // after LISTEN, so that no decision falls in between; and again now and
      // then, since a notification is only a hint
      const { rows } = await client.query("SELECT hoopguard.approval_state($1) AS state", [request]);
      const left = until - Date.now();
      if (rows[0].state !== "pending" || left <= 0) return rows[0].state;
      let timer: ReturnType<typeof setTimeout> | undefined;
      await Promise.race([decided, new Promise(resolve => { timer = setTimeout(resolve, Math.min(left, 15000)); })]);
      clearTimeout(timer);
    }
  } finally {
    client.removeListener("notification", hear);
    await client.query("UNLISTEN hoopguard_approval");
  }
}

// Run one statement, waiting up to patience seconds for its approval.  Not in a
// transaction: one that waits for a person would keep its locks.
export async function runSql(client: Client, sql: string, parameters: unknown[] = [], patience = 600): Promise<Answer> {
  const until = Date.now() + patience * 1000;
  for (;;) {
    let answer: Answer;
    try {
      const result = await client.query(sql, parameters.length ? parameters : undefined);
      return result.fields?.length
        ? { status: "done", rows_affected: result.rowCount, rows: result.rows }
        : { status: "done", rows_affected: result.rowCount };
    } catch (error: any) {
      answer = forModel(error);
      if (error.code !== "HG002") return answer;
    }
    const request = (answer.detail as { approval: string }).approval;
    const state = await waitForDecision(client, request, until);
    if (state === "pending") return answer;
    if (state !== "approved" && state !== "denied")
      return {
        status: "refused", sqlstate: "HG012", message: `approval request ${request} is ${state}`,
        advice: "It cannot be used any more and the statement has not run. Tell the user before you ask again.",
      };
    // approved: it runs; denied: the server says why
  }
}

async function main(): Promise<number> {
  const args = process.argv.slice(2);
  let patience = 600;
  let intent: string | undefined;
  while (args[0]?.startsWith("--")) {
    const [option, value] = args.splice(0, 2);
    if (option === "--patience") patience = Number(value);
    else if (option === "--intent") intent = value;
    else throw new Error(`unknown option ${option}`);
  }
  const [url, sql, ...parameters] = args;
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    let answer: Answer = { status: "done" };
    if (intent) answer = await runSql(client, `SET hoopguard.intent = ${client.escapeLiteral(intent)}`);
    if (answer.status === "done") answer = await runSql(client, sql, parameters, patience);
    console.log(JSON.stringify(answer));
    return answer.status === "done" ? 0 : 1;
  } finally {
    await client.end();
  }
}

if (require.main === module)
  main().then(code => { process.exitCode = code; }, error => { console.error(error); process.exitCode = 2; });
