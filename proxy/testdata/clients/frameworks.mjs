// Drives a running gateway through the JavaScript frameworks that are not in the core of the run: the AI SDK, LangChain and
// LangCache's own. Prints "ok NAME" or "FAIL NAME: why" for each case.

import assert from 'node:assert/strict';

import { PROMPT, control, fresh, load, main, row, test, version } from './blackbox.mjs';

const { APICallError, generateText, jsonSchema, streamText, tool } = load('ai');
const { createOpenAI } = load('@ai-sdk/openai');
const { ChatOpenAI } = load('@langchain/openai');
const { LangCache } = load('@redis-ai/langcache');

const HEADERS = { 'x-portkey-cache': 'simple' };
const NAMES = ['get_weather', 'get_time'];
const schema = { type: 'object', properties: {} };
const gateway = async () => (await control('gateway/url')).url;
const base = async () => (await gateway()) + '/v1';

// ---- the AI SDK, over both of OpenAI's APIs

const aiSDK = (api) => async (model, stream, tools) => {
  const provider = createOpenAI({ baseURL: await base(), apiKey: 'sk-ai', headers: HEADERS });
  const request = { model: provider[api](model), prompt: PROMPT, maxRetries: 0, providerOptions: { openai: { store: false } } };
  if (tools) request.tools = Object.fromEntries(NAMES.map((name) => [name, tool({ inputSchema: jsonSchema(schema) })]));
  const called = (calls) => calls.map((call) => [call.toolName, call.input]);
  if (!stream) {
    const answer = await generateText(request);
    return [[answer.text], called(answer.toolCalls)];
  }
  let problem;
  const answer = streamText({ ...request, onError: ({ error }) => (problem = error) });
  const said = [];
  for await (const piece of answer.textStream) said.push(piece);
  if (problem) throw problem;
  return [said, called(await answer.toolCalls)];
};

const failed = (status) => (problem) => APICallError.isInstance(problem) && problem.statusCode === status;
const FAILURES = { e429: failed(429), e500: failed(500), e400: failed(400) };
row(`${version('ai')} with ${version('@ai-sdk/openai')} (JavaScript), chat`, aiSDK('chat'), FAILURES);
row(`${version('ai')} with ${version('@ai-sdk/openai')} (JavaScript), responses`, aiSDK('responses'), FAILURES);

// ---- LangChain

async function langchain(model, stream, tools) {
  let llm = new ChatOpenAI({
    model, apiKey: 'sk-langchain', maxRetries: 0, timeout: 20000, configuration: { baseURL: await base(), defaultHeaders: HEADERS },
  });
  if (tools) llm = llm.bindTools(NAMES.map((name) => ({ type: 'function', function: { name, parameters: schema } })));
  const called = (message) => message.tool_calls.map((call) => [call.name, call.args]);
  if (!stream) {
    const answer = await llm.invoke(PROMPT);
    return [[answer.content], called(answer)];
  }
  const said = [];
  let whole;
  for await (const part of await llm.stream(PROMPT)) {
    if (part.content) said.push(part.content);
    whole = whole ? whole.concat(part) : part;
  }
  return [said, called(whole)];
}

// Its errors are those of the openai package that it brings along, with a code of its own where it knows one.
const status = (wanted) => (problem) => problem.status === wanted;
row(`${version('@langchain/openai')} (JavaScript)`, langchain, { e429: status(429), e500: status(500), e400: status(400) });

// ---- LangCache

const shared = fresh('cache');

async function langcache() {
  await control('plant', { secret: 'lc-js' });
  return new LangCache({ serverURL: await gateway(), cacheId: shared, apiKey: 'lc-js' });
}

const name = `${version('@redis-ai/langcache')} (JavaScript)`;
for (const column of ['stream', 'tools']) console.log(`none table: ${name}: ${column}: it calls no model`);
test(`table: ${name}: plain`, async () => {
  const cache = await langcache();
  await cache.set({ prompt: PROMPT, response: 'So.' });
  assert.deepEqual((await cache.search({ prompt: PROMPT })).data.map((entry) => entry.response), ['So.']);
  assert.deepEqual((await cache.search({ prompt: 'Which paper does the printer take?' })).data, []);
});
test(`table: ${name}: errors`, async () => {
  const { BadRequestErrorResponseContent } = load('@redis-ai/langcache/models/errors');
  const cache = await langcache();
  await assert.rejects(cache.set({ prompt: PROMPT, response: 'x', ttlMillis: -1 }), (problem) => {
    assert.ok(problem instanceof BadRequestErrorResponseContent, `${problem?.constructor?.name}: ${problem?.message}`);
    assert.match(problem.detail, /ttlMillis/);
    return true;
  });
});
test(`table: ${name}: hit`, async () => {
  const cache = await langcache();
  await cache.set({ prompt: 'How do I enable two-factor authentication?', response: 'Thus.' });
  assert.deepEqual((await cache.search({ prompt: 'How can I enable two-factor authentication?' })).data.map((entry) => entry.response), ['Thus.']);
});

await main();
