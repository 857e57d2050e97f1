import AgentBackend
import Glibc
import NIOCore
import Testing

@testable import LocalBackend

/// Symbolic links that stay beneath the root.
@Suite struct LinkTests {
    @Test(arguments: identities)
    func followsLinksThatStayInside(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            try await fixture.backend.put("a/b/file", "found")
            try fixture.makeLink("relative", to: "a/b/file")
            try fixture.makeLink("a/up", to: "../a/./b//file")
            try fixture.makeLink("absolute", to: "/workspace/a/b/file")
            try fixture.makeLink("a/b/root", to: "/workspace")
            try fixture.makeLink("directory", to: "/workspace/a/")
            try fixture.makeLink("chain1", to: "chain2")
            try fixture.makeLink("chain2", to: "/workspace/a/chain3")
            try fixture.makeLink("a/chain3", to: "../absolute")
            let paths = [
                "relative", "a/up", "absolute", "directory/b/file", "directory/up", "a/b/root/a/b/file",
                "a/b/root/directory/b/root/absolute", "chain1",
            ]
            for path in paths {
                #expect(try await fixture.backend.contents(path) == "found", "\(path)")
                #expect(try await fixture.backend.info(path).kind == .regular)
            }
            #expect(try await fixture.backend.names("directory") == ["b", "chain3", "up"])
            #expect(try await fixture.backend.info("directory", followLink: false).kind == .symbolicLink)
            #expect(try await fixture.backend.info("directory/b", followLink: false).kind == .directory)
            let scope = try fixture.backend.scope(try WorkspacePath("directory"))
            #expect(try await scope.contents("b/file") == "found")
        }
    }

    @Test(arguments: identities)
    func writesThroughAFinalLink(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            try await fixture.backend.put("a/file", "old")
            try fixture.makeLink("relative", to: "a/file")
            try fixture.makeLink("absolute", to: "/workspace/a/file")
            try fixture.makeLink("dangling", to: "/workspace/a/new/file")
            try fixture.makeLink("missing", to: "a/missing")

            try await fixture.backend.put("relative", "new")
            try await fixture.backend.put("absolute", "er", options: WriteOptions(mode: .append))
            try await fixture.backend.put("dangling", "made")
            #expect(try fixture.contents("a/file") == "newer")
            #expect(try fixture.contents("a/new/file") == "made")
            for link in ["relative", "absolute", "dangling"] {
                #expect(try await fixture.backend.info(link, followLink: false).kind == .symbolicLink)
            }
            // As open(2) with O_EXCL: a link is something, wherever it leads.
            let create = try await refusal(
                of: try await fixture.backend.put("missing", "", options: WriteOptions(mode: .createOnly))
            )
            #expect(create == Refusal(.writeFailed, .exists))
        }
    }

    @Test(arguments: identities)
    func tellsOfLinksThatLeadNowhere(_ identity: HostIdentity?) async throws {
        try await LocalFixture.with(identity) { fixture in
            let backend = fixture.backend
            try fixture.makeLink("self", to: "self")
            try fixture.makeLink("one", to: "/workspace/two")
            try fixture.makeLink("two", to: "/workspace/one")
            try fixture.makeLink("dangling", to: "nothing")
            try fixture.makeLink("danglingAbsolute", to: "/workspace/nothing/there")
            try fixture.makeLink("backAndForth", to: "/workspace/nothing/../self")
            for link in ["self", "one", "two/file"] {
                #expect(
                    try await refusal(of: try await backend.contents(link)) == Refusal(.readFailed, .loop),
                    "\(link)"
                )
                #expect(try await refusal(of: try await backend.put(link, "")) == Refusal(.writeFailed, .loop))
                #expect(try await refusal(of: try await backend.names(link)) == Refusal(.lsFailed, .loop))
            }
            for link in ["dangling", "danglingAbsolute", "backAndForth"] {
                let missing = Refusal(.readFailed, .notFound)
                #expect(try await refusal(of: try await backend.contents(link)) == missing)
                #expect(try await refusal(of: try await backend.info(link)) == missing)
            }
            for link in ["self", "one", "two", "dangling"] { try await backend.remove(link, recursive: true) }
        }
    }

    /// 40 links are as many as the kernel follows.
    @Test func followsAsManyLinksAsTheKernel() async throws {
        try await LocalFixture.with { fixture in
            try fixture.makeFile("end", "found")
            for number in 1...41 {
                let target = number == 1 ? "end" : "l\(number - 1)"
                try fixture.makeLink("l\(number)", to: target)
                try fixture.makeLink("w\(number)", to: number == 1 ? "/workspace/end" : "/workspace/w\(number - 1)")
            }
            for name in ["l", "w"] {
                #expect(try await fixture.backend.contents("\(name)40") == "found")
                let last = try await refusal(of: try await fixture.backend.contents("\(name)41"))
                #expect(last == Refusal(.readFailed, .loop))
            }
        }
    }

    /// What is looked up for one path is bounded, however the links are made.
    @Test func givesUpOnLinksThatMultiply() async throws {
        try await LocalFixture.with { fixture in
            try fixture.makeDirectory("a")
            // Each link leads there and back a hundred times and then to the next one.
            let detour = String(repeating: "a/../", count: 700)
            try fixture.makeLink("l0", to: "end")
            for number in 1...30 { try fixture.makeLink("l\(number)", to: "/workspace/\(detour)l\(number - 1)") }
            try fixture.makeFile("end", "found")
            #expect(try await fixture.backend.contents("l1") == "found")
            #expect(try await refusal(of: try await fixture.backend.contents("l30")) == Refusal(.readFailed, .loop))
        }
    }
}
