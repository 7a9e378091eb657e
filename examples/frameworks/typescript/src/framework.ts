// A framework in TypeScript: runs a command a number of times and ends when
// every task has ended, with 0 if all have finished.
//
//   npm ci && npm run build && npm start -- --master 127.0.0.1:5050 --tasks 5
//
// The types of calls and events are generated from the specification.

import { parseArgs } from "node:util";
import type { components } from "./scheduler.js";

type Schemas = components["schemas"];
type Call = Schemas["Call"];
type Event = Schemas["Event"];
type Offer = NonNullable<NonNullable<Event["offers"]>["offers"]>[number];
type TaskInfo = NonNullable<
  NonNullable<NonNullable<NonNullable<NonNullable<Call["accept"]>["operations"]>[number]["launch"]>["task_infos"]>[number]
>;

const { values: options } = parseArgs({
  options: {
    master: { type: "string", default: "127.0.0.1:5050" },
    command: { type: "string", default: "echo hello from TypeScript" },
    tasks: { type: "string", default: "3" },
  },
});

let master = options.master;
let frameworkId: string | undefined;
let streamId: string | undefined;
const waiting = Array.from({ length: Number(options.tasks) }, (_, i) => `typescript-${i}`);
const running = new Set<string>();
const failed: string[] = [];

/** Makes one call; a master that does not lead says who does. */
async function post(call: Call): Promise<Response> {
  for (let attempt = 0; ; attempt++) {
    const response = await fetch(`http://${master}/api/v1/scheduler`, {
      method: "POST",
      redirect: "manual",
      headers: { "Content-Type": "application/json", ...(streamId ? { "Mesos-Stream-Id": streamId } : {}) },
      body: JSON.stringify({ ...(frameworkId ? { framework_id: { value: frameworkId } } : {}), ...call }),
    });
    const location = response.headers.get("location");
    if (response.status === 307 && location && attempt < 5) {
      master = new URL(location, "http://unused").host;
      continue;
    }
    if (!response.ok) throw new Error(`${call.type}: ${response.status} ${await response.text()}`);
    return response;
  }
}

/** Reads RecordIO: a length and a newline before each event. */
async function* events(body: ReadableStream<Uint8Array>): AsyncGenerator<Event> {
  let buffer = Buffer.alloc(0);
  for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
    buffer = Buffer.concat([buffer, chunk]);
    for (;;) {
      const newline = buffer.indexOf(10);
      if (newline < 0) break;
      const end = newline + 1 + Number(buffer.toString("latin1", 0, newline));
      if (buffer.length < end) break;
      yield JSON.parse(buffer.toString("utf8", newline + 1, end)) as Event;
      buffer = buffer.subarray(end);
    }
  }
}

function task(offer: Offer): TaskInfo {
  const id = waiting.shift()!;
  running.add(id);
  return {
    name: id,
    task_id: { value: id },
    agent_id: offer.agent_id,
    command: { value: options.command },
    resources: [
      { name: "cpus", type: "SCALAR", scalar: { value: 0.1 } },
      { name: "mem", type: "SCALAR", scalar: { value: 32 } },
    ],
  } as TaskInfo;
}

async function handle(event: Event): Promise<void> {
  switch (event.type) {
    case "SUBSCRIBED":
      frameworkId = event.subscribed!.framework_id.value;
      console.log(`subscribed as ${frameworkId}`);
      return;
    case "ERROR":
      throw new Error(event.error!.message);
    case "OFFERS":
      for (const offer of event.offers!.offers ?? []) {
        if (waiting.length === 0) {
          await post({ type: "DECLINE", decline: { offer_ids: [offer.id], filters: { refuse_seconds: 60 } } } as Call);
          continue;
        }
        const operations = [{ type: "LAUNCH", launch: { task_infos: [task(offer)] } }];
        await post({ type: "ACCEPT", accept: { offer_ids: [offer.id], operations, filters: { refuse_seconds: 0 } } } as Call);
      }
      return;
    case "UPDATE": {
      const status = event.update!.status;
      console.log(`${status.task_id.value}: ${status.state} ${status.message ?? ""}`.trimEnd());
      if (status.uuid) {
        const { agent_id, task_id, uuid } = status;
        await post({ type: "ACKNOWLEDGE", acknowledge: { agent_id, task_id, uuid } } as Call);
      }
      if (["TASK_STAGING", "TASK_STARTING", "TASK_RUNNING", "TASK_KILLING", "TASK_UNREACHABLE"].includes(status.state)) return;
      running.delete(status.task_id.value);
      if (status.state !== "TASK_FINISHED") failed.push(status.task_id.value);
    }
  }
}

const subscription = await post({
  type: "SUBSCRIBE",
  subscribe: {
    framework_info: {
      user: "root",
      name: "typescript-example",
      roles: ["*"],
      capabilities: [{ type: "MULTI_ROLE" }, { type: "RESERVATION_REFINEMENT" }, { type: "PARTITION_AWARE" }],
    },
  },
} as Call);
streamId = subscription.headers.get("mesos-stream-id") ?? undefined;
for await (const event of events(subscription.body!)) {
  await handle(event);
  if (frameworkId && waiting.length === 0 && running.size === 0) {
    await post({ type: "TEARDOWN" } as Call);
    process.exit(failed.length === 0 ? 0 : 1);
  }
}
throw new Error("the master closed the stream");
