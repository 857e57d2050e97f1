// A gRPC server with the callback API that answers with what it was sent.
//
//   grpc-cpp-echo      prints "ready 127.0.0.1:PORT" and serves until it is killed

#include <grpcpp/grpcpp.h>

#include <cstdio>

#include "echo.grpc.pb.h"

namespace {

class Echo final : public peer::Echo::CallbackService {
    grpc::ServerUnaryReactor *Call(
        grpc::CallbackServerContext *context,
        const google::protobuf::BytesValue *request,
        google::protobuf::BytesValue *reply
    ) override {
        reply->set_value(request->value());
        grpc::ServerUnaryReactor *reactor = context->DefaultReactor();
        reactor->Finish(grpc::Status::OK);
        return reactor;
    }
};

}  // namespace

int main() {
    Echo echo;
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&echo);
    std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
    if (!server || port == 0) {
        std::fprintf(stderr, "cannot listen on 127.0.0.1\n");
        return 1;
    }
    std::printf("ready 127.0.0.1:%d\n", port);
    std::fflush(stdout);
    server->Wait();
}
