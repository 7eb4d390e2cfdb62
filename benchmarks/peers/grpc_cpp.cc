// The peer of bench_grpc.sh: a gRPC C++ server (Debian's libgrpc++) that answers
// any unary call with the bytes of one file.  Usage: grpc_cpp PORT REPLY [CERT KEY]
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <fstream>
#include <iostream>
#include <sstream>
#include <thread>
#include <vector>

static std::string read_file(const char *path)
{
    std::ifstream in(path, std::ios::binary);
    std::stringstream all;
    all << in.rdbuf();
    return all.str();
}

class Service : public grpc::CallbackGenericService
{
  public:
    explicit Service(std::string reply) : reply_(std::move(reply)) {}

  private:
    class Reactor : public grpc::ServerGenericBidiReactor
    {
      public:
        explicit Reactor(const std::string &reply)
        {
            grpc::Slice slice(reply);
            out_ = grpc::ByteBuffer(&slice, 1);
            StartRead(&in_);
        }
        void OnReadDone(bool ok) override
        {
            if (ok)
                StartWriteAndFinish(&out_, grpc::WriteOptions(),
                                    grpc::Status::OK);
            else
                Finish(grpc::Status::OK);
        }
        void OnDone() override { delete this; }

      private:
        grpc::ByteBuffer in_, out_;
    };

    grpc::ServerGenericBidiReactor *
    CreateReactor(grpc::GenericCallbackServerContext *) override
    {
        return new Reactor(reply_);
    }
    std::string reply_;
};

int main(int argc, char **argv)
{
    if (argc != 3 && argc != 5)
        return 2;
    std::shared_ptr<grpc::ServerCredentials> credentials =
        grpc::InsecureServerCredentials();
    if (argc == 5) {
        grpc::SslServerCredentialsOptions tls;
        tls.pem_key_cert_pairs.push_back(
            { read_file(argv[4]), read_file(argv[3]) });
        credentials = grpc::SslServerCredentials(tls);
    }
    Service service(read_file(argv[2]));
    grpc::ServerBuilder builder;
    builder.AddListeningPort(std::string("127.0.0.1:") + argv[1], credentials);
    builder.RegisterCallbackGenericService(&service);
    auto server = builder.BuildAndStart();
    if (!server)
        return 1;
    server->Wait();
}
