package import NIOCore

/// What names a request: a text or a whole number, which are never the same.
package enum MessageID: Sendable, Hashable {
    case text(String)
    case number(Int64)

    /// Nil: it is neither.
    package init?(_ value: JSONValue) {
        switch value {
        case .string(let text): self = .text(text)
        case .integer(let number): self = .number(number)
        default: return nil
        }
    }

    package var json: JSONValue {
        switch self {
        case .text(let text): .string(text)
        case .number(let number): .integer(number)
        }
    }
}

/// What a client sends; JSON-RPC 2.0, one message at a time.
package enum RPCMessage: Sendable {
    case request(RPCRequest)
    case notification(RPCNotification)
    /// An answer to what nobody here asks.
    case response

    /// Reads one message.
    package init(_ text: ByteBuffer) throws(RPCFailure) {
        let value: JSONValue
        do throws(JSONParser.Failure) {
            value = try JSONParser.parse(text)
        } catch {
            throw RPCFailure(RPCError(.parseError, "the message is no JSON: \(error)"))
        }
        try self.init(value)
    }

    private init(_ value: JSONValue) throws(RPCFailure) {
        if value.elements != nil {
            throw RPCFailure(RPCError(.invalidRequest, "a batch is not taken: send one message at a time"))
        }
        guard let object = value.object, object["jsonrpc"] == "2.0" else {
            throw RPCFailure(RPCError(.invalidRequest, "the message is no object of JSON-RPC 2.0"))
        }
        guard let id = object["id"] else {
            guard let method = object["method"]?.text else {
                throw RPCFailure(RPCError(.invalidRequest, "the message has neither id nor method"))
            }
            self = .notification(RPCNotification(method: method, parameters: object["params"]))
            return
        }
        guard let method = object["method"] else {
            guard object["result"] != nil || object["error"] != nil else {
                throw RPCFailure(RPCError(.invalidRequest, "the message has no method"))
            }
            self = .response
            return
        }
        guard let id = MessageID(id) else {
            throw RPCFailure(RPCError(.invalidRequest, "the id is neither a text nor a whole number"))
        }
        guard let method = method.text else {
            throw RPCFailure(RPCError(.invalidRequest, "the method is no text"), id: id)
        }
        let parameters = object["params"]
        guard parameters == nil || parameters?.object != nil else {
            throw RPCFailure(RPCError(.invalidRequest, "params is no object"), id: id)
        }
        self = .request(RPCRequest(id: id, method: method, parameters: parameters?.object ?? JSONObject()))
    }
}

package struct RPCRequest: Sendable {
    package var id: MessageID
    package var method: String
    package var parameters: JSONObject

    package init(id: MessageID, method: String, parameters: JSONObject = JSONObject()) {
        self.id = id
        self.method = method
        self.parameters = parameters
    }

    package var meta: JSONObject? { parameters["_meta"]?.object }

    /// What progress is told by. Nil: nobody wants to know of it.
    package var progressToken: JSONValue? {
        meta?["progressToken"].flatMap { token in MessageID(token).map { _ in token } }
    }

    /// Of `tools/call`.
    package var toolName: String? { method == "tools/call" ? parameters["name"]?.text : nil }
}

package struct RPCNotification: Sendable {
    package var method: String
    package var parameters: JSONValue?

    /// The request that is called off. Nil: it is about another thing.
    package var cancelledRequest: MessageID? {
        guard method == "notifications/cancelled" else { return nil }
        return parameters?["requestId"].flatMap { MessageID($0) }
    }
}

/// What was no message. The id of the one that it was meant to be, where that could be read.
package struct RPCFailure: Error, Sendable {
    package var error: RPCError
    package var id: MessageID?

    package init(_ error: RPCError, id: MessageID? = nil) {
        self.error = error
        self.id = id
    }

    package var response: RPCResponse { RPCResponse(id: id, .failure(error)) }
}

/// The answer to a request.
package struct RPCResponse: Sendable {
    /// Nil: the request could not be read so far.
    package var id: MessageID?
    package var outcome: Result<JSONValue, RPCError>

    package init(id: MessageID?, _ outcome: Result<JSONValue, RPCError>) {
        self.id = id
        self.outcome = outcome
    }

    package var json: JSONValue {
        var object = JSONObject()
        object["jsonrpc"] = "2.0"
        object["id"] = id?.json ?? .null
        switch outcome {
        case .success(let result):
            object["result"] = result
        case .failure(let error):
            var details = JSONObject()
            details["code"] = .integer(error.code.rawValue)
            details["message"] = .string(error.message)
            details["data"] = error.data
            object["error"] = .object(details)
        }
        return .object(object)
    }
}

/// How far a request has come, for a client that wants to know.
package struct Progress: Sendable {
    /// Grows from one to the next; seconds, of a command.
    package var amount: Double
    package var message: String

    package func notification(_ token: JSONValue) -> JSONValue {
        [
            "jsonrpc": "2.0", "method": "notifications/progress",
            "params": ["progressToken": token, "progress": .number(amount), "message": .string(message)],
        ]
    }
}
