"""The stubs of `sessiond.v1`, generated from protos/ by `make gen`."""
