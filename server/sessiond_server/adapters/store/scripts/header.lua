-- The header of a record, whatever has become of its session.
local h = read_header(record)
return h and packed(h)
