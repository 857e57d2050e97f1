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
    }
}
