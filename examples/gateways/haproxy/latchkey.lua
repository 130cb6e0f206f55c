-- Asks `latchkey guard` whether a request may go on. Anything but its 200 ends the request here.
local guard = 'http://127.0.0.1:9090/forward-auth'
-- Where the guard runs with --gateway-key-file: its key.
local guard_key = nil

local handed_on = {
  'x-latchkey-path', 'x-latchkey-decision', 'x-latchkey-operation', 'x-latchkey-subject',
  'x-latchkey-client', 'x-latchkey-organization', 'x-latchkey-identity',
}
-- The guard's own connection is none of the client's.
local not_asked = {
  ['connection'] = true, ['content-length'] = true, ['transfer-encoding'] = true, ['host'] = true,
  ['expect'] = true, ['upgrade'] = true, ['te'] = true, ['keep-alive'] = true,
}
local not_answered = { ['connection'] = true, ['content-length'] = true, ['transfer-encoding'] = true, ['keep-alive'] = true }

local function asked_headers(txn)
  local headers = {}
  for name, values in pairs(txn.http:req_get_headers()) do
    if not not_asked[name] then
      headers[name] = {}
      for i = 0, #values do table.insert(headers[name], values[i]) end
    end
  end
  headers['x-forwarded-method'] = { txn.f:method() }
  headers['x-forwarded-uri'] = { txn.f:url() }
  if guard_key then headers['x-latchkey-guard'] = { guard_key } end
  return headers
end

local function first(response, name)
  local values = response.headers[name]
  return values and values[0]
end

local function refuse(txn, response)
  local reply = txn:reply({ status = response.status, body = response.body or '' })
  for name, values in pairs(response.headers) do
    if not not_answered[name] then
      for i = 0, #values do reply:add_header(name, values[i]) end
    end
  end
  txn:done(reply)
end

core.register_action('latchkey', { 'http-req' }, function(txn)
  local response = core.httpclient():get({ url = guard, headers = asked_headers(txn), timeout = 10000 })
  if not response or not response.status or response.status < 200 then return end
  if response.status ~= 200 then
    -- 5xx of the guard's machine as well: the request does not go on.
    return refuse(txn, response)
  end
  local path = first(response, 'x-latchkey-path')
  if not path then return end
  for _, name in ipairs(handed_on) do
    local value = first(response, name)
    if value then txn.http:req_set_header(name, value) else txn.http:req_del_header(name) end
  end
  -- Exactly the path that was decided, in its one spelling; the query stays.
  txn.http:req_set_path(path)
  local nonce = first(response, 'dpop-nonce')
  if nonce then txn:set_var('txn.latchkey_nonce', nonce) end
  txn:set_var('txn.latchkey', 'open')
end, 0)
