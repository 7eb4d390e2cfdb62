"""Lists every service by reflection, describes it, calls every unary method."""
import os
import sys

import grpc
from google.protobuf import descriptor_pool, json_format, message_factory
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

COUNT = "SELECT count(*) FROM shop.orders"
PURPOSE = os.environ["HALFTONE_PURPOSE"]
QUERY = {"sql": COUNT, "purpose": PURPOSE}
# What each method is asked, and a field that its reply must have.
ASKED = {
    "Query": (QUERY, "receipt"),
    "Batch": ({"purpose": PURPOSE, "queries": [{"sql": COUNT}]}, "answers"),
    "Estimate": ({"query": {**QUERY, "sql": COUNT + " WHERE amount > 3"}}, "rho_pico"),
    "ListDatasets": ({}, "datasets"),
    "DescribeDataset": ({"dataset": "shop"}, "dataset"),
    "GetBudget": ({"dataset": "shop"}, "spent_rho_pico"),
    "ListCharges": ({"dataset": "shop"}, "charges"),
    "Check": ({}, "status"),
    "GetMisses": ({"dataset": "shop"}, "limit"),
    # There is nothing to lift, which is said.
    "LiftMisses": ({"dataset": "shop", "reason": "a test"}, None),
    "ListErasures": ({"dataset": "shop"}, "counts"),
    "RunErasures": ({"dataset": "shop"}, "dataset"),
    # The demo's policy names no key of an owner's, and no list was made.
    "SignErasures": ({"dataset": "shop"}, None),
    "ConfirmErasures": ({"dataset": "shop", "note": "none"}, None),
    # Nothing was held; and nothing is on a schedule, which is said.
    "ConfirmRegister": ({"reason": "a test"}, ""),
    "GetConsentCounts": ({"dataset": "shop"}, None),
    "GetCheckpoint": ({}, "note"),
    "ListEntries": ({}, "entries"),
    "Prove": ({"index": 1}, "hashes"),
    "Grant": ({"subject": "1", "purposes": ["measure_campaigns"]}, "record"),
    "Withdraw": ({"subject": "1", "purposes": ["measure_campaigns"]}, "record"),
    "Object": ({"subject": "1", "purposes": [PURPOSE]}, "record"),
    "Expire": ({"subject": "1", "purposes": ["measure_campaigns"]}, "record"),
    "Mark": ({"subject": "2"}, "record"),
    "Import": ({"subjects": ["1"]}, None),
    "Signal": ({"subject": "1", "gpc": True}, "refused"),
    "GetHistory": ({"subject": "1"}, "events"),
    "GetReceipt": ({"subject": "1"}, "receipt"),
    "CheckReceipt": ({"subject": "1", "receipt": "none"}, None),
    "Erase": ({"subject": "3"}, "places"),
    "GetErasure": ({"subject": "3"}, "places"),
    "Choose": ({"subject": "1", "channel": "email", "at_most": "any"}, "record"),
    # A no has no reason: 1 chose a channel and said yes to no purpose.
    "MayContact": (
        {"subject": "1", "purpose": "send_offers", "channel": "email"}, ""),
}
failed = False


def report(name, good, why=""):
    global failed
    failed = failed or not good
    print(f"{'ok' if good else 'FAILED'} grpcio: {name} {why}".rstrip())


def call(channel, method):
    words, field = ASKED[method.name]
    request = json_format.ParseDict(
        words, message_factory.GetMessageClass(method.input_type)()
    )
    stub = channel.unary_unary(
        f"/{method.containing_service.full_name}/{method.name}",
        request_serializer=lambda m: m.SerializeToString(),
        response_deserializer=message_factory.GetMessageClass(
            method.output_type
        ).FromString,
    )
    whose = {"Admin": "STEWARD_", "Audit": "AUDITOR_", "Consent": "SUBJECTS_",
             "Choose": "SUBJECTS_", "MayContact": "SENDER_"}
    role = whose.get(method.name, whose.get(method.containing_service.name, ""))
    token = os.environ[f"HALFTONE_{role}TOKEN"]
    try:
        reply = stub(request, timeout=20, metadata=[("authorization", f"Bearer {token}")])
    except grpc.RpcError as e:
        said = (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND)
        if field is None and e.code() in said:
            return True
        raise
    return field is not None and (not field or bool(getattr(reply, field)))


def main():
    with open(os.environ["HALFTONE_CA"], "rb") as f:
        tls = grpc.ssl_channel_credentials(f.read())
    with grpc.secure_channel(os.environ["HALFTONE_TARGET"], tls) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        pool = descriptor_pool.DescriptorPool(database)
        services = sorted(database.get_services())
        report("the services are listed", "halftone.v1.Halftone" in services,
               ", ".join(services))
        called = set()
        for name in services:
            service = pool.FindServiceByName(name)
            for method in service.methods:
                if method.client_streaming or method.server_streaming:
                    continue
                try:
                    good, why = call(channel, method), ""
                except (grpc.RpcError, KeyError) as e:
                    good, why = False, repr(e)
                report(f"{name}/{method.name}", good, why)
                called.add(method.name)
        report("nothing of the list is left", called == set(ASKED),
               str(called ^ set(ASKED)) if called != set(ASKED) else "")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
