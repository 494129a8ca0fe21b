"""gRPC and HTTP: the pipeline, the methods, their codec, and the tables of failures and rejections."""
