import AgentBackend
import BrokerTestKit
import Foundation
import Testing

extension IntegrationTests {
    /// TLS by flags, and what both sides say where something is wrong.
    @Suite
    struct TLSCommandTests {
        @Test(.timeLimit(.minutes(1)))
        func flagsSpeakTLS() async throws {
            try await withScratchDirectory { directory in
                let authority = try TestAuthority()
                defer { authority.remove() }
                let certificate = try authority.issue("broker")
                let client = try authority.issue("client", hosts: "DNS:client")
                let trust = ["--tls-ca", authority.path]
                let broker = try await BrokerProcess([
                    "--root", "\(directory)/root", "--unix", "\(directory)/socket", "--tls-cert", certificate.path,
                    "--tls-key", certificate.key, "--tls-client-ca", authority.path,
                ])
                #expect(broker.ready.tls)
                let show = trust + ["--tls-cert", client.path, "--tls-key", client.key]
                let write = ["write", "--key", "a", "file"]
                #expect(try await broker.client(arguments: show + write, input: Data("hello".utf8)).status == 0)
                #expect(try await broker.client(arguments: ["read", "--key", "a", "file"] + show).text == "hello")
                // The unix socket is as it was.
                let local = try await broker.client("--address", "unix:\(broker.ready.unix)", "ls", "--key", "a")
                #expect(local.text == "file\n")

                for (arguments, status, message) in [
                    ([], Int32(70), "PROTOCOL_ERROR: the peer answers in TLS"),
                    (["--tls"], 77, "AUTH_FAILED: the broker's certificate is from no authority"),
                    (trust, 77, "AUTH_FAILED: the broker asks for a client's certificate"),
                    (trust + ["--tls-cert", client.path], 64, "give both --tls-cert and --tls-key"),
                    (["--tls-ca", "/nowhere"], 78, "INVALID_CONFIGURATION: TLS: cannot read /nowhere"),
                ] {
                    let result = try await broker.client(arguments: ["ls", "--key", "a"] + arguments)
                    #expect(result.status == status, "\(result)")
                    #expect(result.errorText.contains(message), "\(result)")
                }
                let ended = try await broker.stop()
                #expect(ended.status == 0)
                for message in [
                    "it does not speak TLS on a listener that does", "it does not accept the broker's certificate",
                    "it shows no certificate, and tls.client_ca asks for one",
                ] {
                    #expect(ended.errorText.contains(message), "\(ended)")
                }
            }
        }

        @Test(.timeLimit(.minutes(1)))
        func aKeyThatOthersCanReadIsRefused() async throws {
            try await withScratchDirectory { directory in
                let authority = try TestAuthority()
                defer { authority.remove() }
                let certificate = try authority.issue("broker")
                try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: certificate.key)
                let result = try await ChildProcess.run(
                    try BuiltProducts.program("agent-broker"),
                    [
                        "serve", "--root", "\(directory)/root", "--tls-cert", certificate.path, "--tls-key",
                        certificate.key,
                    ]
                )
                #expect(result.status == 78)
                #expect(result.errorText.contains("others can read or write the private key \(certificate.key)"))
            }
        }

        /// The side port shows the same certificate, and its log tells of who does not speak TLS, and of one too many.
        @Test(.timeLimit(.minutes(1)))
        func theSidePortSpeaksTLS() async throws {
            try await withScratchDirectory { directory in
                let authority = try TestAuthority()
                defer { authority.remove() }
                let certificate = try authority.issue("broker")
                try "http: {max_connections: 1}\n".write(
                    toFile: "\(directory)/broker.yaml",
                    atomically: true,
                    encoding: .utf8
                )
                let broker = try await BrokerProcess([
                    "--root", "\(directory)/root", "--config", "\(directory)/broker.yaml", "--http", "127.0.0.1:0",
                    "--tls-cert", certificate.path, "--tls-key", certificate.key,
                ])
                let request = Data("GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8)
                let client = [
                    "s_client", "-connect", broker.ready.http, "-CAfile", authority.path, "-verify_return_error",
                    "-servername", "localhost", "-quiet", "-ign_eof",
                ]
                let answer = try await ChildProcess.run("/usr/bin/openssl", client, input: request)
                #expect(
                    answer.text.hasPrefix("HTTP/1.1 200 OK\r\n") && answer.text.hasSuffix("\r\n\r\nready\n"),
                    "\(answer)"
                )

                // Of connections that are open at once, one is taken.
                let open = (3...5).map { "exec \($0)<>/dev/tcp/${0/:/\\/}" }
                let speak = (3...5).map { "printf 'GET / HTTP/1.1\\r\\n\\r\\n' >&\($0); cat <&\($0) >/dev/null" }
                let plain = (open + speak).joined(separator: "; ")
                _ = try await ChildProcess.run("/bin/bash", ["-c", plain, broker.ready.http])
                let ended = try await broker.stop()
                #expect(ended.status == 0)
                #expect(ended.errorText.contains("it does not speak TLS on a listener that does"), "\(ended)")
                #expect(ended.errorText.contains("raise http.max_connections"), "\(ended)")
            }
        }
    }
}
