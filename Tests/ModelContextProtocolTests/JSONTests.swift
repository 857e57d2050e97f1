import NIOCore
import Testing

@testable import ModelContextProtocol

@Suite struct JSONTests {
    private func parse(_ text: String) throws -> JSONValue { try JSONParser.parse(ByteBuffer(string: text)) }

    @Test func readsWhatItWrites() throws {
        let text = #"{"b":[1,-2,2.5,true,false,null],"a":{"":"ä😀\n\"\\\u0001"},"n":9007199254740993}"#
        #expect(String(buffer: try parse(text).bytes) == text)
        #expect(try parse(#" [ 1.0 , 1e2 , "😀" ] "#) == [.number(1), .number(100), "😀"])
    }

    @Test(arguments: [
        "", "{", "[1,]", "{\"a\":1,}", "01", "+1", "1.", ".5", "1e", "nul", "\"\t\"", #""\x""#, #""\ud83d""#,
        #""\udc00""#,
        "{\"a\":1,\"a\":2}", "[1] 2", "NaN", "1e999", "{1:2}", "\"abc",
    ])
    func refuses(_ text: String) {
        #expect(throws: JSONParser.Failure.self) { try parse(text) }
    }

    @Test func refusesWhatIsNoUTF8() {
        #expect(throws: JSONParser.Failure.self) { try JSONParser.parse(ByteBuffer(bytes: [0x22, 0xff, 0x22])) }
    }

    @Test func refusesWhatIsTooDeep() throws {
        let depth = JSONParser.maximumDepth
        let open = String(repeating: "[", count: depth)
        let close = String(repeating: "]", count: depth)
        #expect(try parse(open + close).elements != nil)
        #expect(throws: JSONParser.Failure.self) { try parse("[\(open)\(close)]") }
    }

    @Test func indentsAsJavaScriptDoes() throws {
        let text = try parse(#"[{"name":"a","children":[]},{"name":"b"}]"#).indented
        #expect(text == "[\n  {\n    \"name\": \"a\",\n    \"children\": []\n  },\n  {\n    \"name\": \"b\"\n  }\n]")
    }
}

@Suite struct RPCMessageTests {
    private func message(_ text: String) throws(RPCFailure) -> RPCMessage { try RPCMessage(ByteBuffer(string: text)) }

    @Test func tellsApartWhatThereIs() throws {
        guard case .request(let request) = try message(#"{"jsonrpc":"2.0","id":"a","method":"m","params":{"x":1}}"#),
            case .notification(let notification) = try message(
                #"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}"#
            ),
            case .response = try message(#"{"jsonrpc":"2.0","id":1,"result":{}}"#)
        else {
            Issue.record("something was taken for another thing")
            return
        }
        #expect(request.id == .text("a") && request.parameters["x"] == 1)
        #expect(notification.cancelledRequest == .number(7))
    }

    @Test(arguments: [
        (#"{"#, -32700), (#"[]"#, -32600), (#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, -32600), (#"1"#, -32600),
        (#"{"id":1,"method":"ping"}"#, -32600), (#"{"jsonrpc":"2.0","id":1}"#, -32600),
        (#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, -32600),
        (#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, -32600),
        (#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}"#, -32600), (#"{"jsonrpc":"2.0"}"#, -32600),
    ])
    func refuses(_ text: String, _ code: Int64) {
        do {
            _ = try message(text)
            Issue.record("it was taken: \(text)")
        } catch {
            #expect(error.error.code.rawValue == code)
        }
    }
}
