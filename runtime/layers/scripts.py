"""What the server does in one step for the Redis layers, as Lua.

Owns the texts. They are loaded each time that a connection is opened, and called by their
hash; a server that has forgotten one makes the connection greet it anew. Each touches keys
that it is given and, without a Cluster, the streams of a group's nodes.

Called through `Script.command()` by the nodes of the layers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha1

from runtime.layers.connection import Argument


@dataclass(frozen=True, slots=True)
class Script:
    """One script.

    Attributes:
        text: in Lua.
        sha: by which the server knows it once it is loaded.
    """

    text: str = field(repr=False)
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        # It names the script, and protects nothing: the server wants SHA-1.
        digest = sha1(self.text.encode(), usedforsecurity=False).hexdigest()
        object.__setattr__(self, "sha", digest)

    def command(self, keys: Sequence[str | bytes], *arguments: Argument) -> tuple[Argument, ...]:
        """Return the command that runs it."""
        return ("EVALSHA", self.sha, len(keys), *keys, *arguments)


HOLD = Script("""
local server = redis.call('TIME')
local now_ms = server[1] * 1000 + math.floor(server[2] / 1000)
if redis.call('PEXPIRE', KEYS[1], ARGV[1]) == 0 then
  local id = redis.call('XADD', KEYS[1], '*', '', '')
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  return {id, id, now_ms}
end
local first, birth = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1], ''
if first and first[2][1] == '' then
  birth = first[1]
end
if ARGV[2] ~= '' then
  redis.call('XTRIM', KEYS[1], 'MINID', ARGV[2])
end
local about = redis.call('XINFO', 'STREAM', KEYS[1])
for place = 1, #about, 2 do
  if about[place] == 'last-generated-id' then
    return {birth, about[place + 1], now_ms}
  end
end
""")
"""Hold a node's stream for another lease, and make it if it is not there.

Keys: the stream. Arguments: the lease in ms; the id of the entry up to which all has been read.
Returns the id of the entry with which it was made, as long as that is there, else ""; the id of its
last entry; and the server's time in ms. That it was made is not said to him alone who made it: the
answer may be lost with his connection.
"""

GROUP_SEND = Script("""
local named = {}
for _, member in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  if string.sub(member, 1, 1) == '=' then
    named[#named + 1] = string.sub(member, 2)
  elseif not redis.call('XADD', ARGV[1] .. member, 'NOMKSTREAM', 'MAXLEN', '~', ARGV[2], '*',
                        ARGV[3], ARGV[4]) then
    redis.call('SREM', KEYS[1], member)
  end
end
return named
""")
"""Append one payload to the stream of each node in a group, and forget the nodes that are gone.

Keys: the group. Arguments: what the keys of node streams begin with; how many entries a stream
keeps; the entry's head; its payload. Returns the named channels in the group.
"""

REMOTE_JOIN = Script("""
if redis.call('XADD', KEYS[2], 'NOMKSTREAM', 'MAXLEN', '~', ARGV[1], '*', ARGV[2], '') then
  redis.call('SADD', KEYS[1], ARGV[3])
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
end
""")
"""Tell a node that a channel of its own joins a group, and put the node into the group.

Keys: the group; the node's stream. Arguments: how many entries a stream keeps; the entry's head;
the node; after how many ms a group that nobody announces is forgotten.
"""

_EXPIRED = """
local stream = KEYS[1]
local server = redis.call('TIME')
local now_ms = server[1] * 1000 + math.floor(server[2] / 1000)

-- Who has just taken one says himself what becomes of it; one whose taker is silent is nobody's.
local function take_expired(expiry_ms, silent_ms)
  local expired, before = {}, string.format('(%d', now_ms - expiry_ms)
  for _, entry in ipairs(redis.call('XRANGE', stream, '-', before, 'COUNT', 100)) do
    local taken = redis.pcall('XPENDING', stream, 'receivers', entry[1], entry[1], 1)[1]
    if not taken or taken[3] >= tonumber(silent_ms) then
      expired[#expired + 1], expired[#expired + 2] = entry[2][1], entry[2][2]
      redis.pcall('XACK', stream, 'receivers', entry[1])
      redis.call('XDEL', stream, entry[1])
    end
  end
  return expired
end
"""

NAMED_SEND = Script(
    _EXPIRED
    + """
if redis.call('GETBIT', KEYS[2], ARGV[1]) == 1 then
  return {1, {}}
end
local expired = take_expired(ARGV[3], ARGV[7])
local capacity = tonumber(ARGV[2])
if redis.call('XLEN', stream) >= capacity then
  -- What somebody has taken is still there until it is acknowledged, and does not wait.
  local taken = redis.pcall('XPENDING', stream, 'receivers')[1] or 0
  if redis.call('XLEN', stream) - taken >= capacity then
    return {0, expired}
  end
end
redis.call('XADD', stream, '*', ARGV[5], ARGV[6])
redis.call('PEXPIRE', stream, ARGV[4])
redis.call('SETBIT', KEYS[2], ARGV[1], 1)
redis.call('PEXPIRE', KEYS[2], ARGV[4])
return {1, expired}
"""
)
"""Append a message to a named channel, unless it is full or has this one already.

Keys: the channel's stream; the key of the message's mark. Arguments: the mark's bit; the capacity;
the expiry in ms; how long the keys live, in ms; the entry's head; its payload; after how many ms of
silence what somebody took is nobody's. Returns 0 if it is full, else 1; and the heads and payloads,
in turn, of those that have expired.
"""

NAMED_SWEEP = Script(
    _EXPIRED
    + """
local expired = redis.call('LRANGE', KEYS[2], 0, -1)
if table.remove(expired, 1) ~= ARGV[1] then
  expired = take_expired(ARGV[2], ARGV[3])
  redis.call('DEL', KEYS[2])
  if #expired > 0 then
    redis.call('RPUSH', KEYS[2], ARGV[1], unpack(expired))
    redis.call('PEXPIRE', KEYS[2], ARGV[4])
  end
end
local oldest = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
if not oldest then
  return {expired, -1}
end
local due_ms = string.match(oldest[1], '%d+') + ARGV[2] - now_ms
if due_ms <= 0 then
  due_ms = #expired > 0 and 1 or tonumber(ARGV[3])
end
return {expired, due_ms}
"""
)
"""Take from a named channel what has expired there; the same again if the answer was lost.

Keys: the channel's stream; where this answer is kept. Arguments: a ticket for this call, of no
other one; the expiry in ms; the silence as above; how long the answer is kept, in ms. Returns
the heads and payloads, in turn; and the ms after which to look again, -1 for no more.
"""

UNREAD_NOTE = Script("""
local server = redis.call('TIME')
local now_ms = server[1] * 1000 + math.floor(server[2] / 1000)
redis.call('ZADD', KEYS[1], 'GT', now_ms + ARGV[2], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
""")
"""Take note that something may expire on a named channel.

Keys: the channels with something to expire, by when to look there. Arguments: the channel; after
how many ms to look; how long all of it is kept, in ms.
"""

UNREAD_DUE = Script("""
local server = redis.call('TIME')
local now_ms = server[1] * 1000 + math.floor(server[2] / 1000)
local until_ms = now_ms + ARGV[1]
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now_ms, 'LIMIT', 0, ARGV[2])
for _, channel in ipairs(due) do
  redis.call('ZADD', KEYS[1], until_ms, channel)
end
local next_at = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2]
return {due, string.format('%d', until_ms), next_at and next_at - now_ms or -1}
""")
"""Say on which channels to look now, and leave them to whoever asks for a while.

Keys: as above. Arguments: for how many ms; how many channels. Returns the channels; until when
they are left to the asker; and the ms after which to ask again, -1 for no more.
"""

UNREAD_DONE = Script("""
local score = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not score or tonumber(score) ~= tonumber(ARGV[2]) then
  return
end
if tonumber(ARGV[3]) < 0 then
  redis.call('ZREM', KEYS[1], ARGV[1])
else
  local server = redis.call('TIME')
  redis.call('ZADD', KEYS[1], server[1] * 1000 + math.floor(server[2] / 1000) + ARGV[3], ARGV[1])
end
""")
"""Say when to look at a channel again, unless somebody has sent there meanwhile.

Keys: as above. Arguments: the channel; until when it was left to the asker; after how many ms, or
-1 for no more.
"""

TAKEN = Script("""
redis.call('XACK', KEYS[1], 'receivers', unpack(ARGV))
redis.call('XDEL', KEYS[1], unpack(ARGV))
""")
"""Forget messages of a named channel that have been handed over.

Keys: the channel's stream. Arguments: the ids of the entries.
"""

PRESENCE_PUT = Script("""
local was_there = redis.call('HEXISTS', KEYS[1], ARGV[1])
local position = redis.call('HINCRBY', KEYS[2], '#', 1)
local who = ARGV[2] .. ' ' .. position .. ' ' .. #ARGV[3] .. ' ' .. ARGV[3] .. ARGV[4]
redis.call('HSET', KEYS[1], ARGV[1], who)
redis.call('PEXPIRE', KEYS[1], ARGV[5])
redis.call('PEXPIRE', KEYS[2], ARGV[5])
if was_there == 0 and redis.call('HINCRBY', KEYS[2], '=' .. ARGV[3], 1) == 1 then
  return {position, redis.call('HDEL', KEYS[2], '-' .. ARGV[3])}
end
return {0, 0}
""")
"""Put a channel on the roster of a group.

Keys: the roster; how often each key is on it. Arguments: the channel; its node; its key; its
metadata; after how many ms a roster that nobody changes is forgotten. Returns the position of
the turn if it is the first of its key, else 0; and whether its last one left with a dead node.
"""

PRESENCE_REMOVE = Script("""
local told = redis.call('LRANGE', KEYS[3], 0, -1)
if #told > 0 then
  return told
end
local who = redis.call('HGET', KEYS[1], ARGV[1])
if not who then
  return {}
end
local node, since, length = string.match(who, '^(%w+) (%d+) (%d+) ')
if ARGV[2] ~= '' and node ~= ARGV[2] then
  return {}
end
redis.call('HDEL', KEYS[1], ARGV[1])
local start = #node + #since + #length + 4
local key = string.sub(who, start, start + length - 1)
if redis.call('HINCRBY', KEYS[2], '=' .. key, -1) > 0 then
  return {}
end
redis.call('HDEL', KEYS[2], '=' .. key)
if ARGV[2] ~= '' then
  redis.call('HSET', KEYS[2], '-' .. key, 1)
end
local position = redis.call('HINCRBY', KEYS[2], '#', 1)
redis.call('RPUSH', KEYS[3], key, string.sub(who, start + length), position)
redis.call('PEXPIRE', KEYS[3], ARGV[3])
return redis.call('LRANGE', KEYS[3], 0, -1)
""")
"""Take a channel off the roster of a group.

Keys: as above; where this answer is kept, of no other call. Arguments: the channel; the node that
it must be of, or nothing; for how many ms the answer is kept. Returns the key, the metadata and the
position of the turn if it was the last of its key; the same again if the answer was lost.
"""

SCRIPTS = (
    HOLD,
    GROUP_SEND,
    REMOTE_JOIN,
    NAMED_SEND,
    NAMED_SWEEP,
    UNREAD_NOTE,
    UNREAD_DUE,
    UNREAD_DONE,
    TAKEN,
    PRESENCE_PUT,
    PRESENCE_REMOVE,
)


def loading(scripts: Iterable[Script]) -> list[tuple[Argument, ...]]:
    """Return the commands that load `scripts`."""
    return [("SCRIPT", "LOAD", script.text) for script in scripts]
