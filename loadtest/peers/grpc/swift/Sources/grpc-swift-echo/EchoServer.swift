import GRPCCore
import GRPCNIOTransportHTTP2Posix
import GRPCProtobuf
import Glibc
import SwiftProtobuf

/// A gRPC server that answers with what it was sent. Prints "ready 127.0.0.1:PORT" and serves until it is killed.
@main
struct EchoServer {
    static func main() async throws {
        let server = GRPCServer(
            transport: .http2NIOPosix(address: .ipv4(host: "127.0.0.1", port: 0), transportSecurity: .plaintext),
            services: [Echo()]
        )
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { try await server.serve() }
            if let address = try await server.listeningAddress?.ipv4 {
                print("ready \(address.host):\(address.port)")
                fflush(nil)
            }
        }
    }
}

/// The service of `echo.proto`, as its generated code would register it.
private struct Echo: RegistrableRPCService {
    func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
        router.registerHandler(
            forMethod: MethodDescriptor(fullyQualifiedService: "peer.Echo", method: "Call"),
            deserializer: ProtobufDeserializer<Google_Protobuf_BytesValue>(),
            serializer: ProtobufSerializer<Google_Protobuf_BytesValue>()
        ) { request, _ in
            let request = try await ServerRequest(stream: request)
            return StreamingServerResponse(single: ServerResponse(message: request.message))
        }
    }
}
