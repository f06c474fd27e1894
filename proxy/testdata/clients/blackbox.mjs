// What the drivers in JavaScript share: cases that print "ok NAME" or "FAIL NAME: why", and the provider's side door.
// The environment names the black-box provider's address (BLACKBOX_CONTROL).

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
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

const COLUMNS = ['plain', 'stream', 'tools', 'errors', 'hit'];
const WEATHER = ['get_weather', { city: 'Zürich', unit: 'celsius' }];

export function version(name) {
  return `${name} ${JSON.parse(readFileSync(`${process.env.BLACKBOX_MODULES}/node_modules/${name}/package.json`)).version}`;
}

// The five cells of a client in the run's closing table, as blackbox.py has them. ask(model, stream, tools) gives the pieces
// of an answer's text, and its tool calls as [name, arguments]; errors has what each failure to order must be.
export function row(client, ask, errors, kind = 'plain') {
  const text = async (model, stream) => (await ask(model, stream, false))[0].join('');
  const functions = {
    async plain() {
      const [said, called] = await ask(fresh(kind), false, false);
      assert.equal(said.length, 1);
      assert.match(said[0], /^Call 1/);
      assert.deepEqual(called, []);
    },
    async stream() {
      const model = fresh(kind);
      const [said] = await ask(model, true, false);
      assert.ok(said.length > 1, `${said.length} pieces`);
      assert.match(said.join(''), /^Call 1/);
      assert.equal((await control('state', { model })).finished, 1, 'streams that the provider finished');
    },
    async tools() {
      for (const stream of [false, true]) {
        const [, called] = await ask(fresh(kind), stream, true);
        assert.deepEqual(called[0], WEATHER, `first call with stream=${stream}`);
        assert.deepEqual(called.map(([name]) => name), ['get_weather', 'get_time'], `calls with stream=${stream}`);
      }
    },
    async errors() {
      for (const [failure, fits] of Object.entries(errors)) {
        for (const stream of [false, true]) {
          await assert.rejects((async () => ask(fresh(failure), stream, false))(), (problem) => {
            assert.ok(fits(problem), `${failure}, stream=${stream}: ${problem?.constructor?.name}: ${problem?.message}`);
            return true;
          });
        }
      }
    },
    async hit() {
      for (const stored of [false, true]) {
        const model = fresh(kind);
        const first = await text(model, stored);
        assert.equal(await text(model, stored), first, 'second answer');
        assert.equal(await text(model, !stored), first, 'third answer, in the other form');
        assert.equal(await calls(model), 1, 'calls');
      }
    },
  };
  for (const column of COLUMNS) test(`table: ${client}: ${column}`, functions[column]);
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
