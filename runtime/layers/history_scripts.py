"""What the server does in one step for groups with history, as Lua.

Owns the texts. The log of a group is a stream, and beside it a hash says which history that is
and how many messages it has had. Offsets have no gaps, so the last entry of the log has the last
offset, and none of them is stored. Each script begins another history where there is none. What
another run of the server has left belongs to another one, too: a server that comes back may have
lost the end of its log, and would give the same offsets again.

Called by `runtime.layers.kept`.

Source: docs/decisions/0019-history-on-a-server.md
"""

from __future__ import annotations

from runtime.layers.scripts import Script

_SHARED = """
local log, about = KEYS[1], KEYS[2]
local longest_ms = tonumber(ARGV[2])
local server = redis.call('TIME')
local oldest_ms = server[1] * 1000 + math.floor(server[2] / 1000) - longest_ms

local run, epoch, offset = unpack(redis.call('HMGET', about, 'run', 'epoch', 'offset'))
local running = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
if not offset then
  redis.call('DEL', log)
  offset = 0
end
if run ~= running then
  epoch = ARGV[1]
  redis.call('HSET', about, 'run', running, 'epoch', epoch, 'offset', offset)
  redis.call('PEXPIRE', about, longest_ms)
end
redis.call('XTRIM', log, 'MINID', string.format('%d', oldest_ms))
"""

_KEEP = (
    _SHARED
    + """
local head, payload, position = ARGV[6], ARGV[7], ''
local is_new = redis.call('SETBIT', KEYS[3], ARGV[4], 1) == 0
redis.call('PEXPIRE', KEYS[3], ARGV[5])
if is_new then
  offset = redis.call('HINCRBY', about, 'offset', 1)
  redis.call('XADD', log, 'MAXLEN', ARGV[3], '*', head, payload)
  redis.call('PEXPIRE', log, longest_ms)
  redis.call('PEXPIRE', about, longest_ms)
  position = epoch .. ':' .. offset
else
  for back, entry in ipairs(redis.call('XREVRANGE', log, '+', '-')) do
    if entry[2][1] == head then
      position = epoch .. ':' .. (offset - back + 1)
      break
    end
  end
end
"""
)
"""Keep a message, unless the log has this one already.

Keys: the log; what is known about it; the key of the message's mark. Arguments: the name for
another history; for how many ms a message is kept; how many are kept; the mark's bit; how long the
mark is kept, in ms; the entry's head; its payload.
"""

KEEP_AND_APPEND = Script(
    _KEEP
    + """
local named = {}
for _, member in ipairs(redis.call('SMEMBERS', KEYS[4])) do
  if string.sub(member, 1, 1) == '=' then
    named[#named + 1] = string.sub(member, 2)
  elseif is_new and not redis.call('XADD', ARGV[8] .. member, 'NOMKSTREAM', 'MAXLEN', '~', ARGV[9],
                                   '*', head .. ' ' .. position, payload) then
    redis.call('SREM', KEYS[4], member)
  end
end
return {position, named}
"""
)
"""Keep a message, and append it to the stream of each node in the group.

Keys: also the group. Arguments: also what the keys of node streams begin with; how many entries a
stream keeps. Returns the message's position, and the named channels in the group.
"""

KEEP_AND_TELL = Script(_KEEP + "return {position, redis.call('SMEMBERS', KEYS[4])}")
"""Keep a message, and return its position, nothing if it is lost, and all that is in the group.

Keys: also the group.
"""

KEEP_AND_PUBLISH = Script(
    _KEEP
    + """
if not is_new then
  return {position, 1}
end
return {position, redis.call(ARGV[8], ARGV[9], head .. ' ' .. position .. '\\n' .. payload)}
"""
)
"""Keep a message, and publish it.

Arguments: also the command that publishes; the channel. Returns the message's position, and how
many have received it.
"""

REPLAY = Script(
    _SHARED
    + """
local kept = redis.call('XLEN', log)
local since = tonumber(ARGV[4])
local wanted = kept
if ARGV[3] == epoch and offset - kept <= since and since <= tonumber(offset) then
  wanted = offset - since
end
local entries = {}
if wanted > 0 then
  entries = redis.call('XREVRANGE', log, '+', '-', 'COUNT', wanted)
end
return {epoch, tonumber(offset), kept, entries}
"""
)
"""Return what was kept after a position, the last message first; all, if it is of no use.

Keys: the log; what is known about it. Arguments: the name for another history; for how many ms a
message is kept; the epoch and the offset of the position. Returns the epoch and the offset of the
last message, how many are kept, and the entries.
"""

HISTORY_SCRIPTS = (KEEP_AND_APPEND, KEEP_AND_TELL, KEEP_AND_PUBLISH, REPLAY)
