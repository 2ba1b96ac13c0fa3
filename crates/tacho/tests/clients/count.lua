-- Asks so many times in all, and says how often each status was answered. A thread has one
-- connection, so that none is cut while it is asked: wrk ... -- REQUESTS_PER_THREAD
local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  left, asked, statuses = tonumber(args[1]), 0, ""
  counts = {}
end

function request()
  asked = asked + 1
  if asked % 10 == 0 then return wrk.format("GET", "/fails") end
  if asked % 25 == 1 then return wrk.format("GET", "/nothing/" .. math.random(1000000)) end
  return wrk.format("GET", "/items/" .. math.random(1000000) .. "?page=" .. asked)
end

function response(status)
  counts[status] = (counts[status] or 0) + 1
  left = left - 1
  if left == 0 then
    for status, count in pairs(counts) do statuses = statuses .. status .. "=" .. count .. " " end
    wrk.thread:stop()
  end
end

function done(summary)
  local all = {}
  for _, thread in ipairs(threads) do
    for status, count in string.gmatch(thread:get("statuses"), "(%d+)=(%d+)") do
      all[status] = (all[status] or 0) + tonumber(count)
    end
  end
  io.write("counted ", summary.requests)
  for status, count in pairs(all) do io.write(" ", status, "=", count) end
  io.write("\n")
end
