// BullMQ: keeps the last 1,000 ended jobs. Finds its library in the working directory, the peer's environment.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const AT_ONCE = 50;
const BULK = 1000;
const PAUSE_MS = 20;
const PADDING = "x".repeat(64);
const KEPT = { removeOnComplete: { count: 1000 }, removeOnFail: { count: 1000 } };

const { Queue, Worker, Job } = createRequire(process.cwd() + "/")("bullmq");

const tell = (answer) => process.stdout.write(JSON.stringify(answer) + "\n");
const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const blockFor = (seconds) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, seconds * 1000);

const line = await new Promise((resolve) => createInterface({ input: process.stdin }).once("line", resolve));
const order = JSON.parse(line);

if (order.do === "check") {
  tell({ checked: "BullMQ" });
  process.exit(0);
}
const { hostname, port } = new URL(order.url);
const connection = { host: hostname, port: Number(port), maxRetriesPerRequest: null };

if (order.do === "work") {
  work();
} else {
  const queue = new Queue("peers", { connection, defaultJobOptions: KEPT });
  await queue.waitUntilReady();
  tell(order.do === "result" ? { result: await result(queue) } : await submitAll(queue));
  process.exit(0);
}

function work() {
  let count = 0;
  let firstNs = 0n;
  const waits = [];
  const lease = order.lease_seconds
    ? { lockDuration: order.lease_seconds * 1000, stalledInterval: order.lease_seconds * 1000 }
    : {};
  const body = async (job) => {
    const now = process.hrtime.bigint();
    count += 1;
    const number = count;
    if (order.waits) waits.push((Number(now) - job.data.at) / 1e6);
    if (number === 1) {
      firstNs = now;
      tell({ started: true });
    }
    if (order.hold_seconds) blockFor(order.hold_seconds);
    if (number === order.jobs) tell({ seconds: Number(now - firstNs) / 1e9, waits_ms: waits });
    return order.worker;
  };
  const worker = new Worker("peers", body, { connection, concurrency: order.slots, ...lease });
  worker.on("error", (error) => console.error(String(error)));
}

function job(number) {
  const data = { at: Number(process.hrtime.bigint()), text: PADDING };
  return { name: "run", data, opts: order.priorities ? { priority: 1 + ((number * 37) % 100) } : {} };
}

async function submitAll(queue) {
  let next = 0;
  let last = "";
  const submit = async (number) => {
    const { name, data, opts } = job(number);
    last = (await queue.add(name, data, opts)).id;
  };
  const some = async () => {
    while (next < order.jobs) await submit(next++);
  };
  for (let number = 0; number < order.warm_up; number++) await submit(number);
  const begun = process.hrtime.bigint();
  if (order.how === "bulk") {
    while (next < order.jobs) {
      const jobs = [];
      while (next < order.jobs && jobs.length < BULK) jobs.push(job(next++));
      await queue.addBulk(jobs);
    }
  } else if (order.how === "fifty") {
    await Promise.all(Array.from({ length: AT_ONCE }, some));
  } else {
    while (next < order.jobs) {
      if (order.how === "paced") await sleep(PAUSE_MS);
      await submit(next++);
    }
  }
  return { seconds: Number(process.hrtime.bigint() - begun) / 1e9, id: last };
}

async function result(queue) {
  const job = await Job.fromId(queue, order.id);
  return job?.returnvalue ?? null;
}
