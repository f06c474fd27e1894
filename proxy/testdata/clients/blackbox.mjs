// What the drivers in JavaScript share: cases that print "ok NAME" or "FAIL NAME: why", and the provider's side door.
// The environment names the black-box provider's address (BLACKBOX_CONTROL).

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

// The SDKs are installed in a folder of the run's own, never beside this file.
export const load = createRequire(process.env.BLACKBOX_MODULES + '/');

const CONTROL = process.env.BLACKBOX_CONTROL;
export const PROMPT = 'What does the warranty cover?';
const cases = [];
let made = 0;

export const test = (name, run) => cases.push([name, run]);
export const fresh = (kind = 'plain') => `${kind}--js-${++made}`;

export async function control(path, query = {}) {
  const answer = await fetch(`${CONTROL}/control/${path}?${new URLSearchParams(query)}`, { signal: AbortSignal.timeout(60000) });
  const body = await answer.json();
  if (!answer.ok) throw new Error(`control ${path}: ${JSON.stringify(body)}`);
  return body;
}

export const calls = async (model) => (await control('state', { model })).calls;

export async function reached(model, event, count = 1) {
  const seen = await control('wait', { model, event, count });
  assert.ok(seen.reached, `the provider never saw ${event} x ${count}`);
}

// A value without its nulls: a stream has no place for "refusal": null, so the two forms are compared without.
export function bare(value) {
  if (Array.isArray(value)) return value.map(bare);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== null && inner !== undefined)
      .map(([key, inner]) => [key, bare(inner)]),
  );
}

export async function main() {
  const only = process.argv.slice(2);
  let failed = 0;
  for (const [name, run] of cases) {
    if (only.length && !only.some((word) => name.includes(word))) continue;
    try {
      await run();
      console.log(`ok ${name}`);
    } catch (problem) {
      failed++;
      const why = String(problem?.message ?? problem).replace(/\s+/g, ' ').slice(0, 600);
      console.log(`FAIL ${name}: ${problem?.constructor?.name}: ${why}`);
      if (process.env.BLACKBOX_TRACE) console.log(problem?.stack);
    }
  }
  process.exit(failed ? 1 : 0);
}
