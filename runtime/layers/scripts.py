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
  return {1, id, now_ms}
end
if ARGV[2] ~= '' then
  redis.call('XTRIM', KEYS[1], 'MINID', ARGV[2])
end
local about = redis.call('XINFO', 'STREAM', KEYS[1])
for place = 1, #about, 2 do
  if about[place] == 'last-generated-id' then
    return {0, about[place + 1], now_ms}
  end
end
""")
"""Hold a node's stream for another lease, and make it if it is not there.

Keys: the stream. Arguments: the lease in ms; the id of the entry up to which all has been read.
Returns whether it was made, the id of its last entry, and the server's time in ms.
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

NAMED_SEND = Script("""
local last = redis.call('GET', KEYS[2])
if last and tonumber(last) >= tonumber(ARGV[1]) then
  return {1, {}}
end
local server = redis.call('TIME')
local oldest_ms = server[1] * 1000 + math.floor(server[2] / 1000) - ARGV[3]
local expired, before = {}, string.format('(%d', oldest_ms)
for place, entry in ipairs(redis.call('XRANGE', KEYS[1], '-', before, 'COUNT', 100)) do
  expired[place] = entry[2][2]
  redis.call('XDEL', KEYS[1], entry[1])
end
local capacity = tonumber(ARGV[2])
if redis.call('XLEN', KEYS[1]) >= capacity then
  -- What somebody has taken is still there until it is acknowledged, and does not wait.
  local taken = redis.pcall('XPENDING', KEYS[1], 'receivers')[1] or 0
  if redis.call('XLEN', KEYS[1]) - taken >= capacity then
    return {0, expired}
  end
end
redis.call('XADD', KEYS[1], '*', ARGV[5], ARGV[6])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[4])
return {1, expired}
""")
"""Append a message to a named channel, unless it is full or has this one already.

Keys: the channel's stream; where the sender's last number is kept. Arguments: the message's
number; the capacity; the expiry in ms; how long the keys live, in ms; the entry's head; its
payload. Returns 0 if it is full, else 1; and the payloads of those that have expired.
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
  return position
end
return 0
""")
"""Put a channel on the roster of a group.

Keys: the roster; how often each key is on it. Arguments: the channel; its node; its key; its
metadata; after how many ms a roster that nobody changes is forgotten. Returns the position of
the turn if it is the first of its key, else 0.
"""

PRESENCE_REMOVE = Script("""
local who = redis.call('HGET', KEYS[1], ARGV[1])
if not who then
  return {}
end
local node, position, length = string.match(who, '^(%w+) (%d+) (%d+) ')
if ARGV[2] ~= '' and node ~= ARGV[2] then
  return {}
end
redis.call('HDEL', KEYS[1], ARGV[1])
local start = #node + #position + #length + 4
local key = string.sub(who, start, start + length - 1)
if redis.call('HINCRBY', KEYS[2], '=' .. key, -1) > 0 then
  return {}
end
redis.call('HDEL', KEYS[2], '=' .. key)
return {key, string.sub(who, start + length), redis.call('HINCRBY', KEYS[2], '#', 1)}
""")
"""Take a channel off the roster of a group.

Keys: as above. Arguments: the channel; the node that it must be of, or nothing. Returns the key,
the metadata and the position of the turn if it was the last of its key.
"""

SCRIPTS = (HOLD, GROUP_SEND, REMOTE_JOIN, NAMED_SEND, TAKEN, PRESENCE_PUT, PRESENCE_REMOVE)


def loading(scripts: Iterable[Script]) -> list[tuple[Argument, ...]]:
    """Return the commands that load `scripts`."""
    return [("SCRIPT", "LOAD", script.text) for script in scripts]
