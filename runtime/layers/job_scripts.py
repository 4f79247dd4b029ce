"""What the server does in one step for acknowledged channels, as Lua.

Owns the texts. A job is an entry of its channel's stream from the moment in which it is sent
until it is done or forgotten, so that the entry's id is the job's. It is in one place at a time:

- not read by the consumer group yet: it waits;
- pending in the group: a worker has it, and how long it has been silent is the entry's idle time;
- acknowledged to the group, and in the list of those that wait again, the set of those that are
  delayed, or that of the dead.

All scripts have the same keys, which `Keys.jobs()` names in this order, and perhaps one more.
Called by `runtime.layers.job_channel`.

Source: docs/decisions/0018-jobs-on-a-server.md
"""

from __future__ import annotations

from typing import Final

from runtime.layers.scripts import Script

WORKERS: Final = "workers"
"""The name of the one consumer group that each stream has."""

_SHARED = """
local stream, again, delayed, dead, errors, tries, bell = unpack(KEYS)
local server = redis.call('TIME')
local now_ms = server[1] * 1000 + math.floor(server[2] / 1000)

if redis.call('EXISTS', stream) == 0 then
  redis.call('XGROUP', 'CREATE', stream, 'workers', '0', 'MKSTREAM')
end

local function ring()
  if redis.call('LLEN', bell) == 0 then
    redis.call('RPUSH', bell, 1)
  end
end

local function tries_of(id)
  local attempt, receipt = string.match(redis.call('HGET', tries, id) or '0 1', '(%d+) (%d+)')
  return tonumber(attempt), tonumber(receipt)
end

-- The delivery count of a pending entry is the receipt of the worker that has it.
local function is_taken(id, receipt, idle_ms)
  local one = redis.call('XPENDING', stream, 'workers', 'IDLE', idle_ms, id, id, 1)[1]
  return one ~= nil and one[4] == tonumber(receipt)
end

local function forget(id)
  redis.call('XDEL', stream, id)
  redis.call('HDEL', tries, id)
  redis.call('HDEL', errors, id)
end
"""

JOB_ADD = Script(
    _SHARED
    + """
if redis.call('GETBIT', KEYS[8], ARGV[1]) == 1 then
  return 1
end
if redis.call('XLEN', stream) - redis.call('ZCARD', dead) >= tonumber(ARGV[2]) then
  return 0
end
redis.call('XADD', stream, '*', ARGV[4], ARGV[5])
redis.call('SETBIT', KEYS[8], ARGV[1], 1)
redis.call('PEXPIRE', KEYS[8], ARGV[3])
ring()
return 1
"""
)
"""Add a job, unless the channel is full or has this one already.

Keys: also that of the message's mark. Arguments: the mark's bit; the capacity; how long the mark is
kept, in ms; the entry's head; its payload. Returns 0 if it is full.
"""

JOB_TAKE = Script(
    _SHARED
    + """
local function given(id, attempt, receipt)
  local entry = redis.call('XRANGE', stream, id, id)[1]
  return {{}, {id, attempt, receipt, entry and entry[2][2] or ''}, 0}
end

local took = redis.call('GET', KEYS[8])
if took then
  local ticket, id, attempt, receipt = string.match(took, '(%S+) (%S+) (%d+) (%d+)')
  if ticket == ARGV[1] and is_taken(id, receipt, 0) then
    return given(id, tonumber(attempt), tonumber(receipt))
  end
end

local silent = redis.call('XPENDING', stream, 'workers', 'IDLE', ARGV[3], '-', '+', 10)
if #silent > 0 then
  local abandoned = {}
  for place, one in ipairs(silent) do
    abandoned[place] = {one[1], tries_of(one[1]) + 1, one[4]}
  end
  return {abandoned, {}, 0}
end

for _, id in ipairs(redis.call('ZRANGEBYSCORE', delayed, '-inf', now_ms, 'LIMIT', 0, 100)) do
  redis.call('ZREM', delayed, id)
  redis.call('RPUSH', again, id)
end

local id, attempt, receipt = redis.call('LPOP', again), 1, 1
if id then
  attempt, receipt = tries_of(id)
  attempt, receipt = attempt + 1, receipt + 1
  redis.call('XCLAIM', stream, 'workers', 'worker', 0, id, 'RETRYCOUNT', receipt, 'FORCE', 'JUSTID')
else
  local read = redis.call('XREADGROUP', 'GROUP', 'workers', 'worker', 'COUNT', 1,
                          'STREAMS', stream, '>')
  id = read and read[1][2][1][1]
end

local pending = redis.call('XPENDING', stream, 'workers')[1]
if id then
  redis.call('SET', KEYS[8], ARGV[1] .. ' ' .. id .. ' ' .. attempt .. ' ' .. receipt,
             'PX', ARGV[2])
  local waiting = redis.call('XLEN', stream) - pending - redis.call('ZCARD', dead)
                  - redis.call('ZCARD', delayed)
  if waiting > 0 then
    ring()
  end
  return given(id, attempt, receipt)
end

local wait_ms = tonumber(ARGV[3])
for _, one in ipairs(redis.call('XPENDING', stream, 'workers', '-', '+', 100)) do
  wait_ms = math.min(wait_ms, ARGV[3] - one[3])
end
local due_ms = redis.call('ZRANGE', delayed, 0, 0, 'WITHSCORES')[2]
if due_ms then
  wait_ms = math.min(wait_ms, due_ms - now_ms)
end
return {{}, {}, math.max(1, math.ceil(wait_ms))}
"""
)
"""Take a job; the same one again if the answer of this call was lost.

Keys: also where is kept what this node took last. Arguments: a ticket for this call, of no other
one; how long it is kept, in ms; after how many ms of silence a job is abandoned. Returns
three: jobs that are abandoned (id, attempt, receipt), which have to fail first; the job that is
taken (id, attempt, receipt, payload); and the ms after which to look again.
"""

JOB_RENEW = Script(
    _SHARED
    + """
if not is_taken(ARGV[1], ARGV[2], 0) then
  return 0
end
redis.call('XCLAIM', stream, 'workers', 'worker', 0, ARGV[1], 'RETRYCOUNT', ARGV[2], 'JUSTID')
return 1
"""
)
"""Say that a job's worker is alive. Arguments: the job; the receipt. Returns 0 if it is not its."""

_ENDED = """
-- The calls by which this node has ended jobs: one whose answer was lost comes again.
local function has_ended(ticket)
  return redis.call('LPOS', KEYS[8], ticket) and 1 or 0
end

local function note_end(ticket, keep_ms)
  redis.call('LPUSH', KEYS[8], ticket)
  redis.call('LTRIM', KEYS[8], 0, 999)
  redis.call('PEXPIRE', KEYS[8], keep_ms)
end
"""

JOB_DONE = Script(
    _SHARED
    + _ENDED
    + """
if not is_taken(ARGV[1], ARGV[2], 0) then
  return has_ended(ARGV[3])
end
redis.call('XACK', stream, 'workers', ARGV[1])
forget(ARGV[1])
note_end(ARGV[3], ARGV[4])
return 1
"""
)
"""Forget a job.

Keys: also where is kept by which calls this node has ended jobs. Arguments: the job; the receipt;
a ticket for this call, of no other one; how long it is kept, in ms. Returns 0 if the job is not
this worker's, and was not ended by this call.
"""

JOB_FAIL = Script(
    _SHARED
    + _ENDED
    + """
local id = ARGV[1]
if not is_taken(id, ARGV[2], ARGV[3]) then
  return has_ended(ARGV[8])
end
note_end(ARGV[8], ARGV[9])
redis.call('XACK', stream, 'workers', id)
redis.call('HSET', tries, id, ARGV[4] .. ' ' .. ARGV[2])
if ARGV[5] ~= '' then
  redis.call('ZADD', delayed, now_ms + ARGV[5], id)
else
  redis.call('ZADD', dead, server[1] * 1000000 + server[2], id)
  redis.call('HSET', errors, id, ARGV[6])
  if redis.call('ZCARD', dead) > tonumber(ARGV[7]) then
    forget(redis.call('ZPOPMIN', dead)[1])
  end
end
ring()
return 1
"""
)
"""Delay a job, or bury it.

Keys and answer as above. Arguments: the job; the receipt; for how many ms its worker must have been
silent; which attempt has failed; after how many ms the next one may begin, or nothing for never;
the error; how many dead letters are kept; a ticket and how long it is kept, as above.
"""

JOB_GIVE_BACK = Script(
    _SHARED
    + """
if is_taken(ARGV[1], ARGV[2], 0) then
  redis.call('XACK', stream, 'workers', ARGV[1])
  redis.call('HSET', tries, ARGV[1], ARGV[3] - 1 .. ' ' .. ARGV[2])
  redis.call('LPUSH', again, ARGV[1])
  ring()
end
"""
)
"""Let a job be the next again. Arguments: the job; the receipt; the attempt that was none."""

_ONCE = """
-- A call whose answer was lost comes again, and is told the same.
local told = redis.call('GET', KEYS[8])
if told then
  return tonumber(told)
end
"""

JOB_PUT_BACK = Script(
    _SHARED
    + _ONCE
    + """
local found = 0
for place = 2, #ARGV do
  local id = ARGV[place]
  if redis.call('ZREM', dead, id) == 1 then
    local _, receipt = tries_of(id)
    redis.call('HSET', tries, id, '0 ' .. receipt)
    redis.call('HDEL', errors, id)
    redis.call('RPUSH', again, id)
    found = found + 1
  end
end
if found > 0 then
  ring()
end
redis.call('SET', KEYS[8], found, 'PX', ARGV[1])
return found
"""
)
"""Let dead letters be tried again.

Keys: also where this answer is kept, of no other call. Arguments: for how many ms; the ids of the
letters. Returns how many there were.
"""

JOB_DISCARD = Script(
    _SHARED
    + _ONCE
    + """
local found = 0
for place = 2, #ARGV do
  if redis.call('ZREM', dead, ARGV[place]) == 1 then
    forget(ARGV[place])
    found = found + 1
  end
end
redis.call('SET', KEYS[8], found, 'PX', ARGV[1])
return found
"""
)
"""Forget dead letters. Keys, arguments and answer as above."""

JOB_COUNT = Script(
    """
local stream, again, delayed, dead = unpack(KEYS)
if redis.call('EXISTS', stream) == 0 then
  return {0, 0, 0, 0}
end
local taken = redis.call('XPENDING', stream, 'workers')[1]
local is_delayed, is_dead = redis.call('ZCARD', delayed), redis.call('ZCARD', dead)
local all = redis.call('XLEN', stream)
return {all - taken - is_delayed - is_dead, is_delayed, taken, is_dead}
"""
)
"""Count the jobs that wait, are delayed, are taken, and are dead. Makes no channel."""

JOB_SCRIPTS = (
    JOB_ADD,
    JOB_TAKE,
    JOB_RENEW,
    JOB_DONE,
    JOB_FAIL,
    JOB_GIVE_BACK,
    JOB_PUT_BACK,
    JOB_COUNT,
    JOB_DISCARD,
)
