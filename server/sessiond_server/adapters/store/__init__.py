"""Sessions and revocations in Redis or Valkey: formats, scripts, and the ports over them."""
