"""A discrete-event model of servers, relays and clients, around the client's own watch and cache."""
