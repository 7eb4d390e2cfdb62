// The peer of bench_grpc.sh: a gRPC C++ server (Debian's libgrpc++) that does
// what a cached answer needs and nothing else: parse the QueryRequest, know the
// caller by the authorization header, find the reply by its idempotency key.
//
//   callback  the callback API; the reply is kept encoded and sent as it is
//   sync      the synchronous API of the tutorials; the reply is a message
//
// Usage: grpc_cpp callback|sync PORT REPLY [CERT KEY], the token in
// HALFTONE_TOKEN and the key "bench".
#include <grpcpp/grpcpp.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <unordered_map>

#include "halftone/v1/halftone.grpc.pb.h"

using halftone::v1::Halftone;
using halftone::v1::QueryReply;
using halftone::v1::QueryRequest;

static std::string read_file(const char *path)
{
    std::ifstream in(path, std::ios::binary);
    std::stringstream all;
    all << in.rdbuf();
    return all.str();
}

static const grpc::Status denied(grpc::StatusCode::UNAUTHENTICATED, "who?");
static const grpc::Status unknown(grpc::StatusCode::NOT_FOUND, "no such key");

struct Answers {
    std::unordered_map<std::string, int> callers; // by authorization header
    std::unordered_map<std::string, grpc::ByteBuffer> encoded; // by key
    std::unordered_map<std::string, QueryReply> messages;

    bool knows(const grpc::ServerContextBase &context) const
    {
        const auto &metadata = context.client_metadata();
        const auto at = metadata.find("authorization");
        return at != metadata.end() &&
               callers.count({ at->second.data(), at->second.size() }) > 0;
    }
};
static Answers answers;

class Callback
    : public Halftone::WithRawCallbackMethod_Query<Halftone::Service>
{
    grpc::ServerUnaryReactor *Query(grpc::CallbackServerContext *context,
                                    const grpc::ByteBuffer *bytes,
                                    grpc::ByteBuffer *reply) override
    {
        grpc::ServerUnaryReactor *reactor = context->DefaultReactor();
        grpc::ByteBuffer copy(*bytes); // of references; parsing consumes them
        QueryRequest request;
        grpc::Status status =
            grpc::SerializationTraits<QueryRequest>::Deserialize(&copy,
                                                                 &request);
        if (status.ok() && !answers.knows(*context))
            status = denied;
        if (status.ok()) {
            const auto at = answers.encoded.find(request.idempotency_key());
            if (at == answers.encoded.end())
                status = unknown;
            else
                *reply = at->second;
        }
        reactor->Finish(status);
        return reactor;
    }
};

class Sync : public Halftone::Service
{
    grpc::Status Query(grpc::ServerContext *context,
                       const QueryRequest *request, QueryReply *reply) override
    {
        if (!answers.knows(*context))
            return denied;
        const auto at = answers.messages.find(request->idempotency_key());
        if (at == answers.messages.end())
            return unknown;
        *reply = at->second;
        return grpc::Status::OK;
    }
};

int main(int argc, char **argv)
{
    const char *token = std::getenv("HALFTONE_TOKEN");
    if ((argc != 4 && argc != 6) || !token)
        return 2;
    const std::string reply = read_file(argv[3]);
    grpc::Slice slice(reply);
    answers.callers[std::string("Bearer ") + token] = 1;
    answers.encoded["bench"] = grpc::ByteBuffer(&slice, 1);
    if (!answers.messages["bench"].ParseFromString(reply))
        return 2;

    std::shared_ptr<grpc::ServerCredentials> credentials =
        grpc::InsecureServerCredentials();
    if (argc == 6) {
        grpc::SslServerCredentialsOptions tls;
        tls.pem_key_cert_pairs.push_back(
            { read_file(argv[5]), read_file(argv[4]) });
        credentials = grpc::SslServerCredentials(tls);
    }
    Callback callback;
    Sync sync;
    grpc::ServerBuilder builder;
    builder.AddListeningPort(std::string("127.0.0.1:") + argv[2], credentials);
    if (argv[1] == std::string("sync"))
        builder.RegisterService(&sync);
    else
        builder.RegisterService(&callback);
    auto server = builder.BuildAndStart();
    if (!server)
        return 1;
    server->Wait();
}
