/** Jobs in their order; those that draw what is there come before those that ask for more. */
const waiting = { draw: new Set<() => void>(), ask: new Set<() => void>() };
const channel = new MessageChannel();
channel.port1.onmessage = work;

function work() {
  for (const jobs of [waiting.draw, waiting.ask]) {
    for (const job of jobs) {
      jobs.delete(job);
      if (waiting.draw.size + waiting.ask.size > 0) channel.port2.postMessage(null);
      job();
      return;
    }
  }
}

/** Runs a job soon, in a task of its own, so that the page answers between many of them. Returns how to take it back. */
export function inTurn(kind: keyof typeof waiting, job: () => void): () => void {
  waiting[kind].add(job);
  if (waiting.draw.size + waiting.ask.size === 1) channel.port2.postMessage(null);
  return () => waiting[kind].delete(job);
}
