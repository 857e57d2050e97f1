import Foundation
import NIOCore
import Testing

@testable import ModelContextProtocol

/// The tools of the official file system server, argument for argument: `server-filesystem.json` says where it is from.
@Suite struct OfficialToolsTests {
    private static let snapshot: JSONValue = {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "server-filesystem.json")
        let bytes = (try? Data(contentsOf: file)) ?? Data()
        return (try? JSONParser.parse(ByteBuffer(bytes: bytes))) ?? .null
    }()

    private static let tools = snapshot["tools"]?.elements ?? []

    @Test func allFourteenAreThereInTheirOrder() {
        let names = Self.tools.compactMap { $0["name"]?.text }
        #expect(names.count == 14)
        #expect(Array(ToolServer.tools.map(\.name).prefix(14)) == names)
    }

    @Test(arguments: tools)
    func isTheSame(_ official: JSONValue) throws {
        let name = try #require(official["name"]?.text)
        let tool = try #require(ToolServer.tools.first { $0.name == name })
        #expect(tool.title == official["title"]?.text)
        #expect(tool.description == official["description"]?.text)
        #expect(sorted(tool.input["properties"]) == sorted(official["arguments"]))
        #expect(tool.input["required"]?.elements ?? [] == official["required"]?.elements)
        #expect(sorted(tool.output["properties"]) == sorted(official["output"]))
        #expect(sorted(tool.json["annotations"]) == sorted(official["annotations"]))
    }

    /// The order of members says nothing.
    private func sorted(_ value: JSONValue?) -> JSONValue {
        switch value {
        case .object(let object):
            let members = object.members.map { JSONObject.Member(name: $0.name, value: sorted($0.value)) }
            return .object(JSONObject(members.sorted { $0.name < $1.name }))
        case .array(let elements): return .array(elements.map { sorted($0) })
        case let value?: return value
        case nil: return .null
        }
    }

    @Test func theOthersAreWhatIsSaidOfThem() {
        let others = ToolServer.tools.map(\.name).dropFirst(14)
        #expect(
            Set(others) == [
                "read_lines", "glob", "grep", "exec", "exec_start", "exec_output", "exec_input", "exec_kill",
                "exec_list",
            ]
        )
    }
}
