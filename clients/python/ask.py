#!/usr/bin/env python3
"""One private question from Python, with stock grpcio.

    python3 -m venv venv && venv/bin/pip install grpcio grpcio-tools
    venv/bin/python -m grpc_tools.protoc -Iproto --python_out=clients/python \
        --grpc_python_out=clients/python halftone/v1/halftone.proto
    HALFTONE_CA=ca.pem HALFTONE_TOKEN=... HALFTONE_PURPOSE=reporting \
        venv/bin/python clients/python/ask.py 'SELECT count(*) FROM shop.orders'
"""
import os
import sys
import uuid

import grpc
from halftone.v1 import halftone_pb2 as pb
from halftone.v1 import halftone_pb2_grpc as rpc


def ask(sql):
    with open(os.environ["HALFTONE_CA"], "rb") as f:
        tls = grpc.ssl_channel_credentials(f.read())
    target = os.environ.get("HALFTONE_TARGET", "localhost:7443")
    token = os.environ["HALFTONE_TOKEN"].strip()
    request = pb.QueryRequest(
        sql=sql,
        purpose=os.environ.get("HALFTONE_PURPOSE", ""),
        # The same key again gives the same answer and is charged once.
        idempotency_key=uuid.uuid4().hex,
    )
    with grpc.secure_channel(target, tls) as channel:
        return rpc.HalftoneStub(channel).Query(
            request,
            timeout=60,
            metadata=[("authorization", f"Bearer {token}")],
        )


def value(v):
    kind = v.WhichOneof("kind")
    return None if kind in (None, "null_value") else getattr(v, kind)


def main():
    try:
        reply = ask(sys.argv[1])
    except grpc.RpcError as e:
        hint = dict(e.trailing_metadata() or ()).get("halftone-hint", "")
        sys.exit(f"{e.code().name}: {e.details()} {hint}")
    for row in reply.rows:
        for column, cell, interval in zip(reply.columns, row.cells, row.intervals):
            noise = ""
            if interval.kind == pb.Interval.BOUNDED:
                noise = f" [{interval.lo:g}, {interval.hi:g}]"
            print(f"{column.name}={value(cell)}{noise}", end="  ")
        print()
    print(f"epsilon {reply.receipt.epsilon:.3g} at delta {reply.receipt.delta:.1e}")


if __name__ == "__main__":
    main()
