"""The store's clock in the hands of a test: scripts read it in a key, and keys expire by it."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

from sessiond_server.adapters.store.scripts.catalogue import SCRIPTS
from sessiond_server.adapters.store.scripts.prelude import sources

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW_KEY: Final = "model:now"
EXPIRIES_KEY: Final = "model:expiries"
# It stands before a script, in whose eyes it is the store. A key goes when the clock has passed its expiry.
_CLOCK: Final = f"""
local redis = (function()
  local real, EXPIRIES = redis, '{EXPIRIES_KEY}'
  local now = tonumber(real.call('GET', '{NOW_KEY}'))
  local function drop(key) real.call('DEL', key) real.call('ZREM', EXPIRIES, key) end
  for _, key in ipairs(real.call('ZRANGEBYSCORE', EXPIRIES, '-inf', '(' .. now)) do drop(key) end
  local function expire(key, at)
    if real.call('EXISTS', key) == 0 then return 0 end
    if at <= now then drop(key) else real.call('ZADD', EXPIRIES, at, key) end
    return 1
  end
  local own = {{}}
  function own.TIME()
    return {{tostring(math.floor(now / 1000)), tostring(now % 1000 * 1000)}}
  end
  function own.PEXPIREAT(key, at) return expire(key, tonumber(at)) end
  function own.PEXPIRE(key, life) return expire(key, now + tonumber(life)) end
  function own.PTTL(key)
    if real.call('EXISTS', key) == 0 then return -2 end
    local at = real.call('ZSCORE', EXPIRIES, key)
    return at and tonumber(at) - now or -1
  end
  function own.DEL(...)
    for _, key in ipairs({{...}}) do real.call('ZREM', EXPIRIES, key) end
    return real.call('DEL', ...)
  end
  function own.SET(key, value, ...)
    local options, at, keeps, given = {{}}, nil, false, {{...}}
    local i = 1
    while i <= #given do
      local option = given[i]
      if option == 'PX' or option == 'PXAT' then
        at = tonumber(given[i + 1]) + (option == 'PX' and now or 0)
        i = i + 1
      elseif option == 'KEEPTTL' then
        keeps = true
      else
        options[#options + 1] = option
      end
      i = i + 1
    end
    local done = real.call('SET', key, value, unpack(options))
    if done and not keeps then real.call('ZREM', EXPIRIES, key) end
    if done and at then expire(key, at) end
    return done
  end
  local function through(way)
    return function(name, ...)
      if own[name] then return own[name](...) end
      return way(name, ...)
    end
  end
  return setmetatable({{call = through(real.call), pcall = through(real.pcall)}}, {{__index = real}})
end)()
"""


@functools.cache
def _plain_sources() -> dict[str, str]:
    return {name: source.decode() for name, source in sources(SCRIPTS).items()}


def clocked_sources(changes: Mapping[str, tuple[str, str]]) -> dict[str, bytes]:
    """What is sent for each script; `changes` are texts to be replaced, by the script.

    Raises:
        LookupError: a text that is to be replaced is not in the script, or more than once.
    """
    found = dict(_plain_sources())
    for name, (text, instead) in changes.items():
        if (times := found[name].count(text)) != 1:
            raise LookupError(f"{name} has {text!r} {times} times instead of once")
        found[name] = found[name].replace(text, instead)
    return {name: (_CLOCK + source).encode() for name, source in found.items()}
