import AgentBackend
import Glibc
import NIOCore
import Testing

@testable import LocalBackend

/// No operation keeps a descriptor but those of the root and of the directory for temporary files.
@Suite struct DescriptorTests {
    @Test(arguments: identities)
    func areClosedAfterEveryOperation(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity, limits: LocalFilesystemLimits(maximumFileBytes: 1 << 20)) { fixture in
            let backend = fixture.backend
            let path = try WorkspacePath("a/file")
            try await backend.put("a/file", "x")
            try fixture.makeLink("out", to: "../outside")
            try fixture.makeLink("in", to: "/workspace/a/file")
            try fixture.makeLink("loop", to: "/workspace/loop")
            let kept = ["root", "temporary"]
            #expect(fixture.openDescriptors == kept)

            func check(_ name: String, _ body: () async throws -> Void) async {
                try? await body()
                #expect(fixture.openDescriptors == kept, "\(name)")
            }
            for mode in [WriteOptions.Mode.replace, .append, .createOnly] {
                let options = WriteOptions(mode: mode, durability: .full)
                for target in ["a/file", "a/new\(mode)", "in", "out/secret", "loop", "a", "x/y/z"] {
                    await check("write \(target)") { try await backend.put(target, "x", options: options) }
                }
            }
            let large = String(repeating: "x", count: 2 << 20)
            await check("too large") { try await backend.put("a/file", large) }
            for target in ["a/file", "in", "out/secret", "loop", "a", "nothing"] {
                await check("read \(target)") { _ = try await backend.contents(target) }
                await check("stat \(target)") { _ = try await backend.info(target) }
                await check("readdir \(target)") { _ = try await backend.names(target) }
                _ = backend.tryRead(try WorkspacePath(target), range: .all, maximum: 100)
                _ = backend.tryStat(try WorkspacePath(target), followLink: true)
                await check("try \(target)") {}
            }
            await check("reader") {
                let reader = try await backend.openReader(path, range: .all)
                #expect(fixture.openDescriptors.count == 3)
                await reader.close()
                #expect(fixture.openDescriptors == kept)
            }
            await check("reader that is dropped") { _ = try await backend.openReader(path, range: .all) }
            await check("writer") {
                let writer = try await backend.openWriter(path, options: WriteOptions())
                #expect(fixture.openDescriptors.count == 3)
                try await writer.write(ByteBuffer(string: "x"))
                _ = try await writer.commit()
                #expect(fixture.openDescriptors == kept)
            }
            await check("writer that is aborted") {
                let writer = try await backend.openWriter(path, options: WriteOptions())
                await writer.abort()
                #expect(fixture.openDescriptors == kept)
            }
            let tree = CopyOptions(recursive: true)
            for target in ["a/file", "in", "out/secret", "loop", "a", "nothing"] {
                await check("mkdir \(target)") { try await backend.makeDirectory(target) }
                await check("touch \(target)") { try await backend.touchFile(target) }
                for destination in ["copy/file", "a/file", "loop", "out/secret", "a/a"] {
                    await check("copy \(target) \(destination)") {
                        try await backend.duplicate(target, to: destination, tree)
                    }
                }
                await check("rename \(target)") {
                    try await backend.move(target, to: "moved/there")
                    try await backend.move("moved/there", to: target)
                }
            }
            await check("rm") { try await backend.remove("a") }
            await check("rm -r") { try await backend.remove("a", recursive: true) }
            await check("rm nothing") { try await backend.remove("a", recursive: true) }

            let scope = try backend.scope(try WorkspacePath("scope"))
            try await scope.put("file", "x")
            #expect(fixture.openDescriptors == ["root", "root/scope", "temporary"])
            await scope.destroy()
            #expect(fixture.openDescriptors == kept)
            await backend.destroy()
            #expect(fixture.openDescriptors == [])
        }
    }
}
