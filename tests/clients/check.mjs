// What the scripts for the Node clients share: their arguments, the library, and how the cases run.
//
// SCRIPT MODULE SOCKET PROTOCOL SCRIPTS, where PROTOCOL is 2 or 3 and SCRIPTS tells whether the
// server runs scripts, yes or no. The library is found through NODE_PATH. Silent and 0 when all is
// well; otherwise the case and what differed.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { setTimeout as pause } from 'node:timers/promises';

export const [module, socket, protocol, scripts] = process.argv.slice(2);
export const library = createRequire(import.meta.url)(module);
export const equal = assert.deepStrictEqual;
export const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

// The usual release of a lock: only by the one who holds it.
export const release =
  'if redis.call("get", KEYS[1]) == ARGV[1] then return redis.call("del", KEYS[1]) end return 0';

// The call has to fail, with this text in its message.
export async function refused(call, text) {
  const holds = (error) => error.message.includes(text);
  await assert.rejects(call, (error) => holds(error) || assert.fail(`${error} instead of ${text}`));
}

// Waits for something that comes with time.
export async function until(condition) {
  for (const end = Date.now() + 10_000; !(await condition()); await pause(5)) {
    assert.ok(Date.now() < end, 'waited 10 s in vain');
  }
}

// Runs each case with a client of its own.
export async function run(connect, disconnect, cases) {
  for (const each of cases) {
    const late = () => fail(each, 'took over 30 s');
    const alarm = setTimeout(late, 30_000);
    try {
      const client = await connect();
      await each(client);
      disconnect(client);
    } catch (error) {
      fail(each, error);
    }
    clearTimeout(alarm);
  }
  process.exit(0);
}

function fail(each, why) {
  console.error(`${module}, protocol ${protocol}: ${each.name}:`, why);
  process.exit(1);
}
